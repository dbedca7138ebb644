"""N-PORT data sets and single filings to positions. What is not kept by the catalogue is left out while it is read."""

from __future__ import annotations

import re
from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree

import pyarrow as pa

from undertow.archive import Sighting
from undertow.bulk import Rejects, engine, read_tsv, text_member
from undertow.errors import ParseError
from undertow.parsing import Quarantine
from undertow.quoting import literal
from undertow.room import Landed, LandedTables
from undertow.safexml import root_of
from undertow.safezip import members_of
from undertow.schemas import FILING, HOLDING, PROVENANCE
from undertow.vocabulary import Basis, Flag, Positions

if TYPE_CHECKING:
    import duckdb

__all__ = ["parse", "parse_file"]

EASTERN = "America/New_York"
NAMESPACE = "{http://www.sec.gov/edgar/nport}"
NOTHING = {"N/A", "NA", "000000000", "0", "XXXX", "NONE", ""}  # what stands for nothing
_SHORT = 16  # bytes; what is longer is no such word, and need not be compared with them

SUBMISSION = ("ACCESSION_NUMBER", "FILING_DATE", "SUB_TYPE", "REPORT_DATE")
REGISTRANT = ("ACCESSION_NUMBER", "CIK", "REGISTRANT_NAME")
FUND = ("ACCESSION_NUMBER", "SERIES_NAME", "SERIES_ID")
POSITION = (
    "ACCESSION_NUMBER", "HOLDING_ID", "ISSUER_NAME", "ISSUER_LEI", "ISSUER_TITLE", "ISSUER_CUSIP", "BALANCE", "UNIT",
    "CURRENCY_CODE", "CURRENCY_VALUE", "EXCHANGE_RATE", "PERCENTAGE", "ASSET_CAT", "FAIR_VALUE_LEVEL",
)  # fmt: skip
DEBT = (
    "HOLDING_ID", "MATURITY_DATE", "ANNUALIZED_RATE", "IS_DEFAULT", "ARE_ANY_INTEREST_PAYMENT", "IS_ANY_PORTION_INTEREST_PAID",
)  # fmt: skip
TABLES: dict[str, tuple[Sequence[str], Sequence[str]]] = {
    "SUBMISSION": (SUBMISSION, ("FILE_NUM",)),
    "REGISTRANT": (REGISTRANT, ("FILE_NUM",)),
    "FUND_REPORTED_INFO": (FUND, ()),
    "FUND_REPORTED_HOLDING": (POSITION, ()),
    "DEBT_SECURITY": (DEBT, ()),
}


def parse(payload: bytes, sighting: Sighting, catalogue: Mapping[str, Any]) -> Landed:
    """Return the positions of one filing; the index page says nothing but addresses.

    Raises:
        ParseError: the bytes are no such document.
    """
    if sighting.dataset == "index":
        if not re.search(rb"_nport\.zip", payload):
            raise ParseError("the index page links no data set; the page or the names of the files have changed")
        return Landed()
    if sighting.dataset == "nport_xml":
        return _document(payload, sighting, catalogue)
    raise ParseError(f"the room sec_nport has no parser for {sighting.dataset}")


@contextmanager
def parse_file(payload: Path, sighting: Sighting, catalogue: Mapping[str, Any], scratch: Path) -> Generator[LandedTables]:
    """Give the positions and the filings of one data set.

    Raises:
        ParseError: the zip file is cut short, lacks a table, or a table lacks a column.
    """
    found = {Path(name).stem.upper(): name for name in members_of(payload) if name.lower().endswith(".tsv")}
    missing = [name for name in TABLES if name not in found]
    if missing:
        raise ParseError(f"the data set lacks {', '.join(missing)}; it holds {', '.join(sorted(found)[:12])}")
    quarantine: Quarantine = []
    with engine(scratch) as connection:
        rejects = Rejects(connection)
        for name, (required, optional) in TABLES.items():
            with text_member(payload, found[name], scratch) as text:
                rows = read_tsv(text, f"{name}.tsv", required, rejects, optional)
                connection.execute(f"CREATE TABLE {name.lower()} AS SELECT * FROM {rows} AS one WHERE {_kept(name, catalogue)}")
            quarantine += rejects.quarantine(f"{name}.tsv", name.lower())
        placeholders = ", ".join(literal(word) for word in sorted(NOTHING))
        connection.execute(
            "CREATE MACRO told(text) AS "
            f"CASE WHEN strlen(text) < {_SHORT} AND list_contains([{placeholders}], upper(trim(text))) THEN NULL ELSE text END"
        )
        # Days are told as 31-MAR-2026; ISO days are read too.
        connection.execute(
            "CREATE MACRO day_of(text) AS coalesce(try_strptime(text, '%d-%b-%Y'), try_strptime(text, '%Y-%m-%d'))::DATE"
        )
        connection.execute(_FILING.format(fetched_at=literal(sighting.fetched_at.isoformat())))
        repeated = "SELECT count(HOLDING_ID) > count(DISTINCT HOLDING_ID) FROM debt_security"
        if connection.execute(repeated).fetchall()[0][0]:
            connection.execute(_ONE_EACH)
        connection.execute(_HOLDING)
        connection.execute(_SHOWN)
        quarantine += _faults(connection)
        # positions stay in the order of the provider's file: to sort so wide a table costs as much as to make it
        yield LandedTables(connection, {"holding": None, "filing": "filer, filing_id"}, quarantine)


def _kept(table: str, catalogue: Mapping[str, Any]) -> str:
    """Return the condition under which a row of a table is read at all."""
    if table == "FUND_REPORTED_HOLDING":
        rules = (
            f"(ASSET_CAT = {literal(rule['asset'])}"
            + (f" AND FAIR_VALUE_LEVEL = {literal(rule['level'])})" if rule["level"] else ")")
            for rule in catalogue["keep"]
        )
        return f"is_torn OR {' OR '.join(rules)}"
    if table == "DEBT_SECURITY":
        return "is_torn OR HOLDING_ID IN (SELECT HOLDING_ID FROM fund_reported_holding)"
    return "true"


_FILING = f"""
    CREATE TABLE filing AS
    SELECT
        ACCESSION_NUMBER AS filing_id,
        'filing' AS kind,
        lpad(CIK, 10, '0') AS filer,
        coalesce(REGISTRANT_NAME, 'unknown') AS filer_name,
        CAST(NULL AS VARCHAR) AS former_name,
        coalesce(submission.FILE_NUM, registrant.FILE_NUM) AS file_number,
        SUB_TYPE AS form,
        day_of(REPORT_DATE) AS report_period,
        day_of(FILING_DATE) AS filed_on,
        CAST(NULL AS VARCHAR) AS document_url,
        CAST(NULL AS VARCHAR) AS positions,
        least((day_of(FILING_DATE) + INTERVAL 1 DAY) AT TIME ZONE '{EASTERN}', CAST({{fetched_at}} AS TIMESTAMPTZ)) AS known_at,
        CASE
            WHEN (day_of(FILING_DATE) + INTERVAL 1 DAY) AT TIME ZONE '{EASTERN}' <= CAST({{fetched_at}} AS TIMESTAMPTZ)
                THEN '{Basis.PROVIDER.value}'
            ELSE '{Basis.FIRST_SEEN.value}'
        END AS known_at_basis,
        CASE
            WHEN known_at_basis = '{Basis.PROVIDER.value}' THEN ['{Flag.KNOWN_LATE.value}']
            ELSE CAST([] AS VARCHAR[])
        END AS flags
    FROM submission
    INNER JOIN registrant USING (ACCESSION_NUMBER)
    WHERE day_of(REPORT_DATE) IS NOT NULL AND day_of(FILING_DATE) IS NOT NULL AND SUB_TYPE IS NOT NULL
        AND regexp_full_match(CIK, '[0-9]{{{{1,10}}}}')
    QUALIFY row_number() OVER (PARTITION BY ACCESSION_NUMBER ORDER BY CIK) = 1
"""

# Where the terms of a position stand more than once, the first maturity counts.
_ONE_EACH = """
    CREATE OR REPLACE TABLE debt_security AS
    SELECT * FROM debt_security QUALIFY row_number() OVER (PARTITION BY HOLDING_ID ORDER BY MATURITY_DATE) = 1
"""

# A view: it is read once as a whole, when it is written.
_HOLDING = """
    CREATE VIEW holding AS
    WITH scale AS (
        SELECT ACCESSION_NUMBER, coalesce(median(abs(try_cast(ANNUALIZED_RATE AS DOUBLE))) < 0.5, false) AS is_share
        FROM fund_reported_holding
        INNER JOIN debt_security USING (HOLDING_ID)
        WHERE try_cast(ANNUALIZED_RATE AS DOUBLE) <> 0
        GROUP BY ACCESSION_NUMBER
    ),

    series AS (
        SELECT ACCESSION_NUMBER, min(told(SERIES_ID)) AS series_id FROM fund_reported_info GROUP BY ACCESSION_NUMBER
    )

    SELECT
        held.ACCESSION_NUMBER || ':' || held.HOLDING_ID AS holding_id,
        'position' AS line_kind,
        filer,
        coalesce(series_id, filer) AS fund,
        CAST(NULL AS VARCHAR) AS manager,
        form,
        report_period,
        report_period AS period_start,
        report_period AS period_end,
        concat_ws(', ', told(ISSUER_NAME), nullif(told(ISSUER_TITLE), ISSUER_NAME)) AS raw_identifier,
        'name' AS identifier_basis,
        list_filter(
            [
                CASE WHEN IS_DEFAULT = 'Y' THEN 'in_default=Y' END,
                CASE WHEN ARE_ANY_INTEREST_PAYMENT = 'Y' THEN 'in_arrears=Y' END
            ],
            lambda one: one IS NOT NULL
        ) AS axes,
        ASSET_CAT AS asset_category,
        told(ISSUER_NAME) AS issuer_name,
        told(ISSUER_LEI) AS issuer_lei,
        told(ISSUER_CUSIP) AS cusip,
        CAST(NULL AS VARCHAR) AS issuer_key,
        CAST(NULL AS VARCHAR) AS instrument_key,
        CASE WHEN UNIT = 'PA' THEN try_cast(BALANCE AS DOUBLE) END AS principal,
        CASE WHEN UNIT = 'PA' AND BALANCE IS NOT NULL THEN told(CURRENCY_CODE) END AS principal_currency,
        CASE WHEN UNIT = 'NS' THEN try_cast(BALANCE AS DOUBLE) END AS shares,
        CAST(NULL AS DOUBLE) AS cost,
        try_cast(CURRENCY_VALUE AS DOUBLE) AS fair_value,
        CASE WHEN try_cast(CURRENCY_VALUE AS DOUBLE) IS NOT NULL THEN 'USD' END AS currency,
        CAST(NULL AS DOUBLE) AS value_grid,
        try_cast(told(EXCHANGE_RATE) AS DOUBLE) AS exchange_rate,
        try_cast(PERCENTAGE AS DOUBLE) AS net_assets_pct,
        CAST(NULL AS DOUBLE) AS spread_bp,
        try_cast(told(ANNUALIZED_RATE) AS DOUBLE) * CASE WHEN coalesce(is_share, false) THEN 100 ELSE 1 END AS rate_pct,
        CAST(NULL AS DOUBLE) AS cash_rate_pct,
        CAST(NULL AS DOUBLE) AS floor_pct,
        day_of(MATURITY_DATE) AS maturity,
        CAST(NULL AS DATE) AS acquired_on,
        CAST(NULL AS DOUBLE) AS pik_rate_pct,
        CASE IS_ANY_PORTION_INTEREST_PAID WHEN 'Y' THEN true WHEN 'N' THEN false END AS is_paid_in_kind,
        CAST(NULL AS VARCHAR) AS accrual_status,
        try_cast(FAIR_VALUE_LEVEL AS INTEGER) AS fair_value_level,
        known_at,
        known_at_basis,
        held.ACCESSION_NUMBER AS accession,
        CASE WHEN try_cast(CURRENCY_VALUE AS DOUBLE) IS NULL THEN 'O' ELSE 'A' END AS obs_status,
        flags
    FROM fund_reported_holding AS held
    INNER JOIN filing ON filing_id = held.ACCESSION_NUMBER
    LEFT JOIN series ON series.ACCESSION_NUMBER = held.ACCESSION_NUMBER
    LEFT JOIN scale ON scale.ACCESSION_NUMBER = held.ACCESSION_NUMBER
    LEFT JOIN debt_security AS terms ON terms.HOLDING_ID = held.HOLDING_ID
    WHERE held.HOLDING_ID IS NOT NULL
"""


# What is not kept was never read, so a fund without a kept position may hold others.
_SHOWN = f"""
    UPDATE filing SET positions = CASE
        WHEN filing_id IN (SELECT accession FROM holding) THEN '{Positions.TAGGED.value}' ELSE '{Positions.LEFT_OUT.value}'
    END
"""


def _faults(connection: duckdb.DuckDBPyConnection) -> Quarantine:
    """Return the rows that could not be used, and numbers that are none."""
    rows = connection.execute(
        """
        SELECT 'SUBMISSION.tsv ' || coalesce(ACCESSION_NUMBER, '?'), 'the filing has no readable day, form or registrant',
            concat_ws(' ', FILING_DATE, REPORT_DATE, SUB_TYPE)
        FROM submission
        WHERE NOT EXISTS (SELECT 1 FROM filing WHERE filing_id = ACCESSION_NUMBER)
        UNION ALL
        SELECT 'FUND_REPORTED_HOLDING.tsv ' || coalesce(HOLDING_ID, '?'), 'the filing is not in SUBMISSION.tsv',
            concat_ws(' ', ACCESSION_NUMBER, ISSUER_NAME)
        FROM fund_reported_holding
        WHERE HOLDING_ID IS NULL OR NOT EXISTS (SELECT 1 FROM filing WHERE filing_id = ACCESSION_NUMBER)
        UNION ALL
        SELECT 'FUND_REPORTED_HOLDING.tsv ' || HOLDING_ID, 'the balance or the value is no number',
            concat_ws(' ', BALANCE, CURRENCY_VALUE)
        FROM fund_reported_holding
        WHERE
            told(BALANCE) IS NOT NULL AND try_cast(BALANCE AS DOUBLE) IS NULL
            OR told(CURRENCY_VALUE) IS NOT NULL AND try_cast(CURRENCY_VALUE AS DOUBLE) IS NULL
        ORDER BY ALL
        """
    ).fetchall()
    return [(place, reason, raw or "") for place, reason, raw in rows]


# --- single filings ------------------------------------------------------------------------------------------------------


def _document(payload: bytes, sighting: Sighting, catalogue: Mapping[str, Any]) -> Landed:
    """Return the filing and the kept positions of one document."""
    root = root_of(payload.lstrip(), "the document")
    general, form = root.find(f"{NAMESPACE}formData/{NAMESPACE}genInfo"), root.find(f"{NAMESPACE}formData")
    kind = root.findtext(f"{NAMESPACE}headerData/{NAMESPACE}submissionType")
    if root.tag != f"{NAMESPACE}edgarSubmission" or general is None or form is None or not kind:
        raise ParseError("the document is no N-PORT filing")
    cik, day = _text(general, "regCik"), _day(_text(general, "repPdDate"))
    if day is None or not (cik or "").isdecimal():
        raise ParseError("the filing does not say whose positions it tells, or of what day")
    assert cik is not None  # noqa: S101 (narrowing for the type checker)
    filer, fund = cik.zfill(10), _text(general, "seriesId") or cik.zfill(10)
    # A document has no accession number in it; its hash stands in, which is the same wherever it is seen.
    accession = f"xml-{sighting.sha256[:20]}"
    quarantine: Quarantine = []
    nodes = form.findall(f"{NAMESPACE}invstOrSecs/{NAMESPACE}invstOrSec")
    assets = _number(form.findtext(f"{NAMESPACE}fundInfo/{NAMESPACE}totAssets"))
    if not nodes and assets and _text(general, "isFinalFiling") != "Y":
        quarantine.append(("formData/invstOrSecs", "the fund has assets and the filing no position", f"totAssets {assets}"))
    facts = {
        "filer": filer, "fund": fund, "form": kind, "report_period": day, "period_start": day, "period_end": day,
        "accession": accession, "known_at": sighting.fetched_at, "known_at_basis": Basis.FIRST_SEEN.value, "flags": [],
    }  # fmt: skip
    rows, kept = [], {(rule["asset"], rule["level"]) for rule in catalogue["keep"]}
    for place, node in enumerate(nodes, 1):
        row = _position(node)
        if (row["asset_category"], None) in kept or (row["asset_category"], str(row["fair_value_level"])) in kept:
            rows.append({**row, **facts, "holding_id": f"{accession}:{place}"})
    filing = {
        "filing_id": accession,
        "kind": "filing",
        "filer": filer,
        "filer_name": _text(general, "regName") or "unknown",
        "former_name": None,
        "file_number": _text(general, "regFileNumber"),
        "form": kind,
        "report_period": day,
        "filed_on": None,
        "document_url": None,
        "positions": (Positions.TAGGED if rows else Positions.LEFT_OUT if nodes else Positions.NONE).value,
        "known_at": sighting.fetched_at,
        "known_at_basis": Basis.FIRST_SEEN.value,
        "flags": [],
    }
    bare = {
        name: pa.schema([one for one in schema if one not in PROVENANCE]) for name, schema in (("h", HOLDING), ("f", FILING))
    }
    blank = dict.fromkeys(bare["h"].names)
    return Landed(
        holding=pa.Table.from_pylist([{**blank, **row} for row in rows], schema=bare["h"]),
        filing=pa.Table.from_pylist([filing], schema=bare["f"]),
        quarantine=quarantine,
    )


def _position(node: ElementTree.Element) -> dict[str, Any]:
    """Return what one position says."""
    debt = node.find(f"{NAMESPACE}debtSec")
    currency = _text(node, "curCd")
    conditional = node.find(f"{NAMESPACE}currencyConditional")
    rate = None
    if conditional is not None:
        currency, rate = conditional.get("curCd"), _number(conditional.get("exchangeRt"))
    category = _text(node, "assetCat")
    other = node.find(f"{NAMESPACE}assetConditional")
    if category is None and other is not None:
        category = other.get("assetCat")
    balance, units, value = _number(_text(node, "balance")), _text(node, "units"), _number(_text(node, "valUSD"))
    name, title = _text(node, "name"), _text(node, "title")
    level = _text(node, "fairValLevel")
    said = {tag: None if debt is None else _text(debt, tag) for tag in ("maturityDt", "annualizedRt", "isPaidKind")}
    marks = {"isDefault": "in_default=Y", "areIntrstPmntsInArrs": "in_arrears=Y"}
    return {
        "line_kind": "position",
        "raw_identifier": ", ".join(dict.fromkeys(part for part in (name, title) if part)),
        "identifier_basis": "name",
        "axes": [] if debt is None else [word for tag, word in marks.items() if _text(debt, tag) == "Y"],
        "asset_category": category,
        "issuer_name": name,
        "issuer_lei": _text(node, "lei"),
        "cusip": _text(node, "cusip"),
        "principal": balance if units == "PA" else None,
        "principal_currency": currency if units == "PA" and balance is not None else None,
        "shares": balance if units == "NS" else None,
        "fair_value": value,
        "currency": None if value is None else "USD",
        "exchange_rate": rate,
        "net_assets_pct": _number(_text(node, "pctVal")),
        "rate_pct": _number(said["annualizedRt"]),
        "maturity": _day(said["maturityDt"]),
        "is_paid_in_kind": {"Y": True, "N": False}.get(said["isPaidKind"] or ""),
        "fair_value_level": int(level) if level in ("1", "2", "3") else None,
        "obs_status": "O" if value is None else "A",
    }


def _text(node: ElementTree.Element, tag: str) -> str | None:
    """Return the text of a child, or None where it says nothing; a balance of 0 is one."""
    text = (node.findtext(f"{NAMESPACE}{tag}") or "").strip()
    if tag in ("balance", "valUSD", "pctVal", "annualizedRt"):
        return text or None
    return None if text.upper() in NOTHING else text


def _number(text: str | None) -> float | None:
    try:
        return None if text is None else float(text)
    except ValueError:
        return None


def _day(text: str | None) -> date | None:
    try:
        return None if text is None else date.fromisoformat(text)
    except ValueError:
        return None

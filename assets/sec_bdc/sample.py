"""Generated data sets in the exact wire format of the SEC's, from a few kilobytes to gigabytes, with the traps planted.

The world behind them is that of ``undertow.loans.universe``. DuckDB writes the tables, so that size is no matter of Python.
"""

from __future__ import annotations

import json
import tempfile
import zipfile
from collections.abc import Collection, Iterator, Sequence
from datetime import date
from pathlib import Path

import pyarrow as pa

from assets.sec_bdc import REGISTER_URL, SITE
from undertow.bulk import engine
from undertow.loans.universe import Filing, Line, Universe, universe
from undertow.quoting import identifier, literal
from undertow.room import Sample

__all__ = ["SUB_COLUMNS", "payloads", "register", "write_zip"]

SUB_COLUMNS = (  # noqa: SIM905 (a list of words)
    "adsh cik name countryba stprba cityba zipba bas1 bas2 baph countryma stprma cityma zipma mas1 mas2 countryinc stprinc ein "
    "former changed afs wksi fye form period fy fp filed fileNumber accepted prevrpt detail instance pubfloatusd floatdate "
    "inlineurl"
).split()
_GAAP = "us-gaap/2025"
_DATE = (2026, 11, 1, 0, 0, 0)  # of the members of the zip file: the same bytes every time
# The columns of NUM, TXT and SOI; before July 2026 the first two had no qtrs, and before September 2026 the third.
_NUM = ("adsh", "tag", "version", "ddate", "qtrs", "uom", "segments", "dimn", "value", "footnote", "footlen")
_TXT = ("adsh", "tag", "version", "ddate", "qtrs", "segments", "dimn", "value", "txtlen", "footnote", "footlen")
_SOI = (
    "adsh", "cik", "name", "ddate", "qtrs", "form", "filed", "period", "inlineurl", "cstm", "Industry Sector Axis",
    "Investment, Identifier Axis", "Investment, Issuer Affiliation Axis", "Investment Type Axis", "Investment Interest Rate",
    "Investment, Basis Spread, Variable Rate", "Investment Maturity Date", "Investment Owned, Balance, Principal Amount",
    "Investment Owned, Cost", "Investment Owned, Fair Value", "Investment Owned, Net Assets, Percentage",
)  # fmt: skip
_MEASURES = (
    ("InvestmentOwnedAtFairValue", "fair_value", "USD"),
    ("InvestmentOwnedAtCost", "cost", "USD"),
    ("InvestmentOwnedBalancePrincipalAmount", "principal", None),
    ("InvestmentInterestRate", "rate", "pure"),
    ("InvestmentBasisSpreadVariableRate", "spread", "pure"),
    ("InvestmentInterestRatePaidInKind", "pik_rate", "pure"),
)


def write_zip(
    world: Universe,
    target: Path,
    *,
    filings: Sequence[Filing] | None = None,
    footnote_bytes: int = 0,
    torn_rows: int = 2,
    labels: tuple[str, str] = ("Initial fair value of Investment", "Adjusted cost basis"),
    value_tag: str = "InvestmentOwnedAtFairValue",
    with_qtrs: bool = True,
    old_comparatives: int = 1,
    presented: Collection[str] = (),
) -> None:
    """Write the data set of some filings.

    Args:
        world: whose filings.
        target: the zip file.
        filings: which of them; all of the world if none are given.
        footnote_bytes: how long each footnote of NUM is made, as they are since they are no longer cut; this makes size.
        torn_rows: rows of NUM with a tab inside a value, which have too many cells.
        labels: the columns of SOI in which fair values and costs stand; the documented ones stay empty unless they are these.
        value_tag: the tag of fair values in NUM.
        with_qtrs: as since July 2026, or as before.
        old_comparatives: positions that are told again as of ten years before.
        presented: accession numbers of filings whose balance sheet has investments though NUM has no line of them.
    """
    with tempfile.TemporaryDirectory(dir=target.parent) as name:
        folder = Path(name)
        chosen = list(filings or world.filings)
        _write_filings(folder / "sub.tsv", chosen)
        with engine(folder, memory="1GB") as connection:
            connection.execute("SET preserve_insertion_order = true")
            connection.register("told", _lines(world, chosen))
            connection.execute(_POSITION.format(old=old_comparatives))
            options = "(FORMAT csv, DELIMITER '\t', QUOTE '', ESCAPE '', HEADER true)"
            numbers = _numbers(value_tag, footnote_bytes, torn_rows)
            num, txt, soi = (
                ", ".join(identifier(one) for one in columns if with_qtrs or one != "qtrs")
                for columns in (_NUM, _TXT, _soi(labels))
            )
            connection.execute(f"COPY (SELECT {num} FROM ({numbers})) TO {literal(folder / 'num.tsv')} {options}")
            connection.execute(f"COPY (SELECT {txt} FROM ({_DATES})) TO {literal(folder / 'txt.tsv')} {options}")
            wide = _wide(labels)
            connection.execute(f"COPY (SELECT {soi} FROM ({wide})) TO {literal(folder / 'soi.tsv')} {options}")
        lenders = {line.filing.accession for line in world.lines} | set(presented)
        for name, rows in _descriptions(chosen, lenders, value_tag).items():
            text = "\n".join("\t".join(map(str, row)) for row in (_DESCRIPTIONS[name].split(), *rows))
            (folder / f"{name}.tsv").write_text(text + "\n", encoding="utf-8", newline="\n")
        _zip(folder, target)


_DESCRIPTIONS = {
    "tag": "tag version custom abstract datatype iord crdr tlabel doc",
    "pre": "adsh report line stmt inpth tag version prole plabel negating",
    "cal": "adsh grp arc negative ptag pversion ctag cversion",
    "non": "adsh cik name form filed period ddate tag version label segments value indexurl",
}


def _descriptions(
    filings: Sequence[Filing], lenders: Collection[str], value_tag: str
) -> dict[str, list[tuple[str | int, ...]]]:
    """Return the rows of TAG, PRE, CAL and NON: balance sheets of the lenders, and a report of results before each filing."""
    told = [filing for filing in filings if filing.accession in lenders]
    facts = "AmendmentFlag", "EntityRegistrantName"
    return {
        "tag": [
            (tag, _GAAP, 0, 0, "monetary", "I", "D", label, "")
            for tag, label in ((value_tag, "Investment Owned, Fair Value"), ("InvestmentOwnedAtCost", "Investment Owned, Cost"))
        ],
        "pre": [
            (filing.accession, 2, 1, "BS", 0, value_tag, _GAAP, "verboseLabel", "Investments at fair value", 0)
            for filing in told
        ],
        "cal": [(filing.accession, 1, 1, 1, "Assets", _GAAP, value_tag, _GAAP) for filing in told],
        "non": [
            (
                _reported(filing), filing.fund.cik, filing.fund.name, "8-K", f"{filing.accepted:%Y%m%d}",
                f"{filing.period:%Y%m%d}", f"{filing.period:%Y%m%d}", tag, "dei/2025", tag, "",
                "false" if tag == "AmendmentFlag" else filing.fund.name, f"{SITE}/Archives/edgar/data/{filing.fund.cik}/",
            )
            for filing in filings
            if not filing.form.endswith("/A")
            for tag in facts
        ],
    }  # fmt: skip


def _reported(filing: Filing) -> str:
    """Return the accession number of the report of results that comes with a filing."""
    agent, year, number = filing.accession.split("-")
    return f"{agent}-{year}-{(int(number) + 500_000) % 1_000_000:06d}"


# One row a position and date, in the order of the filings. The first positions stand there once more as of ten years before.
_POSITION = f"""
    CREATE TABLE position AS
    SELECT
        * EXCLUDE (day),
        strftime(day, '%Y%m%d') AS ddate,
        day,
        'InvestmentIdentifierAxis({_GAAP})=' || identifier || '();' AS segments
    FROM (
        SELECT * FROM told
        UNION ALL
        SELECT * REPLACE (number + 10000000 AS number, day - INTERVAL 10 YEAR AS day) FROM told WHERE number < {{old}}
    )
    ORDER BY number
"""


def _numbers(value_tag: str, footnote_bytes: int, torn_rows: int) -> str:
    """Return the query of NUM: facts of positions, totals of funds, and Level 3."""
    tags = (value_tag, *(tag for tag, _, _ in _MEASURES[1:]))
    units = ["currency" if unit is None else literal(unit) for _, _, unit in _MEASURES]
    facts = " UNION ALL ".join(
        f"SELECT number, {place} AS place, adsh, '{tag}' AS tag, ddate, {units[place]} AS uom, segments, "
        f"1 AS dimn, {column} AS value, footnote FROM position WHERE {column} IS NOT NULL"
        for place, (tag, (_, column, _)) in enumerate(zip(tags, _MEASURES, strict=True))
    )
    level = f"FairValueByFairValueHierarchyLevelAxis({_GAAP})=FairValueInputsLevel3Member({_GAAP});"
    filler = f"|| repeat('Reference rates and floors are as stated. ', {-(-footnote_bytes // 42)})" if footnote_bytes else ""
    return f"""
        SELECT
            adsh, tag, '{_GAAP}' AS version, ddate, 0 AS qtrs, uom, segments, dimn,
            printf('%.4f', value) AS value,
            nullif(coalesce(footnote, '') {filler}, '') AS footnote,
            length(nullif(coalesce(footnote, '') {filler}, '')) AS footlen
        FROM (
            {facts}
            UNION ALL
            SELECT 20000000, 0, adsh, '{value_tag}', ddate, 'USD', NULL, 0, sum(fair_value), NULL
            FROM position WHERE NOT is_total GROUP BY adsh, ddate
            UNION ALL
            SELECT 20000000, 1, adsh, '{value_tag}', ddate, 'USD', '{level}', 1, 0.9 * sum(fair_value), NULL
            FROM position WHERE NOT is_total GROUP BY adsh, ddate
            UNION ALL
            SELECT
                number, 9, adsh, 'InvestmentOwnedAtCost', ddate, 'USD',
                'InvestmentIdentifierAxis({_GAAP})=A' || chr(9) || 'B();', 1, cost, NULL
            FROM position WHERE number < {torn_rows}
            ORDER BY number, place, adsh, ddate  -- before footnotes are made long: what is sorted has to fit into memory
        )
    """


_DATES = f"""
    SELECT
        adsh, 'InvestmentMaturityDate' AS tag, '{_GAAP}' AS version, ddate, 0 AS qtrs, segments, 1 AS dimn,
        strftime(maturity, '%Y-%m-%d') AS value, 10 AS txtlen, NULL AS footnote, NULL AS footlen
    FROM position
    WHERE maturity IS NOT NULL
    ORDER BY number
"""


def _soi(labels: tuple[str, str]) -> tuple[str, ...]:
    """Return the columns of SOI: the fixed ones, and those in which the values stand."""
    return (*_SOI, *(label for label in labels if label not in _SOI))


def _wide(labels: tuple[str, str]) -> str:
    """Return the query of SOI."""
    value = {labels[0]: "printf('%.4f', fair_value)", labels[1]: "printf('%.4f', cost)"}
    given = {
        "adsh": "adsh", "cik": "cik", "name": "name", "ddate": "strftime(day, '%Y-%m-%d')", "qtrs": "0", "form": "form",
        "period": "strftime(period, '%Y-%m-%d')", "cstm": "0", "Investment, Identifier Axis": "identifier",
        "Investment Interest Rate": "rate", "Investment, Basis Spread, Variable Rate": "spread",
        "Investment Maturity Date": "strftime(maturity, '%Y-%m-%d')",
        "Investment Owned, Balance, Principal Amount": "printf('%.4f', principal)",
        **value,
    }  # fmt: skip
    columns = ", ".join(f"{given.get(label, 'NULL')} AS {identifier(label)}" for label in _soi(labels))
    return f"SELECT {columns} FROM position ORDER BY number"


def _lines(world: Universe, filings: Sequence[Filing]) -> pa.Table:
    """Return the lines of some filings as a table."""
    wanted = {filing.accession for filing in filings}
    lines: list[Line] = [line for line in world.lines if line.filing.accession in wanted]
    columns = {
        "number": pa.array(range(len(lines)), pa.int64()),
        "adsh": [line.filing.accession for line in lines],
        "cik": [line.filing.fund.cik for line in lines],
        "name": [line.filing.fund.name for line in lines],
        "form": [line.filing.form for line in lines],
        "period": [line.filing.period for line in lines],
        "day": pa.array([line.day for line in lines], pa.date32()),
        "identifier": [line.identifier for line in lines],
        "is_total": [line.loan is None for line in lines],
        "currency": [line.principal_currency for line in lines],
        "maturity": pa.array([line.maturity for line in lines], pa.date32()),
        "footnote": pa.array([line.footnote for line in lines], pa.string()),
        **{
            name: pa.array([getattr(line, name) for line in lines], pa.float64())
            for name in ("principal", "cost", "fair_value", "rate", "spread", "pik_rate")
        },
    }
    return pa.table(columns)


def _write_filings(path: Path, filings: Sequence[Filing]) -> None:
    """Write SUB."""
    rows = ["\t".join(SUB_COLUMNS)]
    for filing in filings:
        fund = filing.fund
        folder = f"{fund.cik}/{filing.accession.replace('-', '')}"
        given = {
            "adsh": filing.accession, "cik": fund.cik, "name": fund.name, "countryba": "US", "stprba": "NY",
            "cityba": "NEW YORK", "countryinc": "US", "stprinc": "MD", "ein": "000000000", "afs": "4-NON", "wksi": 0,
            "fye": "1231", "form": filing.form, "period": f"{filing.period:%Y%m%d}", "fy": filing.period.year,
            "fp": f"Q{(filing.period.month + 2) // 3}", "filed": f"{filing.accepted:%Y%m%d}",
            "fileNumber": f"814-{fund.cik % 100_000:05d}", "accepted": f"{filing.accepted:%Y-%m-%d %H:%M}:00.0", "prevrpt": 0,
            "detail": 1, "instance": "bdc_htm.xml",
            "inlineurl": f"{SITE}/ix?doc=/Archives/edgar/data/{folder}/bdc-{filing.period:%Y%m%d}.htm",
        }  # fmt: skip
        rows.append("\t".join(str(given.get(column, "")) for column in SUB_COLUMNS))
    path.write_text("\n".join(rows) + "\n", encoding="utf-8", newline="\n")


def register(year: int, world: Universe) -> bytes:
    """Return the register of a year: editions since 2025 begin with a byte order mark."""
    lines = ["File_No,CIK,Registrant_Name,Address_1,Address_2,City,State,Zip_Code,Filing Date,Filing Type"]
    for fund in world.funds:
        lines.append(
            f"814-{fund.cik % 100_000:05d},{fund.cik:010d},{fund.name},1 MAIN STREET,,NEW YORK,NY,10001,{year}-03-02,10-K"
        )
    return ("\ufeff" if year >= 2025 else "").encode() + ("\r\n".join(lines) + "\r\n").encode()


def payloads() -> Iterator[Sample]:
    """Yield the payloads of the sample: a data set of two quarters and the register of a year."""
    world = universe(borrowers=14, managers=4, quarters=(date(2025, 6, 30), date(2025, 9, 30)))
    with tempfile.TemporaryDirectory() as folder:
        target = Path(folder) / "sample.zip"
        write_zip(world, target)
        content = target.read_bytes()
    url = f"{SITE}/files/datastandardsinnovation/data/business-development-company-bdc-data-sets/2025q4_bdc.zip"
    yield Sample("bdc_zip", content, url, "2026-09-18T12:00:00Z")
    yield Sample("register", register(2026, world), REGISTER_URL.format(year=2026), "2026-09-18T12:00:00Z")


def _zip(folder: Path, target: Path) -> None:
    """Pack the tables as the provider does: all but SOI below ``datasets/``."""
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED, compresslevel=5) as archive:
        for name in ("sub", "tag", "num", "txt", "pre", "cal", "non", "soi"):
            member = zipfile.ZipInfo(f"{'' if name == 'soi' else 'datasets/'}{name}.tsv", _DATE)
            member.compress_type = zipfile.ZIP_DEFLATED
            with (folder / f"{name}.tsv").open("rb") as source, archive.open(member, "w", force_zip64=True) as sink:
                while piece := source.read(1024 * 1024):
                    sink.write(piece)
        archive.writestr(zipfile.ZipInfo("readme.htm", _DATE), b"<html>generated</html>\r\n")
        archive.writestr(zipfile.ZipInfo("bdc_metadata.json", _DATE), json.dumps({"tables": []}))

"""Generated N-PORT data sets in the exact wire format, from a few kilobytes to millions of positions.

The loans are those of ``undertow.loans.universe``, held by funds that file N-PORT; around them stand shares and bonds that are
not read. DuckDB writes the tables, so that size is no matter of Python.
"""

from __future__ import annotations

import tempfile
import zipfile
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pyarrow as pa

from assets.sec_nport import SITE
from undertow.bulk import engine
from undertow.loans.universe import Line, Universe, universe
from undertow.quoting import literal
from undertow.room import Sample

__all__ = ["payloads", "write_zip"]

_DATE = (2026, 11, 1, 0, 0, 0)  # of the members of the zip file: the same bytes every time

# One row a position; those from FILLER on are shares and liquid bonds.
_POSITIONS = """
    CREATE TABLE position AS
    SELECT accession, holding_id, name, title, balance, unit, currency, value, asset, level, maturity, rate, in_kind
    FROM loan
    UNION ALL
    SELECT
        accession, 90000000 + number AS holding_id, 'Issuer ' || (number % 9973) AS name,
        CASE WHEN number % 2 = 0 THEN 'Common Stock' ELSE 'Senior note 4.5% ' || (2027 + number % 9) END AS title,
        1000.0 + number % 5000 AS balance, CASE WHEN number % 2 = 0 THEN 'NS' ELSE 'PA' END AS unit, 'USD' AS currency,
        25000.0 + number % 90000 AS value, CASE WHEN number % 2 = 0 THEN 'EC' ELSE 'DBT' END AS asset,
        CASE WHEN number % 2 = 0 THEN '1' ELSE '2' END AS level,
        CASE WHEN number % 2 = 1 THEN DATE '2030-06-15' END AS maturity, CASE WHEN number % 2 = 1 THEN 4.5 END AS rate,
        'N' AS in_kind
    FROM (SELECT range AS number FROM range({filler})) AS numbers
    INNER JOIN (SELECT accession, row_number() OVER (ORDER BY accession) - 1 AS place FROM fund) AS places
        ON places.place = number % (SELECT count(*) FROM fund)
"""

_TABLES = {
    "SUBMISSION": """
        SELECT accession AS ACCESSION_NUMBER, upper(strftime(filed, '%d-%b-%Y')) AS FILING_DATE, '811-' || cik AS FILE_NUM,
            'NPORT-P' AS SUB_TYPE, upper(strftime(day + INTERVAL 92 DAY, '%d-%b-%Y')) AS REPORT_ENDING_PERIOD,
            upper(strftime(day, '%d-%b-%Y')) AS REPORT_DATE, 'N' AS IS_LAST_FILING
        FROM fund ORDER BY accession
    """,
    "REGISTRANT": """
        SELECT accession AS ACCESSION_NUMBER, cik AS CIK, name AS REGISTRANT_NAME, '811-' || cik AS FILE_NUM, 'N/A' AS LEI
        FROM fund ORDER BY accession
    """,
    "FUND_REPORTED_INFO": """
        SELECT accession AS ACCESSION_NUMBER, name || ' Series' AS SERIES_NAME, series AS SERIES_ID, 'N/A' AS SERIES_LEI,
            '1000000000.00' AS TOTAL_ASSETS, '1000.00' AS TOTAL_LIABILITIES, '999999000.00' AS NET_ASSETS
        FROM fund ORDER BY accession
    """,
    "FUND_REPORTED_HOLDING": """
        SELECT accession AS ACCESSION_NUMBER, holding_id AS HOLDING_ID, name AS ISSUER_NAME,
            CASE WHEN holding_id % 2 = 0 THEN 'N/A' ELSE '549300' || lpad(holding_id::VARCHAR, 14, '0') END AS ISSUER_LEI,
            title AS ISSUER_TITLE, CASE WHEN holding_id % 5 = 0 THEN 'N/A' ELSE '000000000' END AS ISSUER_CUSIP,
            printf('%.12f', balance) AS BALANCE, unit AS UNIT, NULL AS OTHER_UNIT_DESC, currency AS CURRENCY_CODE,
            printf('%.12f', value) AS CURRENCY_VALUE, CASE WHEN currency <> 'USD' THEN '0.869565' END AS EXCHANGE_RATE,
            printf('%.12f', value / 1e9) AS PERCENTAGE, 'Long' AS PAYOFF_PROFILE, asset AS ASSET_CAT, NULL AS OTHER_ASSET,
            'CORP' AS ISSUER_TYPE, NULL AS OTHER_ISSUER, 'US' AS INVESTMENT_COUNTRY, 'N' AS IS_RESTRICTED_SECURITY,
            level AS FAIR_VALUE_LEVEL, NULL AS DERIVATIVE_CAT
        FROM position ORDER BY accession, holding_id
    """,
    "DEBT_SECURITY": """
        SELECT holding_id AS HOLDING_ID, upper(strftime(maturity, '%d-%b-%Y')) AS MATURITY_DATE, 'Floating' AS COUPON_TYPE,
            printf('%.4f', rate) AS ANNUALIZED_RATE, 'N' AS IS_DEFAULT, 'N' AS ARE_ANY_INTEREST_PAYMENT,
            in_kind AS IS_ANY_PORTION_INTEREST_PAID, NULL AS IS_CONVTIBLE_MANDATORY, NULL AS IS_CONVTIBLE_CONTINGENT
        FROM position WHERE maturity IS NOT NULL ORDER BY holding_id
    """,
    "IDENTIFIERS": """
        SELECT holding_id AS HOLDING_ID, holding_id AS IDENTIFIERS_ID, NULL AS IDENTIFIER_ISIN, NULL AS IDENTIFIER_TICKER,
            'L' || holding_id AS OTHER_IDENTIFIER, 'Internal' AS OTHER_IDENTIFIER_DESC
        FROM position WHERE asset = 'LON' ORDER BY holding_id
    """,
}


def write_zip(world: Universe, target: Path, *, day: date, filler: int = 100) -> int:
    """Write a data set of what the funds of a world held on a day.

    Args:
        world: whose loans; each of its funds files as a registered fund would.
        target: the zip file.
        day: the last day of a quarter of the world.
        filler: positions besides, which are neither loans nor of Level 3.

    Returns:
        How many positions are loans.
    """
    lines = list(world.held(day))
    with tempfile.TemporaryDirectory(dir=target.parent) as name:
        folder = Path(name)
        with engine(folder, memory="1GB") as connection:
            connection.execute("SET preserve_insertion_order = true")
            connection.register("loan", _loans(lines))
            connection.register("fund", _funds(world, lines, day))
            connection.execute(_POSITIONS.format(filler=filler))
            for table, query in _TABLES.items():
                options = "(FORMAT csv, DELIMITER '\t', QUOTE '', ESCAPE '', HEADER true)"
                connection.execute(f"COPY ({query}) TO {literal(folder / f'{table}.tsv')} {options}")
        with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED, compresslevel=5) as archive:
            for table in _TABLES:
                member = zipfile.ZipInfo(f"{table}.tsv", _DATE)
                member.compress_type = zipfile.ZIP_DEFLATED
                with (folder / f"{table}.tsv").open("rb") as source, archive.open(member, "w", force_zip64=True) as sink:
                    while piece := source.read(1024 * 1024):
                        sink.write(piece)
    return len(lines)


def payloads() -> Iterator[Sample]:
    """Yield the payload of the sample: the positions of one quarter."""
    world = universe(borrowers=14, managers=4, quarters=(date(2025, 9, 30),))
    with tempfile.TemporaryDirectory() as folder:
        target = Path(folder) / "sample.zip"
        write_zip(world, target, day=date(2025, 9, 30), filler=60)
        content = target.read_bytes()
    yield Sample("nport_zip", content, f"{SITE}/files/dera/data/form-n-port-data-sets/2025q4_nport.zip", "2026-02-20T12:00:00Z")


def _loans(lines: list[Line]) -> pa.Table:
    """Return loans as N-PORT tells them: the borrower and a title, principal and value, no cost and no spread."""
    titles = {"term": "Term Loan", "delayed_draw": "Delayed Draw Term Loan", "revolver": "Revolver"}
    loans = [line.loan for line in lines if line.loan is not None]
    return pa.table(
        {
            "accession": [line.filing.accession for line in lines],
            "holding_id": pa.array(range(1, len(lines) + 1), pa.int64()),
            "name": [loan.name for loan in loans],
            "title": [f"{loan.name}, {loan.lien.title()} Lien {titles[loan.family]}" for loan in loans],
            "balance": pa.array([line.principal for line in lines], pa.float64()),
            "unit": ["PA"] * len(lines),
            "currency": [line.principal_currency for line in lines],
            "value": pa.array([line.fair_value for line in lines], pa.float64()),
            "asset": ["LON"] * len(lines),
            "level": ["3"] * len(lines),
            "maturity": pa.array([line.maturity for line in lines], pa.date32()),
            "rate": pa.array([(line.rate or 0) * (1 if line.filing.fund.in_percent else 100) for line in lines], pa.float64()),
            "in_kind": ["Y" if line.pik_rate else "N" for line in lines],
        }
    )


def _funds(world: Universe, lines: list[Line], day: date) -> pa.Table:
    """Return the filings that the lines are of."""
    filings = list({line.filing.accession: line.filing for line in lines}.values())
    return pa.table(
        {
            "accession": [filing.accession for filing in filings],
            "cik": [str(filing.fund.cik) for filing in filings],
            "series": [f"S{filing.fund.cik:09d}" for filing in filings],
            "name": [filing.fund.name for filing in filings],
            "filed": pa.array([filing.accepted.date() for filing in filings], pa.date32()),
            "day": pa.array([day] * len(filings), pa.date32()),
        }
    )

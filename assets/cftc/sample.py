"""Generated reports in the commission's exact wire formats: before and during the crisis of 2008, around the lapse of 2025,
and of autumn 2026.

The positions are invented: they move like positions and are no one's. The writers serve the tests and the benchmarks too.
"""

from __future__ import annotations

import csv
import io
import json
import zipfile
import zlib
from collections.abc import Iterator, Mapping, Sequence
from datetime import date, timedelta

from assets.cftc import SOCRATA_URL, zip_url
from assets.cftc.parse import LAG, PUBLISHED, WASHINGTON, report_days
from undertow.calendars import add_business_days, at_local
from undertow.room import Sample

__all__ = ["CONTRACTS", "HEADER", "answer", "payloads", "position", "year_file"]

WHO = ("Dealer", "Asset_Mgr", "Lev_Money", "Other_Rept")
# code -> name, face, size of a position in thousands of contracts, first report with it
CONTRACTS: Mapping[str, tuple[str, int, int, date]] = {
    "020601": ("UST BOND", 100_000, 400, date(2006, 6, 13)),
    "020604": ("ULTRA UST BOND", 100_000, 450, date(2010, 1, 12)),
    "042601": ("UST 2Y NOTE", 200_000, 1_700, date(2006, 6, 13)),
    "043602": ("UST 10Y NOTE", 100_000, 1_900, date(2006, 6, 13)),
    "043607": ("ULTRA UST 10Y", 100_000, 900, date(2016, 1, 12)),
    "044601": ("UST 5Y NOTE", 100_000, 2_600, date(2006, 6, 13)),
}
MEASURES = {
    "open_interest": "Open_Interest",
    **{f"{who.lower()}_{side.lower()}": f"{who}_Positions_{side}" for who in WHO[:3] for side in ("Long", "Short", "Spread")},
}


def _header() -> list[str]:
    """Return the 87 names of the yearly file's header."""
    sides = [
        f"{who}_{{}}{side}" for who in WHO for side in ("Long", "Short", "Spread")
    ]  # fmt: skip
    totals = ["Tot_Rept_{}Long", "Tot_Rept_{}Short", "NonRept_{}Long", "NonRept_{}Short"]
    plain = [name.format("") for name in (*sides, *totals)]
    return [
        "Market_and_Exchange_Names", "As_of_Date_In_Form_YYMMDD", "Report_Date_as_YYYY-MM-DD", "CFTC_Contract_Market_Code",
        "CFTC_Market_Code", "CFTC_Region_Code", "CFTC_Commodity_Code", "Open_Interest_All",
        *(f"{name.format('Positions_')}_All" for name in (*sides, *totals)),
        "Change_in_Open_Interest_All", *(f"Change_in_{name}_All" for name in plain),
        "Pct_of_Open_Interest_All", *(f"Pct_of_OI_{name}_All" for name in plain),
        "Traders_Tot_All", *(f"Traders_{name}_All" for name in plain[:-2]),
        *(
            f"Conc_{kind}_LE_{count}_TDR_{side}_All"
            for kind in ("Gross", "Net") for count in (4, 8) for side in ("Long", "Short")
        ),
        "Contract_Units", "CFTC_Contract_Market_Code_Quotes", "CFTC_Market_Code_Quotes", "CFTC_Commodity_Code_Quotes",
        "CFTC_SubGroup_Code", "FutOnly_or_Combined",
    ]  # fmt: skip


HEADER = _header()


def position(code: str, report: date, measure: str) -> int:
    """Return an invented number of contracts, always the same; each side of a contract fits into its open interest."""
    size = CONTRACTS[code][2] * 1_000
    if measure == "open_interest":
        return size * 4
    share = {"lev_money_short": 100, "lev_money_long": 15, "asset_mgr_long": 110, "asset_mgr_short": 40}.get(measure, 20)
    weeks = (report - date(2006, 6, 13)).days // 7
    wave = zlib.crc32(f"{code} {measure} {report.isoformat()}".encode()) % 9 + (weeks * 7) % 23
    return size * (share * 100 + wave * share) // 12_500


def year_file(reports: Sequence[date], codes: Sequence[str] = tuple(CONTRACTS)) -> bytes:
    """Return a zip file of reports, newest first in each contract, as the commission writes it."""
    out = io.StringIO()
    quoted, plain = csv.writer(out, quoting=csv.QUOTE_ALL, lineterminator="\r\n"), csv.writer(out, lineterminator="\r\n")
    quoted.writerow(HEADER)
    for code in codes:
        name, face, _, first = CONTRACTS[code]
        for report in sorted((day for day in reports if day >= first), reverse=True):
            filled = {f"{column}_All": f"{position(code, report, measure):8d}" for measure, column in MEASURES.items()}
            plain.writerow(
                {
                    "Market_and_Exchange_Names": f"{name} - CHICAGO BOARD OF TRADE",
                    "As_of_Date_In_Form_YYMMDD": f"{report:%y%m%d}",
                    "Report_Date_as_YYYY-MM-DD": report.isoformat(),
                    "CFTC_Contract_Market_Code": code,
                    "CFTC_Market_Code": "CBT ",
                    "CFTC_Region_Code": "00",
                    "CFTC_Commodity_Code": f"{code[:3]} ",
                    "Contract_Units": f"(CONTRACTS OF ${face:,} FACE VALUE)",
                    "CFTC_Contract_Market_Code_Quotes": code,
                    "CFTC_Market_Code_Quotes": "CBT ",
                    "CFTC_Commodity_Code_Quotes": f"{code[:3]} ",
                    "CFTC_SubGroup_Code": "F30",
                    "FutOnly_or_Combined": "FutOnly",
                    **filled,
                }.get(column, "       0")
                for column in HEADER
            )
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        member = zipfile.ZipInfo("FinFutYY.txt", (max(reports).year, 12, 31, 14, 41, 0))
        archive.writestr(member, out.getvalue(), zipfile.ZIP_DEFLATED)
    return packed.getvalue()


def answer(reports: Sequence[date], codes: Sequence[str] = tuple(CONTRACTS)) -> bytes:
    """Return an answer of the API; each row was loaded a minute after its report came out."""
    api = {"asset_mgr_long", "asset_mgr_short", "lev_money_long", "lev_money_short"}
    rows = []
    for report in sorted(reports):
        loaded = at_local(add_business_days("US_FEDERAL", report, LAG), PUBLISHED, WASHINGTON) + timedelta(seconds=55)
        for number, code in enumerate(codes):
            name, face, _, _ = CONTRACTS[code]
            row = {
                "market_and_exchange_names": f"{name} - CHICAGO BOARD OF TRADE",
                ":created_at": f"{loaded:%Y-%m-%dT%H:%M:%S}.{100 + number}Z",
                "report_date_as_yyyy_mm_dd": f"{report.isoformat()}T00:00:00.000",
                "contract_market_name": name,
                "cftc_contract_market_code": code,
                "commodity_subgroup_name": "Interest Rates - U.S. Treasury",
                "contract_units": f"(CONTRACTS OF ${face:,} FACE VALUE)",
                "futonly_or_combined": "FutOnly",
                "open_interest_all": str(position(code, report, "open_interest")),
            }
            for measure, column in MEASURES.items():
                name = column.lower() if measure in api else f"{column.lower()}_all"
                row[name] = str(position(code, report, measure))
            rows.append(row)
    return json.dumps(rows).encode()


def payloads() -> Iterator[Sample]:
    """Yield the payloads of the sample."""
    eight = [day for day in report_days(2008) if date(2008, 7, 8) <= day <= date(2008, 9, 9)]
    lapse = [day for day in report_days(2025) if day >= date(2025, 8, 26)]
    newest = [day for day in report_days(2026) if date(2026, 9, 1) <= day <= date(2026, 10, 20)]
    yield Sample("tff_futures_only", year_file(eight), zip_url(2008), "2009-01-05T14:00:00Z")
    yield Sample("tff_futures_only", year_file(lapse), zip_url(2025), "2026-01-02T19:41:00Z")
    yield Sample("tff_socrata", answer(newest), SOCRATA_URL, "2026-10-31T09:00:00Z")

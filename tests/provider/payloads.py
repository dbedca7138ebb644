"""What the providers serve: small files in their exact formats, written here, and ways to damage them.

The euro rates are invented (a line for each currency and day); the index values around October 2025 are the published ones.
``genuine`` gives slices of the providers' own files where they lie beside the project.
"""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

from werkzeug import Request

from assets.bea import DATES_URL, ICS_URL
from assets.bis import API_URL as BIS_API_URL
from assets.bis.sample import answer as effective_rates
from assets.bls import API_V1_URL, API_V2_URL, FLAT_FILES, FLAT_FILES_URL, RELEASE_URL, VINTAGES_URL, sample
from assets.census import API_URL, FILES_URL, PROGRAMS
from assets.census import sample as census_sample
from assets.cftc import SOCRATA_URL, zip_url
from assets.cftc import sample as cftc_sample
from assets.cftc.fetch import YEARS as CFTC_YEARS
from assets.cftc.parse import report_days
from assets.dol import REPORT_URL
from assets.dol import sample as dol_sample
from assets.ecb import API_URL as PORTAL_URL
from assets.ecb import DAILY_URL, HIST_URL
from assets.eurostat import API_URL as COMEXT_URL
from assets.eurostat import sample as comext_sample
from assets.fiscaldata import sample as fiscal_sample
from assets.frb import OVERDRAFTS_URL, release_url
from assets.frb.sample import overdraft_table, release_xml, release_zip
from assets.fred import API_URL as FRED_API_URL
from assets.fred import FREDGRAPH_URL
from assets.fred.sample import History, answer, vintage_dates
from assets.mof import HISTORY_URL as JAPAN_HISTORY_URL
from assets.mof import MONTH_URL as JAPAN_MONTH_URL
from assets.mof import sample as japan_sample
from assets.nyfed import API_URL as NYFED_API_URL
from assets.nyfed import ELASTICITY_URL, RATES
from assets.nyfed import sample as nyfed_sample
from assets.nyfed.fetch import DEALER_SERIES, NEWEST
from assets.ofr import sample as ofr_sample
from assets.sec_bdc import INDEX_URL as BDC_INDEX
from assets.sec_bdc import SITE as SEC_SITE
from assets.sec_bdc import sample as sec_bdc_sample
from assets.sec_nport import INDEX_URL as NPORT_INDEX
from assets.sec_nport import sample as sec_nport_sample
from assets.tic import BASE_URL as TIC_URL
from assets.tic import FILES as TIC_FILES
from assets.tic import sample as tic
from assets.treasury import FEED_URL
from assets.treasury.sample import feed
from tests.provider.server import File, Provider
from undertow.calendars import business_days
from undertow.room import load_room

__all__ = [
    "API_V1",
    "API_V2",
    "BEA_DATES",
    "BEA_ICS",
    "CENSUS_API",
    "CENSUS_FILES",
    "CURVE",
    "CU_DATA",
    "CU_SERIES",
    "DAILY",
    "FREDGRAPH",
    "FRED_API",
    "HIST",
    "JAPAN_HISTORY",
    "JAPAN_MONTH",
    "PORTAL",
    "PORTAL_NEWEST",
    "REPORT",
    "more_of_bls",
    "ny_fed",
    "serve_all",
    "serve_fred",
]

HIST, DAILY, API_V1, API_V2 = (url.removeprefix("https://") for url in (HIST_URL, DAILY_URL, API_V1_URL, API_V2_URL))
CU_DATA, CU_SERIES = (FLAT_FILES_URL.removeprefix("https://") + name for name in ("cu/cu.data.0.Current", "cu/cu.series"))

BEA_ICS, BEA_DATES = ICS_URL.removeprefix("https://"), DATES_URL.removeprefix("https://")
BEA_CALENDAR = Path(__file__).parents[1] / "fixtures" / "bea" / "calendar_before_the_lapse.ics"

# The columns of the history on a day of 2025, as they were: quoted currencies, then three that had ended.
CURRENCIES = (
    "USD", "JPY", "BGN", "CZK", "DKK", "GBP", "HUF", "PLN", "RON", "SEK", "CHF", "ISK", "NOK", "TRY", "AUD",
    "BRL", "CAD", "CNY", "HKD", "IDR", "ILS", "INR", "KRW", "MXN", "MYR", "NZD", "PHP", "SGD", "THB", "ZAR",
)  # fmt: skip
ENDED = ("CYP", "EEK", "RUB")
FIRST_DAY = date(2025, 9, 1)
LAST_DAY = date(2025, 12, 18)
NEXT_DAY = date(2025, 12, 19)

Row = list[str]


def days(last: date = LAST_DAY) -> list[date]:
    """Return the weekdays from ``FIRST_DAY`` on; no TARGET holiday lies among them before Christmas."""
    span = (FIRST_DAY + timedelta(days=number) for number in range((last - FIRST_DAY).days + 1))
    return [day for day in span if day.isoweekday() < 6]


def rate(currency: str, day: date) -> str:
    """Return the invented rate of a currency on a day: of the order of one to two, and never twice the same."""
    number = CURRENCIES.index(currency)
    return f"{1 + number / 100 + (day - FIRST_DAY).days / 10_000:.4f}".rstrip("0").rstrip(".")


def hist_rows(last: date = LAST_DAY) -> list[Row]:
    """Return header and rows of the history, newest first, with the empty last column that the trailing comma makes."""
    header = ["Date", *CURRENCIES, *ENDED, ""]
    rows = [[day.isoformat(), *(rate(one, day) for one in CURRENCIES), *("N/A" for _ in ENDED), ""] for day in days(last)]
    return [header, *reversed(rows)]


def csv_text(rows: Sequence[Row]) -> bytes:
    """Return rows as the ECB writes them."""
    return "\n".join(",".join(row) for row in rows).encode()


def zipped(content: bytes, name: str = "eurofxref-hist.csv") -> bytes:
    """Return a zip file with one member; the same content gives the same bytes."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(zipfile.ZipInfo(name, (2025, 12, 18, 15, 56, 0)), content, zipfile.ZIP_DEFLATED)
    return buffer.getvalue()


def hist(last: date = LAST_DAY, change: Callable[[list[Row]], list[Row]] | None = None) -> bytes:
    """Return the history up to a day as the ECB serves it; ``change`` may damage the rows."""
    rows = hist_rows(last)
    return zipped(csv_text(change(rows) if change else rows))


def daily(day: date = LAST_DAY, change: Callable[[list[Row]], list[Row]] | None = None) -> bytes:
    """Return the file of one day: padded cells, a date in words, only the currencies that are quoted."""
    named = f"{day.day} {day:%B} {day.year}"
    rows = [["Date", *CURRENCIES, ""], [named, *(rate(one, day) for one in CURRENCIES), ""]]
    rows = change(rows) if change else rows
    return zipped(("\n".join(", ".join(row) for row in rows) + "\n").encode(), "eurofxref.csv")


# --- BLS -----------------------------------------------------------------------------------------------------------------

# Index values as published (1982-84=100), August 2024 to December 2025. October 2025 was never collected, but for the prices of
# new vehicles, which come from elsewhere.
INDEX: Mapping[str, str] = {
    "CUUR0000SA0": (
        "314.796 315.301 315.664 315.493 315.605 317.671 319.082 319.799 320.795 "
        "321.465 322.561 323.048 323.976 324.800 - 324.122 324.054"
    ),
    "CUUR0000SA0L1E": (
        "320.017 321.109 321.758 321.947 322.007 323.842 325.252 325.933 326.815 "
        "327.509 328.364 328.980 329.970 330.804 - 330.425 330.506"
    ),
    "CUSR0000SA0": (
        "314.062 314.732 315.631 316.528 317.604 318.961 319.679 319.785 320.302 "
        "320.620 321.435 322.169 323.291 324.245 - 325.063 326.031"
    ),
    "CUSR0000SA0L1E": (
        "319.750 320.732 321.731 322.657 323.259 324.638 325.465 325.690 326.467 "
        "326.893 327.658 328.682 329.700 330.418 - 331.043 331.814"
    ),
    "CUSR0000SETA01": (
        "177.068 177.203 177.045 177.837 178.489 178.538 178.473 178.631 178.763 "
        "178.286 177.778 177.842 178.245 178.527 178.609 178.929 178.938"
    ),
}
TITLES = {
    "SA0": "All items in U.S. city average, all urban consumers",
    "SA0L1E": "All items less food and energy in U.S. city average, all urban consumers",
    "SETA01": "New vehicles in U.S. city average, all urban consumers",
}
FIRST_MONTH = 2024 * 12 + 7
MONTHS = 17
LAPSE = {"code": "X", "text": "Data unavailable due to the 2025 lapse in appropriations"}


def index_rows(months: int = MONTHS) -> list[tuple[str, str, str, str, str]]:
    """Return (series, year, period, value, footnote code) of the first months of all series."""
    rows = []
    for series, values in INDEX.items():
        for place, value in enumerate(values.split()[:months], FIRST_MONTH):
            rows.append((series, str(place // 12), f"M{place % 12 + 1:02d}", value, "X" if value == "-" else ""))
    return rows


def invented_rows(native: str, months: int = MONTHS) -> list[tuple[str, str, str, str, str]]:
    """Return (series, year, period, value, footnote code) of a series of another survey, quarterly where it is (ECI)."""
    rows = []
    for place in range(FIRST_MONTH, FIRST_MONTH + months):
        value = f"{100 + place % 7}.{place % 10}"
        if native.startswith("CI"):
            if place % 3 == 2:
                rows.append((native, str(place // 12), f"Q{place % 12 // 3 + 1:02d}", value, ""))
        else:
            rows.append((native, str(place // 12), f"M{place % 12 + 1:02d}", value, ""))
    return rows


def more_of_bls() -> dict[str, File]:
    """Return the files of the other surveys, the page of a release and the vintage tables, by host and path."""
    members = {"ce": "CES0000000001", "jt": "JTS000000000000000JOL", "ci": "CIU1010000000000A"}
    files = {}
    for survey, (_, names) in FLAT_FILES.items():
        for part, name in names.items():
            if part == "footnote":
                body = b"footnote_code\tfootnote_text\r\nP\tPreliminary.\r\nX\t" + LAPSE["text"].encode() + b".\r\n"
            elif survey == "cu":
                continue
            elif part == "series":
                body = b"series_id        \tseasonal\tseries_title\tfootnote_codes\tbegin_year\tbegin_period\r\n"
                body += f"{members[survey]}\t{members[survey][2]}\tInvented\t\t2024\t{'Q03' if survey == 'ci' else 'M08'}\r\n".encode()
            else:
                body = cu_data(invented_rows(members[survey]))
            files[f"{FLAT_FILES_URL}{survey}/{name}".removeprefix("https://")] = File(body, "text/plain")
    files[RELEASE_URL.removeprefix("https://")] = File(sample.page(date(2025, 12, 16), (2025, 11)).encode(), "text/html")
    files[VINTAGES_URL.removeprefix("https://")] = File(sample.vintages(), "application/zip")
    return files


def cu_data(rows: Sequence[Sequence[str]] | None = None, header: str = "") -> bytes:
    """Return the flat file of values: tabs, padding, CRLF and a header with spaces, as BLS writes it."""
    lines = [header or "series_id        \tyear\tperiod\t       value\tfootnote_codes"]
    for series, year, period, value, note in rows if rows is not None else index_rows():
        lines.append(f"{series:<17}\t{year}\t{period}\t{value:>12}\t{note}")
    return ("\r\n".join(lines) + "\r\n").encode()


def cu_series() -> bytes:
    """Return the flat file of series."""
    names = (
        "series_id        \tarea_code\titem_code\tseasonal\tperiodicity_code\tbase_code\tbase_period\tseries_title\t"
        "footnote_codes\tbegin_year\tbegin_period\tend_year\tend_period"
    )
    lines = [names]
    for series in INDEX:
        item, adjusted = series[8:], "seasonally adjusted" if series[2] == "S" else "not seasonally adjusted"
        cells = (
            f"{series:<17}", "0000", item, series[2], "R", "S", "1982-84=100", f"{TITLES[item]}, {adjusted}", "", "2024", "M08",
            "2025", "M12",
        )  # fmt: skip
        lines.append("\t".join(cells))
    return ("\r\n".join(lines) + "\r\n").encode()


class Api:
    """The Public Data API: what it answers depends on what it is asked, and no two answers have the same bytes."""

    def __init__(self) -> None:
        self.months = MONTHS  # how much it knows
        self.changes: dict[str, Any] = {}  # fields of the answer that are not as usual, or functions of what was asked
        self.keys: list[str] = []  # the registration keys it was given
        self.took = 100

    def __call__(self, request: Request) -> File:
        """Answer one request."""
        asked = json.loads(request.get_data() or b"{}")
        if "registrationkey" in asked:
            self.keys.append(asked["registrationkey"])
        self.took += 7  # every answer says how long it took, so its bytes are news even where its values are not
        answer: dict[str, Any] = {
            "status": "REQUEST_SUCCEEDED",
            "responseTime": self.took,
            "message": [],
            "Results": {"series": [self._series(native) for native in asked.get("seriesid", [])]},
        }
        for name, value in self.changes.items():
            answer[name] = value(asked) if callable(value) else value
        return File(json.dumps(answer).encode(), "application/json;charset=UTF-8", validators=False)

    def _series(self, native: str) -> dict[str, Any]:
        mine = [row for row in index_rows(self.months) if row[0] == native] or invented_rows(native, self.months)
        data = [
            {"year": year, "period": period, "periodName": period, "value": value, "footnotes": [LAPSE if note else {}]}
            for _, year, period, value, note in reversed(mine)
        ]
        return {"seriesID": native, "data": data}


# --- FRED ----------------------------------------------------------------------------------------------------------------

FRED_API, FREDGRAPH = FRED_API_URL.removeprefix("https://"), FREDGRAPH_URL.removeprefix("https://")
MOST_VINTAGES = 2000
FIRST_VINTAGE = date(2018, 1, 1)
QUARTERS = [date(2008 + number // 4, 3 * (number % 4) + 1, 1) for number in range(40)]


def gdp_history(vintages: int) -> dict[date, list[tuple[date, str]]]:
    """Return an invented history in which one quarter after the other changes, one on each day; some values are withdrawn."""
    history: dict[date, list[tuple[date, str]]] = {}
    for number in range(vintages):
        text = "." if number % 97 == 96 else f"{1000 + number}.{number % 10}"
        history.setdefault(QUARTERS[number % len(QUARTERS)], []).append((FIRST_VINTAGE + timedelta(days=number), text))
    return history


class Fred:
    """The API and the keyless CSV: real-time periods are clipped, `vintage_date` is ignored, and errors are JSON."""

    def __init__(self, history: History, key: str) -> None:
        self.history = history
        self.key = key
        self.limit = 100_000
        self.ignores_the_period = False  # answers with today's data, as for a parameter that it does not know

    def __call__(self, request: Request) -> File:
        """Answer one request to the API; a test plants the status of a refusal."""
        asked = request.args
        if asked.get("api_key") != self.key:
            return self._said(
                {"error_code": 400, "error_message": "Bad Request.  The value for variable api_key is not registered."}
            )
        start, end = (date.fromisoformat(asked.get(name, "2026-10-30")) for name in ("realtime_start", "realtime_end"))
        if self.ignores_the_period:
            start = end = date(2026, 10, 30)
        path = request.path.rpartition("/fred/")[2]
        dates = [day for day in vintage_dates(self.history) if start <= day <= end]
        if path == "series":
            facts = {"id": asked["series_id"], "title": "Gross Domestic Product", "frequency_short": "Q"}
            words = {"units": "Billions of Dollars", "seasonal_adjustment_short": "SAAR"}
            return self._said({"realtime_start": str(start), "realtime_end": str(end), "seriess": [facts | words]})
        if path == "series/vintagedates":
            page = {"count": len(dates), "offset": 0, "limit": 10_000, "vintage_dates": [day.isoformat() for day in dates]}
            return self._said({"realtime_start": str(start), "realtime_end": str(end), **page})
        if len(dates) > MOST_VINTAGES:
            return self._said({"error_code": 400, "error_message": "Bad Request.  Too many vintage dates in the period."})
        body = answer(self.history, start, end, limit=self.limit, offset=int(asked.get("offset", 0)))
        return File(body, "application/json; charset=UTF-8", validators=False)

    def csv(self, request: Request) -> File:
        """Answer the keyless download of one series."""
        lines = [f"observation_date,{request.args['id']}", "2026-10-28,4.11", "2026-10-29,", "2026-10-30,4.07"]
        return File(("\n".join(lines) + "\n").encode(), "text/csv", validators=False)

    @staticmethod
    def _said(words: Mapping[str, Any]) -> File:
        return File(json.dumps(words).encode(), "application/json; charset=UTF-8", validators=False)


def serve_fred(server: Provider, vintages: int, key: str) -> Fred:
    """Let the server play FRED with a history of so many vintages, and return it."""
    fred = Fred(gdp_history(vintages), key)
    for path in ("series", "series/vintagedates", "series/observations"):
        server.answers[FRED_API + path] = fred
    server.answers[FREDGRAPH] = fred.csv
    return fred


def bea_dates() -> bytes:
    """Return the releases of ``BEA_CALENDAR`` as the other form of BEA's calendar has them: instants without periods."""
    instants = {
        "Personal Income and Outlays": ["2025-10-31T12:30:00+00:00", "2025-11-26T13:30:00+00:00"],
        "Gross Domestic Product": ["2025-11-26T13:30:00+00:00", "2025-12-19T13:30:00+00:00"],
    }
    releases = {name: {"release_dates": found} for name, found in instants.items()}
    return json.dumps({**releases, "file_last_updated": "2025-09-23T10:30:30.000000"}, indent=4).encode()


# --- weekly claims and the Census Bureau -----------------------------------------------------------------------------------

REPORT, CENSUS_FILES, CENSUS_API = (url.removeprefix("https://") for url in (REPORT_URL, FILES_URL, API_URL))
MISSING_KEY = (
    b"<html><head><title>Missing Key</title></head><body>A valid key must be included with each request.</body></html>"
)


def claims_report(request: Request) -> File:
    """Answer the form of the claims report; without one it complains at status 200. No release is there: each day answers 404."""
    if request.form.get("level") != "us" or request.form.get("filetype") != "xml":
        return File(b"An attempt to run the report without providing user input was made.", "text/html", validators=False)
    first = date(int(request.form["strtdate"]), 1, 1)
    first += timedelta(days=(5 - first.weekday()) % 7)
    return File(
        dol_sample.report_xml(first, first + timedelta(weeks=60), first + timedelta(weeks=40)), "text/xml", validators=False
    )


def census_file(request: Request) -> File:
    """Answer for the file of a program."""
    return File(census_sample.file(request.args["programCode"], date(2025, 9, 1)), "application/octet-stream", validators=False)


def census_api(program: str) -> Callable[[Request], File]:
    """Return the API of a program: who asks without a key gets a page."""

    def answer(request: Request) -> File:
        if not request.args.get("key"):
            return File(MISSING_KEY, "text/html", validators=False)
        return File(census_sample.answer(program, date(2025, 9, 1)), "application/json;charset=utf-8", validators=False)

    return answer


def ny_fed() -> dict[str, File]:
    """Return the answers of the New York Fed about September 2025, whatever days are asked for; no workbook is there."""
    first, last = date(2025, 9, 2), date(2025, 9, 30)
    api, found = NYFED_API_URL.removeprefix("https://"), {}
    for name, (market, _) in RATES.items():
        days = business_days("FED" if market == "unsecured" else "SOFR", first, last)
        body = nyfed_sample.rates(nyfed_sample.rate_row(name, day) for day in days)
        for place in ("search", f"last/{NEWEST}"):
            found[f"{api}rates/{market}/{name.lower()}/{place}.json"] = body
    average = {"effectiveDate": last.isoformat(), "type": "SOFRAI", "average30day": 4.3, "index": 1.2}
    found[f"{api}rates/secured/sofrai/last/{NEWEST}.json"] = nyfed_sample.rates([average])
    made = [
        nyfed_sample.operation(day, 1, "Repo", "Multiple Price", ("08:15", "08:30"), {"Treasury": 10**9}, rate=4.5)
        for day in business_days("SOFR", first, last)
    ]
    found[f"{api}rp/results/search.json"] = nyfed_sample.operations(made)
    weeks = [date(2025, 9, 3), date(2025, 9, 10)]
    found[f"{api}soma/summary.json"] = nyfed_sample.holdings(weeks)
    found |= {f"{api}pd/get/SBN2024/timeseries/{key}.json": nyfed_sample.dealers(key, weeks) for key in DEALER_SERIES}
    files = {path: File(body, "application/json") for path, body in found.items()}
    return {**files, ELASTICITY_URL.removeprefix("https://"): File(nyfed_sample.elasticity(weeks), "text/csv")}


# --- futures, the Treasury, repo -----------------------------------------------------------------------------------------


def futures(request: Request) -> File:
    """Answer the CFTC's API: six reports of the autumn of 2025, with the instant at which each was loaded."""
    reports = [day for day in report_days(2025) if date(2025, 8, 1) <= day < date(2025, 9, 10)]
    return File(cftc_sample.answer(reports), "application/json;charset=utf-8", validators=False)


def futures_files() -> dict[str, File]:
    """Return the files of the years that the live mode asks for, with three reports each."""
    this_year = datetime.now(UTC).year
    return {
        zip_url(year).removeprefix("https://"): File(cftc_sample.year_file(report_days(year)[:3]), "application/zip")
        for year in range(this_year - CFTC_YEARS + 1, this_year)
    }


def treasury() -> dict[str, Callable[[Request], File]]:
    """Return the endpoints of Fiscal Data, each with its sample."""
    made = {one.url.partition("?")[0].removeprefix("https://"): one.content for one in fiscal_sample.payloads()}

    def endpoint(content: bytes) -> Callable[[Request], File]:
        return lambda _: File(content, "application/json", validators=False)

    return {path: endpoint(content) for path, content in made.items()}


def monitors() -> dict[str, Callable[[Request], File]]:
    """Return the two monitors of the OFR; who names no series gets nothing."""
    made = {one.url.removeprefix("https://"): one.content for one in ofr_sample.payloads()}

    def monitor(content: bytes) -> Callable[[Request], File]:
        return lambda request: File(content if request.args.get("mnemonics") else b"{}", "application/json", validators=False)

    return {path: monitor(content) for path, content in made.items()}


# --- the Federal Reserve Board and the Treasury ---------------------------------------------------------------------------

# one series of each release: its name there, its frequency and its unit
BOARD = {
    "h41": ("RESPPMA_N.WW", "19", "Currency", "1000000"),
    "h15": ("RIFLGFCY10_N.B", "9", "Percent:_Per_Year", "1"),
    "h10": ("RXI$US_N.B.EU", "9", "Currency", "1"),
    "g17": ("IP.B50001.S", "129", "Index:_2017_100", "1"),
}
BOARD_DAYS = {
    "19": [date(2025, 9, 3), date(2025, 9, 10)],
    "9": [date(2025, 9, 3), date(2025, 9, 4)],
    "129": [date(2025, 8, 31)],
}


CURVE = FEED_URL.removeprefix("https://")


def board() -> dict[str, File]:
    """Return the files of the Board: two numbers of each release, and a quarter of overdrafts."""
    files = {
        OVERDRAFTS_URL.removeprefix("https://"): File(overdraft_table([(2025, 2, 0.95, 0.90, 0.05)]).encode(), "text/plain")
    }
    for release, (name, frequency, unit, power) in BOARD.items():
        told = [(day, "A", "4000000" if release == "h41" else "4.1") for day in BOARD_DAYS[frequency]]
        text = release_xml(release, {name: ({"FREQ": frequency, "UNIT": unit, "UNIT_MULT": power, "CURRENCY": "USD"}, told)})
        files[release_url(release).removeprefix("https://")] = File(release_zip(release, text), "application/zip")
    return files


def treasury_curve(request: Request) -> File:
    """Answer for a curve of a year: two days of September 2025, and a feed without entries for other years."""
    name = "TC_10YEAR" if "real" in request.args["data"] else "BC_10YEAR"
    days_of_year = BOARD_DAYS["9"] if request.args["field_tdr_date_value"] == "2025" else []
    text = feed({day: {name: "4.10"} for day in days_of_year}) + f"<!-- {name} -->\n"
    return File(text.encode(), "text/xml", validators=False)


# --- Japan, Eurostat, the BIS and the Data Portal of the ECB ---------------------------------------------------------------

JAPAN_HISTORY, JAPAN_MONTH, PORTAL = (url.removeprefix("https://") for url in (JAPAN_HISTORY_URL, JAPAN_MONTH_URL, PORTAL_URL))
PORTAL_NEWEST = f"{PORTAL}D.USD.EUR.SP00.A"


def japan(month: Sequence[date], *, before: Sequence[date] = (date(2025, 8, 28), date(2025, 8, 29))) -> dict[str, File]:
    """Return the ministry's two files, each with some days."""
    history = japan_sample.curve_csv({day: japan_sample.invented(day) for day in before})
    newest = japan_sample.curve_csv({day: japan_sample.invented(day) for day in month}, footnote=japan_sample.FOOTNOTE)
    return {JAPAN_HISTORY: File(history, "text/csv"), JAPAN_MONTH: File(newest, "text/csv")}


def portal(rows: Sequence[tuple[str, date, str]]) -> File:
    """Return an answer of the Data Portal in its short form: (currency, day, rate)."""
    lines = ["KEY,FREQ,CURRENCY,CURRENCY_DENOM,EXR_TYPE,EXR_SUFFIX,TIME_PERIOD,OBS_VALUE"]
    lines += [f"EXR.D.{code}.EUR.SP00.A,D,{code},EUR,SP00,A,{day},{text}" for code, day, text in rows]
    return File(("\r\n".join(lines) + "\r\n").encode(), "text/csv", validators=False)


def trade() -> File:
    """Return the cube of Comext: twenty months up to August 2025."""
    times = comext_sample.months((2024, 1), 20)
    body = comext_sample.cube(times, lambda product, flow, _: 10**9, updated="2025-10-15T11:00:00+0200")
    return File(body, "application/json", validators=False)


def abroad() -> dict[str, File]:
    """Return what these four have: a day or month or two; the Data Portal has its first day and no changes (404)."""
    areas = list(load_room("bis").catalogue()["areas"])
    key = f"{BIS_API_URL.removeprefix('https://')}{{}}.B.{'+'.join(areas)}"
    return {
        **japan(BOARD_DAYS["9"]),
        PORTAL_NEWEST: portal([("USD", FIRST_DAY, rate("USD", FIRST_DAY))]),
        f"{COMEXT_URL.removeprefix('https://')}DS-059328": trade(),
        key.format("D.N"): File(effective_rates(("D", "N", area, "2025-09-03", "101.5") for area in areas), "text/csv"),
        key.format("M.N+R"): File(
            effective_rates(("M", kind, area, "2025-08", "99.5") for kind in "NR" for area in areas), "text/csv"
        ),
    }


def capital_flows() -> dict[str, File]:
    """Return the files of the Treasury on cross-border flows, as new as they are on any day: an old one would be dead."""
    made = tic.files(date.today() - timedelta(days=80))
    return {f"{TIC_URL}{TIC_FILES[name]}".removeprefix("https://"): File(body, "text/plain") for name, body in made.items()}


@cache
def filings() -> dict[str, File]:
    """Return what the SEC serves: the pages that link its data sets, a small data set on each, and the register of a year."""
    made = [*sec_bdc_sample.payloads(), *sec_nport_sample.payloads()]
    files = {one.url.removeprefix("https://"): File(one.content, "application/octet-stream") for one in made}
    for index, dataset in ((BDC_INDEX, "bdc_zip"), (NPORT_INDEX, "nport_zip")):
        links = [one.url.removeprefix(SEC_SITE) for one in made if one.dataset == dataset]
        page = "<!DOCTYPE html><html><body>" + "".join(f'<a href="{link}">data set</a>' for link in links) + "</body></html>"
        files[index.removeprefix("https://")] = File(page.encode(), "text/html; charset=UTF-8")
    return files


def serve_all(server: Provider) -> Api:
    """Put every file in its place and return the API, to ask what it was asked."""
    api = Api()
    server.files = {
        HIST: File(hist(), "application/zip"),
        DAILY: File(daily(), "application/zip"),
        CU_DATA: File(cu_data(), "text/plain"),
        CU_SERIES: File(cu_series(), "text/plain"),
        **more_of_bls(),
        **ny_fed(),
        **futures_files(),
        BEA_ICS: File(BEA_CALENDAR.read_bytes(), "text/calendar"),
        BEA_DATES: File(bea_dates(), "application/json"),
        **board(),
        **abroad(),
        **capital_flows(),
        **filings(),
    }
    server.answers = {API_V1: api, API_V2: api, REPORT: claims_report, CENSUS_FILES: census_file}
    server.answers |= {SOCRATA_URL.removeprefix("https://"): futures, **treasury(), **monitors()}
    server.answers[CURVE] = treasury_curve
    server.answers |= {CENSUS_API + one.api: census_api(one.code) for one in PROGRAMS}
    return api


# --- damage --------------------------------------------------------------------------------------------------------------


def zip_bomb(megabytes: int = 16) -> bytes:
    """Return a zip file of a few kilobytes that says honestly how much it inflates to."""
    return zipped(b"Date,USD\n" + b"0" * (megabytes * 1024 * 1024))


def lying_zip() -> bytes:
    """Return a zip file whose member is far longer than the sizes in its two headers say."""
    content = b"Date,USD\n" + b"0" * (8 * 1024 * 1024)
    whole = zipped(content)
    length, small = len(content).to_bytes(4, "little"), (2048).to_bytes(4, "little")
    return whole.replace(length, small)


def flipped(body: bytes) -> bytes:
    """Return a zip file with one wrong byte in the middle of its data."""
    place = len(body) // 2
    return body[:place] + bytes([body[place] ^ 0xFF]) + body[place + 1 :]


def bad_path(content: bytes, name: str = "../../../../etc/cron.d/eurofxref-hist.csv") -> bytes:
    """Return a zip file whose member wants out of the folder it is unpacked in."""
    return zipped(content, name)


def without_column(name: str) -> Callable[[list[Row]], list[Row]]:
    """Drop a column."""

    def change(rows: list[Row]) -> list[Row]:
        place = rows[0].index(name)
        return [row[:place] + row[place + 1 :] for row in rows]

    return change


def with_column(name: str, value: str) -> Callable[[list[Row]], list[Row]]:
    """Add a column before the empty last one."""
    return lambda rows: [[*row[:-1], name if number == 0 else value, row[-1]] for number, row in enumerate(rows)]


def cell(row: int, column: str, value: str) -> Callable[[list[Row]], list[Row]]:
    """Write something else into a cell; row 1 is the newest day."""

    def change(rows: list[Row]) -> list[Row]:
        place = rows[0].index(column)
        rows[row][place] = value
        return rows

    return change


def again(row: int, column: str | None = None, value: str = "") -> Callable[[list[Row]], list[Row]]:
    """Repeat a row, with another value in one column if one is named."""

    def change(rows: list[Row]) -> list[Row]:
        copy = list(rows[row])
        if column is not None:
            copy[rows[0].index(column)] = value
        return [*rows[: row + 1], copy, *rows[row + 1 :]]

    return change


def future_day(day: str) -> Callable[[list[Row]], list[Row]]:
    """Add a day that has not been."""
    return lambda rows: [rows[0], [day, *rows[1][1:]], *rows[1:]]


def shrunk(keep: int) -> Callable[[list[Row]], list[Row]]:
    """Keep the newest days only."""
    return lambda rows: rows[: keep + 1]


def scaled(factor: float) -> Callable[[list[Row]], list[Row]]:
    """Multiply every rate, as a change of unit would."""

    def times(text: str) -> str:
        return text if text in ("N/A", "") else f"{float(text) * factor:.1f}"

    return lambda rows: [rows[0], *([row[0], *map(times, row[1:])] for row in rows[1:])]


# --- genuine files -------------------------------------------------------------------------------------------------------


def genuine_folder() -> Path:
    """Return the folder of genuine payloads beside the project; it may be absent."""
    return Path(__file__).resolve().parents[3] / "shared" / "data"


def genuine_hist(rows: int) -> bytes:
    """Return the ECB's own history, its newest rows, zipped again."""
    with zipfile.ZipFile(genuine_folder() / "ecb" / "eurofxref-hist.zip") as archive:
        lines = archive.read("eurofxref-hist.csv").splitlines()
    return zipped(b"\n".join(lines[: rows + 1]))

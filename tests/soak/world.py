"""What four providers have at an instant of the simulated clock: the ECB, BLS, the Department of Labor and the CFTC.

The figures are invented and always the same. When they come follows the facts of ``seed_release_event`` (delays, cancelled and
merged releases, both lapses) and, where those say nothing, the rules of the rooms. Values are revised as their providers revise
them: payrolls for three months, adjusted prices each January, producer prices after four months, a few euro rates after days.
"""

from __future__ import annotations

import csv
import json
import zlib
from datetime import UTC, date, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

from werkzeug import Request

from assets.bls import FLAT_FILES, FLAT_FILES_URL, RELEASE_URL, VINTAGES_URL, sample
from assets.cftc import SOCRATA_URL, zip_url
from assets.cftc import sample as cftc_sample
from assets.cftc.parse import LAG, PUBLISHED, WASHINGTON, report_days
from assets.dol import REPORT_URL, release_url
from assets.dol import sample as dol_sample
from assets.dol.parse import release_days
from tests.provider.payloads import (
    API_V1,
    CU_SERIES,
    CURRENCIES,
    DAILY,
    ENDED,
    HIST,
    LAPSE,
    PORTAL_NEWEST,
    csv_text,
    cu_data,
    more_of_bls,
    portal,
    zipped,
)  # fmt: skip
from tests.provider.server import File, Provider
from undertow.calendars import add_business_days, at_local, business_days

__all__ = ["ROOMS", "World"]

ROOMS = ("bls", "cftc", "dol", "ecb")
FIRST_RATE = date(2024, 9, 2)
FIRST_MONTH = 2023 * 12  # months since the year 0
FIRST_REPORT = date(2023, 6, 6)
WEEK = timedelta(days=7)
FACTS = Path(__file__).parents[2] / "dbt_project" / "seeds" / "seed_release_event.csv"
RELEASE_OF = {
    "CU": "cpi", "CE": "employment_situation", "LN": "employment_situation", "JT": "jolts", "CI": "employment_cost_index",
    "WP": "ppi", "EI": "import_export_prices",
}  # fmt: skip
PRICES = ("CUUR0000SA0", "CUUR0000SA0L1E", "CUSR0000SA0", "CUSR0000SA0L1E", "CUSR0000SETA01")


def _wave(*words: object, spread: int = 100) -> int:
    """Return an invented number from 0 to below ``spread``, always the same."""
    return zlib.crc32(" ".join(map(str, words)).encode()) % spread


@cache
def facts(release: str) -> dict[str, datetime | None]:
    """Return when each period of a release came, by the facts; None where it never will."""
    came: dict[str, datetime | None] = {}
    with FACTS.open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            if row["release_id"] != release or row["component"] != "all":
                continue
            at = datetime.fromisoformat(row["event_at"]).replace(tzinfo=UTC) if row["event_at"] else None
            if row["event"] in {"cancelled", "permanent_gap"}:
                came[row["reference_period"]] = None
            elif at is not None and (row["reference_period"] not in came or came[row["reference_period"]] is not None):
                came[row["reference_period"]] = at
    return came


def newest_month(release: str, at: datetime) -> int:
    """Return the newest month (of a quarter: its last) that a release has told by an instant, in months since the year 0."""
    newest = FIRST_MONTH
    for period, came in facts(release).items():
        if came is not None and came <= at:
            year, part = period.split("-")
            newest = max(newest, int(year) * 12 + (3 * int(part[1:]) - 1 if part[0] == "Q" else int(part) - 1))
    return newest


def _is_lost(native: str, month: int) -> bool:
    """Tell whether a month was never collected: the prices and the households of October 2025."""
    return native[:2] in {"CU", "LN"} and month == 2025 * 12 + 9 and native != "CUSR0000SETA01"


def value(native: str, month: int, newest: int) -> str:
    """Return the value of a month as a release tells it whose newest month is ``newest``."""
    if native == "CES0000000001":
        return str(sample.employees(0, month, newest))
    age, trend = newest - month, (month - FIRST_MONTH) * 0.2
    number = 100 + _wave(native, spread=50) + trend + _wave(native, month) / 250
    if native.startswith("CUSR"):  # factors of the season are estimated anew with each January, for five years back
        number += _wave(native, month, newest // 12, spread=20) / 100 if newest // 12 - month // 12 < 5 else 0
    elif native.startswith("WP"):
        number += 0.1 if age < 4 else 0
    elif native[:2] in {"JT", "EI"}:
        number += 0.1 if age < 1 else 0
    return f"{number:.3f}" if native[:2] in {"CU", "WP"} else f"{number:.1f}"


def rows(native: str, at: datetime) -> list[tuple[str, str, str, str, str]]:
    """Return (series, year, period, value, footnote code) of a series of BLS as told by an instant."""
    newest = newest_month(RELEASE_OF[native[:2]], at)
    found = []
    for month in range(FIRST_MONTH, newest + 1):
        year, place = str(month // 12), month % 12
        if native.startswith("CI"):
            if place % 3 == 2:
                found.append((native, year, f"Q{place // 3 + 1:02d}", value(native, month, newest), ""))
        elif _is_lost(native, month):
            found.append((native, year, f"M{place + 1:02d}", "-", "X"))
        else:
            found.append((native, year, f"M{place + 1:02d}", value(native, month, newest), ""))
    return found


# --- the ECB -------------------------------------------------------------------------------------------------------------


def rate_days(at: datetime) -> list[date]:
    """Return the days whose reference rates are out."""
    days = business_days("TARGET", FIRST_RATE, at.date())
    return [day for day in days if at_local(day, "16:00", "Europe/Berlin") <= at]


def rate(currency: str, day: date, newest: date) -> str:
    """Return the rate of a day as told on another: about every fortieth day one of the dollar is corrected three days later."""
    if currency == "BGN" and day >= date(2026, 1, 1):
        return "N/A"
    number = 1 + CURRENCIES.index(currency) / 100 + _wave(currency, day) / 10_000 + (day - FIRST_RATE).days / 20_000
    if currency == "USD" and _wave("correction", day, spread=40) == 0 and newest < day + timedelta(days=3):
        number += 0.01
    return f"{number:.4f}"


def rate_table(at: datetime) -> list[list[str]]:
    """Return header and rows of the history, newest first."""
    days = rate_days(at)
    table = [["Date", *CURRENCIES, *ENDED, ""]]
    return table + [
        [day.isoformat(), *(rate(one, day, days[-1]) for one in CURRENCIES), *("N/A" for _ in ENDED), ""]
        for day in reversed(days)
    ]


# --- the provider --------------------------------------------------------------------------------------------------------


class World:
    """What the loopback provider serves. ``show`` moves it to an instant; what did not change keeps its ETag."""

    def __init__(self, server: Provider) -> None:
        self.server = server
        self.at = datetime(2024, 9, 2, tzinfo=UTC)
        self.renamed: date | None = None  # from this day on the first column of the history has another name
        server.files = dict(more_of_bls())
        server.files[CU_SERIES] = File(_series_of_prices(), "text/plain")
        server.files[VINTAGES_URL.removeprefix("https://")] = File(sample.vintages(), "application/zip")
        server.answers = {API_V1: self._api, REPORT_URL.removeprefix("https://"): self._report}
        server.answers[SOCRATA_URL.removeprefix("https://")] = self._futures

    def show(self, at: datetime, *, rates_only: bool = False) -> None:
        """Let every provider have what it has told by an instant; ``rates_only`` leaves all but the ECB as they stand."""
        self.move(at)
        table = self.table()
        newest = f"{date.fromisoformat(table[1][0]):%-d %B %Y}"
        day = [[table[0][0], *CURRENCIES, ""], [newest, *table[1][1 : len(CURRENCIES) + 1], ""]]
        self._put(HIST, zipped(csv_text(table)), "application/zip")
        self._put(DAILY, zipped(("\n".join(", ".join(row) for row in day) + "\n").encode(), "eurofxref.csv"), "application/zip")
        self.server.files[PORTAL_NEWEST] = portal([("USD", date.fromisoformat(table[1][0]), table[1][1])])
        if rates_only:
            return
        self._prices_and_jobs()
        self._claims()
        for year in range(at.year - 6, at.year + 1):
            reports = self._reports_out(year)
            path = zip_url(year).removeprefix("https://")
            self.server.files.pop(path, None)
            if reports:
                self._put(path, cftc_sample.year_file(reports), "application/zip")

    def move(self, at: datetime) -> None:
        """Let the clock go on; what is served in files stands."""
        self.at = at
        self.server.clock_ahead = at - datetime.now(UTC)

    def table(self) -> list[list[str]]:
        """Return the rates as they stand, with the header of the day."""
        table = rate_table(self.at)
        if self.renamed is not None and self.at.date() >= self.renamed:
            table[0][0] = "TIME_PERIOD"
        return table

    def _put(self, path: str, body: bytes, kind: str) -> None:
        standing = self.server.files.get(path)
        if standing is None or standing.body != body:
            self.server.files[path] = File(body, kind, self.at)

    def _prices_and_jobs(self) -> None:
        members = {"cu": PRICES, "ce": ("CES0000000001",), "jt": ("JTS000000000000000JOL",), "ci": ("CIU1010000000000A",)}
        for survey, natives in members.items():
            path = f"{FLAT_FILES_URL}{survey}/{FLAT_FILES[survey][1]['data']}".removeprefix("https://")
            self._put(path, cu_data([row for native in natives for row in rows(native, self.at)]), "text/plain")
        newest = newest_month("employment_situation", self.at)
        released = facts("employment_situation")[f"{newest // 12}-{newest % 12 + 1:02d}"]
        assert released is not None
        page = sample.page(released.date(), (newest // 12, newest % 12 + 1)).encode()
        self._put(RELEASE_URL.removeprefix("https://"), page, "text/html")

    def _api(self, request: Request) -> File:
        """Answer the API of BLS; the answer says how long it took, so its bytes are news even where its values are not."""
        asked = json.loads(request.get_data() or b"{}")
        series = [
            {
                "seriesID": native,
                "data": [
                    {"year": year, "period": period, "periodName": period, "value": text, "footnotes": [LAPSE if note else {}]}
                    for _, year, period, text, note in reversed(rows(native, self.at))
                ],
            }
            for native in asked.get("seriesid", [])
        ]
        took = 100 + _wave(self.at, spread=900)
        answer: dict[str, Any] = {
            "status": "REQUEST_SUCCEEDED",
            "responseTime": took,
            "message": [],
            "Results": {"series": series},
        }
        return File(json.dumps(answer).encode(), "application/json;charset=UTF-8", validators=False)

    def claims_weeks(self) -> dict[date, datetime]:
        """Return the weeks whose claims are out, with when."""
        known = facts("initial_claims")
        out = {}
        for year in range(2024, self.at.year + 1):
            for week, days in release_days(year).items():
                came = known.get(week.isoformat(), at_local(days[0], "08:30", "America/New_York"))
                if came is not None and came <= self.at:
                    out[week] = came
        return out

    def _claims(self) -> None:
        """Put the newest four releases in their places; weeks that came together have one."""
        weeks = self.claims_weeks()
        by_day = {came.date(): week for week, came in sorted(weeks.items())}
        for day, week in sorted(by_day.items())[-4:]:
            path = release_url(day.year, day.month, day.day).removeprefix("https://")
            if path not in self.server.files:
                body = dol_sample.build_pdf(dol_sample.release_text(day, week))
                self.server.files[path] = File(body, "application/pdf", weeks[week])

    def _report(self, request: Request) -> File:
        """Answer the form of the claims report."""
        first = date(int(request.form["strtdate"]), 1, 1)
        first += timedelta(days=(5 - first.weekday()) % 7)
        newest = max(self.claims_weeks())
        return File(dol_sample.report_xml(first, newest + 3 * WEEK, newest), "text/xml", validators=False)

    def _reports_out(self, year: int) -> list[date]:
        """Return the reports of a year that are out; of the years before the first ones, three."""
        days = report_days(year)
        if year < FIRST_REPORT.year:
            return days[:3]
        return [day for day in days if day >= FIRST_REPORT and self._report_at(day) <= self.at]

    @staticmethod
    def _report_at(report: date) -> datetime:
        """Return when the report of a day came out."""
        by_rule = at_local(add_business_days("US_FEDERAL", report, LAG), PUBLISHED, WASHINGTON)
        return facts("cftc_tff").get(report.isoformat()) or by_rule

    def _futures(self, request: Request) -> File:
        """Answer the API of the CFTC: sixty weeks, each report with when it was loaded."""
        since = self.at.date() - 60 * WEEK
        reports = [day for year in (self.at.year - 2, self.at.year - 1, self.at.year) for day in self._reports_out(year)]
        found = json.loads(cftc_sample.answer([day for day in reports if day >= since]))
        for row in found:
            loaded = self._report_at(date.fromisoformat(row["report_date_as_yyyy_mm_dd"][:10])) + timedelta(seconds=55)
            row[":created_at"] = f"{loaded:%Y-%m-%dT%H:%M:%S}.{row[':created_at'][-4:-1]}Z"
        return File(json.dumps(found).encode(), "application/json;charset=utf-8", validators=False)


def _series_of_prices() -> bytes:
    from tests.provider.payloads import cu_series

    return cu_series().replace(b"2024\tM08", b"2023\tM01")

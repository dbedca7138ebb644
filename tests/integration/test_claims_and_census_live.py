"""The rooms of weekly claims and of the Census Bureau in live mode, over real sockets: what comes, what does not, and what faults do.

Fetching and landing only; a whole live run with all rooms is in `test_live.py`.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from pydantic import SecretStr
from werkzeug import Request as WireRequest
from werkzeug import Response

from assets.census import PROGRAMS
from assets.dol import release_url
from assets.dol.parse import release_days
from assets.dol.sample import build_pdf, initial, release_text
from tests.provider import payloads, server
from tests.provider.payloads import CENSUS_API, CENSUS_FILES, REPORT
from tests.provider.server import File, Provider
from undertow.archive import Archive
from undertow.fetching import LiveFetcher
from undertow.landing import land, landed_files
from undertow.report import FetchOutcome, LandOutcome
from undertow.room import RoomModules, load_room
from undertow.settings import Settings

KEY = "0123456789abcdef0123456789abcdef01234567"


@dataclass
class Desk:
    """A provider, an archive and a landing."""

    provider: Provider
    folder: Path
    settings: Settings

    def room(self, name: str) -> RoomModules:
        """Return a room that does not wait between requests."""
        modules = load_room(name)
        return replace(modules, room=replace(modules.room, min_interval_seconds=0.0))

    @property
    def archive(self) -> Archive:
        return Archive(self.folder / "archive")

    def fetch(self, name: str, **changes: object) -> list[FetchOutcome]:
        """Ask the provider once."""
        return list(LiveFetcher(self.settings.model_copy(update=changes)).fetch(self.room(name), self.archive))

    def land(self, name: str) -> list[LandOutcome]:
        """Land what is in the archive."""
        return list(land(self.room(name), self.archive, self.folder / "landing"))

    def values(self, name: str, series: str) -> dict[str, float | None]:
        """Return period end -> value of a series that is landed; the newest file counts."""
        rows = [
            row
            for path in landed_files(self.folder / "landing", name, "observation")
            for row in pq.read_table(path).to_pylist()
            if row["series_id"] == series
        ]
        return {row["period_end"].isoformat(): row["value"] for row in sorted(rows, key=lambda row: row["known_at"])}


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Desk]:
    for name in [name for name in os.environ if "proxy" in name.lower() or name.startswith("UNDERTOW_")]:
        monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)
    with server.provider() as provider:
        payloads.serve_all(provider)
        monkeypatch.setenv("UNDERTOW_BASE_URLS", provider.base_urls())
        yield Desk(provider, tmp_path, Settings(contact="Ana Ruiz ana@example.org", retries=0))


def newest_release() -> tuple[date, date]:
    """Return the week and the day of the newest release of the rule, as of today."""
    today = datetime.now(UTC).date()
    days = {week: days[-1] for year in (today.year - 1, today.year) for week, days in release_days(year).items()}
    return max((week, day) for week, day in days.items() if day < today)


# --- weekly claims -------------------------------------------------------------------------------------------------------


def test_a_release_and_days_without_one(desk: Desk) -> None:
    week, day = newest_release()
    place = release_url(day.year, day.month, day.day).removeprefix("https://")
    desk.provider.files[place] = File(build_pdf(release_text(day, week)), "application/pdf")
    outcomes = desk.fetch("dol")
    assert sorted((one.dataset, one.status) for one in outcomes) == [
        ("release", "new"), ("release", "skipped"), ("release", "skipped"), ("release", "skipped"), ("report", "new"),
    ]  # fmt: skip
    absent = [one.message for one in outcomes if one.status == "skipped"]
    assert all("there is nothing at http" in message and "/press/" in message for message in absent)
    assert [one.error for one in desk.land("dol") if one.error] == []
    claims = desk.values("dol", "dol.InitialClaims.SA")
    assert claims[week.isoformat()] == 1000 * initial(week, advance=True)
    assert claims[(week - timedelta(days=7)).isoformat()] == 1000 * initial(week - timedelta(days=7))
    assert [(one.method, one.status) for one in desk.provider.to(REPORT)] == [("POST", 200)]
    again = desk.fetch("dol")
    assert sorted(one.status for one in again) == ["skipped"] * 3 + ["unchanged"] * 2  # a release is confirmed, not sent again


def test_a_release_that_is_refused_or_a_page_is_a_fault(desk: Desk) -> None:
    week, day = newest_release()
    place = release_url(day.year, day.month, day.day).removeprefix("https://")
    whole = build_pdf(release_text(day, week))
    desk.provider.files[place] = File(whole, "application/pdf")
    for fault, words in (
        (server.status(403), "is refused to us (status 403)"),
        (server.page, "expected a PDF, got an HTML page"),
        (server.instead(whole[:1500]), "a PDF without its end (cut short)"),
        (server.instead(b""), "got an empty answer"),
    ):
        desk.provider.break_with(place, fault)
        failed = [one for one in desk.fetch("dol") if one.status == "failed"]
        assert [(one.dataset, words in one.message) for one in failed] == [("release", True)], words
    assert [bool(one.rows) for one in desk.land("dol") if one.dataset == "report"] == [True]
    assert week.isoformat() not in desk.values("dol", "dol.InitialClaims.SA")  # nothing of a damaged release is landed
    desk.provider.mend()
    assert "new" in [one.status for one in desk.fetch("dol") if one.dataset == "release"]
    desk.land("dol")
    assert desk.values("dol", "dol.InitialClaims.SA")[week.isoformat()] == 1000 * initial(week, advance=True)


def test_a_complaint_in_place_of_the_report_is_kept_and_not_landed(desk: Desk) -> None:
    desk.provider.break_with(REPORT, server.instead(b"An attempt to run the report without providing user input was made."))
    (report,) = [one for one in desk.fetch("dol") if one.dataset == "report"]
    assert report.status == "failed"
    assert "expected XML, got text" in report.message
    assert desk.values("dol", "dol.InitialClaims.SA") == {}


# --- Census --------------------------------------------------------------------------------------------------------------


def test_files_come_without_a_key(desk: Desk) -> None:
    outcomes = desk.fetch("census")
    assert {(one.dataset, one.status) for one in outcomes} == {(f"{one.api}_file", "new") for one in PROGRAMS}
    assert [one.error for one in desk.land("census") if one.error] == []
    starts = desk.values("census", "census.RESCONST.ASTARTS.TOTAL.SA")
    assert max(starts) == "2025-09-30"
    assert len(starts) == 15
    assert desk.provider.to("api.census.gov") == []


def test_a_key_brings_the_api_and_stays_secret(desk: Desk) -> None:
    outcomes = desk.fetch("census", census_key=SecretStr(KEY))
    assert {one.status for one in outcomes} == {"new"}
    assert len(outcomes) == 2 * len(PROGRAMS)
    landed = desk.land("census")
    assert [one.error for one in landed if one.error] == []
    assert all(KEY not in sighting.url for sighting in desk.archive.sightings())
    assert all(KEY.encode() not in path.read_bytes() for path in desk.folder.rglob("*") if path.is_file())


def no_content(provider: Provider, request: WireRequest, file: File) -> Response:
    """204, as the API answers for a period without data."""
    return Response(b"", 204)


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        (no_content, "has nothing for what was asked (status 204)"),
        (server.page, "expected JSON, got an HTML page"),
        (server.instead(payloads.MISSING_KEY), "expected JSON, got an HTML page; it begins '<html><head><title>Missing Key"),
        (server.instead(b"You have exceeded the daily limit of 500 queries."), "expected JSON, got text; it begins 'You have"),
        (server.status(400, b"error: missing required variable/predicate: seasonally_adj"), "answered 400"),
        (server.status(503), "still failed after 1 tries: it answered 503"),
        (server.cut_short, "cut short"),
    ],
    ids=["204", "html", "missing key", "quota", "400", "503", "cut"],
)
def test_faults_of_the_api_spoil_one_dataset_and_lose_nothing(desk: Desk, fault: server.Fault, words: str) -> None:
    desk.fetch("census", census_key=SecretStr(KEY))
    desk.land("census")
    before = desk.values("census", "census.MARTS.44X72.SM.SA")
    assert len(before) == 15
    desk.provider.break_with(CENSUS_API + "marts", fault)
    outcomes = desk.fetch("census", census_key=SecretStr(KEY))
    assert [(one.dataset, words in one.message) for one in outcomes if one.status == "failed"] == [("marts", True)]
    assert [one.error for one in desk.land("census") if one.error] == []
    assert desk.values("census", "census.MARTS.44X72.SM.SA") == before


def test_a_file_of_another_program_is_refused_by_its_name(desk: Desk) -> None:
    desk.provider.answers[CENSUS_FILES] = lambda request: File(payloads.zipped(b"x", "OTHER-mf.csv"), validators=False)
    assert {one.status for one in desk.fetch("census")} == {"new"}
    errors = [one.error for one in desk.land("census")]
    assert len(errors) == 7
    assert all(error and "-mf.csv" in error for error in errors)

"""FRED in live mode, over real sockets against the loopback provider: fetched, archived and landed, with what can go wrong.

One home goes through the runs in order: a first one that meets 429 in a body, one without news, one with a new vintage.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import duckdb
import pytest

from assets.fred import ROOM, fetch
from tests.provider import payloads, server
from tests.provider.payloads import FRED_API, FREDGRAPH
from tests.provider.server import Provider
from undertow.archive import Archive
from undertow.fetching import LiveFetcher
from undertow.instants import parse_instant
from undertow.landing import land
from undertow.report import FetchOutcome, LandOutcome
from undertow.room import load_room
from undertow.settings import Settings

KEY = "0123456789abcdef0123456789abcdef"
BUSY = b'{"error_code":429,"error_message":"Too Many Requests.  Exceeded Rate Limit"}'
VINTAGES = 2100
OBSERVATIONS = FRED_API + "series/observations"
DATES = FRED_API + "series/vintagedates"


class Home:
    """An archive and a landing, and live runs of the room into them."""

    def __init__(self, root: Path, provider: Provider) -> None:
        self.archive = Archive(root / "archive")
        self.landing = root / "landing"
        self.provider = provider

    def run(self, **settings: str) -> tuple[list[FetchOutcome], list[LandOutcome]]:
        """Fetch and land once; ``settings`` are those of the user."""
        self.provider.asked.clear()
        environment = self.provider.environment(**settings)
        with pytest.MonkeyPatch.context() as patch:
            for name in os.environ:
                if name.startswith("UNDERTOW_") or "proxy" in name.lower():
                    patch.delenv(name)
            for name, value in environment.items():
                patch.setenv(name, value)
            patch.setattr(fetch, "REVISED", ("GDP",))
            patch.setattr(fetch, "DAILY", ("DGS10",))
            chosen = Settings(_env_file=None)  # ty: ignore[unknown-argument]
            fetched = list(LiveFetcher(chosen).fetch(load_room("fred"), self.archive))
            return fetched, list(land(load_room("fred"), self.archive, self.landing))

    def states(self) -> dict[date, list[tuple[datetime, float | None]]]:
        """Return the states of each quarter of GDP: rows in order of known_at, without those that repeat the one before."""
        rows = duckdb.sql(
            f"""
            SELECT period_start, epoch_us(known_at), value, list_contains(flags, 'KNOWN_LATE')
            FROM read_parquet('{self.landing}/fred/observation/*.parquet')
            WHERE series_id = 'fred.GDP' ORDER BY ALL
            """
        ).fetchall()
        found: dict[date, list[tuple[datetime, float | None]]] = {}
        for day, known, value, is_bound in rows:
            states = found.setdefault(day, [])
            if not states or states[-1][1] != value:
                assert not is_bound, "what a window shows at its edge, the window before it dates"
                states.append((datetime.fromtimestamp(known / 1_000_000, UTC), value))
        return found


@pytest.fixture(scope="module")
def provider() -> Iterator[Provider]:
    with server.provider() as one:
        yield one


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory, provider: Provider) -> Home:
    return Home(tmp_path_factory.mktemp("fred"), provider)


@pytest.fixture(scope="module")
def fred(provider: Provider) -> payloads.Fred:
    return payloads.serve_fred(provider, VINTAGES, KEY)


def expected(history: payloads.History) -> dict[date, list[tuple[datetime, float | None]]]:
    """Return the states that a history has, each known from the end of its day."""
    return {
        quarter: [
            (parse_instant(f"{since} 23:59:59 America/New_York"), None if text == "." else float(text))
            for since, text in states
        ]
        for quarter, states in history.items()
    }


def test_without_consent_nothing_is_asked(home: Home, fred: payloads.Fred) -> None:
    for settings in ({}, {"fred_key": KEY}):
        assert home.run(**settings) == ([], [])
        assert home.provider.asked == []
    assert home.archive.sightings() == []


def test_every_vintage_comes_in_two_windows_and_is_dated_once(home: Home, fred: payloads.Fred) -> None:
    home.provider.break_with(DATES, server.instead(BUSY), server.as_usual)
    home.provider.break_with(OBSERVATIONS, server.status(429, BUSY, Retry_After="1"), server.as_usual)
    fetched, landed = home.run(fred_key=KEY, fred_consent="yes")
    assert [(one.dataset, one.status) for one in fetched] == [
        ("series_info", "new"), ("vintage_dates", "new"), ("observations", "new"), ("observations", "new"),
        ("fredgraph_csv", "new"),
    ]  # fmt: skip
    assert [one.error for one in landed] == [None] * 5
    assert home.states() == expected(fred.history)
    assert sum(len(states) for states in fred.history.values()) == VINTAGES
    tries = [one.status for one in home.provider.to(DATES)]
    assert tries == [200, 200], "429 in a body is asked again"
    assert [one.status for one in home.provider.to(OBSERVATIONS)] == [429, 200, 200]
    starts = [one.at for one in home.provider.to("api.stlouisfed.org")]
    # a busy machine hands a request to the provider late, so that two of them may arrive closer than they were sent
    assert starts[-1] - starts[0] >= 0.8 * (len(starts) - 1) * ROOM.min_interval_seconds, [
        round(at - starts[0], 2) for at in starts
    ]
    assert not any(b"vintage_date=" in one.path.encode() for one in home.provider.asked)


def test_the_archive_names_what_was_asked_and_never_the_key(home: Home, fred: payloads.Fred) -> None:
    edge = payloads.FIRST_VINTAGE + timedelta(days=1999)
    asked = {sighting.url for sighting in home.archive.sightings("fred", "observations")}
    base = "https://api.stlouisfed.org/fred/series/observations?series_id=GDP&output_type=1"
    assert asked == {
        f"{base}&realtime_start=1776-07-04&realtime_end={edge}&file_type=json&api_key=REDACTED",
        f"{base}&realtime_start={edge}&realtime_end=9999-12-31&file_type=json&api_key=REDACTED",
    }
    for path in home.archive.root.rglob("*.json"):
        assert KEY not in path.read_text(encoding="utf-8")


def test_a_second_run_brings_nothing_new(home: Home, fred: payloads.Fred) -> None:
    home.provider.mend()
    fetched, landed = home.run(fred_key=KEY, fred_consent="yes")
    assert {one.status for one in fetched} == {"unchanged"}
    assert landed == []


def test_a_new_vintage_changes_the_last_window_only(home: Home, fred: payloads.Fred) -> None:
    fred.history = payloads.gdp_history(VINTAGES + 1)
    fetched, landed = home.run(fred_key=KEY, fred_consent="yes")
    assert [(one.dataset, one.status) for one in fetched] == [
        ("series_info", "unchanged"), ("vintage_dates", "new"), ("observations", "unchanged"), ("observations", "new"),
        ("fredgraph_csv", "unchanged"),
    ]  # fmt: skip
    assert [(one.dataset, one.error) for one in landed] == [("vintage_dates", None), ("observations", None)]
    assert home.states() == expected(fred.history)


def test_an_answer_for_another_period_is_kept_and_refused(home: Home, fred: payloads.Fred) -> None:
    before = home.states()
    fred.ignores_the_period = True
    fetched, landed = home.run(fred_key=KEY, fred_consent="yes")
    assert [(one.dataset, one.status) for one in fetched] == [
        ("series_info", "unchanged"), ("vintage_dates", "new"), ("fredgraph_csv", "unchanged"),
    ]  # fmt: skip
    fred.ignores_the_period = False
    refused = [one.error for one in landed if one.error]
    assert len(refused) == 1
    assert "realtime_start 2026-10-30, and 1776-07-04 was asked for" in refused[0]
    assert home.states() == before


def test_windows_that_are_not_what_was_asked_for_are_refused_too(home: Home, fred: payloads.Fred) -> None:
    before = home.states()
    today = payloads.answer(fred.history, date(2026, 10, 30), date(2026, 10, 30))
    home.provider.break_with(OBSERVATIONS, server.instead(today))
    _, landed = home.run(fred_key=KEY, fred_consent="yes")
    home.provider.mend()
    errors = [one.error for one in landed if one.error]
    assert errors
    assert all("what it holds is another vintage" in error for error in errors)
    assert home.states() == before


def test_a_refusal_says_why_and_not_the_key(home: Home, fred: payloads.Fred) -> None:
    words = f'{{"error_code":400,"error_message":"Bad Request.  The value {KEY} for api_key is not registered."}}'
    home.provider.break_with("api.stlouisfed.org", server.status(400, words.encode()))
    fetched, _ = home.run(fred_key=KEY, fred_consent="yes")
    home.provider.mend()
    failed = [one.message for one in fetched if one.status == "failed"]
    assert len(failed) == 2
    assert all("answered 400" in message and "is not registered" in message for message in failed)
    assert not [message for message in failed if KEY in message]


def test_pages_are_followed(tmp_path: Path, provider: Provider) -> None:
    fred = payloads.serve_fred(provider, 50, KEY)
    fred.limit = 30
    fresh = Home(tmp_path, provider)
    fetched, landed = fresh.run(fred_key=KEY, fred_consent="yes")
    assert [one.dataset for one in fetched] == [
        "series_info", "vintage_dates", "observations", "observations", "fredgraph_csv",
    ]  # fmt: skip
    assert [one.error for one in landed] == [None] * 5
    assert fresh.states() == expected(fred.history)


def test_consent_without_a_key_brings_the_newest_values(tmp_path: Path, provider: Provider, fred: payloads.Fred) -> None:
    fresh = Home(tmp_path, provider)
    fetched, landed = fresh.run(fred_consent="yes")
    assert [(one.dataset, one.status) for one in fetched] == [("fredgraph_csv", "new"), ("fredgraph_csv", "new")]
    assert {one.host + one.path for one in provider.asked} == {FREDGRAPH}
    rows = duckdb.sql(
        f"SELECT value, obs_status FROM read_parquet('{fresh.landing}/fred/observation/*.parquet') "
        "WHERE series_id = 'fred.DGS10' ORDER BY period_start"
    ).fetchall()
    assert rows == [(4.11, "A"), (None, "O"), (4.07, "A")]
    # the server gives days where a quarter was expected: GDP is unread, and the run goes on
    assert ["no usable observation" in (one.error or "") for one in landed] == [True, False]

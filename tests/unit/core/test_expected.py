"""What is asked for and what is overdue, at fixed instants: no clock, no build, no orchestrator."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from undertow.calendars import at_local
from undertow.expected import Due, Expected, attempt_at, due, ended, incidents, judge, nth_attempt
from undertow.settings import Settings

MINUTE, DAY = timedelta(minutes=1), timedelta(days=1)
CPI = at_local(date(2025, 10, 15), "08:30", "America/New_York")


def cpi(period: str = "2025-09", due_at: datetime | None = CPI, status: str = "pending", **changes: object) -> Expected:
    """A period of the CPI, due at an instant; August is here."""
    year, month = map(int, period.split("-"))
    last = date(year + month // 12, month % 12 + 1, 1) - DAY
    row = Expected("cpi", "all", period, last, status, due_at, due_at, None, date(2025, 8, 31), rooms=("bls",))
    return replace(row, **changes)  # ty: ignore[invalid-argument-type]


def keys(found: Due) -> list[str]:
    return [ask.key for ask in found.asks]


def poll(rows: Iterable[Expected], instants: Iterable[datetime]) -> list[tuple[datetime, str]]:
    """Tick at each instant, the cursor as Dagster keeps it, and return what was asked for and when."""
    rows, cursor, asked = list(rows), "{}", []
    for now in instants:
        found = due(rows, now, json.loads(cursor))
        asked += [(now, key) for key in keys(found)]
        cursor = json.dumps(found.cursor)
    return asked


def test_a_release_is_asked_for_at_its_instant_and_less_and_less_often() -> None:
    asked = poll([cpi()], [CPI + MINUTE * n for n in range(-30, 60 * 24 * 4)])
    after = [int((at - CPI) / MINUTE) for at, _ in asked]
    assert after == [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024, 1024 + 1440, 1024 + 2880, 1024 + 4320]
    assert asked[0][1] == "cpi|all|2025-09|2025-10-15T12:30:00Z|1"
    assert asked[-1][1] == "cpi|all|2025-09|2025-10-15T12:30:00Z|14"


def test_it_is_not_asked_for_once_it_is_here() -> None:
    first = due([cpi()], CPI + MINUTE)
    here = [cpi(status="released", actual_at=CPI, newest_end=date(2025, 9, 30))]
    second = due(here, CPI + 5 * MINUTE, first.cursor)
    assert (keys(second), second.settled, second.cursor) == ([], {"cpi|all|2025-09": "arrived"}, {})


def test_after_a_pause_it_is_asked_for_at_once_and_only_once() -> None:
    asked = poll([cpi()], [CPI + DAY * 3, CPI + DAY * 3 + MINUTE, CPI + DAY * 3 + MINUTE * 30])
    assert [key.rsplit("|", 1)[1] for _, key in asked] == ["13"]


@pytest.mark.parametrize(
    ("day", "zone", "clock", "utc"),
    [
        (date(2025, 10, 24), "America/New_York", "08:30", "2025-10-24T12:30:00Z"),  # summer time
        (date(2025, 11, 3), "America/New_York", "08:30", "2025-11-03T13:30:00Z"),  # the first day after it
        (date(2026, 3, 6), "America/New_York", "08:30", "2026-03-06T13:30:00Z"),
        (date(2026, 3, 9), "America/New_York", "08:30", "2026-03-09T12:30:00Z"),
        (date(2026, 10, 23), "Europe/Berlin", "16:00", "2026-10-23T14:00:00Z"),
        (date(2026, 10, 26), "Europe/Berlin", "16:00", "2026-10-26T15:00:00Z"),
    ],
)
def test_the_instant_is_that_of_the_clock_where_it_is_published(day: date, zone: str, clock: str, utc: str) -> None:
    instant = at_local(day, clock, zone)
    row = cpi(due_at=instant)
    assert keys(due([row], instant)) == []
    assert keys(due([row], instant + MINUTE)) == [f"cpi|all|2025-09|{utc}|1"]


def test_the_clocks_of_the_zone_do_not_stretch_the_attempts() -> None:
    """From Saturday to Sunday, 2 November 2025, the night in New York has an hour more; attempts are so many minutes apart."""
    instant = at_local(date(2025, 11, 1), "20:00", "America/New_York")
    asked = poll([cpi(due_at=instant)], [instant + MINUTE * n for n in range(0, 60 * 20)])
    assert [int((at - instant) / MINUTE) for at, _ in asked] == [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024]


def test_a_release_that_was_moved_is_asked_for_at_its_new_instant() -> None:
    """September's CPI of 2025 was due on the 15th and came on the 24th of October; on the 10th the move was announced."""
    new = datetime(2025, 10, 24, 12, 30, tzinfo=UTC)
    moved = cpi(status="rescheduled", original_at=CPI, scheduled_at=new, lapse_id="2025-10")
    before = due([cpi()], CPI + MINUTE)  # as for who does not know of the move yet
    quiet = due([moved], CPI + MINUTE * 5, before.cursor)
    assert (keys(quiet), quiet.settled) == ([], {"cpi|all|2025-09": "rescheduled"})
    due_now = replace(moved, status="pending")
    assert poll([due_now], [new - MINUTE, new, new + MINUTE, new + MINUTE * 2]) == [
        (new + MINUTE, "cpi|all|2025-09|2025-10-24T12:30:00Z|1"),
        (new + MINUTE * 2, "cpi|all|2025-09|2025-10-24T12:30:00Z|2"),
    ]


@pytest.mark.parametrize("status", ["cancelled", "merged", "permanent_gap"])
def test_what_will_not_come_is_never_asked_for_and_never_late(status: str) -> None:
    row = cpi("2025-10", status=status, reason="Data unavailable", lapse_id="2025-10")
    instants = [CPI + timedelta(hours=n) for n in range(24 * 30)]
    assert poll([row], instants) == []
    assert incidents(row for _ in [0] if row.is_overdue(instants[-1])) == []
    said = judge("cpi", [row], instants[-1])
    assert (said.status, said.is_late) == ("cancelled", False)
    assert said.says == f"cpi 2025-10 is {status.replace('_', ' ')} (Data unavailable)"


def test_a_release_merged_into_another_comes_with_that_one() -> None:
    """Payrolls of October 2025 came with those of November: one request, for November."""
    november = datetime(2025, 12, 16, 13, 30, tzinfo=UTC)
    october = Expected(
        "employment_situation",
        "establishment",
        "2025-10",
        date(2025, 10, 31),
        "merged",
        None,
        None,
        november,
        date(2025, 9, 30),
    )
    whole = replace(october, component="all", reference_period="2025-11", reference_end=date(2025, 11, 30), status="pending")
    whole = replace(whole, original_at=november, scheduled_at=november, actual_at=None)
    asked = poll([october, whole], [november - DAY, november + MINUTE])
    assert [key for _, key in asked] == ["employment_situation|all|2025-11|2025-12-16T13:30:00Z|1"]


def test_only_the_newest_period_is_asked_for_and_one_incident_spans_all() -> None:
    october = CPI + 29 * DAY
    rows = [cpi(), cpi("2025-10", october)]
    now = october + timedelta(hours=3)
    first = due(rows, now)
    assert keys(first) == ["cpi|all|2025-10|2025-11-13T12:30:00Z|8"]
    assert first.overdue == []  # it was asked for just now
    later = due(rows, now + MINUTE * 30, first.cursor)
    assert [(i.key, i.says) for i in later.overdue] == [
        ("release|cpi|all|2025-09", "cpi 2025-09 to 2025-10 was due 2025-10-15T12:30:00Z and has not arrived")
    ]
    assert later.overdue[0].details["periods"] == ["cpi|all|2025-09", "cpi|all|2025-10"]


def test_overdue_after_two_hours_and_over_when_it_arrives() -> None:
    rows = [cpi()]
    first = due(rows, CPI + MINUTE)
    assert due(rows, CPI + timedelta(minutes=119), first.cursor).overdue == []
    (incident,) = due(rows, CPI + timedelta(hours=2), first.cursor).overdue
    assert incident.key == "release|cpi|all|2025-09"
    assert ended([incident.key], rows, CPI + timedelta(hours=3)) == {}
    here = [cpi(status="released", newest_end=date(2025, 9, 30))]
    assert ended([incident.key, "run|daily|-"], here, CPI + timedelta(hours=3)) == {incident.key: "arrived"}
    assert ended([incident.key], [cpi(status="cancelled")], CPI + DAY) == {incident.key: "cancelled"}
    assert ended([incident.key], [], CPI + DAY) == {incident.key: "no longer in the calendar"}


def lapsed(now: datetime) -> list[Expected]:
    """Forty releases that a lapse holds back, each due on another of the days before an instant."""
    rows = [cpi(due_at=now - DAY * (n % 20 + 1), lapse_id="2025-10") for n in range(40)]
    return [replace(row, release_id=f"release_{n:02}") for n, row in enumerate(rows)]


def test_a_lapse_is_one_incident_and_asks_once_a_day() -> None:
    now = datetime(2025, 10, 31, tzinfo=UTC)
    first = due(lapsed(now), now)
    assert len(first.asks) == 40
    again = due(lapsed(now), now + timedelta(hours=1), first.cursor)
    assert [i.key for i in again.overdue] == ["lapse|2025-10"]
    assert again.overdue[0].says.startswith("the lapse 2025-10 holds back release_00, release_01, ")
    assert len(again.overdue[0].details["periods"]) == 40
    hours = poll(lapsed(now), [now + timedelta(hours=n) for n in range(1, 24 * 7)])
    assert max(sum(key.startswith(f"release_{n:02}|") for _, key in hours) for n in range(40)) <= 8
    assert ended(["lapse|2025-10"], lapsed(now), now) == {}
    assert ended(["lapse|2025-10"], [], now) == {"lapse|2025-10": "nothing is held back any more"}
    assert judge("release_07", lapsed(now), now).status == "held back"


def test_judgements() -> None:
    later = CPI + timedelta(hours=2)
    assert judge("cpi", [], later).status == "not followed"
    assert judge("cpi", [cpi(is_generated=True)], later).status == "not followed"
    assert judge("cpi", [cpi()], CPI + MINUTE).status == "on time"  # providers take their time
    late = judge("cpi", [cpi()], later)
    assert (late.status, late.is_late) == ("late", True)
    assert late.details == {"newest_period_ends": "2025-08-31", "late_periods": ["cpi|all|2025-09"]}
    moved = judge("cpi", [cpi(status="rescheduled", scheduled_at=CPI + 9 * DAY, reason="Lapse")], later)
    assert (moved.status, moved.says) == ("postponed", "cpi 2025-09 is postponed to 2025-10-24T12:30:00Z (Lapse)")
    here = judge(
        "cpi",
        [cpi(newest_end=date(2025, 9, 30)), cpi("2025-10", CPI + 29 * DAY, "scheduled", newest_end=date(2025, 9, 30))],
        later,
    )
    assert (here.status, here.details["next_period"], here.details["next_due_at"]) == (
        "on time",
        "2025-10",
        "2025-11-13T12:30:00Z",
    )


def test_freshness_is_no_matter_of_the_day_of_the_fetch() -> None:
    """A period that came is fresh until the next one is due, however long that takes."""
    here = cpi(status="released", newest_end=date(2025, 9, 30), actual_at=CPI)
    following = cpi("2025-10", CPI + 60 * DAY, "scheduled", newest_end=date(2025, 9, 30))
    assert judge("cpi", [here, following], CPI + 59 * DAY).status == "on time"


MOVES = ("wait", "wait", "move", "arrive", "come out", "cancelled", "merged", "permanent_gap", "lapse")


def moved_on(row: Expected, move: str, now: datetime, minutes: int) -> Expected:
    """What a release may do: be moved to another instant, arrive, be published without being here, end, be held back."""
    if row.is_here or row.is_ended or move == "wait":
        return row
    if move == "move":
        return replace(row, status="rescheduled", scheduled_at=now + MINUTE * (minutes - 300))
    if move == "arrive":
        return replace(row, newest_end=row.reference_end)
    if move == "come out":
        return replace(row, status="released", actual_at=now)
    return replace(row, lapse_id="2025-10") if move == "lapse" else replace(row, status=move)


@settings(max_examples=100, deadline=None)
@given(
    st.lists(st.integers(-3000, 3000), min_size=3, max_size=3),
    st.lists(st.tuples(st.integers(1, 700), st.lists(st.sampled_from(MOVES), min_size=3, max_size=3)), max_size=12),
)
def test_whatever_the_calendar_does(starts: list[int], ticks: list[tuple[int, list[str]]]) -> None:
    """No key is asked for twice, nothing before its instant, nothing that will not come or is here; a lost cursor repeats keys."""
    rows = [cpi(f"2025-{9 + n:02}", CPI + MINUTE * start, "scheduled") for n, start in enumerate(starts)]
    rows[2] = replace(rows[2], release_id="ppi")
    now, cursor, seen = CPI - DAY, {}, set()
    for minutes, moves in ticks:
        now += MINUTE * minutes
        rows = [moved_on(row, move, now, minutes) for row, move in zip(rows, moves, strict=True)]
        found = due(rows, now, cursor)
        for ask in found.asks:
            assert ask.expected.due_at is not None
            assert attempt_at(ask.expected.due_at, ask.attempt) <= now
            assert not ask.expected.is_ended
            assert not ask.expected.is_here
        assert seen.isdisjoint(keys(found))
        seen |= set(keys(found))
        cursor = json.loads(json.dumps(found.cursor))
        assert keys(due(rows, now, cursor)) == []  # a tick that is repeated asks for nothing
        assert set(keys(found)) <= set(keys(due(rows, now, None)))  # and without the cursor for the same, by the same keys
        assert {i.key for i in found.overdue} <= {i.key for i in incidents(row for row in rows if row.is_overdue(now))}


@given(st.integers(0, 60 * 24 * 60))
def test_the_number_of_an_attempt_follows_from_the_clock(minutes: int) -> None:
    now = CPI + MINUTE * minutes
    n = nth_attempt(CPI, now)
    assert (n == 0) == (minutes < 1)
    if n:
        assert attempt_at(CPI, n) <= now < attempt_at(CPI, n + 1)


def test_attempts_are_never_closer_together_than_before() -> None:
    gaps = [attempt_at(CPI, n + 1) - attempt_at(CPI, n) for n in range(1, 60)]
    assert gaps == sorted(gaps)
    assert (gaps[0], gaps[-1]) == (MINUTE, DAY)


def test_a_webhook_is_an_address_and_a_secret(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("UNDERTOW_ALERT_WEBHOOK", "https://alerts.example.org/hooks/s3cret")
    assert "s3cret" not in repr(Settings())
    monkeypatch.setenv("UNDERTOW_ALERT_WEBHOOK", "s3cret")
    from undertow.errors import UsageError

    with pytest.raises(UsageError) as caught:
        Settings()
    assert "UNDERTOW_ALERT_WEBHOOK is wrong: it must begin with http:// or https:// and a host" in str(caught.value)
    assert "s3cret" not in str(caught.value)

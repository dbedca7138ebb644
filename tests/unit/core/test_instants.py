"""Instants as text: known answers, clock changes in both directions, and round trips."""

from __future__ import annotations

from contextlib import suppress
from datetime import UTC, date, datetime, timedelta, timezone
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from undertow.errors import InstantError
from undertow.instants import format_instant, parse_instant

NAIVE = datetime(2025, 10, 24, 12, 30)
KNOWN = {
    "2025-10-24": "2025-10-24T00:00:00Z",
    "2025-10-24T12:30": "2025-10-24T12:30:00Z",
    "2025-10-24 12:30:15.25": "2025-10-24T12:30:15.250000Z",
    "2025-10-24T12:30Z": "2025-10-24T12:30:00Z",
    "2025-10-24T12:30z": "2025-10-24T12:30:00Z",
    "2025-10-24 12:30 UTC": "2025-10-24T12:30:00Z",
    "2025-10-24T12:30+02": "2025-10-24T10:30:00Z",
    "2025-10-24T12:30+0230": "2025-10-24T10:00:00Z",
    "2025-10-24T12:30:15+02:00": "2025-10-24T10:30:15Z",
    "2025-10-24T12:30 -05:00": "2025-10-24T17:30:00Z",
    "2025-10-24T20:00-05:00": "2025-10-25T01:00:00Z",
    "2025-12-10 14:00 America/New_York": "2025-12-10T19:00:00Z",
    "2025-07-10 14:00 america/new_york": "2025-07-10T18:00:00Z",
    "2025-11-20 08:50 Asia/Tokyo": "2025-11-19T23:50:00Z",
    "2025-11-20 America/Argentina/Buenos_Aires": "2025-11-20T03:00:00Z",
    "2025-11-20 00:00 Etc/GMT+5": "2025-11-20T05:00:00Z",
    "  2025-10-24T12:30Z\n": "2025-10-24T12:30:00Z",
}


@pytest.mark.parametrize(("text", "expected"), KNOWN.items())
def test_known_forms(text: str, expected: str) -> None:
    assert format_instant(parse_instant(text)) == expected


@pytest.mark.parametrize(
    "text",
    [
        "",
        "yesterday",
        "2025-10",
        "2025-1-2",
        "20251024",
        "2025-10-24T12",
        "2025-10-24T1:30",
        "2025-10-24T12:30:15.1234567",
        "2025-10-24T12:30+2",
        "2025-10-24T12:30 EST",
        "2025-10-24T12:30Z Europe/Berlin",
        "٢٠٢٥-10-24",
        "2025-10-24T12:30'; drop table x",
    ],
)
def test_malformed_is_one_sentence_with_an_example(text: str) -> None:
    with pytest.raises(InstantError, match="is not an instant; write for example 2025-10-24") as caught:
        parse_instant(text)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("2025-02-29", "date or a time that does not exist"),
        ("2025-10-24T24:00", "date or a time that does not exist"),
        ("2025-10-24T12:60", "date or a time that does not exist"),
        ("2025-10-24T12:30+16", r"offset \+16"),
        ("2025-10-24T12:30+02:75", r"offset \+02:75"),
        ("2025-10-24 12:30 Europe/Atlantis", "time zone Europe/Atlantis"),
        ("2025-10-24 12:30 America/Argentina", "time zone America/Argentina"),  # a folder of zones
        ("2025-10-24 12:30 right/UTC", "time zone right/UTC"),  # leap seconds: not an IANA name
        ("0001-01-01T00:00+14", "outside the years"),
        ("9999-12-31T23:00-05", "outside the years"),
    ],
)
def test_what_does_not_exist(text: str, words: str) -> None:
    with pytest.raises(InstantError, match=words):
        parse_instant(text)


@pytest.mark.parametrize("value", [None, 20251024, 1.5])
def test_other_types_are_refused(value: object) -> None:
    with pytest.raises(InstantError, match="is not an instant"):
        parse_instant(value)  # ty: ignore[invalid-argument-type]


def test_long_text_is_shortened_in_the_message() -> None:
    with pytest.raises(InstantError) as caught:
        parse_instant("x" * 10_000)
    assert len(str(caught.value)) < 250


@pytest.mark.parametrize(
    ("zone", "skipped", "before", "after"),
    [
        ("America/New_York", "2025-03-09 02:30", "2025-03-09T06:59:00Z", "2025-03-09T07:00:00Z"),
        ("Europe/Berlin", "2025-03-30 02:30", "2025-03-30T00:59:00Z", "2025-03-30T01:00:00Z"),
    ],
)
def test_spring_gap_is_refused_and_its_edges_are_not(zone: str, skipped: str, before: str, after: str) -> None:
    day = skipped[:10]
    with pytest.raises(InstantError, match="local time that does not exist"):
        parse_instant(f"{skipped} {zone}")
    with pytest.raises(InstantError, match="local time that does not exist"):
        parse_instant(f"{day} 02:00 {zone}")
    assert format_instant(parse_instant(f"{day} 01:59 {zone}")) == before
    assert format_instant(parse_instant(f"{day} 03:00 {zone}")) == after


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2025-11-02 01:30 America/New_York", "2025-11-02T05:30:00Z"),  # summer time: the first of two
        ("2025-11-02 02:00 America/New_York", "2025-11-02T07:00:00Z"),
        ("2025-10-26 02:30 Europe/Berlin", "2025-10-26T00:30:00Z"),
    ],
)
def test_autumn_takes_the_first_occurrence(text: str, expected: str) -> None:
    assert format_instant(parse_instant(text)) == expected


def test_dates_and_datetimes() -> None:
    assert parse_instant(date(2025, 10, 24)) == datetime(2025, 10, 24, tzinfo=UTC)
    assert parse_instant(NAIVE) == datetime(2025, 10, 24, 12, 30, tzinfo=UTC)
    eastern = datetime(2025, 10, 24, 8, 30, tzinfo=ZoneInfo("America/New_York"))
    assert format_instant(eastern) == "2025-10-24T12:30:00Z"
    assert parse_instant(eastern).tzinfo is UTC
    second = datetime(2025, 11, 2, 1, 30, tzinfo=ZoneInfo("America/New_York"), fold=1)
    assert format_instant(second) == "2025-11-02T06:30:00Z"


def test_pandas_values() -> None:
    import pandas as pd

    value = parse_instant(pd.Timestamp("2025-10-24 08:30", tz="America/New_York"))  # ty: ignore[invalid-argument-type]
    assert type(value) is datetime
    assert format_instant(value) == "2025-10-24T12:30:00Z"
    with pytest.raises(InstantError, match="NaT is not an instant"):
        parse_instant(pd.NaT)  # ty: ignore[invalid-argument-type]


def test_the_zone_of_the_machine_does_not_matter(monkeypatch: pytest.MonkeyPatch) -> None:
    import time

    monkeypatch.setenv("TZ", "Asia/Tokyo")
    time.tzset()
    try:
        assert format_instant(parse_instant("2025-10-24T12:30")) == "2025-10-24T12:30:00Z"
        assert format_instant(NAIVE) == "2025-10-24T12:30:00Z"
    finally:
        monkeypatch.undo()
        time.tzset()


offsets = st.integers(-15 * 60 - 59, 15 * 60 + 59).map(lambda minutes: timezone(timedelta(minutes=minutes)))
moments = st.datetimes(
    min_value=datetime(2, 1, 1),
    max_value=datetime(9998, 12, 31),
    timezones=offsets,
)


@settings(deadline=None)
@given(moments)
def test_round_trip(moment: datetime) -> None:
    assert parse_instant(format_instant(moment)) == moment
    assert parse_instant(moment.isoformat()) == moment
    assert parse_instant(moment.isoformat(sep=" ")) == moment


@settings(deadline=None)
@given(
    st.integers(631_152_000, 2_051_222_400),  # seconds from 1990 to 2034
    st.sampled_from(["America/New_York", "Europe/Berlin", "Asia/Tokyo", "Australia/Lord_Howe"]),
)
def test_zone_names_agree_with_zoneinfo(seconds: int, zone: str) -> None:
    moment = datetime.fromtimestamp(seconds, tz=UTC)
    local = moment.astimezone(ZoneInfo(zone))
    parsed = parse_instant(f"{local.replace(tzinfo=None).isoformat()} {zone}")
    # The second of two equal local times reads as the first, an hour (on Lord Howe half an hour) earlier.
    assert parsed == (moment if local.fold == 0 else local.replace(fold=0).astimezone(UTC))
    assert parsed <= moment


@settings(deadline=None)
@given(st.text(max_size=40))
def test_any_text_is_an_instant_or_an_instant_error(text: str) -> None:
    with suppress(InstantError):
        assert parse_instant(text).tzinfo is UTC

"""The room of the BIS: values, missing numbers and instants, what is refused, and what is asked.

There is no genuine payload: the fixture is written in the documented format.
"""

from __future__ import annotations

from datetime import date, datetime
from pathlib import Path

import pytest

from assets.bis.fetch import requests
from assets.bis.parse import parse
from assets.bis.sample import answer, payloads
from tests.landed import checked
from undertow.archive import Sighting
from undertow.errors import ParseError
from undertow.room import Landed, load_room
from undertow.settings import Settings

DAILY = (Path(__file__).parents[2] / "fixtures" / "bis" / "daily_with_nan.csv").read_bytes()
FETCHED = "2026-08-20T08:00:00+00:00"


def landed(payload: bytes, dataset: str = "eer_daily", fetched: str = FETCHED) -> Landed:
    sighting = Sighting("bis", dataset, "u", datetime.fromisoformat(fetched), "0" * 64, len(payload), "replay")
    return parse(payload, sighting, load_room("bis").catalogue())


def told(data: Landed) -> list[tuple]:
    return [
        (row["series_id"], str(row["period_start"]), str(row["period_end"]), row["value"], row["obs_status"])
        for row in checked("observation", data.observation).to_pylist()
    ]


def test_days_and_a_missing_number() -> None:
    data = landed(DAILY)
    assert data.quarantine == []
    assert [row[3:] for row in told(data)] == [(101.88, "A"), (102.04, "A"), (None, "M"), (101.95, "A")]
    assert told(data)[1][:3] == ("bis.WS_EER.D.N.B.US", "2026-08-11", "2026-08-11")
    (series,) = checked("series", data.series).to_pylist()
    assert (series["title"], series["frequency"]) == ("Nominal effective exchange rate, broad, United States", "D")
    assert {(row["known_at"].isoformat(), row["known_at_basis"]) for row in checked("observation", data.observation).to_pylist()} == {
        (FETCHED, "first_seen")
    }  # fmt: skip


def test_months_of_both_kinds_and_any_order() -> None:
    rows = [("M", kind, "JP", month, "70.5") for kind in "RN" for month in ("2026-07", "2026-06")]
    data = landed(answer([*rows, rows[0]]), "eer_monthly")
    assert [row[:3] for row in told(data)] == [
        (f"bis.WS_EER.M.{kind}.B.JP", f"2026-{month}-01", f"2026-{month}-{last}")
        for kind in "NR"
        for month, last in (("06", 30), ("07", 31))
    ]
    assert told(landed(answer([*reversed(rows), rows[0]]), "eer_monthly")) == told(data)


def test_lines_that_cannot_be_used_go_to_quarantine() -> None:
    rows = [("D", "N", "US", day, value) for day, value in (
        ("2026-08-11", "102.04"), ("2026-08", "1"), ("2026-08-32", "1"), ("2026-08-21", "1"), ("2026-08-12", "0"),
        ("2026-08-13", "1,5".replace(",", "e")),
    )]  # fmt: skip
    data = landed(answer(rows))
    assert [reason for _, reason, _ in data.quarantine] == [
        "the period '2026-08' is no day",
        "the period '2026-08-32' is no day",
        "the period 2026-08-21 is after the fetch",
        "the index '0' is not a positive number",
        "the index '1e5' is not a positive number",
    ]
    assert [row[3] for row in told(data)] == [102.04]


@pytest.mark.parametrize(
    ("payload", "dataset", "message"),
    [
        (b"", "eer_daily", "lacks FREQ"),
        (b"<html></html>", "eer_daily", "lacks FREQ"),
        (DAILY[: DAILY.rindex(b"101.95")], "eer_daily", "line 5 has 10 cells"),
        (DAILY.replace(b"EER_BASKET", b"BASKET"), "eer_daily", "lacks EER_BASKET"),
        (DAILY.replace(b"OBS_CONF", b"OBS_VALUE"), "eer_daily", "a column twice"),
        (DAILY, "eer_monthly", "D.N.B.US, which was not asked for"),
        (answer([("D", "N", "US", "2026-08-11", "1")], basket="N"), "eer_daily", "D.N.N.US, which was not asked for"),
        (answer([("D", "N", "BR", "2026-08-11", "1")]), "eer_daily", "D.N.B.BR, which was not asked for"),
        (answer([("D", "N", "US", "2026-08-11", value) for value in "12"]), "eer_daily", "twice, and differently"),
        (answer([]), "eer_daily", "no usable number"),
    ],
)
def test_other_bytes_are_refused(payload: bytes, dataset: str, message: str) -> None:
    with pytest.raises(ParseError, match=message):
        landed(payload, dataset)


def test_two_requests_with_the_dimensions_in_their_order() -> None:
    daily, monthly = requests(Settings(), date(2026, 11, 2))
    assert daily.url.endswith("/WS_EER/1.0/D.N.B.US+XM+JP+GB+CH+CA+AU+CN")
    assert daily.params == {"format": "csv", "startPeriod": "2025-01-01"}
    assert monthly.url.endswith("/WS_EER/1.0/M.N+R.B.US+XM+JP+GB+CH+CA+AU+CN")


def test_the_sample_is_read_whole_and_is_always_the_same() -> None:
    first = list(payloads())
    assert [one.content for one in first] == [one.content for one in payloads()]
    for one, rows in zip(first, (135, 120), strict=True):
        data = landed(one.content, one.dataset, "2026-10-31T12:00:00+00:00")
        assert data.quarantine == []
        assert checked("observation", data.observation).num_rows == rows

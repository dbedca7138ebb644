"""The Treasury room: yields, marked gaps, the phantom day and instants of both forms of the curve."""

from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from assets.treasury.fetch import requests
from assets.treasury.parse import parse, rules
from assets.treasury.sample import feed, payloads
from undertow.archive import Sighting
from undertow.errors import ParseError
from undertow.room import Landed, load_room
from undertow.settings import Settings

FIXTURES = Path(__file__).parents[2] / "fixtures" / "treasury"
CATALOGUE = load_room("treasury").catalogue()


def landed(payload: bytes, dataset: str = "par_yields", fetched: str = "2026-06-18T12:00:00+00:00") -> Landed:
    sighting = Sighting("treasury", dataset, "u", datetime.fromisoformat(fetched), "0" * 64, len(payload), "replay")
    return parse(payload, sighting, CATALOGUE)


def told(data: Landed, series_id: str) -> dict[str, tuple[float | None, str]]:
    assert data.observation is not None
    return {
        row["period_end"].isoformat(): (row["value"], row["obs_status"])
        for row in data.observation.to_pylist()
        if row["series_id"] == series_id
    }


def test_the_phantom_day_is_no_day_and_a_null_is_a_missing_yield() -> None:
    data = landed((FIXTURES / "feed_phantom_day_and_null.xml").read_bytes())
    assert told(data, "treasury.par.BC_30YEAR") == {
        "2010-10-08": (3.75, "A"), "2010-10-12": (3.80, "A"), "2010-10-13": (3.84, "A"),
    }  # fmt: skip
    assert told(data, "treasury.par.BC_1MONTH")["2010-10-12"] == (None, "O")
    # two months began in 2018: no maturity, no row
    assert told(data, "treasury.par.BC_2MONTH") == {}
    assert [(place, reason) for place, reason, _ in data.quarantine] == [
        ("day 2010-10-11", "the day has no yield"),
        ("day 2010-10-13, BC_2YEAR", "the yield is not a number, or a slipped decimal"),
    ]
    assert data.series is not None
    assert not any("DISPLAY" in row["series_id"] for row in data.series.to_pylist())


def test_the_file_gives_the_same_series_as_the_feed() -> None:
    data = landed((FIXTURES / "csv_one_and_a_half_months.csv").read_bytes())
    assert told(data, "treasury.par.BC_1_5MONTH") == {"2025-02-18": (4.37, "A"), "2025-02-19": (4.35, "A")}
    assert told(data, "treasury.par.BC_10YEAR")["2025-02-14"] == (4.47, "A")
    assert data.series is not None
    titles = {row["series_id"]: row["title"] for row in data.series.to_pylist()}
    assert titles["treasury.par.BC_1_5MONTH"] == "Par yield of Treasury securities, 1.5 months"
    assert list(titles) == [f"treasury.par.BC_{name}" for name in ("1MONTH", "1_5MONTH", "2MONTH", "10YEAR", "30YEAR")]
    same = landed(feed({date(2025, 2, 19): {"BC_10YEAR": "4.53"}}).encode())
    assert told(same, "treasury.par.BC_10YEAR") == {"2025-02-19": (4.53, "A")}


def test_a_curve_is_known_on_its_own_day_at_six() -> None:
    data = landed((FIXTURES / "csv_one_and_a_half_months.csv").read_bytes(), fetched="2025-02-19T21:00:00+00:00")
    assert data.observation is not None
    instants = {row["period_end"]: (row["known_at"], row["known_at_basis"]) for row in data.observation.to_pylist()}
    assert instants[date(2025, 2, 18)] == (datetime(2025, 2, 18, 23, tzinfo=UTC), "lag_rule")
    assert instants[date(2025, 2, 19)] == (datetime(2025, 2, 19, 21, tzinfo=UTC), "first_seen")


def test_days_before_the_rule_are_flagged() -> None:
    data = landed(feed({date(1999, 12, 31): {"BC_10YEAR": "6.45"}, date(2000, 1, 3): {"BC_10YEAR": "6.58"}}).encode())
    assert data.observation is not None
    assert [row["flags"] for row in data.observation.to_pylist()] == [["LOOKAHEAD_RISK"], []]


def test_real_yields_have_series_of_their_own() -> None:
    data = landed(b'Date,"5 YR","30 YR"\n04/09/2025,1.62,N/A\n04/08/2025,1.60,2.50\n', "real_yields")
    assert told(data, "treasury.real.TC_5YEAR") == {"2025-04-08": (1.60, "A"), "2025-04-09": (1.62, "A")}
    assert told(data, "treasury.real.TC_30YEAR") == {"2025-04-08": (2.50, "A")}


def test_an_empty_year_lands_nothing() -> None:
    data = landed(feed({}).encode())
    assert data.observation is not None
    assert data.observation.num_rows == 0


@pytest.mark.parametrize(
    ("payload", "dataset", "message"),
    [
        (b"<feed", "par_yields", "not well-formed"),
        (b"<html></html>", "par_yields", "expected feed"),
        (b"Day,1 Mo\n", "par_yields", "header"),
        (b'Date,"1 Mo"\n01/02/2025,4.3,4.4\n', "par_yields", "3 cells"),
        (feed({date(2025, 4, 9): {"BC_5YEAR": "4.0"}}).encode(), "real_yields", "another curve"),
        (b'Date,"1 Mo"\n01/02/2025,4.3\n01/02/2025,4.4\n', "par_yields", "twice"),
        (b'Date,"1 Mo"\n01/02/2025,43.0\n', "par_yields", "no usable yield"),
    ],
)
def test_other_bytes_are_refused(payload: bytes, dataset: str, message: str) -> None:
    with pytest.raises(ParseError, match=message):
        landed(payload, dataset)


def test_the_schedule_has_no_day_on_which_the_market_is_closed() -> None:
    events = rules(2025).to_pylist()
    assert sorted({row["event"] for row in events}) == ["released", "scheduled"]
    days = {row["reference_period"]: row["event_at"].isoformat() for row in events}
    assert len(days) == 249
    assert days["2025-04-17"] == "2025-04-17T22:00:00+00:00"
    assert {"2025-04-18", "2025-06-19", "2025-10-13", "2025-11-11", "2025-11-27", "2025-12-25"}.isdisjoint(days)
    coming = [row["reference_end"] for row in rules(2026).to_pylist() if row["event"] == "released"]
    assert max(coming) == date(2026, 2, 20)
    assert rules(1990).num_rows == 0


def test_the_sample_is_read_whole_and_is_always_the_same() -> None:
    first = list(payloads())
    assert [one.content for one in first] == [one.content for one in payloads()]
    for one in first:
        data = landed(one.content, one.dataset, one.fetched_at.replace("Z", "+00:00"))
        assert data.quarantine == []
        assert data.series is not None
        assert data.series.num_rows == {"par_yields": 14, "real_yields": 5}[one.dataset]


def test_the_live_mode_asks_for_two_years_of_each_curve() -> None:
    asked = [(request.dataset, request.params["field_tdr_date_value"]) for request in requests(Settings(), date(2026, 1, 2))]
    assert asked == [("par_yields", "2025"), ("par_yields", "2026"), ("real_yields", "2025"), ("real_yields", "2026")]

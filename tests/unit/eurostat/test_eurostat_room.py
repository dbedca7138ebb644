"""The room of Eurostat: figures, empty cells and flags of a cube, what is an error with status 200, and what is asked.

There is no genuine payload: the fixtures are written in the documented format.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest

from assets.eurostat.fetch import is_being_made, requests
from assets.eurostat.parse import parse
from assets.eurostat.sample import DIMENSIONS, cube, months, payloads
from tests.landed import checked
from undertow.archive import Sighting
from undertow.errors import ParseError
from undertow.room import Landed, load_room
from undertow.settings import Settings

FIXTURES = Path(__file__).parents[2] / "fixtures" / "eurostat"
FIRST = (FIXTURES / "cube_turns_negative.json").read_bytes()
SECOND = (FIXTURES / "cube_revised_and_confidential.json").read_bytes()


def landed(payload: bytes, fetched: str = "2026-09-20T08:00:00+00:00") -> Landed:
    sighting = Sighting("eurostat", "comext_bec4", "u", datetime.fromisoformat(fetched), "0" * 64, len(payload), "replay")
    return parse(payload, sighting, load_room("eurostat").catalogue())


def told(data: Landed, product: int, flow: int) -> dict[str, tuple[float | None, str]]:
    return {
        f"{row['period_start']:%Y-%m}": (row["value"], row["obs_status"])
        for row in checked("observation", data.observation).to_pylist()
        if row["series_id"] == f"eurostat.DS-059328.M.DE.CN.{product}.{flow}.VALUE_IN_EUROS"
    }


def test_figures_are_those_of_their_cells() -> None:
    """The codes of the cube are in another order than those of the question; a cell out of place would be another flow."""
    data = landed(FIRST)
    assert data.quarantine == []
    assert told(data, 41, 1)["2026-02"] == (4.8e9, "A")
    assert told(data, 41, 1)["2026-03"] == (5.9e9, "A")
    assert told(data, 521, 1)["2026-03"] == (6.0e8, "A")
    assert told(data, 521, 2)["2026-07"] == (5.0e8, "P")
    assert len(told(data, 41, 2)) == 14
    assert sorted(checked("series", data.series)["title"].to_pylist())[0] == (
        "German exports to China, capital goods except transport equipment (BEC Rev.4, 41), Comext"
    )


def test_a_figure_is_known_since_the_cube_was_changed() -> None:
    data = landed(FIRST)
    assert {
        (row["known_at"], row["known_at_basis"], *row["flags"]) for row in checked("observation", data.observation).to_pylist()
    } == {(datetime(2026, 8, 17, 9, tzinfo=UTC), "provider", "KNOWN_LATE")}


def test_a_confidential_or_empty_cell_is_no_zero() -> None:
    later = {"2026-07": (5.0e8, "A"), "2026-08": (None, "Q")}
    assert told(landed(SECOND), 521, 2) == told(landed(FIRST), 521, 2) | later

    def holes(product: str, flow: str, month: str) -> int | None:
        return None if (product, flow) == ("41", "2") and month in ("2026-02", "2026-03") else 7

    data = landed(cube(months((2026, 1), 4), holes, status={("41", "2", "2026-02"): "c", ("41", "2", "2026-04"): "ez"}))
    assert told(data, 41, 2) == {"2026-01": (7, "A"), "2026-02": (None, "Q"), "2026-03": (None, "O"), "2026-04": (7, "E")}
    notes = [row["footnotes"] for row in checked("observation", data.observation).to_pylist() if row["footnotes"]]
    assert notes == [["flag z"]]


def test_a_cube_with_lists_is_the_same() -> None:
    other = json.loads(FIRST)
    cells = other["value"]
    other["value"] = [cells.get(str(place)) for place in range(14 * 4)]
    time = other["dimension"]["time"]["category"]
    time["index"] = sorted(time["index"], key=time["index"].__getitem__)
    assert landed(json.dumps(other).encode()).observation == landed(FIRST).observation


def test_what_is_no_month_or_amount_goes_to_quarantine() -> None:
    def figure(product: str, flow: str, month: str) -> float:
        return -1.0 if (product, flow, month) == ("41", "2", "2026-08") else 5.0

    data = landed(cube(["2026", "2026-08", "2026-09", "2026-10"], figure))
    assert sorted((place.split(".")[-1], reason) for place, reason, _ in data.quarantine) == [
        ("VALUE_IN_EUROS 2026-08", "the figure is no amount"),
        ("time 2026", "the period is no month"),
        ("time 2026-10", "the month is after the fetch"),
    ]
    assert told(data, 41, 2) == {"2026-09": (5.0, "A")}


def changed(change: Callable[[dict[str, Any]], Any]) -> bytes:
    answer = json.loads(FIRST)
    change(answer)
    return json.dumps(answer).encode()


@pytest.mark.parametrize(
    ("payload", "message"),
    [
        (b"", "no JSON"),
        (b"<!DOCTYPE html><html></html>", "no JSON"),
        (FIRST[:-200], "no JSON"),
        (b"[]", "no JSON object"),
        ((FIXTURES / "error_with_status_200.json").read_bytes(), "answers with an error: INVALID_QUERY_VALUE: product"),
        ((FIXTURES / "asynchronous.json").read_bytes(), "no data but a warning: ASYNCHRONOUS_RESPONSE"),
        (b"<S:Fault><faultcode>413</faultcode><faultstring>EXTRACTION_TOO_BIG: ...</faultstring></S:Fault>", "too large"),
        (changed(lambda told: told.pop("size")), "no JSON-stat dataset"),
        (changed(lambda told: told["size"].__setitem__(-1, 13)), "not the numbers of codes"),
        (changed(lambda told: told["value"].__setitem__("56", 1)), "cut short, or of another layout"),
        (changed(lambda told: told.__setitem__("value", [1, 2])), "cut short, or of another layout"),
        (changed(lambda told: told["dimension"]["flow"]["category"].__setitem__("index", {"1": 0, "2": 0})), "no JSON-stat"),
        (changed(lambda told: told["extension"].__setitem__("id", "DS-059331")), "the cube is DS-059331"),
        (changed(lambda told: told.pop("updated")), "when it was updated"),
        (changed(lambda told: told.__setitem__("value", {})), "no figure"),
        (cube(months((2026, 1), 2), lambda *_: 1, dimensions=DIMENSIONS | {"partner": ["HK"]}), "codes of partner"),
        (cube(months((2026, 1), 2), lambda *_: 1, dimensions=DIMENSIONS | {"flow": ["1"]}), "codes of flow"),
        (cube(months((2026, 1), 2), lambda *_: 1, dimensions=DIMENSIONS | {"transport": ["1"]}), "the dimensions are"),
    ],
)
def test_other_answers_are_refused(payload: bytes, message: str) -> None:
    with pytest.raises(ParseError, match=message):
        landed(payload)


def test_one_small_cube_is_asked_for_and_an_answer_in_the_making_is_asked_for_again() -> None:
    (asked,) = requests(Settings(), date(2026, 11, 2))
    assert asked.url.startswith("https://ec.europa.eu/eurostat/api/comext/dissemination/statistics/1.0/data/DS-059328?")
    assert "reporter=DE&partner=CN&" in asked.url
    assert "product=41&product=521&flow=1&flow=2&sinceTimePeriod=2002-01" in asked.url
    assert asked.busy is is_being_made
    assert is_being_made((FIXTURES / "asynchronous.json").read_bytes())
    assert not is_being_made(FIRST)
    assert not is_being_made((FIXTURES / "error_with_status_200.json").read_bytes())


def test_the_sample_is_read_whole_and_is_always_the_same() -> None:
    (one,) = payloads()
    assert one.content == next(iter(payloads())).content
    data = landed(one.content, "2026-10-31T12:00:00+00:00")
    assert data.quarantine == []
    assert checked("observation", data.observation).num_rows == 80

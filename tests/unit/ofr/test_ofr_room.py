"""The OFR room: vintages, suppressed values, the stamp of a vintage, the rule of repo data, requests, and planted faults."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest

from assets.ofr import ROOM, sample
from assets.ofr.fetch import requests
from assets.ofr.parse import parse
from undertow.archive import Sighting
from undertow.errors import ParseError
from undertow.room import Landed, load_room
from undertow.settings import Settings

ROOT = Path(__file__).resolve().parents[3]
ANSWER = (ROOT / "tests/fixtures/ofr/multifull_suppressed_and_two_vintages.json").read_bytes()
GENUINE = ROOT.parent / "shared/data/ofr/lhm_stfm_metadata_mnemonics_.json"
FETCHED = datetime(2025, 12, 31, 12, tzinfo=UTC)
DVP = "REPO-DVP_TV_TOT-P"


def read(payload: bytes, dataset: str = "stfm", fetched_at: datetime = FETCHED) -> Landed:
    sighting = Sighting(ROOM.name, dataset, "u", fetched_at, "0" * 64, len(payload), "replay")
    return parse(payload, sighting, load_room("ofr").catalogue())


def told(landed: Landed) -> dict[tuple[str, str], dict]:
    assert landed.observation is not None
    return {(row["series_id"][4:], row["period_end"].isoformat()): row for row in landed.observation.to_pylist()}


def edited(**changes: Any) -> bytes:
    """Return the answer with the DVP series changed: its cells, unit or stamp."""
    answer = json.loads(ANSWER)
    one = answer[DVP]
    one["timeseries"]["aggregation"] = changes.get("cells", one["timeseries"]["aggregation"])
    one["metadata"]["unit"] |= changes.get("unit", {})
    one["metadata"]["schedule"]["last_update"] = changes.get("stamp", one["metadata"]["schedule"]["last_update"])
    return json.dumps(answer).encode()


def test_preliminary_and_final_are_two_series() -> None:
    rows = told(read(ANSWER))
    preliminary, final = rows[DVP, "2025-12-24"], rows["REPO-DVP_TV_TOT-F", "2025-09-30"]
    assert (preliminary["value"], preliminary["obs_status"], preliminary["flags"]) == (2_000_000_000_001, "P", ["PRELIMINARY"])
    assert (final["value"], final["obs_status"], final["flags"]) == (1_900_000_000_000, "A", ["KNOWN_LATE"])
    assert final["known_at"] == datetime(2025, 12, 15, 14, tzinfo=UTC)
    assert final["known_at_basis"] == "provider"


def test_repo_data_come_on_the_next_business_day() -> None:
    rows = told(read(ANSWER))
    # offices were closed on 24, 25 and 26 December
    assert rows[DVP, "2025-12-24"]["known_at"] == datetime(2025, 12, 29, 20, tzinfo=UTC)
    assert rows[DVP, "2025-12-29"]["known_at"] == datetime(2025, 12, 30, 20, tzinfo=UTC)
    assert rows[DVP, "2025-12-29"]["known_at_basis"] == "lag_rule"


def test_nothing_is_known_after_the_stamp_of_its_vintage() -> None:
    row = told(read(edited(stamp="2025-12-30 14:30:00")))[DVP, "2025-12-29"]
    assert (row["known_at"], row["known_at_basis"]) == (datetime(2025, 12, 30, 19, 30, tzinfo=UTC), "provider")


def test_a_suppressed_value_is_a_row_that_says_so() -> None:
    row = told(read(ANSWER))[DVP, "2025-12-26"]
    assert (row["value"], row["obs_status"]) == (None, "Q")
    assert told(read(ANSWER.replace(b'"edited"', b"null")))[DVP, "2025-12-26"]["obs_status"] == "O"


def test_days_whose_publication_is_not_verified_are_marked() -> None:
    rows = told(read(edited(cells=[["2019-11-05", 1e12], ["2025-10-31", 2e12], ["2025-12-01", 3e12]])))
    risky = {day for (name, day), row in rows.items() if "LOOKAHEAD_RISK" in row["flags"]}
    assert risky == {"2019-11-05", "2025-10-31"}


def test_unknown_and_missing_series_are_told() -> None:
    places = {place: reason for place, reason, _ in read(ANSWER).quarantine}
    assert places["REPO-TRIV1_TV_TOT-P"] == "the series is not in assets/ofr/series.yml, so it is not read"
    assert places["FNYR-SOFR_UV-A"] == "the answer has no such series"
    assert not any(name.startswith("REPO-TRI") for name, _ in told(read(ANSWER)))


@pytest.mark.parametrize(
    ("payload", "match"),
    [
        (b"<html>", "not JSON"),
        (b"[]", "no object"),
        (b"{}", "no usable value"),
        (edited(unit={"magnitude": 6}), "magnitude 6"),
        (edited(unit={"name": "Percent"}), "is in Percent"),
        (edited(stamp="soon"), "stamp of its vintage"),
        (ANSWER.replace(b"last_update", b"updated"), "stamp of its vintage"),
        (edited(cells=[["2025-12-01", 1.0], ["2025-12-01", 2.0]]), "two values on 2025-12-01"),
    ],
)
def test_another_answer_is_refused(payload: bytes, match: str) -> None:
    with pytest.raises(ParseError, match=match):
        read(payload)


def test_cells_that_are_none_go_to_quarantine() -> None:
    landed = read(edited(cells=[["2025-12-01", 1e12], ["2026-12-01", 1e12], ["x", 1.0], ["2025-12-02", "a"], ["2025-12-03"]]))
    assert [place for place, _, _ in landed.quarantine].count(DVP) == 4
    assert [day for name, day in told(landed) if name == DVP] == ["2025-12-01"]


def test_form_pf_is_of_a_quarter_and_known_from_its_vintage() -> None:
    made = sample.multifull({"FPF-BORROW_REPO_SUM": [("2025-06-30", 2.9e12), ("2025-03-31", 2.7e12)]}, "2025-12-04 10:00:00")
    row = told(read(made, "hfm"))["FPF-BORROW_REPO_SUM", "2025-03-31"]
    assert (row["period_start"], row["value"], row["flags"]) == (date(2025, 1, 1), 2.7e12, ["KNOWN_LATE"])
    assert row["known_at"] == datetime(2025, 12, 4, 15, tzinfo=UTC)


def test_requests_ask_for_each_monitor_once_and_for_series_that_exist() -> None:
    asked = list(requests(Settings(), date(2026, 11, 21)))
    assert [one.url.partition(".gov/")[2] for one in asked] == ["v1/series/multifull", "hf/v1/series/multifull"]
    wanted = [name for one in asked for name in one.params["mnemonics"].split(",")]
    assert sorted(wanted) == sorted(load_room("ofr").catalogue()["series"])
    if not GENUINE.is_file():
        pytest.skip("the genuine list of series is not beside this checkout")
    listed = {name.upper() for name in json.loads(GENUINE.read_text(encoding="utf-8"))}
    assert {name.upper() for name in asked[0].params["mnemonics"].split(",")} <= listed

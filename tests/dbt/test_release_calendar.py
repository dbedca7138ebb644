"""The facts of the release calendar: delays to the day, one end for each release, bounds that say so.

Read from the seeds alone, so nothing is built. Where the table of facts lies beside the project, every row of it is looked up.

Delays that are not asserted to the day, because one of their dates has no source of its own: the Treasury Statement of September
2025 (it came out in the lapse, on a day that had been left open), import prices of October and November 2025 (no first date),
JOLTS of January 2026 (two transcriptions disagree), and all releases whose first date has the confidence ``memory``.
"""

from __future__ import annotations

import csv
from collections import Counter, defaultdict
from datetime import UTC, date, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from undertow.vocabulary import Event, Flag

SEEDS = Path(__file__).resolve().parents[2] / "dbt_project" / "seeds"
FACTS = Path(__file__).resolve().parents[3] / "shared" / "facts"
NEW_YORK = ZoneInfo("America/New_York")
PUBLISHED = ("released", "partial", "merged")


def rows_of(path: Path) -> list[dict[str, str]]:
    with path.open(newline="", encoding="utf-8") as handle:
        return list(csv.DictReader(handle))


EVENTS = rows_of(SEEDS / "seed_release_event.csv")
RELEASES = {row["release_id"]: row for row in rows_of(SEEDS / "seed_release.csv")}
LAPSES = {row["lapse_id"]: row for row in rows_of(SEEDS / "seed_lapse.csv")}
BY_RELEASE = defaultdict(list)
for _row in EVENTS:
    BY_RELEASE[_row["release_id"], _row["component"], _row["reference_period"]].append(_row)


def instant(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def day(text: str) -> date:
    return instant(text).astimezone(NEW_YORK).date()


def delay(release: str, period: str, component: str = "all") -> int | None:
    """Return the days from the first planned to the actual date, in New York."""
    rows = BY_RELEASE[release, component, period]
    planned = [row["event_at"] for row in BY_RELEASE[release, "all", period] if row["event"] == "scheduled" and row["event_at"]]
    came = [row["event_at"] for row in rows if row["event"] in PUBLISHED and row["event_at"]]
    return (day(came[0]) - day(planned[0])).days if planned and came else None


@pytest.mark.parametrize(
    ("release", "period", "planned", "came", "days"),
    [
        ("employment_situation", "2025-09", "2025-10-03", "2025-11-20", 48),
        ("cpi", "2025-09", "2025-10-15", "2025-10-24", 9),
        ("international_trade", "2025-08", "2025-10-07", "2025-11-19", 43),
        ("ppi", "2025-09", "2025-10-16", "2025-11-25", 40),
        ("industrial_production_g17", "2025-09", "2025-10-17", "2025-12-03", 47),
        ("personal_income_outlays", "2025-09", "2025-10-31", "2025-12-05", 35),
        ("employment_cost_index", "2025-Q3", "2025-10-31", "2025-12-10", 40),
        ("employment_situation", "2025-11", "2025-12-05", "2025-12-16", 11),
        ("cpi", "2025-11", "2025-12-10", "2025-12-18", 8),
        ("ppi", "2025-10", "2025-11-14", "2026-01-14", 61),
        ("jolts", "2025-09", "2025-11-04", "2025-12-09", 35),
        ("tic_monthly", "2025-08", "2025-10-17", "2025-11-18", 32),
        ("tic_monthly", "2025-09", "2025-11-18", "2025-11-18", 0),
        ("initial_claims", "2025-09-27", "2025-10-02", "2025-11-20", 49),
        ("initial_claims", "2025-11-08", "2025-11-13", "2025-11-20", 7),
        ("employment_situation", "1995-12", "1996-01-05", "1996-01-19", 14),
        ("employment_situation", "2013-09", "2013-10-04", "2013-10-22", 18),
        ("cpi", "2013-09", "2013-10-16", "2013-10-30", 14),
        ("employment_situation", "2026-01", "2026-02-06", "2026-02-11", 5),
        ("cpi", "2026-01", "2026-02-11", "2026-02-13", 2),
        ("jolts", "2025-12", "2026-02-03", "2026-02-05", 2),
    ],
)
def test_delays_to_the_day(release: str, period: str, planned: str, came: str, days: int) -> None:
    rows = {row["event"]: row for row in BY_RELEASE[release, "all", period]}
    assert day(rows["scheduled"]["event_at"]).isoformat() == planned
    assert next(day(row["event_at"]).isoformat() for row in rows.values() if row["event"] in PUBLISHED) == came
    assert delay(release, period) == days


def test_the_initial_estimate_of_the_third_quarter_stands_for_the_advance_one() -> None:
    advance = {row["event"]: row for row in BY_RELEASE["gdp_advance", "all", "2025-Q3"]}
    initial = next(row for row in BY_RELEASE["gdp_second", "all", "2025-Q3"] if row["event"] == "released")
    assert day(advance["scheduled"]["event_at"]) == date(2025, 10, 30)
    assert (day(initial["event_at"]) - day(advance["scheduled"]["event_at"])).days == 54
    assert "cancelled" in advance


def test_planned_but_not_yet_known_to_have_come() -> None:
    """The CFTC report of 4 November 2025: planned for 7 November, then for 9 December; its actual day has no source."""
    rows = {row["event"]: row for row in BY_RELEASE["cftc_tff", "all", "2025-11-04"]}
    assert (day(rows["rescheduled"]["event_at"]) - day(rows["scheduled"]["event_at"])).days == 32
    assert set(rows) == {"scheduled", "rescheduled"}
    assert ("cftc_tff", "all", "2025-11-11") not in BY_RELEASE, "Veterans Day: the report day was the Monday"
    assert ("cftc_tff", "all", "2025-11-10") in BY_RELEASE


def test_october_2025_by_component() -> None:
    def ends(release: str) -> dict[str, list[str]]:
        return {
            component: [row["event"] for row in rows if row["event"] != "scheduled"]
            for (name, component, period), rows in BY_RELEASE.items()
            if (name, period) == (release, "2025-10")
        }

    assert ends("employment_situation") == {
        "all": ["cancelled"],
        "establishment": ["merged"],
        "household": ["permanent_gap"],
    }
    assert ends("cpi") == {"all": ["cancelled"], "nonsurvey": ["merged"]}
    payrolls = BY_RELEASE["employment_situation", "establishment", "2025-10"][0]
    assert (payrolls["event_at"], payrolls["merged_into"]) == ("2025-12-16 13:30:00", "employment_situation:2025-11")
    assert delay("employment_situation", "2025-10", "establishment") == 39


def test_one_end_for_each_release_component_and_period() -> None:
    for key, rows in BY_RELEASE.items():
        ends = Counter(row["event"] for row in rows if row["event"] in {"released", "merged", "cancelled", "permanent_gap"})
        assert sum(ends.values()) <= 1, key
        assert sum(row["event"] == "scheduled" for row in rows) <= 1, key
        lone = [row["event"] for row in rows if row["event"] == "partial"]
        assert len(lone) <= 1, key


def test_a_merged_release_is_known_with_the_one_it_came_in() -> None:
    merged = [row for row in EVENTS if row["event"] == "merged" and row["merged_into"]]
    assert len(merged) >= 19
    for row in merged:
        release, period = row["merged_into"].split(":")
        target = [r for r in BY_RELEASE[release, "all", period] if r["event"] in PUBLISHED and r["event_at"]]
        assert target, row
        assert target[0]["event_at"] == row["event_at"], row


def test_words_instants_and_bounds() -> None:
    order = {"scheduled": 0, "rescheduled": 1}
    for row in EVENTS:
        assert row["release_id"] in RELEASES
        assert row["event"] in {event.value for event in Event}
        assert row["flags"] in {"", Flag.KNOWN_LATE, Flag.LOOKAHEAD_RISK}
        assert row["confidence"] in {"official", "press", "derived", "memory"}
        assert row["source"]
        assert row["lapse_id"] in {"", *LAPSES}
        if row["event"] == "released":
            assert row["announced_at"] == row["event_at"]
            assert (row["flags"] == Flag.LOOKAHEAD_RISK) == (row["confidence"] in {"memory", "derived"}), row
        elif row["event_at"]:
            assert row["announced_at"] <= row["event_at"] or order.get(row["event"]) == 0, row
        if row["announced_basis"] == "rule":
            told = instant(row["announced_at"]).astimezone(NEW_YORK)
            assert (told.month, told.day, told.hour, told.minute) == (1, 1, 0, 0), row
            assert row["flags"] == Flag.KNOWN_LATE
        if row["lapse_id"]:
            assert row["event"] not in {"scheduled", "released"} or row["component"] != "all"
            assert row["reason"]


def test_nothing_comes_before_it_was_told_and_nothing_is_told_after_it_came() -> None:
    for key, rows in BY_RELEASE.items():
        came = [row for row in rows if row["event"] == "released"]
        for row in rows:
            if row["event"] == "rescheduled" and came:
                assert row["announced_at"] <= came[0]["event_at"], key


def test_rooms_and_calendar_agree_on_components() -> None:
    """A component that a room names for a release with components of its own in October 2025 is one of those."""
    named = {row["component"] for row in EVENTS if row["release_id"] == "employment_situation"} - {"all"}
    assert named == {"establishment", "household"}
    rooms = Path(__file__).resolve().parents[2] / "assets"
    found = set()
    for path in sorted(rooms.glob("*/series.yml")):
        release = None
        for line in path.read_text(encoding="utf-8").splitlines():
            word, _, value = line.strip().partition(": ")
            if word == "release_id":
                release = value
            elif word == "component" and release == "employment_situation" and value not in ("null", "all"):
                found.add((path.parent.name, value))
    assert {component for _, component in found} <= named, found


def test_weekends() -> None:
    weekend = {
        (row["release_id"], row["event_at"][:10]) for row in EVENTS if row["event_at"] and day(row["event_at"]).isoweekday() > 5
    }
    assert weekend == {("fomc_statement", "2020-03-15")}


def test_lapses() -> None:
    assert len(LAPSES) == 9
    long = LAPSES["2025-10"]
    assert (long["start_date"], long["end_date"], long["days_inclusive"]) == ("2025-10-01", "2025-11-12", "43")
    for row in LAPSES.values():
        days = (date.fromisoformat(row["end_date"]) - date.fromisoformat(row["start_date"])).days + 1
        assert days == int(row["days_inclusive"]), row["lapse_id"]
        assert {row[f"{name}_closed"] for name in ("bls", "bea_census", "treasury_tic", "cftc")} <= {
            "yes", "partly", "no", "unknown",
        }  # fmt: skip
    assert {row["closes_with"] for row in RELEASES.values()} <= {"", "bls", "bea_census", "treasury_tic", "cftc"}


def test_every_row_of_the_facts_is_here() -> None:
    if not FACTS.is_dir():
        pytest.skip("the table of facts is not beside the project")
    facts = rows_of(FACTS / "release_events.csv")
    assert len(facts) == 1277
    assert len({row["release_id"] for row in facts}) == 39
    here = {
        (r["release_id"], r["reference_period"], r["event"], day(r["event_at"]).isoformat() if r["event_at"] else "")
        for r in EVENTS
    }
    lost = []
    for row in facts:
        at = "" if row["event"] == "cancelled" else row["event_date"]
        if (row["release_id"], row["reference_period"], row["event"], at) not in here:
            lost.append(row)
    assert lost == []
    confidences = Counter(row["confidence"] for row in facts)
    extra = Counter(row["confidence"] for row in EVENTS) - confidences
    # 11 of them are releases of BEA's international accounts, which its own calendar dates; 475 are TIC releases of months before
    # the table begins, from the sentence of each press release that names the next
    before = [row for row in EVENTS if row["release_id"] == "tic_monthly" and row["reference_period"] < "2023-11"]
    assert len(before) == 475
    assert sum(extra.values()) == len(EVENTS) - len(facts) == 16 + len(before)
    for fact in facts:
        for row in BY_RELEASE[fact["release_id"], "all", fact["reference_period"]]:
            if row["event"] == fact["event"] and fact["event_time_et"] and row["event_at"]:
                assert instant(row["event_at"]).astimezone(NEW_YORK).strftime("%H:%M") == fact["event_time_et"], fact
    statements = rows_of(FACTS / "fomc.csv")
    # the meeting planned for 17 and 18 March 2020 took place on the 15th
    moved = {"2020-03-15": "2020-03-18"}
    held = {moved.get(row["meeting_end"], row["meeting_end"]) for row in statements if row["status"] == "held"}
    assert {r["reference_period"] for r in EVENTS if r["release_id"] == "fomc_statement" and r["event"] == "released"} == held
    assert [row["lapse_id"] for row in rows_of(FACTS / "lapses.csv")] == list(LAPSES)

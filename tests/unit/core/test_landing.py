"""Landing: archived payloads become Parquet once, the same bytes every time, and a bad one spoils nothing but itself."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from undertow import landing as landing_module
from undertow.archive import Archive, Sighting
from undertow.errors import ParseError
from undertow.landing import count_rows, land, landed_files, prepare
from undertow.report import LandOutcome
from undertow.room import Dataset, Landed, Room, RoomModules
from undertow.schemas import PROVENANCE, TABLES, validate

NOON = datetime(2025, 11, 20, 12, 0, tzinfo=UTC)
HOUR = timedelta(hours=1)
STATES = ("observation", "series", "quarantine")


def observations(payload: Mapping[str, float]) -> pa.Table:
    schema = pa.schema([field for field in TABLES["observation"] if field.name not in {one.name for one in PROVENANCE}])
    rows = [
        {
            "series_id": name,
            "period_start": date(2025, 9, 1),
            "period_end": date(2025, 9, 30),
            "value": value,
            "known_at": NOON,
            "known_at_basis": "first_seen",
            "obs_status": "A",
            "flags": [],
            "footnotes": [],
        }
        for name, value in payload.items()
    ]
    return pa.Table.from_pylist(rows, schema=schema)


def descriptions(names: list[str]) -> pa.Table:
    schema = pa.schema([field for field in TABLES["series"] if field.name not in {one.name for one in PROVENANCE}])
    row = {
        "title": "T",
        "agency": "T",
        "unit": "index",
        "decimals": 1,
        "frequency": "M",
        "seasonal_adjustment": "NSA",
        "revision_policy": "write_once",
        "release_id": None,
        "component": None,
        "stale_after_days": 80,
        "licence": "public domain",
        "source_url": "https://example.org",
    }
    return pa.Table.from_pylist([{"series_id": name, **row} for name in names], schema=schema)


def release(year: int) -> pa.Table:
    """The events of one year that follow from a rule: none before 2024."""
    schema = pa.schema([field for field in TABLES["release_event"] if field.name not in {one.name for one in PROVENANCE}])
    row = {
        "release_id": "r",
        "component": "all",
        "reference_period": str(year),
        "reference_end": date(year, 12, 31),
        "event": "scheduled",
        "event_at": datetime(year + 1, 1, 15, tzinfo=UTC),
        "announced_at": datetime(year, 1, 1, tzinfo=UTC),
        "announced_basis": "rule",
        "flags": [],
        "merged_into": None,
        "reason": None,
        "source": "rule",
    }
    return pa.Table.from_pylist([row] if year >= 2024 else [], schema=schema)


@dataclass
class Fake:
    """A room whose payloads are JSON objects of series and values; it counts what it is asked to parse."""

    parsed: list[str] = field(default_factory=list)

    def parse(self, payload: bytes, sighting: Sighting, catalogue: Mapping[str, Any]) -> Landed:
        assert catalogue == {"catalogue": "of the fake room"}
        self.parsed.append(sighting.sha256)
        try:
            content = json.loads(payload)
        except ValueError as error:
            raise ParseError(f"not JSON: {error}") from None
        refused = [(f"key {name}", "not a number", str(value)) for name, value in content.items() if not _is_number(value)]
        values = {name: value for name, value in content.items() if _is_number(value)}
        return Landed(observation=observations(values), series=descriptions(list(values)), quarantine=refused)

    def modules(self, *, version: int = 1, rules: Callable[[int], pa.Table] | None = None) -> RoomModules:
        datasets = (Dataset("a", "A", "json"), Dataset("b", "B", "json"))
        return _Modules(Room("fake", "Fake", datasets, parser_version=version), lambda *_: [], self.parse, rules)


class _Modules(RoomModules):
    def catalogue(self) -> Mapping[str, Any]:
        return {"catalogue": "of the fake room"}


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float)


@pytest.fixture
def fake() -> Fake:
    return Fake()


@pytest.fixture
def archive(tmp_path: Path) -> Archive:
    return Archive(tmp_path / "archive")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "landing"


def keep(archive: Archive, content: bytes | dict[str, Any], dataset: str = "a", **changes: Any) -> Sighting:
    payload = content if isinstance(content, bytes) else json.dumps(content).encode()
    arguments = {"source": "fake", "dataset": dataset, "url": "https://example.org", "fetched_at": NOON, "origin": "replay"}
    return archive.store(payload, **{**arguments, **changes})[0]


def tree(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


def stored(folder: Path, table: str) -> list[dict[str, Any]]:
    return [row for path in landed_files(folder, "fake", table) for row in pq.read_table(path).to_pylist()]


def run(modules: RoomModules, archive: Archive, folder: Path) -> list[LandOutcome]:
    folder.mkdir(exist_ok=True)  # as Home.ensure does
    return list(land(modules, archive, folder))


def test_a_room_can_be_read_before_anything_landed(fake: Fake, folder: Path) -> None:
    prepare(fake.modules(), folder)
    for table in ("observation", "series", "release_event", "quarantine"):
        (path,) = landed_files(folder, "fake", table)
        assert pq.read_schema(path).names == TABLES[table].names
        assert count_rows([path]) == 0
    before = tree(folder)
    prepare(fake.modules(), folder)
    assert tree(folder) == before


def test_each_payload_and_table_is_a_file_whose_rows_say_where_they_came_from(
    fake: Fake, archive: Archive, folder: Path
) -> None:
    sighting = keep(archive, {"f.x": 1.5, "f.y": 2}, fetched_at=NOON)
    (outcome,) = run(fake.modules(version=3), archive, folder)
    assert outcome == LandOutcome("fake", "a", sighting.sha256, {"observation": 2, "series": 2})
    name = f"a-20251120T120000Z-{sighting.sha256[:12]}-v3.parquet"
    for table in ("observation", "series"):
        path = folder / "fake" / table / name
        assert path in landed_files(folder, "fake", table)
        validate(table, pq.read_table(path))
    assert not (folder / "fake" / "release_event" / name).exists()  # nothing to say, no file
    for row in stored(folder, "observation"):
        assert row["fetched_at"] == NOON
        assert row["payload_sha256"] == sighting.sha256
        assert row["origin"] == "replay"
        assert row["parser_version"] == 3
    assert {row["series_id"]: row["value"] for row in stored(folder, "observation")} == {"f.x": 1.5, "f.y": 2.0}


def test_what_is_landed_is_not_landed_again(fake: Fake, archive: Archive, folder: Path) -> None:
    keep(archive, {"f.x": 1})
    assert len(run(fake.modules(), archive, folder)) == 1
    before = tree(folder)
    assert run(fake.modules(), archive, folder) == []
    assert tree(folder) == before
    assert len(fake.parsed) == 1


def test_an_address_that_only_confirms_what_ended_long_ago_is_dead(fake: Fake, archive: Archive, folder: Path) -> None:
    modules = replace(
        fake.modules(), room=Room("fake", "Fake", (Dataset("a", "A", "json", dead_after_days=100), Dataset("b", "B", "json")))
    )
    first, other = keep(archive, {"f.x": 1}), keep(archive, {"f.y": 1}, dataset="b")  # of September 2025
    seen = {("a", first.sha256), ("b", other.sha256)}
    assert [outcome.error for outcome in land(modules, archive, folder, seen)] == [None, None]
    for sighting in (first, other):
        archive.record_unchanged(sighting, datetime(2026, 1, 8, tzinfo=UTC))
    assert list(land(modules, archive, folder, seen)) == []  # 100 days after the end of September
    for sighting in (first, other):
        archive.record_unchanged(sighting, datetime(2026, 1, 9, tzinfo=UTC))
    (outcome,) = land(modules, archive, folder, seen)
    assert (outcome.dataset, outcome.sha256, outcome.rows) == ("a", first.sha256, {})
    assert outcome.error == (
        "fake/a: dead: the address answers, but the newest period there ended on 2025-09-30, 101 days before it was fetched "
        "(what is kept up is at most 100 days behind)"
    )
    assert list(land(modules, archive, folder)) == []  # it was not asked in this run
    assert {row["series_id"] for row in stored(folder, "observation")} == {"f.x", "f.y"}  # what it told stands
    broken = keep(archive, b"not JSON", fetched_at=datetime(2026, 1, 10, tzinfo=UTC))
    (outcome,) = land(modules, archive, folder, {("a", broken.sha256)})
    assert "not JSON" in str(outcome.error)  # one reason is enough


def test_a_new_payload_adds_files_and_changes_none(fake: Fake, archive: Archive, folder: Path) -> None:
    keep(archive, {"f.x": 1})
    run(fake.modules(), archive, folder)
    before = tree(folder)
    keep(archive, {"f.x": 2}, fetched_at=NOON + HOUR)
    assert [outcome.rows["observation"] for outcome in run(fake.modules(), archive, folder)] == [1]
    after = tree(folder)
    assert {name: after[name] for name in before} == before
    assert len(after) == len(before) + 3  # two tables and the mark


def test_landing_from_the_archive_gives_the_same_bytes_again(fake: Fake, archive: Archive, tmp_path: Path) -> None:
    """In one go, or one payload a run: file names and bytes follow from the archive."""
    payloads: list[bytes | dict[str, Any]] = [{"f.x": 1, "f.y": "?"}, b"torn", {"f.x": 2}]
    for hours, payload in enumerate(payloads):
        keep(archive, payload, fetched_at=NOON + hours * HOUR)
        run(fake.modules(rules=release), archive, tmp_path / "bit by bit")
    run(fake.modules(rules=release), archive, tmp_path / "at once")
    run(fake.modules(rules=release), archive, tmp_path / "once more")
    assert tree(tmp_path / "at once") == tree(tmp_path / "once more") == tree(tmp_path / "bit by bit")


def test_the_same_bytes_seen_twice_land_once_with_their_first_sighting(fake: Fake, archive: Archive, folder: Path) -> None:
    keep(archive, {"f.x": 1}, fetched_at=NOON + HOUR)
    keep(archive, {"f.x": 1}, fetched_at=NOON)
    keep(archive, {"f.x": 1}, "b", fetched_at=NOON + HOUR)  # another dataset is another payload
    assert sorted(outcome.dataset for outcome in run(fake.modules(), archive, folder)) == ["a", "b"]
    assert sorted(row["fetched_at"] for row in stored(folder, "observation")) == [NOON, NOON + HOUR]


def test_an_earlier_sighting_that_arrives_later_counts(fake: Fake, archive: Archive, tmp_path: Path) -> None:
    """A live fetch, and then the replay of an older archive that holds the same bytes: they were known earlier."""
    keep(archive, {"f.x": 1}, fetched_at=NOON)
    run(fake.modules(), archive, tmp_path / "grown")
    keep(archive, {"f.x": 1}, fetched_at=NOON - HOUR)
    run(fake.modules(), archive, tmp_path / "grown")
    run(fake.modules(), archive, tmp_path / "rebuilt")
    for where in ("rebuilt", "grown"):
        assert min(row["fetched_at"] for row in stored(tmp_path / where, "observation")) == NOON - HOUR, where


def test_a_payload_that_does_not_parse_is_recorded_and_does_not_stop_the_others(
    fake: Fake, archive: Archive, folder: Path
) -> None:
    bad = keep(archive, b"<html>", fetched_at=NOON)
    keep(archive, {"f.x": 1}, fetched_at=NOON + HOUR)
    first, second = run(fake.modules(), archive, folder)
    assert first.error is not None
    assert first.error.startswith(f"fake/a ({bad.sha256[:12]}): not JSON: ")
    assert (first.rows, first.quarantined) == ({}, 0)
    assert (second.error, second.rows["observation"]) == (None, 1)
    assert run(fake.modules(), archive, folder) == []  # it is not tried again ...
    assert fake.parsed.count(bad.sha256) == 1
    (again,) = [outcome for outcome in run(fake.modules(version=2), archive, folder) if outcome.error]
    assert again.sha256 == bad.sha256  # ... until the parser is a newer one
    assert archive.read(bad.sha256) == b"<html>"


def test_rows_that_break_the_contract_are_refused_as_a_whole(fake: Fake, archive: Archive, folder: Path) -> None:
    keep(archive, {"f.x": float("inf")})
    (outcome,) = run(fake.modules(), archive, folder)
    assert outcome.error is not None
    assert outcome.error.endswith("observation: value holds infinite or not-a-number values")
    assert stored(folder, "observation") == stored(folder, "series") == []


def test_what_a_parser_could_not_use_is_quarantined(fake: Fake, archive: Archive, folder: Path) -> None:
    sighting = keep(archive, {"f.x": 1, "f.y": "n/a", "f.z": None})
    (outcome,) = run(fake.modules(), archive, folder)
    assert outcome.quarantined == 2
    assert outcome.rows == {"observation": 1, "series": 1}
    rows = stored(folder, "quarantine")
    assert [(row["place"], row["reason"], row["raw"]) for row in rows] == [
        ("key f.y", "not a number", "n/a"),
        ("key f.z", "not a number", "None"),
    ]
    assert {row["payload_sha256"] for row in rows} == {sighting.sha256}
    assert {row["fetched_at"] for row in rows} == {NOON}


def test_a_payload_of_nothing_but_refused_rows_lands_its_quarantine(fake: Fake, archive: Archive, folder: Path) -> None:
    keep(archive, {"f.y": "n/a"})
    (outcome,) = run(fake.modules(), archive, folder)
    assert (outcome.error, outcome.rows, outcome.quarantined) == (None, {}, 1)


def test_bytes_kept_with_a_problem_are_not_parsed(fake: Fake, archive: Archive, folder: Path) -> None:
    keep(archive, b"<html>", problem="expected JSON, got an HTML page")
    assert run(fake.modules(), archive, folder) == []
    assert fake.parsed == []


def test_another_rooms_payloads_are_left_alone(fake: Fake, archive: Archive, folder: Path) -> None:
    keep(archive, {"f.x": 1}, source="other")
    assert run(fake.modules(), archive, folder) == []


@pytest.mark.parametrize("writes", range(4))
def test_a_run_killed_between_two_writes_is_completed_by_the_next(
    fake: Fake, archive: Archive, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, writes: int
) -> None:
    """Killed before the first table, between tables, or between the tables and the mark."""
    keep(archive, {"f.x": 1, "f.y": "?"})
    folder = tmp_path / "killed"
    prepare(fake.modules(), folder)
    left = [writes]

    def until_killed(write: Callable[..., None]) -> Callable[..., None]:
        def call(*arguments: Any) -> None:
            if not left[0]:
                raise KeyboardInterrupt
            left[0] -= 1
            write(*arguments)

        return call

    with monkeypatch.context() as patch:
        patch.setattr(landing_module, "write_bytes", until_killed(landing_module.write_bytes))
        patch.setattr(landing_module, "write_text", until_killed(landing_module.write_text))
        with pytest.raises(KeyboardInterrupt):
            run(fake.modules(), archive, folder)
    assert sum(len(landed_files(folder, "fake", table)) - 1 for table in STATES) == writes
    (outcome,) = run(fake.modules(), archive, folder)
    assert (outcome.rows["observation"], outcome.quarantined) == (1, 1)
    run(fake.modules(), archive, tmp_path / "whole")
    assert tree(folder) == tree(tmp_path / "whole")


def test_rules_are_landed_up_to_the_year_of_the_newest_payload(fake: Fake, archive: Archive, folder: Path) -> None:
    modules = fake.modules(rules=release)
    assert run(modules, archive, folder) == []  # without data no horizon
    keep(archive, {"f.x": 1}, fetched_at=NOON)
    outcomes = run(modules, archive, folder)
    assert [(outcome.dataset, outcome.rows) for outcome in outcomes] == [
        ("a", {"observation": 1, "series": 1}),
        ("rules", {"release_event": 2}),
    ]
    assert [row["reference_period"] for row in stored(folder, "release_event")] == ["2024", "2025"]
    assert {row["origin"] for row in stored(folder, "release_event")} == {"rule"}
    assert {row["payload_sha256"] for row in stored(folder, "release_event")} == {"rule:fake:v1"}
    assert run(modules, archive, folder) == []
    keep(archive, {"f.x": 2}, fetched_at=NOON.replace(year=2026))
    assert [outcome.rows for outcome in run(modules, archive, folder) if outcome.dataset == "rules"] == [{"release_event": 3}]


def test_rules_that_say_nothing_leave_no_file(fake: Fake, archive: Archive, folder: Path) -> None:
    keep(archive, {"f.x": 1}, fetched_at=NOON.replace(year=2023))
    assert [outcome.dataset for outcome in run(fake.modules(rules=release), archive, folder)] == ["a"]
    assert len(landed_files(folder, "fake", "release_event")) == 1


def test_rows_are_counted_from_the_footers(fake: Fake, archive: Archive, folder: Path) -> None:
    keep(archive, {"f.x": 1, "f.y": 2})
    keep(archive, {"f.x": 3}, "b")
    run(fake.modules(), archive, folder)
    assert count_rows(landed_files(folder, "fake", "observation")) == 3
    assert count_rows([]) == 0


def test_other_bytes_that_say_the_same_land_nothing(fake: Fake, archive: Archive, folder: Path) -> None:
    """An answer that holds how long it took has new bytes every time; that alone is no news."""
    keep(archive, b'{"f.x": 1, "f.y": "?"}', fetched_at=NOON)
    run(fake.modules(), archive, folder)
    before = {name for name in tree(folder) if name.endswith(".parquet")}
    keep(archive, b'{"f.x":   1, "f.y": "?"}', fetched_at=NOON + HOUR)
    (outcome,) = run(fake.modules(), archive, folder)
    assert (outcome.rows, outcome.quarantined, outcome.error, outcome.notes) == ({}, 0, None, [])
    assert {name for name in tree(folder) if name.endswith(".parquet")} == before
    assert run(fake.modules(), archive, folder) == []
    keep(archive, b'{"f.x": 1, "f.y": "!"}', fetched_at=NOON + 2 * HOUR)  # another refused row is news
    assert [one.quarantined for one in run(fake.modules(), archive, folder)] == [1]
    keep(archive, b'{"f.x": 1, "f.y": "!" }', fetched_at=NOON + 3 * HOUR, origin="live")  # and so is another origin
    assert [one.rows["observation"] for one in run(fake.modules(), archive, folder)] == [1]


def test_a_payload_between_two_that_say_the_same_makes_the_second_news(fake: Fake, archive: Archive, tmp_path: Path) -> None:
    """A replay may bring it later; then the landing is as if it had been there from the first."""
    keep(archive, b'{"f.x": 1}', fetched_at=NOON)
    keep(archive, b'{"f.x":  1}', fetched_at=NOON + 2 * HOUR)
    assert [bool(one.rows) for one in run(fake.modules(), archive, tmp_path / "grown")] == [True, False]
    keep(archive, b'{"f.x": 2}', fetched_at=NOON + HOUR)
    assert [bool(one.rows) for one in run(fake.modules(), archive, tmp_path / "grown")] == [True, True]
    run(fake.modules(), archive, tmp_path / "rebuilt")
    assert tree(tmp_path / "grown") == tree(tmp_path / "rebuilt")


def test_bytes_that_come_back_are_said_again(fake: Fake, archive: Archive, folder: Path) -> None:
    """A provider sends a wrong file and then the right one again: the right value is known anew from then on."""
    for hours, value in enumerate((1, 1000, 1, 1)):
        keep(archive, {"f.x": value}, fetched_at=NOON + hours * HOUR)
        run(fake.modules(), archive, folder)
    rows = sorted(stored(folder, "observation"), key=lambda row: row["fetched_at"])
    assert [(row["fetched_at"] - NOON, row["value"]) for row in rows] == [(0 * HOUR, 1.0), (HOUR, 1000.0), (2 * HOUR, 1.0)]
    assert run(fake.modules(), archive, folder) == []


def test_two_addresses_that_give_different_bytes_do_not_contradict_each_other(
    fake: Fake, archive: Archive, folder: Path
) -> None:
    for hours, (value, url) in enumerate([(1, "a"), (2, "b"), (1, "a"), (2, "b")]):
        keep(archive, {"f.x": value}, fetched_at=NOON + hours * HOUR, url=f"https://{url}.example.org")
    run(fake.modules(), archive, folder)
    assert sorted(row["value"] for row in stored(folder, "observation")) == [1.0, 2.0]


def test_a_history_that_shrinks_is_noticed_and_loses_nothing(fake: Fake, archive: Archive, folder: Path) -> None:
    keep(archive, {"f.x": 1, "f.y": 2, "f.z": 3})
    run(fake.modules(), archive, folder)
    keep(archive, {"f.x": 1, "f.w": 4}, fetched_at=NOON + HOUR)
    (outcome,) = run(fake.modules(), archive, folder)
    assert outcome.notes == [
        "fake/a: the payload of 2025-11-20T13:00:00Z lacks 2 observations (2 series, 2025-09-01 to 2025-09-30) that the one of "
        "2025-11-20T12:00:00Z had; what that one said of them stays"
    ]
    assert {row["series_id"] for row in stored(folder, "observation")} == {"f.w", "f.x", "f.y", "f.z"}
    moving = replace(fake.modules().room, datasets=(Dataset("a", "A", "json", moves=True),))
    keep(archive, {"f.x": 5}, fetched_at=NOON + 2 * HOUR)
    assert [one.notes for one in run(_Modules(moving, lambda *_: [], fake.parse, None), archive, folder)] == [[]]


def test_a_payload_that_does_not_parse_is_named_as_long_as_the_provider_sends_it(
    fake: Fake, archive: Archive, folder: Path
) -> None:
    bad = keep(archive, b"<html>")
    (first,) = run(fake.modules(), archive, folder)
    assert run(fake.modules(), archive, folder) == []  # another run, which did not ask for it
    assert list(land(fake.modules(), archive, folder, {("b", bad.sha256)})) == []
    assert list(land(fake.modules(), archive, folder, {("a", bad.sha256)})) == [first]
    assert fake.parsed == [bad.sha256]

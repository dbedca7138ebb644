"""History on disk: a newer parser, an older schema, and many small files; none loses a vintage."""

import os
import time
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from undertow.archive import Archive, Sighting
from undertow.errors import UndertowError
from undertow.history import compact, keep_house, migrate
from undertow.landing import land
from undertow.room import Dataset, Landed, Room, RoomModules
from undertow.schemas import OBSERVATION, SCHEMA_VERSION, SERIES
from undertow.settings import Home

START = datetime(2025, 1, 1, tzinfo=UTC)


def observations(values: Mapping[int, float | None]) -> pa.Table:
    """One observation a day of January 2025 (key: day), known at the end of that day by a rule."""
    days = sorted(values)
    return pa.table(
        {
            "series_id": ["t.S"] * len(days),
            "period_start": [date(2025, 1, day) for day in days],
            "period_end": [date(2025, 1, day) for day in days],
            "value": pa.array([values[day] for day in days], pa.float64()),
            "known_at": pa.array([datetime(2025, 1, day, 16, tzinfo=UTC) for day in days], pa.timestamp("us", tz="UTC")),
            "known_at_basis": ["lag_rule"] * len(days),
            "obs_status": ["A" if values[day] is not None else "O" for day in days],
            "flags": pa.array([[]] * len(days), pa.list_(pa.string())),
            "footnotes": pa.array([[]] * len(days), pa.list_(pa.string())),
        }
    )


def parse(payload: bytes, sighting: Sighting, catalogue: Mapping[str, Any]) -> Landed:
    """A payload is `day=value` pairs; an empty value is a missing one."""
    del sighting, catalogue
    pairs = [pair.split("=") for pair in payload.decode().split()]
    return Landed(observation=observations({int(day): float(value) if value else None for day, value in pairs}))


class TestRoom(RoomModules):
    """A room that reads no catalogue."""

    __test__ = False

    def catalogue(self) -> Mapping[str, Any]:
        return {}


def room(version: int = 1, read: Any = parse) -> RoomModules:
    described = Room("t", "Test", (Dataset("d", "Days", "any"),), tables=("observation",), parser_version=version)
    return TestRoom(described, lambda *_: [], read, None)


def store(archive: Archive, text: str, after_days: int) -> None:
    archive.store(
        text.encode(), source="t", dataset="d", url="u", fetched_at=START + timedelta(days=after_days), origin="replay"
    )


def landed(home: Home) -> list[dict[str, Any]]:
    return (
        duckdb.sql(
            f"SELECT * FROM read_parquet('{home.landing}/t/observation/*.parquet') "
            "ORDER BY period_end, fetched_at, parser_version, parsed_at"
        )
        .to_arrow_table()
        .to_pylist()
    )


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(tmp_path).ensure()


def test_a_newer_parser_lands_only_what_it_reads_differently(home: Home) -> None:
    archive = Archive(home.archive)
    store(archive, "2=1.0 3=2.0 4=3.0", 10)
    assert [outcome.rows for outcome in land(room(), archive, home.landing)] == [{"observation": 3}]
    before = landed(home)

    def better(payload: bytes, sighting: Sighting, catalogue: Mapping[str, Any]) -> Landed:
        """Reads the third day otherwise, does not find the fourth, and finds a fifth."""
        del payload, sighting, catalogue
        return Landed(observation=observations({2: 1.0, 3: 2.5, 5: 9.0}))

    began = datetime.now(UTC)
    (outcome,) = land(room(2, better), archive, home.landing)
    assert outcome.rows == {"observation": 3}
    after = landed(home)
    assert [row for row in after if row["parser_version"] == 1] == before
    fresh = {row["period_end"].day: row for row in after if row["parser_version"] == 2}
    assert {day: (row["value"], row["obs_status"]) for day, row in fresh.items()} == {
        3: (2.5, "A"),
        4: (None, "O"),
        5: (9.0, "A"),
    }
    for row in fresh.values():
        assert row["known_at"] >= began
        assert row["known_at"] == row["parsed_at"]
        assert row["known_at_basis"] == "first_seen"
        assert row["flags"] == ["KNOWN_LATE"]
        assert row["footnotes"] == ["read again by parser 2"]
    assert list(land(room(2, better), archive, home.landing)) == []


def test_the_first_reading_after_a_failure_is_no_rereading(home: Home) -> None:
    from undertow.errors import ParseError

    def broken(payload: bytes, sighting: Sighting, catalogue: Mapping[str, Any]) -> Landed:
        raise ParseError("no")

    archive = Archive(home.archive)
    store(archive, "2=1.0", 10)
    (failed,) = land(room(1, broken), archive, home.landing)
    assert failed.error is not None
    (outcome,) = land(room(2), archive, home.landing)
    assert outcome.rows == {"observation": 1}
    (row,) = landed(home)
    assert (row["known_at_basis"], row["flags"], row["parsed_at"]) == ("lag_rule", [], row["fetched_at"])


def test_an_older_schema_is_migrated_in_place(home: Home) -> None:
    archive = Archive(home.archive)
    store(archive, "2=1.0 3=2.0", 10)
    list(land(room(), archive, home.landing))
    expected = landed(home)
    for path in home.landing.rglob("*.parquet"):
        pq.write_table(pq.read_table(path).drop_columns(["parsed_at"]), path)
    (home.landing / "schema_version").write_text("1\n")
    assert migrate(home.landing) == len(list(home.landing.rglob("*.parquet")))
    assert (home.landing / "schema_version").read_text() == f"{SCHEMA_VERSION}\n"
    assert landed(home) == expected
    assert migrate(home.landing) == 0


def test_a_landing_without_a_mark_is_the_first_version(home: Home) -> None:
    archive = Archive(home.archive)
    store(archive, "2=1.0", 10)
    list(land(room(), archive, home.landing))
    (home.landing / "schema_version").unlink()
    for path in home.landing.rglob("*.parquet"):
        pq.write_table(pq.read_table(path).drop_columns(["parsed_at"]), path)
    list(land(room(), archive, home.landing))
    assert [row["parsed_at"] for row in landed(home)] == [START + timedelta(days=10)]


def states(rows: list[dict[str, Any]]) -> list[tuple]:
    """What the models make of landed rows: the states of each period in the order in which they were read."""
    ordered = sorted(
        rows, key=lambda r: (r["period_end"], min(r["known_at"], r["fetched_at"]), r["fetched_at"], r["payload_sha256"])
    )
    kept: list[tuple] = []
    for row in ordered:
        state = (row["period_end"], row["value"], row["obs_status"])
        if not kept or kept[-1][:3] != state:
            kept.append((*state, row["fetched_at"], row["payload_sha256"]))
    return kept


def test_compaction_keeps_every_state_and_drops_repetitions(home: Home) -> None:
    archive = Archive(home.archive)
    texts = ["2=1.0 3=2.0", "2=1.0 3=2.0 4=3.0", "2=1.5 3=2.0 4=3.0 5=4.0", "2=1.0 3=2.0 4=3.0 5=4.0 6=", "6=7.0"]
    for number, text in enumerate(texts):
        store(archive, text, 10 + number)
    list(land(room(), archive, home.landing))
    before = states(landed(home))
    (result,) = compact(home, at_least=2)
    assert (result.files_before, result.rows_before) == (5, 15)
    assert result.rows_after < 15
    assert states(landed(home)) == before
    assert [path.name for path in (home.landing / "t/observation").glob("*.parquet") if path.name != "empty.parquet"] == [
        next((home.landing / "t/observation").glob("compacted-*.parquet")).name
    ]
    assert list(land(room(), archive, home.landing)) == []  # nothing is landed twice
    assert list(compact(home, at_least=2)) == []


def test_the_newest_period_of_each_payload_stays(home: Home) -> None:
    archive = Archive(home.archive)
    for number in range(4):
        store(archive, f"1={number}.0 2=1.0 3=2.0", 10 + number)  # all but one period said again
    list(land(room(), archive, home.landing))
    list(compact(home, at_least=2))
    rows = landed(home)
    assert {row["payload_sha256"] for row in rows if row["period_end"] == date(2025, 1, 3)} == {
        sighting.sha256 for sighting in archive.sightings()
    }
    assert len([row for row in rows if row["period_end"] == date(2025, 1, 2)]) == 1


def test_a_compaction_cut_off_before_the_old_files_go_is_harmless(home: Home) -> None:
    archive = Archive(home.archive)
    for number, text in enumerate(["2=1.0", "2=1.0 3=2.0", "2=1.5 3=2.0"]):
        store(archive, text, 10 + number)
    list(land(room(), archive, home.landing))
    before = states(landed(home))
    files = {path: path.read_bytes() for path in (home.landing / "t/observation").glob("d-*.parquet")}
    list(compact(home, at_least=2))
    for path, content in files.items():  # as after a kill between the merged file and the removal of the others
        path.write_bytes(content)
    assert states(landed(home)) == before
    list(compact(home, at_least=2))
    assert states(landed(home)) == before


@settings(max_examples=25, deadline=None)
@given(
    histories=st.lists(
        st.dictionaries(st.integers(1, 4), st.sampled_from([None, 1.0, 2.0]), min_size=1), min_size=2, max_size=6
    )
)
def test_compaction_never_loses_a_state(
    tmp_path_factory: pytest.TempPathFactory, histories: list[dict[int, float | None]]
) -> None:
    home = Home(tmp_path_factory.mktemp("h")).ensure()
    archive = Archive(home.archive)
    for number, history in enumerate(histories):
        text = " ".join(f"{day}={'' if value is None else value}" for day, value in history.items())
        store(archive, text, 20 + number)
    list(land(room(), archive, home.landing))
    before = states(landed(home))
    list(compact(home, at_least=2))
    assert states(landed(home)) == before


def test_keeping_house_leaves_archive_landing_and_builds(home: Home) -> None:
    runs = home.quality / "runs"
    runs.mkdir()
    for number in range(5):
        (runs / f"2025010{number}.json").write_text("{}")
    old = home.root / "known_by" / "old"
    old.mkdir(parents=True)
    os.utime(old, (time.time() - 1e6, time.time() - 1e6))
    (home.root / "known_by" / "new").mkdir()
    a_day_ago = datetime.now(UTC) - timedelta(days=1)
    planned = keep_house(home, reports=2, before=a_day_ago, dry_run=True)
    assert [(removal.kind, removal.path.name) for removal in planned] == [
        ("run report", "20250100.json"),
        ("run report", "20250101.json"),
        ("run report", "20250102.json"),
        ("cut-off build", "old"),
    ]
    assert all(removal.path.exists() for removal in planned)
    assert keep_house(home, reports=2, before=a_day_ago) == planned
    assert not any(removal.path.exists() for removal in planned)
    assert sorted(path.name for path in runs.iterdir()) == ["20250103.json", "20250104.json"]
    assert [path.name for path in (home.root / "known_by").iterdir()] == ["new"]


def test_a_cut_off_build_that_was_written_to_lately_stays(home: Home) -> None:
    """Its own folder is old; what was published in it is not."""
    published = home.root / "known_by/used/published"
    published.mkdir(parents=True)
    os.utime(home.root / "known_by/used", (time.time() - 1e6, time.time() - 1e6))
    assert keep_house(home, reports=2, before=datetime.now(UTC) - timedelta(days=1)) == []
    os.utime(published, (time.time() - 1e6, time.time() - 1e6))
    assert [r.path.name for r in keep_house(home, reports=2, before=datetime.now(UTC) - timedelta(days=1))] == ["used"]


def test_a_dry_compaction_writes_nothing_and_says_what_would_come_of_it(home: Home) -> None:
    archive = Archive(home.archive)
    for number, text in enumerate(["2=1.0", "2=1.0 3=2.0", "2=1.5 3=2.0"]):
        store(archive, text, 10 + number)
    list(land(room(), archive, home.landing))
    before = {path: path.read_bytes() for path in home.landing.rglob("*") if path.is_file()}
    told: list[str] = []
    (planned,) = compact(home, at_least=3, dry_run=True, listener=told.append)
    assert {path: path.read_bytes() for path in home.landing.rglob("*") if path.is_file()} == before
    assert told == ["t/observation, 3 files"]
    (done,) = compact(home, at_least=3)
    assert planned == done
    (merged,) = (home.landing / "t/observation").glob("compacted-*.parquet")
    assert done.bytes_after == merged.stat().st_size
    assert done.bytes_before == sum(len(content) for path, content in before.items() if path.match("t/observation/d-*.parquet"))


def test_a_damaged_file_stops_the_compaction_of_its_table_with_one_sentence(home: Home) -> None:
    archive = Archive(home.archive)
    for number, text in enumerate(["2=1.0", "2=1.0 3=2.0"]):
        store(archive, text, 10 + number)
    list(land(room(), archive, home.landing))
    victim = sorted((home.landing / "t/observation").glob("d-*.parquet"))[0]
    victim.write_bytes(b"torn")
    with pytest.raises(UndertowError, match="t/observation cannot be merged, and is as it was"):
        list(compact(home, at_least=2))
    assert len(list((home.landing / "t/observation").glob("d-*.parquet"))) == 2


def test_every_schema_ends_with_the_provenance() -> None:
    assert OBSERVATION.names[-5:] == ["fetched_at", "payload_sha256", "origin", "parser_version", "parsed_at"]
    assert SERIES.names[-5:] == OBSERVATION.names[-5:]
    assert replace(room().room, parser_version=3).parser_version == 3

"""Rule 11: what was built only from what was known by D equals the full build, filtered to what was known by D."""

from pathlib import Path

import duckdb
import numpy as np
import pyarrow as pa
import pytest

from orchestration.warehouse import Warehouse
from undertow.dictionary import macro_results
from undertow.instants import format_instant, parse_instant
from undertow.publish import Build, publish
from undertow.settings import Home
from undertow.store import FeatureStore

ROOT = Path(__file__).resolve().parents[2]
INSTANTS = [
    "2008-09-15T20:00Z",  # a crisis, eighteen years of later data away
    "2025-10-24T12:29Z",  # one minute before September 2025 became known
    "2025-11-22T00:00Z",  # October 2025 cancelled, its non-survey values not yet published
    "2025-12-18T13:30Z",  # the very instant of a release that carries two months
    "2026-09-11T12:30Z",  # the instant of the seasonally adjusted vintage
    "2026-10-31T12:00Z",  # the very instant at which samples were fetched that nothing else dates
]
BEGINS = {  # what the sample has of these marts begins late; elsewhere it is empty, and the comparison says nothing
    "mart_claims_audit": "2025-05-01 04:00:00",  # the first essay
    "mart_cross_border_holdings": "2026-10-31 12:00:00",
    "mart_fragility": "2025-09-23 04:00:00",
    "mart_fragility_input": "2025-09-23 04:00:00",
    "mart_private_credit_dispersion": "2025-08-01 00:00:00",
    "mart_private_credit_filings": "2025-08-01 00:00:00",
    "mart_private_credit_lines": "2025-08-01 00:00:00",
    "mart_private_credit_marks": "2025-08-01 00:00:00",
    "mart_reserve_ampleness": "2025-10-01 12:00:00",
}
NOT_BITEMPORAL = {"dim_series"}  # describes the present (design rule 11)


@pytest.fixture(scope="module", params=INSTANTS)
def both(request: pytest.FixtureRequest, sample_home: Home, tmp_path_factory: pytest.TempPathFactory):
    """The full warehouse attached as `full`, the one built from what was known by the instant as `cut`."""
    instant = parse_instant(request.param)
    database = tmp_path_factory.mktemp("cut") / "undertow.duckdb"
    results = Warehouse(sample_home, instant, database).build(tests=False)
    assert [r.name for r in results if r.status not in {"success", "no-op"}] == []
    connection = duckdb.connect(":memory:")
    connection.execute("SET TimeZone = 'UTC'")
    connection.execute(f"ATTACH '{sample_home.database}' AS full_build (READ_ONLY)")
    connection.execute(f"ATTACH '{database}' AS cut_build (READ_ONLY)")
    yield connection, format_instant(instant).removesuffix("Z").replace("T", " ")
    connection.close()


def test_every_mart_as_known_equals_the_cut_build(both) -> None:
    """Row for row, both ways, for every mart that exists; marts that come later are covered without an edit here."""
    connection, instant = both
    marts = [
        row[0]
        for row in connection.execute(
            "SELECT table_name FROM duckdb_tables() WHERE database_name = 'full_build' AND schema_name = 'marts'"
        ).fetchall()
    ]
    assert len(marts) >= 8
    compared = 0
    for mart in sorted(set(marts) - NOT_BITEMPORAL):
        full = f"SELECT * FROM full_build.marts.{mart} WHERE known_at <= TIMESTAMP '{instant}'"
        cut = f"SELECT * FROM cut_build.marts.{mart}"
        for left, right, what in ((full, cut, "missing from the cut build"), (cut, full, "only in the cut build")):
            extra = connection.execute(f"SELECT * FROM ({left} EXCEPT ALL {right}) LIMIT 3").fetchall()
            assert extra == [], f"{mart} as of {instant}: {what}: {extra}"
        rows = connection.execute(f"SELECT count(*) FROM ({cut})").fetchall()[0][0]
        assert rows > 0 or instant < BEGINS.get(mart, ""), f"{mart} is empty as of {instant}: the comparison says nothing"
        compared += rows
    assert compared > 100_000


EARLY = "2025-11-22T00:00Z"


def published_as_of(home: Home, instant: str, folder: Path) -> tuple[Home, Build]:
    """What a home would have published at an instant, in a home of its own."""
    cut = Warehouse(home, parse_instant(instant), folder / "undertow.duckdb")
    assert [r.name for r in cut.build(tests=False) if r.status not in {"success", "no-op"}] == []
    elsewhere = Home(folder / "home").ensure()
    build, _ = publish(elsewhere, folder / "undertow.duckdb", code_version="1", fingerprint="1", inputs=[], mode="sample")
    return elsewhere, build


@pytest.fixture(scope="module")
def early(sample_home: Home, tmp_path_factory: pytest.TempPathFactory) -> tuple[Home, Build]:
    return published_as_of(sample_home, EARLY, tmp_path_factory.mktemp("early"))


def test_later_files_change_no_byte_of_an_earlier_build(
    sample_home: Home, sample_build: Build, early: tuple[Home, Build], tmp_path: Path
) -> None:
    """Built at D with the files of observations that say nothing known by D, and without them: the same Parquet, byte for byte."""
    with duckdb.connect(str(sample_build.database), read_only=True) as connection:
        told = connection.execute(
            "SELECT DISTINCT left(payload_sha256, 12) FROM marts.fct_observation WHERE known_at <= ?", [parse_instant(EARLY)]
        ).fetchall()
    earlier = {row[0] for row in told}
    without, later = Home(tmp_path / "without").ensure(), []
    for path in sorted(sample_home.landing.rglob("*.parquet")):
        name = path.relative_to(sample_home.landing)
        if name.parts[1] == "observation" and path.name != "empty.parquet" and path.stem.split("-")[-2] not in earlier:
            later.append(name.as_posix())
            continue
        target = without.landing / name
        target.parent.mkdir(parents=True, exist_ok=True)
        target.hardlink_to(path)
    assert len(later) >= 10
    _, build = published_as_of(without, EARLY, tmp_path)
    tables = sorted(set(build.manifest["tables"]) - NOT_BITEMPORAL)
    assert len(tables) >= 25
    files = {table: [sorted((one.path / "marts" / table).glob("*.parquet")) for one in (early[1], build)] for table in tables}
    different = [
        table
        for table, (with_them, without_them) in files.items()
        if [path.read_bytes() for path in with_them] != [path.read_bytes() for path in without_them]
    ]
    assert different == []


def test_the_macros_look_no_further_than_their_instant(
    sample_home: Home, sample_build: Build, early: tuple[Home, Build]
) -> None:
    """Asked as of D, the full build says what a build says that was made from what was known by D: later periods included."""
    instant, (elsewhere, build) = EARLY, early
    answers, macros = {}, [macro.name for macro in macro_results(ROOT)]
    assert len(macros) >= 6
    for database in (sample_build.database, build.database):
        with duckdb.connect(str(database), read_only=True) as connection:
            connection.execute("SET TimeZone = 'UTC'")
            for macro in macros:
                counted = "SELECT count(*), bit_xor(hash(t)), sum(hash(t) % 4294967291)"
                answers.setdefault(macro, []).append(
                    connection.execute(f"{counted} FROM {macro}('{instant}') AS t").fetchall()[0]
                )
    assert [macro for macro, (full, cut_off) in answers.items() if full != cut_off] == []
    assert min(full[0] for full, _ in answers.values()) >= 5
    assert answers["as_known"][0][0] > 10_000
    _training_equals_serving(elsewhere, sample_home, instant)


def _training_equals_serving(cut_home: Home, full_home: Home, instant: str) -> None:
    """A model is trained by the full build on what the build of that instant would have fed it, in every column."""
    columns = ["value", "period_end", "known_at", "flags", "z_exp", "rank_exp", "confidence"]
    with FeatureStore(home=cut_home.root, frame="arrow") as then, FeatureStore(home=full_home.root, frame="arrow") as now:
        ids = now.feature_list("all")
        assert then.feature_list("all") == ids
        asked = pa.table({"as_of": [instant]})
        trained, served = (now.historical(asked, ids, columns=columns), then.latest(ids, instant, columns=columns))
        assert trained.drop_columns("as_of").equals(served.drop_columns("as_of"))
        assert sum(served[id_].null_count == 0 for id_ in ids) >= 60
        before = np.sort(np.random.default_rng(5).integers(0, 1_763_769_600, 2_000)) * 1_000_000  # up to that instant
        asked = pa.table({"as_of": pa.array(before).cast(pa.timestamp("us", tz="UTC"))})
        assert now.historical(asked, ids, columns=columns).equals(then.historical(asked, ids, columns=columns))

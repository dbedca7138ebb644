"""The Feast repository, asked by Feast itself: what it gives is what ``FeatureStore.historical`` and plain SQL give."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from benchmarks import features
from tests.integration.commands import call
from undertow.publish import Build
from undertow.settings import Home
from undertow.store import FeatureStore

HERE = Path(__file__).resolve().parent
COLUMNS = ["value", "z_exp", "rank_exp", "confidence", "flags", "period_end", "known_at"]
CPI = "inflation.cpi_all_12m"


@dataclass(frozen=True)
class Asked:
    """A repository, the questions put to it, and Feast's answers in the order of the questions."""

    repository: Path
    questions: pa.Table
    answers: dict[str, pa.Table]


@pytest.fixture(scope="module")
def store(sample_home: Home) -> Iterator[FeatureStore]:
    with FeatureStore(home=sample_home.root, frame="arrow") as opened:
        yield opened


@pytest.fixture(scope="module")
def asked(sample_home: Home, store: FeatureStore, tmp_path_factory: pytest.TempPathFactory) -> Asked:
    """Every signal at forty instants, most of them instants at which something became known or a microsecond before."""
    if not (python := os.environ.get("UNDERTOW_PEERS_PYTHON")):
        pytest.skip("UNDERTOW_PEERS_PYTHON names no interpreter with Feast; `make test` makes one")
    folder = tmp_path_factory.mktemp("feast")
    repository = folder / "features"
    assert call(sample_home.root, "export", "feast", str(repository)).returncode == 0
    dice = np.random.default_rng(3)
    known = store.sql("SELECT DISTINCT known_at FROM marts.mart_signal_long ORDER BY 1")["known_at"].to_pylist()
    instants = [known[i] for i in dice.integers(0, len(known), 22)] + [datetime(2025, 9, 20, tzinfo=UTC), known[-1]]
    instants += [known[i] - timedelta(microseconds=1) for i in dice.integers(len(known) - 400, len(known), 16)]
    ids = store.feature_list("all")
    questions = pa.table(
        {
            "row": range(len(ids) * len(instants)),
            "signal_id": ids * len(instants),
            "event_timestamp": pa.array([at for at in instants for _ in ids], pa.timestamp("us", tz="UTC")),
        }
    )
    pq.write_table(questions, folder / "questions.parquet")
    answers = folder / "answers"
    answers.mkdir()
    feast = Path(python).with_name("feast")
    environment = {**os.environ, "FEAST_USAGE": "False", "PYTHONPATH": "", "TZ": "America/New_York"}
    for command in (
        [feast, "-c", repository, "apply"],
        [python, HERE / "feast_reader.py", repository, folder / "questions.parquet", answers],
    ):
        done = subprocess.run(command, env=environment, cwd=folder, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr[-2000:]
    read = {path.stem: pq.read_table(path) for path in answers.glob("*.parquet")}
    return Asked(repository, questions, {name: t.sort_by("row") if "row" in t.column_names else t for name, t in read.items()})


def rows(table: pa.Table, columns: list[str]) -> list[dict]:
    """Rows with dates for Feast's timestamps, and without STALE, which no stored row can know."""
    told = table.select(columns).to_pylist()
    for row in told:
        if "period_end" in row and isinstance(row["period_end"], datetime):
            row["period_end"] = row["period_end"].astimezone(UTC).date()
        if row.get("flags") is not None:
            row["flags"] = [flag for flag in row["flags"] if flag != "STALE"]
    return told


def test_feast_gives_what_historical_gives(store: FeatureStore, asked: Asked) -> None:
    """Value, standardised columns, confidence, flags, period and vintage, of every signal at every instant, to the bit."""
    frame = asked.questions.rename_columns(["row", "feature", "as_of"])
    expected = rows(store.historical(frame, columns=COLUMNS), COLUMNS)
    assert rows(asked.answers["head"], COLUMNS) == expected
    assert 0.2 < sum(row["value"] is None for row in expected) / len(expected) < 0.9


def test_feast_gives_what_plain_sql_gives(store: FeatureStore, asked: Asked) -> None:
    """The published Parquet through Feast: the newest period of which a row was known, one without a value included."""
    expected = store.rows(
        """
        SELECT q.row, arg_max(struct_pack(value := s.value, obs_status := s.obs_status), (s.period_start, s.known_at)) AS state
        FROM asked AS q LEFT JOIN marts.mart_signal_long AS s
            ON s.signal_id = q.signal_id AND s.known_at <= q.event_timestamp
        GROUP BY q.row ORDER BY q.row
        """,
        asked=asked.questions,
    )
    nothing = {"value": None, "obs_status": None}
    answers = rows(asked.answers["vintages"], ["value", "obs_status"])
    assert answers == [row["state"] or nothing for row in expected]
    assert any(row["obs_status"] is not None and row["value"] is None for row in answers)


def test_without_its_filter_feast_sees_the_future(asked: Asked) -> None:
    """Why `signal` exists: on 20 September 2025 the vintages give that month's rate, which was published on 24 October."""
    at = datetime(2025, 9, 20, tzinfo=UTC)
    (row,) = [
        row["row"] for row in asked.questions.to_pylist() if row["signal_id"] == CPI and row["event_timestamp"] == at
    ]  # fmt: skip
    values = {name: asked.answers[name]["value"][row].as_py() for name in ("head", "vintages", "unfiltered")}
    assert values["head"] == values["vintages"] == pytest.approx(2.9162, abs=1e-4)  # August
    assert values["unfiltered"] == pytest.approx(3.0127, abs=1e-4)


def test_the_online_store_serves_the_newest_number(store: FeatureStore, asked: Asked) -> None:
    served = {row["signal_id"]: row for row in asked.answers["online"].to_pylist()}
    until = max(asked.questions["event_timestamp"].to_pylist())
    latest = store.latest(store.feature_list("all"), until, columns=["value", "z_exp"]).to_pylist()[0]
    ids = store.feature_list("all")
    assert {id_: (served[id_]["value"], served[id_]["z_exp"]) for id_ in ids} == {
        id_: (latest[id_], latest[f"{id_}__z_exp"]) for id_ in ids
    }
    assert sum(row["value"] is not None for row in served.values()) > 100


def test_the_engines_of_the_benchmark_agree(sample_home: Home, tmp_path: Path) -> None:
    """What the benchmark of the real feature set compares is one question; Feast's part is asked above."""
    facts = features.make(tmp_path, sample_home.root, 3_000)
    questions = str(tmp_path / "questions.parquet")
    ours = features.undertow(str(sample_home.root), questions, 3_000)()
    theirs = features.duckdb_asof(str(tmp_path / "repository"), questions, 3_000)()
    assert ours.sort_by("row")["value"].to_pylist() == theirs.sort_by("row")["value"].to_pylist()
    assert facts["signals"] > 100
    assert 0 < ours["value"].null_count < 2_500


# --- the command, for which Feast is not needed ---------------------------------------------------------------------------


def test_an_export_is_the_same_again(sample_home: Home, sample_build: Build, tmp_path: Path) -> None:
    before = {}
    for _ in range(2):
        done = call(sample_home.root, "export", "feast", str(tmp_path / "features"), "--format", "json")
        assert done.returncode == 0, done.stderr
        summary = json.loads(done.stdout)
        files = {path.relative_to(tmp_path).as_posix(): path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
        assert before in ({}, files)
        before = files
    assert set(files) == {
        f"features/{name}" for name in ("README.md", "data/signal_head.parquet", "feature_store.yaml", "signals.py")
    }
    head = pq.read_table(tmp_path / "features/data/signal_head.parquet")
    assert (summary["build_id"], summary["head_rows"]) == (sample_build.build_id, head.num_rows)
    keys = [(row["signal_id"], row["newest_from"]) for row in head.select(["signal_id", "newest_from"]).to_pylist()]
    assert keys == sorted(set(keys))
    assert (
        "| `inflation.cpi_all_12m` | CPI all items, 12-month change | percent | M | 120 |"
        in files["features/README.md"].decode()
    )


def test_a_strange_repository_is_left_alone(sample_home: Home, tmp_path: Path) -> None:
    (tmp_path / "feature_store.yaml").write_text("project: mine\n")
    done = call(sample_home.root, "export", "feast", str(tmp_path))
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == f"undertow: {tmp_path} holds another Feast repository; name an empty folder\n"
    assert (tmp_path / "feature_store.yaml").read_text() == "project: mine\n"

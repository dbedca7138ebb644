"""The signals as metrics of dbt's semantic layer: dbt itself parses and builds what is written."""

from __future__ import annotations

import csv
import json
import os
import subprocess
import sys
from pathlib import Path

import duckdb
import pytest

from tests.integration.commands import call
from undertow.export.metrics import metric_name
from undertow.settings import Home
from undertow.store import FeatureStore

ROOT = Path(__file__).resolve().parents[2]
AS_OF = "2025-12-10T19:00:00Z"


@pytest.fixture(scope="module")
def project(sample_home: Home, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The project as dbt has built it, as known at an instant."""
    folder = tmp_path_factory.mktemp("metrics") / "project"
    done = call(sample_home.root, "export", "metrics", str(folder), "--format", "json")
    assert done.returncode == 0, done.stderr
    dbt = Path(sys.executable).with_name("dbt")
    arguments = ["build", "--project-dir", folder, "--profiles-dir", folder, "--vars", f"as_of: {AS_OF}", "--no-use-colors"]
    environment = {**os.environ, "DO_NOT_TRACK": "1"}
    built = subprocess.run([dbt, *arguments], env=environment, cwd=folder, capture_output=True, text=True, check=False)
    assert built.returncode == 0, built.stdout[-2000:]
    assert "WARN=0 ERROR=0" in built.stdout
    return folder


def test_each_signal_is_a_metric(project: Path) -> None:
    """As dbt read it: one metric a signal, which selects it alone, with its title, formula, unit and direction."""
    manifest = json.loads((project / "target/semantic_manifest.json").read_text())
    metrics = {metric["name"]: metric for metric in manifest["metrics"]}
    with (ROOT / "dbt_project/seeds/seed_signal.csv").open(newline="", encoding="utf-8") as handle:
        seed = {metric_name(row["signal_id"]): row for row in csv.DictReader(handle)}
    assert metrics.keys() == seed.keys()
    for name, row in seed.items():
        metric = metrics[name]
        assert metric["label"] == row["title"]
        assert metric["description"].startswith(f"{row['formula']} ({row['unit']}; ")
        assert metric["description"].endswith("higher is more stress)" if row["stress_dir"] == "1" else "lower is more stress)")
        (where,) = metric["filter"]["where_filters"]
        assert where["where_sql_template"] == f"{{{{ Dimension('signal_period__signal_id') }}}} = '{row['signal_id']}'"
        meta = metric["config"]["meta"]
        assert {key: str(meta[key]) for key in ("signal_id", "unit", "frequency", "min_history")} == {
            key: row[key] for key in ("signal_id", "unit", "frequency", "min_history")
        }
    (semantic,) = manifest["semantic_models"]
    assert {measure["name"]: measure["expr"] for measure in semantic["measures"]}["signal_value"] == "value"
    assert manifest["project_configuration"]["time_spines"][0]["primary_column"]["name"] == "date_day"


def test_the_views_are_the_panel_as_known(project: Path, sample_home: Home) -> None:
    """The newest value of each signal there is what ``signals_as_known`` says; nothing known later is there."""
    with duckdb.connect(str(project / "undertow_metrics.duckdb")) as connection:
        profile = (project / "profiles.yml").read_text()
        with FeatureStore(home=sample_home.root, frame="arrow") as store:
            assert str(store.build.database.resolve()) in profile
            connection.execute(f"ATTACH '{store.build.database}' AS build (READ_ONLY)")
            told = connection.execute(
                "SELECT signal_id, arg_max(value, period_start) FILTER (value IS NOT NULL) FROM metrics.signal_period GROUP BY 1"
            ).fetchall()
            served = {row["signal_id"]: row["value"] for row in store.signals_as_known(AS_OF).to_pylist()}
        assert {id_: value for id_, value in told if value is not None} == served
        assert len(served) > 60
        days, periods = connection.execute(
            "SELECT (SELECT count(*) = max(date_day) - min(date_day) + 1 FROM metrics.time_spine), "
            "(SELECT bool_and(known_at <= ?::TIMESTAMPTZ) AND count(*) = count(DISTINCT signal_period) FROM metrics.signal_period)",
            [AS_OF],
        ).fetchall()[0]
    assert (days, periods) == (True, True)


def test_a_strange_project_is_left_alone(sample_home: Home, tmp_path: Path) -> None:
    (tmp_path / "dbt_project.yml").write_text("name: mine\n")
    done = call(sample_home.root, "export", "metrics", str(tmp_path))
    assert (done.returncode, done.stderr) == (2, f"undertow: {tmp_path} holds another dbt project; name an empty folder\n")
    assert [path.name for path in tmp_path.iterdir()] == ["dbt_project.yml"]

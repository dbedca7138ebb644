"""The composite out of a published build: its arithmetic, what stands behind each day, its face, and its place among signals."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator
from datetime import UTC, date, datetime
from pathlib import Path

import duckdb
import numpy as np
import pandas as pd
import pytest

from tests.integration.test_command_line import undertow
from undertow.explain import explain
from undertow.fragility import composite_by_day
from undertow.lineage import PILLARS
from undertow.settings import Home
from undertow.store import FeatureStore
from undertow.validation import MEASURES, validate

SEEDS = Path(__file__).resolve().parents[2] / "dbt_project" / "seeds"
NOW = datetime(2026, 10, 31, 12, tzinfo=UTC)


@pytest.fixture(scope="module")
def store(sample_home: Home) -> Iterator[FeatureStore]:
    with FeatureStore(home=sample_home.root, frame="pandas") as opened:
        yield opened


@pytest.fixture(scope="module")
def composite(store: FeatureStore) -> pd.DataFrame:
    return dated(store.sql("SELECT * FROM marts.mart_fragility ORDER BY period_start"))


@pytest.fixture(scope="module")
def inputs(store: FeatureStore) -> pd.DataFrame:
    return dated(store.sql("SELECT * FROM marts.mart_fragility_input ORDER BY period_start, signal_id"))


def dated(frame: pd.DataFrame) -> pd.DataFrame:
    """The frame with its dates as timestamps."""
    for column in frame.columns:
        if "period" in column:
            frame[column] = pd.to_datetime(frame[column])
    return frame


def seed(name: str) -> list[dict[str, str]]:
    with (SEEDS / f"{name}.csv").open(encoding="utf-8", newline="") as handle:
        return list(csv.DictReader(handle))


def test_a_first_run_has_a_composite_and_says_what_it_is_made_of(composite: pd.DataFrame) -> None:
    last = composite.iloc[-1]
    assert last["period_start"].date() == date(2026, 10, 30)
    assert 0 < last["composite_ciss"] < last["composite_mean"] < 1
    assert last["coverage"] == pytest.approx(4 / 6)
    assert (last["n_pillars"], last["n_inputs"] + last["n_missing"]) == (4, len(seed("seed_fragility_input")))
    # most of it is made from generated data: its face says so, and so does its confidence
    assert last["n_synthetic"] > last["n_inputs"] / 2
    assert {"SYNTHETIC", "COMPONENT_MISSING"} <= set(last["flags"])
    assert last["confidence"] < 0.2
    assert last["origin"] == "mixed"


def test_weekdays_one_row_each(composite: pd.DataFrame) -> None:
    days = pd.to_datetime(composite["period_start"])
    assert days.is_unique
    assert (days.dt.day_of_week < 5).all()
    assert days.tolist() == pd.bdate_range(days.iloc[0], days.iloc[-1]).tolist(), "no weekday is left out"
    cut_off = composite["known_at"].dt.tz_convert("America/New_York")
    assert (cut_off.dt.strftime("%H:%M:%S") == "00:00:00").all(), "the switch of clocks moves no cut-off"
    assert ((cut_off.dt.tz_localize(None) - days).dt.days == 1).all()


def test_pillars_are_the_mean_ranks_of_half_their_indicators(composite: pd.DataFrame, inputs: pd.DataFrame) -> None:
    """Computed again from the published table of indicators, for every day and pillar."""
    listed = pd.Series([row["pillar"] for row in seed("seed_fragility_input")]).value_counts()
    assert set(listed.index) == set(PILLARS)
    used = inputs[inputs["state"] == "used"].groupby(["period_start", "pillar"])["rank"].agg(["mean", "size"]).reset_index()
    used = used[used["size"] * 2 >= used["pillar"].map(listed)]
    again = used.pivot(index="period_start", columns="pillar", values="mean").reindex(
        index=composite["period_start"], columns=list(PILLARS)
    )
    published = composite[[f"pillar_{pillar}" for pillar in PILLARS]].to_numpy(dtype=float)
    np.testing.assert_allclose(published, again.to_numpy(dtype=float), atol=1e-12)
    assert np.isfinite(published).sum() > 200
    assert (composite["n_inputs"].to_numpy() == inputs[inputs["state"] == "used"].groupby("period_start").size()
            .reindex(composite["period_start"], fill_value=0).to_numpy()).all()  # fmt: skip


def test_the_whole_is_the_sum_of_its_parts_and_comes_out_again(composite: pd.DataFrame) -> None:
    weights = {row["pillar"]: float(row["weight"]) for row in seed("seed_fragility_pillar")}
    assert sum(weights.values()) == pytest.approx(1, abs=1e-15)
    rows = composite.melt(
        id_vars="period_start", value_vars=[f"pillar_{pillar}" for pillar in PILLARS], var_name="pillar", value_name="score"
    ).rename(columns={"period_start": "day"})
    rows["pillar"] = rows["pillar"].str.removeprefix("pillar_")
    again = composite_by_day(rows, weights)
    parts = [f"contribution_{pillar}" for pillar in PILLARS]
    for column in ("composite_ciss", "composite_ciss_sqrt", "composite_mean", "coverage", *parts):
        np.testing.assert_allclose(
            composite[column].to_numpy(dtype=float), again[column].to_numpy(dtype=float), atol=1e-12, err_msg=column
        )
    told = composite[composite["composite_ciss"].notna()]
    assert len(told) >= 20
    np.testing.assert_allclose(told[parts].astype(float).sum(axis=1), told["composite_ciss"], atol=1e-12)
    np.testing.assert_allclose(told["composite_ciss_sqrt"] ** 2, told["composite_ciss"], atol=1e-12)
    low = composite[composite["coverage"] < 0.6]
    assert len(low) > 100
    assert low["composite_mean"].isna().all()
    assert (low["obs_status"] == "O").all()


def test_an_indicator_is_what_was_known_of_its_signal(store: FeatureStore, inputs: pd.DataFrame) -> None:
    """On chosen days, each number is that of signals_as_known at the cut-off; what is older than its normal age is dropped."""
    stale_after = {row["signal_id"]: int(row["stale_after_days"]) for row in seed("seed_signal")}
    direction = {row["signal_id"]: int(row["stress_dir"]) for row in seed("seed_signal")}
    states = set()
    for day in (date(2025, 10, 31), date(2026, 9, 7), date(2026, 10, 30)):
        rows = inputs[inputs["period_start"].dt.date == day]
        known = store.signals_as_known(rows["known_at"].iloc[0]).set_index("signal_id")
        assert len(rows) == len(seed("seed_fragility_input"))
        for row in rows.to_dict("records"):
            states.add(row["state"])
            if row["state"] in ("used", "short history"):
                own = known.loc[row["signal_id"]]
                assert row["input_period_start"] == pd.Timestamp(own["period_start"]), row
                assert row["value"] == own["value"]
                assert row["input_known_at"] <= row["known_at"]
                assert (pd.Timestamp(day) - row["input_period_end"]).days <= stale_after[row["signal_id"]]
                if row["state"] == "used":
                    rank = own["rank_exp"] if direction[row["signal_id"]] > 0 else 1 - own["rank_exp"]
                    assert row["rank"] == pytest.approx(rank, abs=1e-12)
            elif row["state"] == "stale":
                newest = pd.Timestamp(known.loc[row["signal_id"], "period_end"])
                assert (pd.Timestamp(day) - newest).days > stale_after[row["signal_id"]]
            else:
                # no row with a value was known
                assert row["signal_id"] not in known.index or pd.isna(known.loc[row["signal_id"], "value"])
    assert states == {"used", "short history", "stale", "missing"}


def test_the_composite_is_a_signal_like_any_other(store: FeatureStore, composite: pd.DataFrame) -> None:
    long = store.sql("SELECT * FROM marts.mart_signal_long WHERE signal_id LIKE 'composite.%'")
    assert set(long["signal_id"]) == {
        "composite.fragility_ciss", "composite.fragility_mean", "composite.pillar_coupling", "composite.pillar_dollar",
        "composite.pillar_funding", "composite.pillar_rates",
    }  # fmt: skip
    own = dated(long)[long["signal_id"] == "composite.fragility_ciss"].set_index("period_start")["value"].dropna()
    table = composite.set_index("period_start")["composite_ciss"].dropna()
    pd.testing.assert_series_equal(own.sort_index(), table, check_names=False)
    assert (long["confidence"] < 0.65).all()
    assert store.latest(["composite.fragility_mean"], as_of=NOW)["composite.fragility_mean"].iloc[0] == pytest.approx(
        composite["composite_mean"].iloc[-1]
    )


def test_a_composite_is_explained_down_to_bytes(store: FeatureStore, sample_home: Home) -> None:
    told = explain(store, "composite.fragility_ciss", NOW)
    assert told.n_inputs == len(seed("seed_fragility_input"))
    assert {item["role"] for item in told.inputs} == set(PILLARS)
    assert sum(item["state"] == "used" for item in told.inputs) == 13
    assert {payload["source"] for payload in told.payloads} >= {"ecb", "frb", "nyfed", "treasury"}
    assert told.change["kind"] == "day"
    assert "since 2026-10-29" in told.change["says"]
    moved = {step["pillar"]: step["contribution_to"] for step in told.change["pillars"]}
    assert sum(value for value in moved.values() if value is not None) == pytest.approx(told.row["value"], abs=1e-12)
    json.dumps(told.as_dict(), default=str)
    pillar = explain(store, "composite.pillar_rates", NOW)
    assert {item["role"] for item in pillar.inputs} == {"rates"}
    done = undertow(sample_home.root, "explain", "composite.fragility_ciss")
    assert done.returncode == 0, done.stderr
    assert "pillar" in done.stdout
    assert "rates.move_proxy" in done.stdout


def test_the_command(sample_home: Home) -> None:
    done = undertow(sample_home.root, "fragility", "--days", "3", "--as-of", "2026-10-31T12:00Z", "--format", "json")
    assert done.returncode == 0, done.stderr
    assert [row["period_start"] for row in json.loads(done.stdout)] == ["2026-10-28", "2026-10-29", "2026-10-30"]
    table = undertow(sample_home.root, "fragility", "--days", "2")
    assert "2026-10-30" in table.stdout
    assert "of 13" in table.stdout
    none = undertow(sample_home.root, "fragility", "--validate")
    assert none.returncode != 0
    assert none.stderr.startswith("undertow: this build has no yardstick")
    assert "user.ofr_fsi" in none.stderr


class _Shelf:
    """A build of two tables: 200 days of a composite that a yardstick repeats, but for one that says the contrary."""

    def __init__(self) -> None:
        self.connection = duckdb.connect(":memory:")
        measures = ", ".join(f"sin(n * n) AS {name}" for name in MEASURES)
        self.connection.execute(
            f"CREATE SCHEMA marts; CREATE TABLE marts.mart_fragility AS SELECT DATE '2025-01-01' + n::INT AS period_start, "
            f"TIMESTAMPTZ '2025-01-02 05:00:00Z' + to_days(n::INT) AS known_at, {measures} FROM range(200) AS r(n);"
            "CREATE TABLE marts.fct_observation AS SELECT y.series_id, DATE '2025-01-01' + n::INT AS period_end, "
            "TIMESTAMPTZ '2025-01-01 20:00:00Z' + to_days(n::INT) AS known_at, y.sign * exp(sin(n * n)) AS value "
            "FROM range(200) AS r(n), (VALUES ('user.ofr_fsi', 1), ('user.ciss', -1)) AS y(series_id, sign)"
        )

    def rows(self, query: str, parameters: list) -> list[dict]:
        return self.connection.execute(query, parameters).to_arrow_table().to_pylist()


def test_the_validation_finds_what_agrees_and_what_does_not() -> None:
    """Ranks are the same under any rising function, and turned under a falling one."""
    told = validate(_Shelf(), datetime(2025, 7, 1, tzinfo=UTC))  # ty: ignore[invalid-argument-type]
    assert len(told) == 2 * len(MEASURES)
    found = {(row["yardstick"], row["measure"]): row for row in told}
    same, contrary = found["user.ofr_fsi", "composite_ciss"], found["user.ciss", "composite_mean"]
    assert same["rank_correlation"] == pytest.approx(1)
    assert same["agrees"]
    assert same["rank_correlation_of_changes"] > 0.9
    assert contrary["rank_correlation"] == pytest.approx(-1)
    assert not contrary["agrees"]
    assert (same["n_days"], same["last_day"]) == (180, date(2025, 6, 29)), "days after the instant are left out"

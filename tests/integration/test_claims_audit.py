"""The claims of the essays in a build of packaged data: what is genuine there measures, what is made never does."""

from __future__ import annotations

import json

import duckdb
import pytest
from click.testing import CliRunner, Result

from undertow.cli import cli
from undertow.errors import UsageError
from undertow.settings import Home
from undertow.store import FeatureStore

VERDICTS = {"not_measurable_for_free", "not_measured_yet", "not_a_measurement"}


@pytest.fixture
def audit(sample_home: Home, monkeypatch: pytest.MonkeyPatch):
    """Run the command in the sample's home."""
    monkeypatch.setenv("COLUMNS", "200")
    monkeypatch.setenv("UNDERTOW_HOME", str(sample_home.root))

    def invoke(*arguments: str) -> Result:
        done = CliRunner().invoke(cli, ["audit", *arguments])
        assert done.exit_code == 0, done.output
        return done

    return invoke


def test_every_claim_has_a_verdict_of_the_day_it_was_written(published: duckdb.DuckDBPyConnection) -> None:
    counted = published.execute(
        "SELECT essay, count(DISTINCT claim_id), min(known_at)::VARCHAR FROM marts.mart_claims_audit WHERE is_as_written GROUP BY 1"
    ).fetchall()
    assert sorted(counted) == [
        ("F", 24, "2025-11-24 05:00:00+00"),
        ("H", 18, "2025-05-01 04:00:00+00"),
        ("J", 35, "2025-12-01 05:00:00+00"),
        ("P", 20, "2025-12-01 05:00:00+00"),
    ]
    unmeasured = published.execute(
        "SELECT verdict, count(*), count(reason), count(value) FROM marts.mart_claims_audit WHERE measure = 0 GROUP BY 1"
    ).fetchall()
    assert {row[0] for row in unmeasured} == VERDICTS
    assert all(rows == reasons and not values for _, rows, reasons, values in unmeasured), "each says why, and has no number"


def test_made_data_measures_nothing(published: duckdb.DuckDBPyConnection) -> None:
    """TIC, Treasury yields and funding are generated in the sample: a claim about them has no data here."""
    synthetic = published.execute(
        "SELECT DISTINCT a.claim_id FROM marts.mart_claims_audit AS a JOIN marts.mart_signal_long AS s ON a.subject = s.signal_id "
        "WHERE a.subject_kind = 'signal' GROUP BY a.claim_id, a.subject HAVING bool_and(s.origin = 'synthetic')"
    ).fetchall()
    assert {"J4", "J11", "P10"} <= {row[0] for row in synthetic}
    assert published.execute(
        "SELECT count(*) FROM marts.mart_claims_audit AS a WHERE list_contains(flags, 'SYNTHETIC')"
    ).fetchall() == [(0,)]
    assert published.execute(
        "SELECT DISTINCT verdict FROM marts.mart_claims_audit WHERE claim_id IN ('J4', 'J11', 'P10')"
    ).fetchall() == [("no_data",)]


def test_the_number_that_is_right_and_means_something_else(audit) -> None:
    first, second = json.loads(audit("F18", "--format", "json").output)
    assert (first["subject"], first["value_as_written"], first["verdict_as_written"]) == ("cpi/2025-09", -5.0, "holds")
    assert (second["value"], second["verdict"]) == (40.0, "not_what_it_seems")
    assert "no share of the CPI" in second["reason"]


def test_a_claim_as_known_then_and_later(audit) -> None:
    """On 23 November the calendar had no date to come for the income report of September; two days later it had one."""

    def verdicts(as_of: str) -> tuple[str, str]:
        (row,) = json.loads(audit("F20", "--as-of", as_of, "--format", "json").output)
        return row["verdict_as_written"], row["verdict"]

    assert verdicts("2025-11-24T05:00Z") == ("holds", "holds")
    assert verdicts("2025-11-25T12:00Z") == ("holds", "fails")
    assert json.loads(audit("F20", "--as-of", "2025-11-24T04:59Z", "--format", "json").output) == [], "not written yet"


def test_the_table_for_people(audit) -> None:
    said = " ".join(audit("F21", "J5", "J3").output.split())
    assert "The CPI of October is cancelled" in said, said
    assert "needs index sales, which is licensed" in said
    assert "stale" in said
    assert "As written:" in said
    picked = json.loads(audit("--verdict", "not what it seems", "--format", "json").output)
    assert {row["claim_id"] for row in picked} == {"F18", "J34"}


def test_an_unknown_claim_is_named(sample_home: Home) -> None:
    with FeatureStore(home=sample_home.root) as store, pytest.raises(UsageError, match="unknown claim_id 'F99'; near it are"):
        store.claims_as_known("2026-01-01", ["F99"])

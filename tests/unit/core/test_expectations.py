"""Suites and their bridge: good data passes, each expectation fails on its planted fault, a broken tool is not bad data."""

from datetime import UTC, date, datetime
from pathlib import Path

import duckdb
import pandas as pd
import pyarrow as pa
import pytest

from expectations.bridge import ExpectationToolError, check_name, nothing_to_check, run_suite, run_suites, to_dagster
from expectations.suite import Expectation, Suite, suites
from undertow.schemas import OBSERVATION

SUITES = {suite.name: suite for suite in suites()}
CURRENCIES = ("USD", "JPY", "GBP", "CHF", "CAD", "AUD", "NZD", "SEK", "NOK")


def observation(series: str, day: date, value: float | None, **changes: object) -> dict[str, object]:
    row: dict[str, object] = {
        "series_id": series,
        "period_start": day,
        "period_end": day,
        "value": value,
        "known_at": datetime(day.year, day.month, day.day, 15, tzinfo=UTC),
        "known_at_basis": "lag_rule",
        "obs_status": "A",
        "flags": [],
        "footnotes": [],
        "fetched_at": datetime(2026, 1, 1, tzinfo=UTC),
        "payload_sha256": "p",
        "origin": "replay",
        "parser_version": 1,
        "parsed_at": datetime(2026, 1, 1, tzinfo=UTC),
    }
    return row | changes


def ecb_rows() -> list[dict[str, object]]:
    return [
        observation(f"ecb.EXR.D.{code}.EUR.SP00.A", date(2025, 4, day), 1.0 + number / 10)
        for number, code in enumerate(CURRENCIES)
        for day in (1, 2, 3)
    ]


def bls_rows() -> list[dict[str, object]]:
    month = {"period_start": date(2025, 9, 1), "period_end": date(2025, 9, 30)}
    return [
        observation("bls.CUUR0000SA0", date(2025, 9, 30), 324.8, **month),
        observation("bls.CUUR0000SA0:A", date(2025, 9, 30), 320.1, **month),
        observation("bls.CUSR0000SA0", date(2025, 9, 30), None, **month, obs_status="L", footnotes=["not collected"]),
    ]


def failed(name: str, rows: list[dict[str, object]]) -> set[str]:
    """The columns (or kinds) of a landing suite's expectations that fail on these rows."""
    connection = duckdb.connect(":memory:")
    connection.execute("SET TimeZone = 'UTC'")
    connection.register("landed", pa.Table.from_pylist(rows, OBSERVATION))
    suite = SUITES[name]
    frame = connection.execute(suite.metrics.replace("{rows}", "landed")).df()
    return {
        str(outcome.details["arguments"].get("column", outcome.details["expectation"]))
        for outcome in run_suite(suite, frame)
        if not outcome.passed
    }


@pytest.mark.parametrize(
    ("name", "rows"), [("ecb_observation", ecb_rows()), ("bls_observation", bls_rows()), ("file_observation", ecb_rows())]
)
def test_a_good_table_passes(name: str, rows: list[dict[str, object]]) -> None:
    assert failed(name, rows) == set()


def changed(rows: list[dict[str, object]], **changes: object) -> list[dict[str, object]]:
    return [rows[0] | changes, *rows[1:]]


@pytest.mark.parametrize(
    ("name", "rows", "column"),
    [
        ("ecb_observation", [*ecb_rows(), ecb_rows()[0]], "n_duplicates"),
        ("ecb_observation", changed(ecb_rows(), value=None), "n_null_called_normal"),
        ("ecb_observation", changed(ecb_rows(), obs_status="L"), "n_value_called_missing"),
        ("ecb_observation", changed(ecb_rows(), period_start=date(2025, 4, 5)), "n_periods_backwards"),
        ("ecb_observation", changed(ecb_rows(), known_at=datetime(2020, 1, 1, tzinfo=UTC)), "n_known_before_period"),
        (
            "ecb_observation",
            changed(ecb_rows(), known_at=datetime(2027, 1, 1, tzinfo=UTC), known_at_basis="provider"),
            "n_known_after_fetch",
        ),
        ("ecb_observation", changed(ecb_rows(), value=-1.0), "min_value"),
        ("ecb_observation", [*ecb_rows(), observation("ecb.EXR.D.USD.EUR.SP00.A", date(2025, 4, 5), 1.0)], "n_weekend_days"),
        ("ecb_observation", changed(ecb_rows(), value=1000.0), "largest_change"),
        ("ecb_observation", [row for row in ecb_rows() if ".USD." not in str(row["series_id"])], "series_id"),
        ("bls_observation", changed(bls_rows(), value=-0.1), "min_level"),
        ("bls_observation", changed(bls_rows(), value=324_800_000.0), "max_level"),
        ("bls_observation", changed(bls_rows(), period_end=date(2025, 9, 29)), "n_not_month_ends"),
        ("bls_observation", changed(bls_rows(), series_id="bls.cuur0000sa0"), "series_id"),
        ("file_observation", changed(ecb_rows(), value=None), "n_null_called_normal"),
    ],
)
def test_each_planted_fault_is_found(name: str, rows: list[dict[str, object]], column: str) -> None:
    assert column in failed(name, rows)


def good_metrics(suite: Suite) -> pd.DataFrame:
    """A metrics row on which every expectation of a mart suite passes."""
    return pd.DataFrame(
        {str(e.arguments.get("column", "n_rows")): [0] for e in suite.expectations} | {"n_values": [5], "n_rows": [5]}
    )


@pytest.mark.parametrize("suite", [suite for suite in SUITES.values() if suite.stage == "marts"], ids=lambda suite: suite.name)
def test_mart_suites_pass_and_each_expectation_can_fail(suite: Suite) -> None:
    assert [outcome for outcome in run_suite(suite, good_metrics(suite)) if not outcome.passed] == []
    for position, expectation in enumerate(suite.expectations):
        column = expectation.arguments.get("column")
        bad = good_metrics(suite)
        if column is None:
            bad = bad.head(0)
        else:
            bad.loc[0, column] = 1 if expectation.arguments.get("max_value") == 0 else -1
        outcomes = run_suite(suite, bad)
        assert not outcomes[position].passed, expectation
        if column is not None:
            assert [o.passed for i, o in enumerate(outcomes) if i != position] == [True] * (len(outcomes) - 1)


def test_an_exception_inside_an_expectation_is_an_error_of_the_tool() -> None:
    absent = Suite(
        "s", "marts", ("marts", "x"), "", (Expectation("ExpectColumnValuesToNotBeNull", "w", arguments={"column": "absent"}),)
    )
    with pytest.raises(ExpectationToolError, match="suite s"):
        run_suite(absent, pd.DataFrame({"present": [1]}))
    unknown = Suite("s", "marts", ("marts", "x"), "", (Expectation("ExpectTheImpossible", "w"),))
    with pytest.raises(ExpectationToolError, match="ExpectTheImpossible"):
        run_suite(unknown, pd.DataFrame({"present": [1]}))


def test_severity_reaches_dagster() -> None:
    suite = Suite(
        "s",
        "marts",
        ("marts", "x"),
        "",
        (
            Expectation("ExpectColumnValuesToBeBetween", "blocks", arguments={"column": "n", "max_value": 0}),
            Expectation("ExpectColumnValuesToBeBetween", "warns", severity="WARN", arguments={"column": "n", "max_value": 0}),
        ),
    )
    blocks, warns = (to_dagster(outcome) for outcome in run_suite(suite, pd.DataFrame({"n": [3, 1]})))
    assert (blocks.passed, blocks.severity.value) == (False, "ERROR")
    assert (warns.passed, warns.severity.value) == (False, "WARN")
    assert blocks.asset_key is not None
    assert blocks.asset_key.path == ["marts", "x"]
    worst = blocks.metadata["worst"].value
    assert [row["n"] for row in worst] == [3, 1]


def test_outcomes_are_remembered_until_data_or_suite_change(tmp_path: Path) -> None:
    suite = Suite(
        "s",
        "marts",
        ("marts", "x"),
        "SELECT * FROM {rows}",
        (Expectation("ExpectColumnValuesToBeBetween", "w", arguments={"column": "n", "max_value": 0}),),
    )
    connection = duckdb.connect(":memory:")
    connection.execute("CREATE TABLE t AS SELECT 5 AS n")
    (first,) = run_suites([suite], {"s": "t"}, connection, "one", tmp_path)
    connection.execute("UPDATE t SET n = 0")
    (same,) = run_suites([suite], {"s": "t"}, connection, "one", tmp_path)
    (fresh,) = run_suites([suite], {"s": "t"}, connection, "two", tmp_path)
    assert (first.passed, same.passed, fresh.passed) == (False, False, True)


def test_nothing_to_check_says_so() -> None:
    outcomes = nothing_to_check(SUITES["ecb_observation"])
    assert len(outcomes) == len(SUITES["ecb_observation"].expectations)
    assert {outcome.details["note"] for outcome in outcomes} == {"nothing is landed yet"}
    assert all(outcome.passed for outcome in outcomes)


def test_check_names_are_unique_within_an_asset() -> None:
    names = [(suite.asset, check_name(suite, i, e)) for suite in SUITES.values() for i, e in enumerate(suite.expectations)]
    assert len(names) == len(set(names))


def test_check_names_say_what_is_expected_of_what() -> None:
    between = "ExpectColumnValuesToBeBetween"
    expectations = (
        Expectation(between, "w", arguments={"column": "n", "min_value": 0, "max_value": 0}),
        Expectation(between, "w", arguments={"column": "n", "min_value": -0.5, "strict_min": True}),
        Expectation(between, "w", arguments={"column": "n", "min_value": 0, "max_value": 9}),
        Expectation("ExpectTableRowCountToBeBetween", "w", arguments={"min_value": 1}),
        Expectation("ExpectColumnValuesToNotBeNull", "w", arguments={"column": "n"}),
        Expectation("ExpectColumnValuesToMatchRegex", "w", arguments={"column": "n", "regex": "a"}),
        Expectation("ExpectColumnValuesToMatchRegex", "w", arguments={"column": "n", "regex": "b"}),
    )
    suite = Suite("s", "marts", ("marts", "x"), "SELECT 1", expectations)
    assert [check_name(suite, i, e) for i, e in enumerate(expectations)] == [
        *("n_is_0", "n_above_minus_0_5", "n_at_least_0_and_at_most_9", "rows_at_least_1", "n_not_null"),
        *("n_match_regex_1", "n_match_regex_2"),
    ]


def test_outcomes_under_other_names_are_not_remembered(tmp_path: Path) -> None:
    """Names come from the code: what an older version wrote down would be results of checks that do not exist."""
    suite = Suite("s", "marts", ("marts", "x"), "SELECT * FROM {rows}", (Expectation("ExpectTableRowCountToBeBetween", "w"),))
    connection = duckdb.connect(":memory:")
    connection.execute("CREATE TABLE t AS SELECT 5 AS n")
    (first,) = run_suites([suite], {"s": "t"}, connection, "one", tmp_path)
    memory = tmp_path / "s.json"
    memory.write_text(memory.read_text().replace(first.name, "gx_00_of_old"))
    (fresh,) = run_suites([suite], {"s": "t"}, connection, "one", tmp_path)
    assert fresh.name == first.name


def test_observed_numbers_can_be_plotted() -> None:
    suite = Suite(
        "s",
        "marts",
        ("marts", "x"),
        "SELECT 1",
        (
            Expectation("ExpectTableRowCountToBeBetween", "w", arguments={"min_value": 1}),
            Expectation("ExpectColumnValuesToBeBetween", "w", arguments={"column": "n", "max_value": 1}),
        ),
    )
    rows, values = (to_dagster(outcome) for outcome in run_suite(suite, pd.DataFrame({"n": [3, 1]})))
    assert rows.metadata["observed_value"].value == 2
    assert values.metadata["unexpected_count"].value == 1

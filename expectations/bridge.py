"""The single bridge between Great Expectations and everything else.

It turns our suite definitions into Great Expectations objects, runs them on a bounded frame, and turns the results into
plain ``CheckOutcome`` rows and, for Dagster, into ``AssetCheckResult``. An exception inside an expectation is an error of
the tool (``ExpectationToolError``) and never "bad data". Great Expectations and Dagster are imported when needed.
"""

from __future__ import annotations

import json
import logging
import os
import re
import warnings
from collections.abc import Generator, Iterable, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import duckdb

from expectations.suite import Expectation, Suite
from undertow import clock
from undertow.atomic import write_text
from undertow.errors import UndertowError
from undertow.instants import format_instant
from undertow.report import CheckOutcome

if TYPE_CHECKING:
    import dagster as dg
    import pandas as pd

__all__ = [
    "ExpectationToolError",
    "check_name",
    "data_docs",
    "nothing_to_check",
    "quietly",
    "run_suite",
    "run_suites",
    "to_dagster",
    "validate",
]


class ExpectationToolError(UndertowError):
    """Great Expectations itself failed: this says nothing about the data."""


def check_name(suite: Suite, position: int, expectation: Expectation) -> str:
    """Return the name of one check, unique within its asset and safe for Dagster: what is looked at and what is expected of it.

    It is short because lists of checks cut long names in the middle: ``n_duplicates_is_0``, ``rows_at_least_1``.
    """
    name = _plain_name(expectation)
    alike = [place for place, other in enumerate(suite.expectations) if _plain_name(other) == name]
    return name if len(alike) == 1 else f"{name}_{alike.index(position) + 1}"


def _plain_name(expectation: Expectation) -> str:
    """Return what an expectation looks at and what it expects, in letters, digits and underscores."""
    arguments = expectation.arguments
    low, high = arguments.get("min_value"), arguments.get("max_value")
    if low is not None and low == high:
        words = f"is_{low}"
    elif low is not None or high is not None:
        lowest = "above" if arguments.get("strict_min") else "at_least"
        highest = "below" if arguments.get("strict_max") else "at_most"
        bounds = ((lowest, low), (highest, high))
        words = "_and_".join(f"{word}_{bound}" for word, bound in bounds if bound is not None)
    else:
        parts = re.findall("[A-Z][a-z]*", expectation.kind)
        words = "_".join(
            part.lower() for part in parts if part not in {"Expect", "Table", "Column", "Distinct", "Values", "To", "Be"}
        )
    return re.sub(r"\W", "_", f"{arguments.get('column', 'rows')}_{words}".replace("-", "minus_"))


def metrics_frame(suite: Suite, rows: str, connection: duckdb.DuckDBPyConnection) -> pd.DataFrame:
    """Return the suite's metrics over ``rows`` (a table name or a table function call), as a bounded pandas frame."""
    return connection.execute(suite.metrics.replace("{rows}", rows)).df()


def run_suite(suite: Suite, frame: pd.DataFrame) -> list[CheckOutcome]:
    """Run one suite on its metrics frame.

    Args:
        suite: the definition.
        frame: the metrics, one row a series, release or signal.

    Returns:
        One outcome for each expectation, in order.

    Raises:
        ExpectationToolError: an expectation raised, is unknown, or its arguments are wrong.
    """
    return validate(suite, frame)[0]


def validate(suite: Suite, frame: pd.DataFrame) -> tuple[list[CheckOutcome], dict[str, Any]]:
    """Run one suite as ``run_suite`` does; return the outcomes, and Great Expectations' own validation result as plain data."""
    with quietly():
        return _run(suite, frame)


@contextmanager
def quietly() -> Generator[None]:
    """Let Great Expectations report nothing to anybody: no analytics, no warnings, no log below an error."""
    os.environ.setdefault("GX_ANALYTICS_ENABLED", "false")
    logging.getLogger("great_expectations").setLevel(logging.ERROR)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def _run(suite: Suite, frame: pd.DataFrame) -> tuple[list[CheckOutcome], dict[str, Any]]:
    import great_expectations as gx
    import great_expectations.expectations as gxe
    from great_expectations.data_context.types.base import ProgressBarsConfig

    try:
        context = gx.get_context(mode="ephemeral")
        context.variables.progress_bars = ProgressBarsConfig(globally=False)
        asset = context.data_sources.add_pandas("metrics").add_dataframe_asset("/".join(suite.asset))
        batch = asset.add_batch_definition_whole_dataframe("whole").get_batch({"dataframe": frame})
        expectations = [
            getattr(gxe, e.kind)(
                **dict(e.arguments),
                meta={"position": position},
                notes=e.why,
                severity="warning" if e.severity == "WARN" else "critical",
            )
            for position, e in enumerate(suite.expectations)
        ]
        validation = batch.validate(gx.ExpectationSuite(suite.name, expectations=expectations), result_format="SUMMARY")
        results = validation.results = sorted(validation.results, key=_position)
    except Exception as error:
        raise ExpectationToolError(f"Great Expectations failed in suite {suite.name}: {error}") from error
    outcomes = []
    for position, (expectation, result) in enumerate(zip(suite.expectations, results, strict=True)):
        _raise_if_the_tool_failed(suite, expectation, result.exception_info)
        outcomes.append(
            CheckOutcome(
                asset="/".join(suite.asset),
                name=check_name(suite, position, expectation),
                passed=bool(result.success),
                severity=expectation.severity,
                tool="great_expectations",
                details={
                    "why": expectation.why,
                    "expectation": expectation.kind,
                    "arguments": json.loads(json.dumps(dict(expectation.arguments), default=str)),
                    "observed": json.loads(json.dumps(dict(result.result or {}), default=str)),
                    **({} if result.success else {"worst": _worst(expectation, frame)}),
                },
            )
        )
    plain = json.loads(json.dumps(validation.to_json_dict(), default=str))
    plain["meta"] = {"great_expectations_version": gx.__version__}  # the rest is about this process
    return outcomes, plain


def _position(result: Any) -> int:
    """Return the place of a result's expectation in its suite; Great Expectations puts those that raised first."""
    return result.expectation_config.meta["position"]


def _raise_if_the_tool_failed(suite: Suite, expectation: Expectation, info: Any) -> None:
    """Raise where an expectation carries an exception; its ``success=False`` would read as bad data."""
    if not info:
        return
    entries = [info] if "raised_exception" in info else list(info.values())
    for entry in entries:
        if entry.get("raised_exception"):
            raise ExpectationToolError(
                f"Great Expectations failed in suite {suite.name}, {expectation.kind}: {entry.get('exception_message')}"
            )


def _worst(expectation: Expectation, frame: pd.DataFrame) -> list[dict[str, Any]]:
    """Return the five rows that stand out most in the column of a failed expectation, of those outside its bounds."""
    column = expectation.arguments.get("column")
    if column not in frame.columns or frame[column].dtype.kind not in "iuf":
        return []
    values, arguments = frame[column], expectation.arguments
    outside = values.isna() & (expectation.kind != "ExpectColumnValuesToBeBetween")  # which says nothing of a null
    if (lowest := arguments.get("min_value")) is not None:
        outside |= (values <= lowest) if arguments.get("strict_min") else (values < lowest)
    if (highest := arguments.get("max_value")) is not None:
        outside |= (values >= highest) if arguments.get("strict_max") else (values > highest)
    rows = frame[outside]
    rows = rows.reindex(rows[column].abs().sort_values(ascending=False).index).head(5)
    return json.loads(rows.to_json(orient="records", date_format="iso") or "[]")


def nothing_to_check(suite: Suite) -> list[CheckOutcome]:
    """Return passed outcomes for a suite whose table holds nothing yet, and say that this is why."""
    return [
        CheckOutcome(
            asset="/".join(suite.asset),
            name=check_name(suite, position, expectation),
            passed=True,
            severity=expectation.severity,
            tool="great_expectations",
            details={"why": expectation.why, "note": "nothing is landed yet"},
        )
        for position, expectation in enumerate(suite.expectations)
    ]


def run_suites(
    chosen: Iterable[Suite], rows: dict[str, str], connection: duckdb.DuckDBPyConnection, fingerprint: str, cache: Path
) -> list[CheckOutcome]:
    """Run suites, or take the last outcomes where neither the data nor the suites changed.

    Args:
        chosen: the suites.
        rows: suite name -> what to read (table or table function call).
        connection: where to read it.
        fingerprint: digest of the data behind ``rows``.
        cache: folder of remembered outcomes.
    """
    outcomes: list[CheckOutcome] = []
    for suite in chosen:
        memory = cache / f"{suite.name}.json"
        key = f"{fingerprint}:{suite.digest()}"
        remembered = _remembered(memory, key, suite)
        if remembered is None:
            remembered = _validate_and_remember(suite, rows[suite.name], connection, key, memory)
        page = str(data_docs(cache.parent) / f"{suite.name}.html")
        for outcome in remembered:
            outcome.details["data_docs"] = page
        outcomes.extend(remembered)
    return outcomes


def _validate_and_remember(
    suite: Suite, rows: str, connection: duckdb.DuckDBPyConnection, key: str, memory: Path
) -> list[CheckOutcome]:
    """Run a suite and write down what came of it, which is what Data Docs show; an error of the tool is shown and not kept."""
    frame = metrics_frame(suite, rows, connection)
    said: dict[str, Any] = {"checked_at": format_instant(clock.now().replace(microsecond=0)), "error": None}
    try:
        outcomes, validation = validate(suite, frame)
    except ExpectationToolError as error:
        said |= {"key": None, "outcomes": [], "validation": None, "error": str(error)}
        write_text(memory, json.dumps(said) + "\n")
        raise
    said |= {"key": key, "outcomes": [vars(outcome) for outcome in outcomes], "validation": validation}
    write_text(memory, json.dumps(said, default=str) + "\n")
    return outcomes


def data_docs(quality: Path) -> Path:
    """Return the folder of the Data Docs that show what is remembered under ``quality/checks``."""
    return quality / "data_docs"


def _remembered(memory: Path, key: str, suite: Suite) -> list[CheckOutcome] | None:
    if not memory.is_file():
        return None
    data = json.loads(memory.read_text(encoding="utf-8"))
    if data["key"] != key or not data.get("validation"):
        return None
    outcomes = [CheckOutcome(**row) for row in data["outcomes"]]
    names = [check_name(suite, position, expectation) for position, expectation in enumerate(suite.expectations)]
    return outcomes if [outcome.name for outcome in outcomes] == names else None  # an older version named them otherwise


def to_dagster(outcome: CheckOutcome, asset_key: Sequence[str] | None = None) -> dg.AssetCheckResult:
    """Return an outcome as a Dagster asset check result: ERROR blocks what comes after, WARN does not."""
    import dagster as dg

    return dg.AssetCheckResult(
        check_name=outcome.name,
        asset_key=dg.AssetKey(list(asset_key) if asset_key else outcome.asset.split("/")),
        passed=outcome.passed,
        severity=dg.AssetCheckSeverity.WARN if outcome.severity == "WARN" else dg.AssetCheckSeverity.ERROR,
        metadata={key: _metadata(key, value) for key, value in (_counts(outcome) | outcome.details).items()},
    )


def _counts(outcome: CheckOutcome) -> dict[str, Any]:
    """Return the numbers that Great Expectations observed, which the orchestrator plots from run to run."""
    observed = outcome.details.get("observed")
    if not isinstance(observed, dict):
        return {}
    return {key: observed[key] for key in ("observed_value", "unexpected_count") if type(observed.get(key)) in {int, float}}


def _metadata(key: str, value: Any) -> dg.MetadataValue:
    import dagster as dg

    if key == "data_docs":
        return dg.MetadataValue.path(value)
    if type(value) in {int, float}:
        return dg.MetadataValue.int(value) if isinstance(value, int) else dg.MetadataValue.float(value)
    return dg.MetadataValue.json(value) if isinstance(value, (dict, list)) else dg.MetadataValue.text(str(value))

"""A dbt project that describes each signal as a metric, for tools that read dbt's semantic layer.

It is a project of its own and no part of the pipeline's: a hundred metrics would be parsed in every run and serve none of them.
Its views read the published file, so what a tool computes is what was published. A signal has no sum over time; the metric of a
longer grain is the mean of its periods, each in the newest vintage known at the variable ``as_of``.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import duckdb
import yaml

from undertow.atomic import write_text
from undertow.errors import UsageError
from undertow.publish import Build

__all__ = ["export_metrics", "metric_name"]

_MARK = "# Written by `undertow export metrics`; it is written anew at each export.\n"
_MEASURES = {
    "signal_value": ("value", "The signal in its unit, mean over the periods of the grain."),
    "signal_z_exp": (
        "z_exp",
        "Standard deviations from the mean of strictly earlier periods, mean over the periods of the grain.",
    ),
    "signal_rank_exp": ("rank_exp", "Rank among strictly earlier periods, 0 to 1, mean over the periods of the grain."),
    "signal_confidence": ("confidence", "How far the signal can be trusted, 0 to 1, mean over the periods of the grain."),
}


def metric_name(signal_id: str) -> str:
    """Return the name of a signal's metric: dbt takes no dots.

    >>> metric_name("inflation.cpi_all_12m")
    'inflation_cpi_all_12m'
    """
    return signal_id.replace(".", "_").lower()


def export_metrics(build: Build, folder: Path) -> dict[str, Any]:
    """Write the project into a folder; an earlier one there is replaced.

    Returns:
        What was written: ``folder``, ``build_id``, ``metrics``.

    Raises:
        UsageError: the folder holds a dbt project that is not ours, or cannot be written.
    """
    folder = folder.expanduser().resolve()
    project = folder / "dbt_project.yml"
    with duckdb.connect(str(build.database), read_only=True) as connection:
        signals = connection.execute("FROM internal.signal ORDER BY signal_id").to_arrow_table().to_pylist()
    attached = {"path": str(build.database.resolve()), "alias": "build", "read_only": True}
    output = {
        "type": "duckdb",
        "path": str(folder / "undertow_metrics.duckdb"),
        "schema": "metrics",
        "threads": 1,
        "attach": [attached],
    }
    try:
        if project.exists() and not project.read_text(encoding="utf-8").startswith(_MARK):
            raise UsageError(f"{folder} holds another dbt project; name an empty folder")
        write_text(folder / "profiles.yml", _yaml({"undertow_metrics": {"target": "build", "outputs": {"build": output}}}))
        write_text(folder / "models/signal_period.sql", _SIGNAL_PERIOD)
        write_text(folder / "models/time_spine.sql", _TIME_SPINE)
        write_text(folder / "models/semantic.yml", _yaml(_semantics(signals)))
        write_text(project, _yaml(_PROJECT | {"vars": {"as_of": build.manifest["published_at"]}}))
    except OSError as error:
        raise UsageError(f"the metrics cannot be written to {folder}: {error.strerror or error}") from None
    return {"folder": str(folder), "build_id": build.build_id, "metrics": len(signals)}


_PROJECT = {
    "name": "undertow_metrics",
    "profile": "undertow_metrics",
    "config-version": 2,
    "version": "1.0.0",
    "model-paths": ["models"],
    "models": {"undertow_metrics": {"+materialized": "view"}},
    "flags": {"send_anonymous_usage_stats": False},
}

_SIGNAL_PERIOD = """\
-- Each period of each signal as it stood at the variable as_of: its newest vintage that was known then.
select
    signal_id || ' ' || cast(period_start as varchar) as signal_period,
    signal_id,
    split_part(signal_id, '.', 1) as domain,
    period_start,
    state.period_end as period_end,
    state.value as value,
    state.z_exp as z_exp,
    state.rank_exp as rank_exp,
    state.confidence as confidence,
    state.obs_status as obs_status,
    state.known_at as known_at,
    state.flags as flags,
    state.origin as origin
from (
    select signal_id, period_start, arg_max(s, s.known_at) as state
    from {{ source('build', 'mart_signal_long') }} as s
    where s.known_at <= cast('{{ var("as_of") }}' as timestamptz)
    group by signal_id, period_start
) as newest
"""

_TIME_SPINE = """\
-- One row a day, as dbt's semantic layer wants it.
select cast(day as date) as date_day
from generate_series(
    (select min(period_end) from {{ ref('signal_period') }}), (select max(period_end) from {{ ref('signal_period') }}),
    interval 1 day
) as days(day)
"""


def _semantics(signals: list[dict[str, Any]]) -> dict[str, Any]:
    """Return the source, the models, the semantic model and one metric a signal."""
    categorical = ("signal_id", "domain", "obs_status", "origin")
    return {
        "sources": [{"name": "build", "database": "build", "schema": "marts", "tables": [{"name": "mart_signal_long"}]}],
        "models": [
            {"name": "signal_period", "description": "Each period of each signal as it stood at the variable as_of."},
            {
                "name": "time_spine",
                "description": "One row a day.",
                "time_spine": {"standard_granularity_column": "date_day"},
                "columns": [{"name": "date_day", "granularity": "day"}],
            },
        ],
        "semantic_models": [
            {
                "name": "signal_period",
                "description": "Signals of macro-financial stress: one row for each signal and period.",
                "model": "ref('signal_period')",
                "defaults": {"agg_time_dimension": "period_end"},
                "entities": [{"name": "signal_period", "type": "primary"}],
                "dimensions": [
                    {"name": "period_end", "type": "time", "type_params": {"time_granularity": "day"}},
                    *({"name": name, "type": "categorical"} for name in categorical),
                ],
                "measures": [
                    {"name": name, "agg": "average", "expr": expression, "description": says}
                    for name, (expression, says) in _MEASURES.items()
                ],
            }
        ],
        "metrics": [_metric(signal) for signal in signals],
    }


def _metric(signal: dict[str, Any]) -> dict[str, Any]:
    direction = "higher is more stress" if signal["stress_dir"] > 0 else "lower is more stress"
    told = ("unit", "stress_dir", "frequency", "min_history", "stale_after_days", "method_version")
    id_ = signal["signal_id"]
    return {
        "name": metric_name(id_),
        "label": signal["title"],
        "description": f"{signal['formula']} ({signal['unit']}; {direction})",
        "type": "simple",
        "type_params": {"measure": "signal_value"},
        "filter": f"{{{{ Dimension('signal_period__signal_id') }}}} = '{id_}'",
        "config": {"meta": {"signal_id": id_} | {name: signal[name] for name in told}},
    }


def _yaml(content: dict[str, Any]) -> str:
    return _MARK + yaml.safe_dump(json.loads(json.dumps(content)), sort_keys=False, allow_unicode=True, width=120)

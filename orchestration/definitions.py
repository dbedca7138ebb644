"""The code location: everything wired together, and nothing else.

``dg dev`` and ``dagster dev`` load ``defs``; the command line calls ``build_definitions`` with a pipeline of its own.
"""

import importlib
import json
from collections.abc import Callable, Collection, Sequence

import dagster as dg

from orchestration.alerts import build_alert_sensors
from orchestration.calendar_sensor import LIVE, RETRIED, build_release_sensor, release_asset
from orchestration.dbt_assets import build_dbt_assets, mart_keys
from orchestration.housekeeping import build_housekeeping
from orchestration.lateness import build_lateness_checks
from orchestration.publishing import build_mart_checks, build_publishing, internal_keys, mart_suites
from orchestration.resources import Pipeline, code_version, pipeline_resource
from undertow.room import room_names

__all__ = ["JOB", "WRITES", "build_definitions", "defs", "selection_of"]

JOB = "daily"
WRITES = {"undertow/writes": "warehouse"}  # of such runs a team's instance takes one at a time from its queue


def build_definitions(pipeline: Pipeline | None = None) -> dg.Definitions:
    """Return the definitions.

    Args:
        pipeline: the pipeline of this process's one run; None lets each run configure its own.
    """
    warehouse = (pipeline or Pipeline()).warehouse()
    path = warehouse.manifest_path
    manifest = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else warehouse.parse()
    resource = pipeline_resource if pipeline is None else dg.ResourceDefinition.hardcoded_resource(pipeline)
    rooms = [asset for name in room_names() for asset in importlib.import_module(f"assets.{name}.assets").assets]
    assets = [*rooms, build_dbt_assets(manifest), build_publishing([*mart_keys(manifest), *internal_keys()])]
    job = dg.define_asset_job(
        JOB,
        selection=dg.AssetSelection.assets(*assets),
        description="Fetch, land, model, check, publish.",
        tags=WRITES,
    )
    housekeeping, weekly = build_housekeeping()
    return dg.Definitions(
        assets=[*assets, release_asset()],
        asset_checks=[build_mart_checks(mart_suites()), build_lateness_checks()],
        jobs=[job, housekeeping],
        sensors=[build_release_sensor(JOB, selection_of(assets)), *build_alert_sensors(job)],
        schedules=[
            dg.ScheduleDefinition(
                name="after_ecb_fixing",
                job_name=JOB,
                cron_schedule="15 16 * * 1-5",
                execution_timezone="Europe/Berlin",
                description="Asks the providers at 16:15 in Frankfurt; the ECB publishes its reference rates at about 16:00.",
                run_config=LIVE,
                tags=RETRIED,
            ),
            dg.ScheduleDefinition(
                name="after_us_releases",
                job_name=JOB,
                cron_schedule="40 8 * * 1-5",
                execution_timezone="America/New_York",
                description="Asks the providers at 08:40 in New York; US agencies publish at 08:30.",
                run_config=LIVE,
                tags=RETRIED,
            ),
            weekly,
        ],
        resources={"pipeline": resource},
        executor=dg.in_process_executor,
    )


def selection_of(assets: Sequence[dg.AssetsDefinition]) -> Callable[[Collection[str]], list[dg.AssetKey]]:
    """Return what a run needs that asks some rooms only: their payloads and landing, and everything after the landing."""
    keys = [key for definition in assets if definition.is_executable for key in definition.keys]
    return lambda rooms: [key for key in keys if key.path[0] not in {"archive", "landing"} or key.path[1] in rooms]


@dg.definitions
def defs() -> dg.Definitions:
    """Return the definitions for the Dagster UI; the mode is set in the launchpad."""
    Pipeline().warehouse().forget_old_parse(code_version())
    return build_definitions()

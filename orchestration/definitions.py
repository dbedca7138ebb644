"""The code location: everything wired together, and nothing else.

``dg dev`` and ``dagster dev`` load ``defs``; the command line calls ``build_definitions`` with a pipeline of its own.
"""

import importlib
import json

import dagster as dg

from orchestration.dbt_assets import build_dbt_assets, mart_keys
from orchestration.publishing import build_mart_checks, build_publishing, internal_keys, mart_suites
from orchestration.resources import Pipeline, code_version, pipeline_resource
from undertow.room import room_names

__all__ = ["JOB", "build_definitions", "defs"]

JOB = "daily"
LIVE = {"resources": {"pipeline": {"config": {"mode": "live"}}}}
RETRIED = {"dagster/max_retries": "2", "dagster/retry_strategy": "FROM_FAILURE"}


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
    return dg.Definitions(
        assets=[*rooms, build_dbt_assets(manifest), build_publishing([*mart_keys(manifest), *internal_keys()])],
        asset_checks=[build_mart_checks(mart_suites())],
        jobs=[dg.define_asset_job(JOB, selection=dg.AssetSelection.all(), description="Fetch, land, model, check, publish.")],
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
        ],
        resources={"pipeline": resource},
        executor=dg.in_process_executor,
    )


@dg.definitions
def defs() -> dg.Definitions:
    """Return the definitions for the Dagster UI; the mode is set in the launchpad."""
    Pipeline().warehouse().forget_old_parse(code_version())
    return build_definitions()

"""The code location of the daily job with a schedule whose tick a test can wait for: every minute, with the file that it writes."""

import os

import dagster as dg

from orchestration.definitions import JOB, build_definitions, selection_of

__all__ = ["defs"]


@dg.definitions
def defs() -> dg.Definitions:
    found = build_definitions()
    assets = [asset for asset in found.assets or [] if isinstance(asset, dg.AssetsDefinition)]

    @dg.schedule(job_name=JOB, cron_schedule="* * * * *", execution_timezone="UTC")
    def every_minute(context: dg.ScheduleEvaluationContext):
        return dg.RunRequest(
            run_key=f"{context.scheduled_execution_time:%H:%M}",
            asset_selection=selection_of(assets)(["file"]),
            run_config={"resources": {"pipeline": {"config": {"mode": "file", "source_from": [os.environ["TEST_SERIES"]]}}}},
        )

    return dg.Definitions.merge(found, dg.Definitions(schedules=[every_minute]))

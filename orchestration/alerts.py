"""Alerts: a run that failed for good is an incident, told once on each channel, until the step that failed succeeds.

Dagster's own sensors of the status of runs do the watching; ``undertow.incidents`` keeps the incidents and tells of them. Runs
that are tried again are not told of before the last attempt.
"""

from typing import Any

import dagster as dg

from undertow import clock
from undertow.channels import channels
from undertow.incidents import Incident, IncidentLog
from undertow.settings import Home, Settings

__all__ = ["build_alert_sensors", "failure_text", "incident_log"]

WILL_RETRY = "dagster/will_retry"
NO_STEP = "-"  # a run that failed outside of its steps, as where another run holds the lock


def incident_log() -> IncidentLog:
    """Return the incidents of the home, with the channels of this process's environment."""
    settings = Settings()
    return IncidentLog(Home(settings.home).quality, channels(settings))


def failure_text(event: Any) -> str:
    """Return what a failed step said, in one line: the words of the error that it began with."""
    error = event.step_failure_data.error
    cause = error.cause if error and error.cause else error
    return " ".join(str(cause.message if cause else event.message).split())


def build_alert_sensors(job: Any) -> list[dg.SensorDefinition]:
    """Return the sensors that open an incident where a run of a job fails, and close it where its step succeeds.

    They are on from the start: without a channel they only write the incidents down.
    """
    common: dict[str, Any] = {
        "monitored_jobs": [job],
        "minimum_interval_seconds": 30,
        "default_status": dg.DefaultSensorStatus.RUNNING,
    }

    @dg.run_failure_sensor(name="failed_runs", description="Opens an incident for a failed run, and tells it.", **common)
    def failed_runs(context: dg.RunFailureSensorContext):
        run = context.dagster_run
        if run.tags.get(WILL_RETRY) == "true":
            return dg.SkipReason(f"run {run.run_id} is tried again")
        events = context.get_step_failure_events()
        step, text = NO_STEP, " ".join((context.failure_event.message or "").split())
        if events:
            step, text = str(events[0].step_key), failure_text(events[0])
        where = "" if step == NO_STEP else f" in step {step}"
        says = f"a run of {run.job_name} failed{where}: {text[:500]}"
        incident = Incident(f"run|{run.job_name}|{step}", "run", says, {"run_id": run.run_id, "step": step})
        opened, _ = incident_log().update(clock.now(), [incident])
        return None if opened else dg.SkipReason(f"the incident {incident.key} is open already")

    @dg.run_status_sensor(
        run_status=dg.DagsterRunStatus.SUCCESS,
        name="mended_runs",
        description="Closes the incident of a failed run when the step that failed has succeeded.",
        **common,
    )
    def mended_runs(context: dg.RunStatusSensorContext):
        run = context.dagster_run
        stats = context.instance.get_run_step_stats(run.run_id)
        done = [NO_STEP, *(s.step_key for s in stats if s.status and s.status.value == "SUCCESS")]
        incident_log().update(clock.now(), [], {f"run|{run.job_name}|{step}": "succeeded" for step in done})

    return [failed_runs, mended_runs]

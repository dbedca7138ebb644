"""The sensor that follows the release calendar: it asks at the instants of releases, and goes on asking until a period is here.

``undertow.expected`` decides, from the calendar of the published build; this module gives it the instant and turns what it says
into Dagster's requests, partitions and events. One run asks for everything that is due at a tick, and only the rooms that bring
it. It is off until switched on; see docs/scheduling.md.
"""

import json
from collections.abc import Callable, Collection, Mapping
from datetime import datetime
from hashlib import sha256
from typing import Any

import dagster as dg

from orchestration.alerts import incident_log
from undertow import clock
from undertow.errors import NothingPublishedError
from undertow.expected import Ask, Due, Expected, due, ended, read, rooms_asked
from undertow.incidents import Incident
from undertow.instants import format_instant
from undertow.settings import Home, Settings
from undertow.store import FeatureStore

__all__ = ["LIVE", "RELEASES", "RETRIED", "build_release_sensor", "release_asset"]

LIVE = {"resources": {"pipeline": {"config": {"mode": "live"}}}}
RETRIED = {"dagster/max_retries": "2", "dagster/retry_strategy": "FROM_FAILURE"}
RELEASES = dg.DynamicPartitionsDefinition(name="releases")
KEY = dg.AssetKey(["calendar", "release"])
UNDER_WAY = ["QUEUED", "NOT_STARTED", "STARTING", "STARTED", "CANCELING"]


def release_asset() -> dg.AssetsDefinition:
    """Return the asset whose partitions are the periods of releases that were asked for: materialised is arrived."""
    spec = dg.AssetSpec(
        KEY,
        group_name="calendar",
        kinds={"python"},
        partitions_def=RELEASES,
        description=(
            "The periods of releases that the sensor releases_due has asked for, release|component|period. A partition is "
            "materialised when its period has arrived in the published build; an observation says that it is overdue."
        ),
    )
    return dg.AssetsDefinition(specs=[spec])  # nothing computes it


def _now() -> datetime:
    return clock.now().replace(microsecond=0)


def build_release_sensor(
    job_name: str, selection: Callable[[Collection[str]], list[dg.AssetKey]], clock: Callable[[], datetime] = _now
) -> dg.SensorDefinition:
    """Return the sensor.

    Args:
        job_name: the job whose runs it requests.
        selection: the assets of a run that asks some rooms only.
        clock: tells the instant of a tick.
    """

    @dg.sensor(
        name="releases_due",
        job_name=job_name,
        minimum_interval_seconds=60,
        default_status=dg.DefaultSensorStatus.STOPPED,
        description="Asks for a release when its instant has passed, less and less often, until its period is in the build.",
    )
    def releases_due(context: dg.SensorEvaluationContext):
        busy = dg.RunsFilter(job_name=job_name, statuses=[dg.DagsterRunStatus(name) for name in UNDER_WAY])
        if context.instance.get_runs_count(busy):
            return dg.SkipReason("a run is in progress; what is due is asked for after it")
        now, settings = clock(), Settings()
        try:
            with FeatureStore(home=Home(settings.home).root, frame="arrow") as store:
                rows = read(store, now, rooms_asked(settings, now.date()))
        except NothingPublishedError:
            return dg.RunRequest(run_key=f"first run|{now:%Y-%m-%d}", run_config=LIVE, tags=RETRIED)
        found = due(rows, now, _read_cursor(context.cursor))
        log = incident_log()
        opened, closed = log.update(now, found.overdue, ended(log.open(), rows, now))
        for incident in opened:
            context.log.warning(f"{incident.says}; see {log.path}")
        return dg.SensorResult(
            run_requests=[_request(found.asks, selection)] if found.asks else [],
            skip_reason=None if found.asks else _why_nothing(rows, found, now),
            cursor=json.dumps(found.cursor, sort_keys=True),
            dynamic_partitions_requests=_new_partitions(context.instance, found, opened),
            asset_events=[*_arrivals(context.instance, found.settled), *_observations(opened, closed)],
        )

    return releases_due


def _read_cursor(text: str | None) -> Mapping[str, Any]:
    """Return the cursor. One that cannot be read is as good as none: the keys of attempts follow from calendar and clock."""
    try:
        cursor = json.loads(text or "{}")
    except ValueError:
        return {}
    return cursor if isinstance(cursor, dict) else {}


def _request(asks: list[Ask], selection: Callable[[Collection[str]], list[dg.AssetKey]]) -> dg.RunRequest:
    """Return the one run that asks for everything that is due."""
    keys = sorted(ask.key for ask in asks)
    rooms = sorted({room for ask in asks for room in ask.expected.rooms})
    key = " ".join(keys) if len(keys) <= 3 else f"{len(keys)} releases {sha256(' '.join(keys).encode()).hexdigest()[:16]}"
    tags = {
        "undertow/release_id": ", ".join(ask.expected.release_id for ask in asks),
        "undertow/reference_period": ", ".join(ask.expected.reference_period for ask in asks),
        "undertow/attempt": ", ".join(str(ask.attempt) for ask in asks),
        "undertow/rooms": ", ".join(rooms),
    }
    return dg.RunRequest(run_key=key, run_config=LIVE, tags={**RETRIED, **tags}, asset_selection=selection(rooms))


def _why_nothing(rows: list[Expected], found: Due, now: datetime) -> str:
    """Say why nothing is asked for at this tick."""
    coming = [row.due_at for row in rows if row.due_at is not None and row.due_at > now]
    following = f"the next release is due {format_instant(min(coming))}" if coming else "the calendar has no later release"
    waiting = f"{len(found.cursor)} releases are waited for and asked for again later; " if found.cursor else ""
    return waiting + following


def _new_partitions(instance: dg.DagsterInstance, found: Due, opened: list[Incident]) -> list[Any]:
    known = set(instance.get_dynamic_partitions(RELEASES.name or ""))
    keys = {ask.expected.key for ask in found.asks} | {_partition(i) for i in opened if i.kind == "release"}
    new = sorted(keys - known)
    return [RELEASES.build_add_request(new)] if new else []


def _partition(incident: Incident) -> str:
    """Return the partition of a release's incident."""
    return incident.key.removeprefix("release|")


def _arrivals(instance: dg.DagsterInstance, settled: Mapping[str, str]) -> list[dg.AssetMaterialization]:
    return [
        dg.AssetMaterialization(KEY, description="arrived", partition=key)
        for key, outcome in sorted(settled.items())
        if outcome == "arrived" and instance.has_dynamic_partition(RELEASES.name or "", key)
    ]


def _observations(opened: list[Incident], closed: Mapping[str, str]) -> list[dg.AssetObservation]:
    """Return "expected, not arrived" and how it ended as events of the asset; a lapse belongs to no partition."""
    said = [(incident.key, incident.says, "opened") for incident in opened]
    said += [(key, outcome, "closed") for key, outcome in closed.items()]
    return [
        dg.AssetObservation(
            KEY,
            description=f"{event}: {text}",
            partition=key.removeprefix("release|") if key.startswith("release|") else None,
            metadata={"incident": key, "event": event},
        )
        for key, text, event in said
    ]

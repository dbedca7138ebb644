"""Ticks of the sensor of releases at chosen instants, as Dagster's daemon would make them."""

import os
import shutil
from datetime import UTC, datetime

import dagster as dg

from orchestration.calendar_sensor import build_release_sensor
from orchestration.definitions import JOB
from undertow.atomic import replace_link
from undertow.instants import parse_instant
from undertow.publish import Build
from undertow.settings import Home


def publish_copy(build: Build, home: Home) -> None:
    """Make a build the current one of another home; its files are links."""
    shutil.copytree(build.path, home.published / build.build_id, copy_function=os.link)
    replace_link(home.current, build.build_id)


class Daemon:
    """Ticks of the sensor at chosen instants, with what Dagster keeps from one to the next: cursor, partitions and runs."""

    def __init__(self, instance: dg.DagsterInstance) -> None:
        self.instance = instance
        self.cursor = ""
        self.now = datetime(2026, 1, 1, tzinfo=UTC)
        self.sensor = build_release_sensor(
            JOB, lambda rooms: [dg.AssetKey(["archive", room, "any"]) for room in rooms], clock=lambda: self.now
        )

    def tick(self, at: str) -> dg.SensorResult:
        """Evaluate the sensor at an instant."""
        self.now = parse_instant(at)
        result = self.sensor(dg.build_sensor_context(self.instance, self.cursor))
        if not isinstance(result, dg.SensorResult):
            return dg.SensorResult(
                run_requests=[result] if isinstance(result, dg.RunRequest) else [],
                skip_reason=result if isinstance(result, dg.SkipReason) else None,
            )
        self.cursor = result.cursor or ""
        for request in result.dynamic_partitions_requests or []:
            self.instance.add_dynamic_partitions(request.partitions_def_name, list(request.partition_keys))
        return result

    def asked(self, at: str, release: str) -> list[str]:
        """Tick, and return the periods of a release that are asked for, with the number of the attempt."""
        requests = self.tick(at).run_requests or []
        assert len(requests) <= 1, "one run asks for everything that is due"
        names = ("release_id", "reference_period", "attempt")
        columns = [request.tags[f"undertow/{name}"].split(", ") for request in requests for name in names] or [[], [], []]
        return [f"{period}|{attempt}" for one, period, attempt in zip(*columns, strict=True) if one == release]

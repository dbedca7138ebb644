"""The launcher of a team's instance: Dagster's own, and the daemon's question whether a run's worker is still there.

Dagster's default launcher starts a run as a child process of the code server, and cannot tell whether that child lives: where
the machine or the container of a code server goes down with it, or the child dies while the database is away, the run would
count as started until its longest time is over, and nothing would be started meanwhile. This one asks the code server that
started the run, and looks at the run's signs of life (``orchestration.heartbeat``). What run monitoring then finds lost it
marks as failed, and retries of runs do the rest. Containers and Kubernetes have launchers that know (DockerRunLauncher,
K8sRunLauncher).
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any, cast

import dagster as dg
from dagster._core.errors import DagsterUserCodeUnreachableError
from dagster._core.launcher.base import CheckRunHealthResult, WorkerStatus
from dagster._grpc.types import CanCancelExecutionRequest, CanCancelExecutionResult
from dagster._serdes import ConfigurableClassData, deserialize_value

from orchestration.heartbeat import last_sign

__all__ = ["WatchedRunLauncher"]

LOST_AFTER = 180  # seconds without a sign of life


class WatchedRunLauncher(dg.DefaultRunLauncher):
    """Launches runs in the code servers, and says whether they are still at work there."""

    def __init__(self, inst_data: ConfigurableClassData | None = None, lost_after_seconds: int = LOST_AFTER) -> None:
        super().__init__(inst_data)
        self._lost_after = lost_after_seconds
        self._signs: dict[str, tuple[str, float]] = {}  # the last sign of a run, and when it was first seen

    @classmethod
    def config_type(cls) -> Any:
        """Return what dagster.yaml may say."""
        return {"lost_after_seconds": dg.Field(int, default_value=LOST_AFTER, description="without a sign of life")}

    @classmethod
    def from_config_value(cls, inst_data: ConfigurableClassData, config_value: Mapping[str, Any]) -> WatchedRunLauncher:
        """Return the launcher that dagster.yaml asks for."""
        return cls(inst_data=inst_data, **config_value)

    @property
    def supports_check_run_worker_health(self) -> bool:
        """Tell the daemon that it may ask."""
        return True

    def check_run_worker_health(self, run: dg.DagsterRun) -> CheckRunHealthResult:
        """Return whether the code server that a run was started in still has it, and whether it gives signs of life.

        A server that cannot be reached says nothing: it may be restarting, and then knows soon that the run is gone.
        """
        client = self._get_grpc_client_for_termination(run.run_id)
        if client is None:
            return CheckRunHealthResult(WorkerStatus.NOT_FOUND, "nobody wrote down which code server has it")
        try:
            said = client.can_cancel_execution(CanCancelExecutionRequest(run_id=run.run_id), timeout=10)
        except DagsterUserCodeUnreachableError as error:
            return self._by_its_signs(run.run_id, f"the code server does not answer: {error}")
        if not cast("CanCancelExecutionResult", deserialize_value(said)).can_cancel:
            return CheckRunHealthResult(WorkerStatus.NOT_FOUND, "the code server that started it has no such run any more")
        return self._by_its_signs(run.run_id, None)

    def _by_its_signs(self, run_id: str, message: str | None) -> CheckRunHealthResult:
        """Take a run for lost whose last sign has been the same for too long, as this process has seen it.

        Seen, and not as the clock has it: while the database was away nobody could write a sign.
        """
        sign, now = last_sign(self._instance, run_id), time.monotonic()
        before, since = self._signs.get(run_id, (None, now))
        if sign is not None and sign == before and now - since > self._lost_after:
            del self._signs[run_id]
            return CheckRunHealthResult(WorkerStatus.NOT_FOUND, f"its process has given no sign of life since {sign}")
        if sign is not None and sign != before:
            self._signs[run_id] = (sign, now)
        return CheckRunHealthResult(WorkerStatus.RUNNING, message)

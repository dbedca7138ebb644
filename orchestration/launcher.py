"""The launcher of a team's instance: Dagster's own, and the daemon's question whether a run's worker is still there.

Dagster's default launcher starts a run as a child process of the code server, and cannot tell whether that child lives: where
the machine or the container of a code server goes down with it, the run would count as started until its longest time is
over, and nothing would be asked for meanwhile. This one asks the code server that started the run. What run monitoring then
finds lost it marks as failed, and retries of runs do the rest. Containers and Kubernetes have launchers that know
(DockerRunLauncher, K8sRunLauncher).
"""

from __future__ import annotations

from typing import cast

import dagster as dg
from dagster._core.errors import DagsterUserCodeUnreachableError
from dagster._core.launcher.base import CheckRunHealthResult, WorkerStatus
from dagster._grpc.types import CanCancelExecutionRequest, CanCancelExecutionResult
from dagster._serdes import deserialize_value

__all__ = ["WatchedRunLauncher"]


class WatchedRunLauncher(dg.DefaultRunLauncher):
    """Launches runs in the code servers, and says whether they are still at work there."""

    @property
    def supports_check_run_worker_health(self) -> bool:
        """Tell the daemon that it may ask."""
        return True

    def check_run_worker_health(self, run: dg.DagsterRun) -> CheckRunHealthResult:
        """Return whether the code server that a run was started in still has it.

        A server that cannot be reached says nothing: it may be restarting, and then knows soon that the run is gone.
        """
        client = self._get_grpc_client_for_termination(run.run_id)
        if client is None:
            return CheckRunHealthResult(WorkerStatus.NOT_FOUND, "nobody wrote down which code server has it")
        try:
            said = client.can_cancel_execution(CanCancelExecutionRequest(run_id=run.run_id), timeout=10)
        except DagsterUserCodeUnreachableError as error:
            return CheckRunHealthResult(WorkerStatus.RUNNING, f"the code server does not answer: {error}", transient=True)
        if cast("CanCancelExecutionResult", said if not isinstance(said, str) else deserialize_value(said)).can_cancel:
            return CheckRunHealthResult(WorkerStatus.RUNNING)
        return CheckRunHealthResult(WorkerStatus.NOT_FOUND, "the code server that started it has no such run any more")

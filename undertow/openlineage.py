"""OpenLineage events of a run: that it began, from what it made what, and how it ended.

One job, ``daily``, in the namespace of the settings. Inputs are the datasets of the providers, ``archive.<source>.<dataset>``,
outputs the marts of the published build, ``marts.<table>``, with their columns, rows and content digest. Events go to a server,
to a file, or to both. The client's own settings (variables and files of its own) are not read: they could add variables of the
environment to events. Where an event cannot be written or sent, a warning says so, and the run goes on.
"""

from __future__ import annotations

import logging
import os
from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import duckdb

from undertow import __version__, clock
from undertow.errors import UsageError
from undertow.http import without_secrets
from undertow.report import RunReport
from undertow.settings import Settings

if TYPE_CHECKING:
    from openlineage.client.event_v2 import InputDataset, OutputDataset, RunEvent, RunState
    from openlineage.client.transport.transport import Transport

__all__ = ["JOB", "Lineage"]

logger = logging.getLogger("undertow.openlineage")

JOB = "daily"
TIMEOUT = 5.0  # seconds that one try may take
TRIES = 2  # more, where the server fails; then the event is lost and a warning says so
_PRODUCER = f"undertow/{__version__}"


class Lineage:
    """The events of one run.

    Args:
        transports: where they go.
        report: of the run; it is read when an event is made.
        namespace: of the job and the datasets.
        secrets: what no event may hold.
    """

    def __init__(self, transports: Sequence[Transport], report: RunReport, namespace: str, secrets: Sequence[str] = ()) -> None:
        from openlineage.client.uuid import generate_static_uuid

        started = datetime.fromisoformat(report.started_at)
        self.run_id = str(generate_static_uuid(started, f"{namespace} {report.run_id}".encode()))
        self._transports = tuple(transports)
        self._report = report
        self._namespace = namespace
        self._secrets = tuple(secrets)

    @classmethod
    def of(cls, settings: Settings, report: RunReport) -> Lineage | None:
        """Return the events as the settings want them, or None where they want none or cannot have them."""
        if settings.openlineage_url is None and settings.openlineage_file is None:
            return None
        try:
            return cls(transports(settings), report, settings.openlineage_namespace, settings.secrets)
        except (UsageError, OSError) as error:
            logger.warning("no lineage is told of this run: %s", error)
            return None

    def began(self) -> None:
        """Tell that the run began."""
        from openlineage.client.event_v2 import RunState

        self._tell(RunState.START, datetime.fromisoformat(self._report.started_at), [], [])

    def ended(self) -> None:
        """Tell how the run ended: COMPLETE with what it made, FAIL with why, ABORT where it was stopped."""
        from openlineage.client.event_v2 import RunState

        report = self._report
        at = datetime.fromisoformat(report.ended_at) if report.ended_at else clock.now()
        state = RunState.COMPLETE
        if report.error:
            state = RunState.ABORT if report.error.startswith("stopped by ") else RunState.FAIL
        try:
            inputs, outputs = self._inputs(), self._outputs() if state is RunState.COMPLETE else []
        except (duckdb.Error, OSError, ValueError) as error:
            logger.warning("the lineage of this run cannot be read from its build: %s", error)
            inputs, outputs = [], []
        self._tell(state, at, inputs, outputs)

    def _tell(self, state: RunState, at: datetime, inputs: list[InputDataset], outputs: list[OutputDataset]) -> None:
        event = self._event(state, at, inputs, outputs)
        for transport in self._transports:
            try:
                transport.emit(event)
            except Exception as error:  # whatever a client of the network raises; its words may hold the address
                logger.warning("the lineage event %s was not taken (%s): %s", state.value, transport.kind, type(error).__name__)

    def _event(self, state: RunState, at: datetime, inputs: list[InputDataset], outputs: list[OutputDataset]) -> RunEvent:
        from openlineage.client.event_v2 import Job, Run, RunEvent
        from openlineage.client.facet_v2 import (
            documentation_job,
            error_message_run,
            job_type_job,
            processing_engine_run,
            tags_run,
        )

        tags = {"run_id": self._report.run_id, "mode": self._report.mode}
        facets: dict[str, Any] = {
            "processing_engine": processing_engine_run.ProcessingEngineRunFacet(
                version=duckdb.__version__, name="duckdb", openlineageAdapterVersion=__version__
            ),
            "tags": tags_run.TagsRunFacet([tags_run.TagsRunFacetFields(key, value, "undertow") for key, value in tags.items()]),
        }
        if self._report.error:
            facets["errorMessage"] = error_message_run.ErrorMessageRunFacet(self._clean(self._report.error), "PYTHON")
        job: dict[str, Any] = {
            "documentation": documentation_job.DocumentationJobFacet("Fetch, land, model, check, publish."),
            "jobType": job_type_job.JobTypeJobFacet("BATCH", "UNDERTOW", "JOB"),
        }
        return RunEvent(
            eventTime=at.astimezone(UTC).isoformat(),
            producer=_PRODUCER,
            eventType=state,
            run=Run(self.run_id, facets),
            job=Job(self._namespace, JOB, job),
            inputs=inputs,
            outputs=outputs,
        )

    def _inputs(self) -> list[InputDataset]:
        """Return the datasets that the build was made of; of a run without a build, those that it fetched."""
        import json

        from openlineage.client.event_v2 import InputDataset
        from openlineage.client.facet_v2 import dataset_version_dataset, input_statistics_input_dataset

        path = self._report.build.get("path")
        if path:
            payloads: list[Any] = json.loads((Path(path) / "manifest.json").read_text(encoding="utf-8"))["inputs"]
        else:
            fetched = [one for one in self._report.fetched if one.sha256]
            payloads = [
                {"source": o.source, "dataset": o.dataset, "sha256": o.sha256, "fetched_at": o.fetched_at} for o in fetched
            ]
        newest: dict[Any, Any] = {}
        count: Counter[Any] = Counter()
        for one in sorted(payloads, key=lambda one: one["fetched_at"] or ""):
            newest[one["source"], one["dataset"]] = one
            count[one["source"], one["dataset"]] += 1
        return [
            InputDataset(
                self._namespace,
                f"archive.{source}.{dataset}",
                facets={"version": dataset_version_dataset.DatasetVersionDatasetFacet(one["sha256"])},
                inputFacets={
                    "inputStatistics": input_statistics_input_dataset.InputStatisticsInputDatasetFacet(
                        fileCount=count[source, dataset]
                    )
                },
            )
            for (source, dataset), one in sorted(newest.items())
        ]

    def _outputs(self) -> list[OutputDataset]:
        """Return the marts of the published build with their columns, rows and content digest."""
        import json

        from openlineage.client.event_v2 import OutputDataset
        from openlineage.client.facet_v2 import dataset_version_dataset, output_statistics_output_dataset, schema_dataset

        path = self._report.build.get("path")
        if not path:
            return []
        tables = json.loads((Path(path) / "manifest.json").read_text(encoding="utf-8"))["tables"]
        with duckdb.connect(str(Path(path) / "undertow.duckdb"), read_only=True) as connection:
            rows = connection.execute(
                "SELECT table_name, column_name, data_type, comment FROM duckdb_columns() WHERE schema_name = 'marts' "
                "ORDER BY table_name, column_index"
            ).fetchall()
        columns: dict[str, list[Any]] = {}
        for table, name, kind, comment in rows:
            place = len(columns.setdefault(table, [])) + 1
            columns[table].append(schema_dataset.SchemaDatasetFacetFields(name, kind, comment, place))
        return [
            OutputDataset(
                self._namespace,
                f"marts.{name}",
                facets={
                    "schema": schema_dataset.SchemaDatasetFacet(columns.get(name, [])),
                    "version": dataset_version_dataset.DatasetVersionDatasetFacet(table["content"]),
                },
                outputFacets={
                    "outputStatistics": output_statistics_output_dataset.OutputStatisticsOutputDatasetFacet(
                        rowCount=table["rows"]
                    )
                },
            )
            for name, table in sorted(tables.items())
        ]

    def _clean(self, text: str) -> str:
        return without_secrets(text.encode(), self._secrets)[0].decode("utf-8", "replace")


def transports(settings: Settings) -> list[Transport]:
    """Return where the settings want events to go.

    Raises:
        UsageError: openlineage-python is not installed.
        OSError: the file cannot be made.
    """
    try:
        import requests
        from openlineage.client.transport.file import FileConfig, FileTransport
        from openlineage.client.transport.http import ApiKeyTokenProvider, HttpConfig, HttpTransport
    except ImportError:
        raise UsageError("OpenLineage needs its client: install undertow[lineage]") from None
    found: list[Transport] = []
    if settings.openlineage_file is not None:
        file = settings.openlineage_file.expanduser()
        file.parent.mkdir(parents=True, exist_ok=True)
        os.close(os.open(file, os.O_CREAT | os.O_APPEND | os.O_WRONLY, 0o600))  # the client would leave it to the umask
        found.append(FileTransport(FileConfig(str(file), append=True)))
    if settings.openlineage_url is not None:
        session = requests.Session()
        session.max_redirects = 0  # a key goes where it was meant to go
        retry = {
            "total": TRIES,
            "connect": TRIES,
            "read": TRIES,
            "backoff_factor": 0.3,
            "status_forcelist": [500, 502, 503, 504],
            "allowed_methods": ["POST"],
        }
        config = HttpConfig(settings.openlineage_url, timeout=TIMEOUT, session=session, retry=retry)
        if settings.openlineage_key is not None:
            config.auth = ApiKeyTokenProvider({"apiKey": settings.openlineage_key.get_secret_value()})
        found.append(HttpTransport(config))
    return found

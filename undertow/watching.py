"""What goes around every run, whoever started it: its report, its log, its lineage events and its metrics.

None of this can fail a run. What cannot be written or sent is one warning, and the report of the run is saved in any case.
"""

from __future__ import annotations

import logging
from collections.abc import Generator
from contextlib import contextmanager
from datetime import datetime

from undertow import clock, logs
from undertow.errors import UndertowError
from undertow.report import RunReport
from undertow.settings import Home, Settings

__all__ = ["watched"]

logger = logging.getLogger("undertow.watching")


@contextmanager
def watched(report: RunReport, home: Home, settings: Settings) -> Generator[None]:
    """Tell of a run while the block is it: that it began, how it ended, and what it left.

    Args:
        report: of the run; an exception that leaves the block is written into it, in one sentence.
        home: where the report is kept.
        settings: where else to tell of it.
    """
    from undertow.openlineage import Lineage

    logs.configure(settings.log, settings.secrets)
    with logs.in_run(run_id=report.run_id, mode=report.mode):
        lineage = Lineage.of(settings, report)
        logs.RUN.info("run began")
        if lineage is not None:
            lineage.began()
        try:
            yield
        except UndertowError as error:
            report.error = str(error)
            raise
        except BaseException as error:
            report.error = report.error or f"stopped by {type(error).__name__}"  # its words may hold anything
            raise
        finally:
            now = clock.now()
            report.ended_at = now.isoformat()
            report.save(home.quality / "runs")
            facts = {
                "outcome": report.outcome,
                "seconds": round((now - datetime.fromisoformat(report.started_at)).total_seconds(), 3),
                "bytes": sum(one.bytes for one in report.fetched if one.status == "new"),
                "checks_failed": sum(not check.passed for check in report.checks),
                "build_id": report.build.get("build_id"),
                "failed_sources": report.failed_sources,
            }
            logs.RUN.log(logging.ERROR if report.error else logging.INFO, report.error or "run ended", extra=facts)
            if lineage is not None:
                lineage.ended()
            _write_metrics(home, settings, now)


def _write_metrics(home: Home, settings: Settings, now: datetime) -> None:
    """Write the file for node-exporter, if one is named."""
    if settings.metrics_file is None:
        return
    from undertow.prometheus import write_textfile

    try:
        write_textfile(settings.metrics_file, home, settings, now)
    except Exception as error:  # a damaged build or a full disk must not fail the run that has just ended
        logger.warning("the metrics could not be written to %s: %s", settings.metrics_file, error)

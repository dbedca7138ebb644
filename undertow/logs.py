"""Logs as lines of JSON, for whoever collects them; without it nothing is set up, and warnings go to standard error as ever.

A line has ``at``, ``level``, ``logger``, ``event`` and, inside a run, ``run_id`` and ``mode``; what belongs to the event stands
beside it (``step``, ``source``, ``dataset``, ``seconds``, ``bytes`` ...). Modules log through the standard library and name
these as ``extra``. Before a line is written, every secret of the settings is taken out of it, in whatever way it is escaped,
and addresses in it lose their credentials and the values of secret parameters.
"""

from __future__ import annotations

import logging
import re
import sys
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from typing import Any, TextIO

from undertow.archive import redact
from undertow.http import quieten, without_secrets

__all__ = ["RUN", "configure", "in_run", "is_json"]

RUN = logging.getLogger("undertow.run")  # what happens in a run, step by step; shown as JSON only, for people have the summary
RUN.addHandler(logging.NullHandler())  # so that a warning of it does not go to standard error by itself
_SHORTEST = 4  # a shorter "secret" stands in words by chance
_ADDRESS = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://[^\s\"'<>\\]+")


class _Handler(logging.StreamHandler):
    """Our handler, told from others by its type."""


def configure(form: str, secrets: Sequence[str] = (), stream: TextIO | None = None) -> None:
    """Let all loggers of this process write lines of JSON, ours from INFO on and others from WARNING on.

    Calling it again replaces what was set up; ``text`` takes it away.

    Args:
        form: ``json`` or ``text``.
        secrets: what no line may hold.
        stream: where to; standard error by default.
    """
    root, ours = logging.getLogger(), logging.getLogger("undertow")
    was_json = is_json()
    for handler in [handler for handler in root.handlers if isinstance(handler, _Handler)]:
        root.removeHandler(handler)
    if form != "json":
        if was_json:
            ours.setLevel(logging.NOTSET)
            logging.captureWarnings(False)
        return
    handler = _Handler(stream or sys.stderr)
    handler.setFormatter(_formatter(secrets))
    # a package that gives its own logger a level would otherwise tell everything that it does
    handler.addFilter(lambda record: record.levelno >= logging.WARNING or record.name.partition(".")[0] == "undertow")
    root.addHandler(handler)
    ours.setLevel(logging.INFO)
    logging.captureWarnings(True)  # they would be lines that are no JSON
    quieten()


def is_json() -> bool:
    """Tell whether logs are lines of JSON."""
    return any(isinstance(handler, _Handler) for handler in logging.getLogger().handlers)


@contextmanager
def in_run(**facts: Any) -> Generator[None]:
    """Add facts, such as the id of the run, to every line that is logged inside the block by this thread."""
    from structlog import contextvars

    contextvars.bind_contextvars(**facts)
    try:
        yield
    finally:
        contextvars.unbind_contextvars(*facts)


def _formatter(secrets: Sequence[str]) -> logging.Formatter:
    """Return the formatter that makes a line of a record."""
    import structlog

    hidden = tuple(secret for secret in secrets if len(secret) >= _SHORTEST)
    write = structlog.processors.JSONRenderer(default=str, ensure_ascii=False)

    def line(logger: Any, name: str, event: structlog.typing.EventDict) -> str:
        event.pop("message", None)  # another handler's rendering of the event
        first = {key: event.pop(key) for key in ("at", "level", "logger", "event") if key in event}
        told = {key: _clean(value, hidden) if isinstance(value, str) else value for key, value in {**first, **event}.items()}
        return _clean(str(write(logger, name, told)), hidden)  # again: what was no text is one now

    return structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=[
            structlog.contextvars.merge_contextvars,
            structlog.stdlib.add_log_level,
            structlog.stdlib.add_logger_name,
            structlog.stdlib.ExtraAdder(),
            structlog.processors.TimeStamper(fmt="iso", utc=True, key="at"),
            structlog.processors.format_exc_info,
        ],
        processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, line],
    )


def _clean(text: str, secrets: Sequence[str]) -> str:
    clean, _ = without_secrets(text.encode("utf-8", "replace"), secrets)
    return _ADDRESS.sub(lambda found: redact(found[0]), clean.decode("utf-8", "replace"))

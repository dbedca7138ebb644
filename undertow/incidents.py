"""Incidents: what is wrong now, written down once when it begins and once when it ends, and told to a webhook once.

``quality/incidents.jsonl`` has one line for each event, oldest first: ``opened``, ``told`` or ``untold`` (the webhook took the
alert, or did not), ``closed`` with an outcome. Nothing in it is edited. What an incident is belongs to the callers.
"""

from __future__ import annotations

import json
import logging
import os
from collections.abc import Generator, Iterable, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import filelock
from pydantic import SecretStr

from undertow.atomic import make_folder
from undertow.instants import format_instant, parse_instant

__all__ = ["Incident", "IncidentLog", "post"]

logger = logging.getLogger("undertow.incidents")

TELL_AGAIN = timedelta(minutes=15)  # an alert that the webhook did not take is tried again, and no sooner


@dataclass(frozen=True)
class Incident:
    """Something that is wrong. ``key`` is what makes it one: the same key is the same incident until it is closed."""

    key: str
    kind: str  # the first word of the key: release, lapse or run
    says: str  # one sentence
    details: Mapping[str, Any] = field(default_factory=dict)
    opened_at: datetime | None = None
    is_told: bool = False
    tried_at: datetime | None = None


class IncidentLog:
    """The incidents of one home.

    Args:
        quality: the folder ``quality/`` of the home.
        webhook: where new incidents are told; None tells nobody.
        timeout: the time limit of one alert, in seconds.
    """

    def __init__(self, quality: Path, webhook: SecretStr | None = None, timeout: float = 10.0) -> None:
        self.path = quality / "incidents.jsonl"
        self._webhook = webhook
        self._timeout = timeout

    def events(self) -> list[dict[str, Any]]:
        """Return all events, oldest first. A line that a crash cut short is left out."""
        if not self.path.is_file():
            return []
        found = []
        for line in self.path.read_text(encoding="utf-8").splitlines():
            try:
                found.append(json.loads(line))
            except ValueError:
                logger.warning("%s has a line that cannot be read: %s", self.path, line[:80])
        return found

    def open(self) -> dict[str, Incident]:
        """Return the incidents that are open, by their key."""
        found: dict[str, Incident] = {}
        for event in self.events():
            key, at = event["key"], parse_instant(event["at"])
            match event["event"]:
                case "opened":
                    found[key] = Incident(key, event["kind"], event["says"], event["details"], at)
                case "closed":
                    found.pop(key, None)
                case "told" | "untold" if key in found:
                    found[key] = replace(found[key], is_told=event["event"] == "told", tried_at=at)
        return found

    def update(
        self, now: datetime, present: Iterable[Incident], ended: Mapping[str, str] | None = None
    ) -> tuple[list[Incident], dict[str, str]]:
        """Open what is present and not open yet, close what has ended, and tell the webhook what it does not know.

        All that is new at once is told in one alert. A webhook that fails, or a disk that is full, is a warning and no error.

        Args:
            now: the instant of the events.
            present: what is wrong now.
            ended: the keys of incidents that are over, each with its outcome; those that are not open are passed over.

        Returns:
            What was opened, and what was closed with which outcome.
        """
        try:
            with self._alone():
                changes = self._write(now, list(present), ended or {})
                self._tell(now)
        except OSError as error:
            logger.warning("incidents could not be written to %s: %s", self.path, error.strerror or error)
            return [], {}
        return changes

    def _write(self, now: datetime, present: list[Incident], ended: Mapping[str, str]) -> tuple[list[Incident], dict[str, str]]:
        before = self.open()
        opened = [incident for incident in present if incident.key not in before]
        closed = {key: outcome for key, outcome in ended.items() if key in before}
        self._append(
            [
                *(self._event(now, "opened", i.key, kind=i.kind, says=i.says, details=dict(i.details)) for i in opened),
                *(self._event(now, "closed", key, outcome=outcome) for key, outcome in closed.items()),
            ]
        )
        return opened, closed

    def _tell(self, now: datetime) -> None:
        """Tell the webhook what is open and what it has not taken yet."""
        if self._webhook is None:
            return
        untold = [i for i in self.open().values() if not i.is_told and (i.tried_at is None or now - i.tried_at >= TELL_AGAIN)]
        if not untold:
            return
        problem = post(self._webhook, _alert(now, untold), self._timeout)
        if problem:
            logger.warning("%s", problem)
        self._append([self._event(now, "untold" if problem else "told", incident.key) for incident in untold])

    @staticmethod
    def _event(at: datetime, event: str, key: str, **more: Any) -> dict[str, Any]:
        return {"at": format_instant(at), "event": event, "key": key, **more}

    def _append(self, events: list[dict[str, Any]]) -> None:
        if not events:
            return
        with self.path.open("ab") as file:
            if file.tell() and not self.path.read_bytes().endswith(b"\n"):
                file.write(b"\n")  # after a line that a crash cut short
            file.write("".join(json.dumps(event) + "\n" for event in events).encode())
            file.flush()
            os.fsync(file.fileno())

    @contextmanager
    def _alone(self) -> Generator[None]:
        """Let a sensor and a run that write at the same moment do so one after the other."""
        make_folder(self.path.parent)
        with filelock.FileLock(self.path.with_name(f"{self.path.name}.lock"), timeout=60):
            yield


def _alert(now: datetime, incidents: list[Incident]) -> dict[str, Any]:
    """Return the alert for some incidents. ``text`` is what chat programs show of it."""
    return {
        "source": "undertow",
        "at": format_instant(now),
        "text": "Undertow: " + "; ".join(incident.says for incident in incidents),
        "incidents": [
            {name: value for name, value in asdict(i).items() if name in {"key", "kind", "says", "details"}} for i in incidents
        ],
    }


def post(webhook: SecretStr, message: Mapping[str, Any], timeout: float = 10.0) -> str | None:
    """Post a message as JSON, once; redirects are not followed.

    Returns:
        None where the webhook took it, else one sentence that says why it did not and does not name the address.
    """
    import httpx

    from undertow.http import quieten

    quieten()  # they would write the address, which is a secret
    try:
        answer = httpx.post(webhook.get_secret_value(), json=dict(message), timeout=timeout, follow_redirects=False)
    except httpx.TimeoutException:
        return f"the alert was not taken: the webhook gave no answer within {timeout:g} seconds"
    except (httpx.HTTPError, httpx.InvalidURL, ValueError) as error:
        return f"the alert was not taken: the webhook cannot be reached ({type(error).__name__})"
    return None if answer.is_success else f"the alert was not taken: the webhook answered {answer.status_code}"

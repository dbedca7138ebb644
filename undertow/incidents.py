"""Incidents: what is wrong now, written down once when it begins and once when it ends, and told on each channel once.

``quality/incidents.jsonl`` has one line for each event, oldest first: ``opened``, ``closed`` with an outcome, and ``told`` or
``untold``: a channel took the alert of an opening or of a closing, or did not. Nothing in it is edited. What an incident is
belongs to the callers, and how an alert leaves to ``undertow.channels``.
"""

from __future__ import annotations

import json
import logging
import os
from collections import Counter
from collections.abc import Generator, Iterable, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import filelock

from undertow.atomic import make_folder
from undertow.channels import Channel
from undertow.instants import format_instant, parse_instant
from undertow.settings import PRIVATE

__all__ = ["RUNBOOKS", "Incident", "IncidentLog"]

logger = logging.getLogger("undertow.incidents")

TELL_AGAIN = timedelta(minutes=15)  # an alert that a channel did not take is tried again, and no sooner
NEWS = timedelta(days=1)  # an end that no channel took for so long is no news any more
RUNBOOKS = {  # what to do about each kind; the alert names it
    "release": "docs/runbooks/release-overdue.md",
    "lapse": "docs/runbooks/lapse.md",
    "run": "docs/runbooks/run-failed.md",
}


@dataclass(frozen=True)
class Incident:
    """Something that is wrong. ``key`` is what makes it one: the same key is the same incident until it is closed."""

    key: str
    kind: str  # the first word of the key: release, lapse or run
    says: str  # one sentence
    details: Mapping[str, Any] = field(default_factory=dict)
    opened_at: datetime | None = None
    told_by: frozenset[str] = frozenset()  # the channels that took the alert

    @property
    def is_told(self) -> bool:
        """Whether somebody was told."""
        return bool(self.told_by)


@dataclass
class _Episode:
    """An incident from its opening on, with what became of it and of its alerts."""

    incident: Incident
    closed_at: datetime | None = None
    outcome: str = ""
    told: dict[tuple[str, str], bool] = field(default_factory=dict)  # (of, channel) -> whether it was taken
    tried_at: dict[tuple[str, str], datetime] = field(default_factory=dict)

    def is_untold(self, of: str, channel: str) -> bool:
        """Whether a channel has been tried and has not taken it."""
        return self.told.get((of, channel)) is False

    def is_news(self, now: datetime) -> bool:
        """Whether it is open, or ended not long ago."""
        return self.closed_at is None or now - self.closed_at <= NEWS

    def is_due(self, channel: str, now: datetime) -> str | None:
        """Return what the channel should be told of now: the opening, the closing, or nothing."""
        of = "opened" if self.closed_at is None else "closed"
        if self.told.get((of, channel)):
            return None
        if self.closed_at is not None and not (self.told.get(("opened", channel)) and self.is_news(now)):
            return None  # who was not told that it began need not hear that it is over
        tried = self.tried_at.get((of, channel))
        return of if tried is None or now - tried >= TELL_AGAIN else None


class IncidentLog:
    """The incidents of one home.

    Args:
        quality: the folder ``quality/`` of the home.
        channels: where new incidents, and their ends, are told; none tells nobody.
    """

    def __init__(self, quality: Path, channels: Sequence[Channel] = ()) -> None:
        self.path = quality / "incidents.jsonl"
        self._channels = tuple(channels)

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
        return {e.incident.key: e.incident for e in self._episodes() if e.closed_at is None}

    def untold(self, now: datetime) -> dict[str, int]:
        """Return for each channel that was ever tried how many alerts it has not taken and will be asked to take again."""
        counts: Counter[str] = Counter()
        for episode in self._episodes():
            of = "opened" if episode.closed_at is None else "closed"
            for channel in {channel for _, channel in episode.tried_at}:
                counts[channel] += episode.is_untold(of, channel) and episode.is_news(now)
        return dict(counts)

    def _episodes(self) -> list[_Episode]:
        """Return every incident from its opening to its end, oldest first."""
        found: list[_Episode] = []
        newest: dict[str, _Episode] = {}
        for event in self.events():
            key, at = event["key"], parse_instant(event["at"])
            if event["event"] == "opened":
                newest[key] = _Episode(Incident(key, event["kind"], event["says"], event["details"], at))
                found.append(newest[key])
            elif key in newest:
                _follow(newest[key], event, at)
        return found

    def update(
        self, now: datetime, present: Iterable[Incident], ended: Mapping[str, str] | None = None
    ) -> tuple[list[Incident], dict[str, str]]:
        """Open what is present and not open yet, close what has ended, and tell each channel what it does not know.

        All that is new at once is told in one alert. A channel that fails, or a disk that is full, is a warning and no error.

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
        """Tell each channel what it does not know, in one alert."""
        if not self._channels:
            return
        episodes = self._episodes()
        for channel in self._channels:
            due = [(episode, of) for episode in episodes if (of := episode.is_due(channel.name, now))]
            if not due:
                continue
            problem = channel.tell(_alert(now, due))
            if problem:
                logger.warning("%s", problem)
            said = "untold" if problem else "told"
            self._append([self._event(now, said, e.incident.key, by=channel.name, of=of) for e, of in due])

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
        make_folder(self.path.parent, PRIVATE)
        with filelock.FileLock(self.path.with_name(f"{self.path.name}.lock"), timeout=60):
            yield


def _follow(episode: _Episode, event: Mapping[str, Any], at: datetime) -> None:
    """Take up one later event of an incident. Lines of older versions know the webhook alone, and openings alone."""
    if event["event"] == "closed":
        episode.closed_at, episode.outcome = at, event["outcome"]
    elif event["event"] in ("told", "untold"):
        place = (event.get("of", "opened"), event.get("by", "webhook"))
        episode.told[place] = event["event"] == "told"
        episode.tried_at[place] = at
        if episode.told[place] and place[0] == "opened":
            episode.incident = replace(episode.incident, told_by=episode.incident.told_by | {place[1]})


def _alert(now: datetime, due: Sequence[tuple[_Episode, str]]) -> dict[str, Any]:
    """Return the alert for some incidents. ``text`` is what chat programs show of it."""
    opened = [episode.incident for episode, of in due if of == "opened"]
    closed = [episode for episode, of in due if of == "closed"]
    runbooks = sorted({RUNBOOKS[incident.kind] for incident in opened if incident.kind in RUNBOOKS})
    says = [incident.says for incident in opened]
    says += [f"over: {episode.incident.says} ({episode.outcome})" for episode in closed]
    return {
        "source": "undertow",
        "at": format_instant(now),
        "text": f"Undertow: {'; '.join(says)}" + (f". See {', '.join(runbooks)}" if runbooks else ""),
        "incidents": [
            {
                **{name: value for name, value in asdict(one).items() if name in {"key", "kind", "says", "details"}},
                "runbook": RUNBOOKS.get(one.kind),
            }
            for one in opened
        ],
        "closed": [
            {"key": one.incident.key, "kind": one.incident.kind, "says": one.incident.says, "outcome": one.outcome}
            for one in closed
        ],
    }

"""What should be here by now: the release calendar held against the newest period that a build has of each release.

Freshness is a question of periods and of the calendar, never of a file's age or of an answer's status. ``due`` decides what to
ask for and what is overdue, ``judge`` says of one release how it stands; both are pure. ``read`` gives them their rows from a
published build. What runs, and who is told, belongs to the orchestrator.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any

from undertow.incidents import Incident
from undertow.instants import format_instant, parse_instant
from undertow.room import load_room, room_names
from undertow.settings import Settings
from undertow.store import FeatureStore

__all__ = [
    "GRACE",
    "PATIENCE",
    "Ask",
    "Due",
    "Expected",
    "Judgement",
    "attempt_at",
    "due",
    "ended",
    "incidents",
    "judge",
    "nth_attempt",
    "read",
    "rooms_asked",
]

GRACE = timedelta(minutes=1)  # from the release instant to the first attempt
PATIENCE = timedelta(hours=2)  # from the release instant until a period that is not here is called overdue
SETTLING = timedelta(minutes=30)  # from the first attempt until then, for a run takes its time
LAST_DOUBLING = 11  # attempt 11 is 1024 minutes after the release; from there on there is one a day
DAY = timedelta(days=1)

_WILL_COME = frozenset({"scheduled", "rescheduled", "pending"})
_HAS_COME = frozenset({"released", "partial", "unscheduled"})


@dataclass(frozen=True)
class Expected:
    """One period of a release: what the calendar says of it at an instant, and what the data has of the release."""

    release_id: str
    component: str
    reference_period: str
    reference_end: date
    status: str  # as calendar_as_known says
    original_at: datetime | None
    scheduled_at: datetime | None
    actual_at: datetime | None
    newest_end: date | None  # last day of the newest period that the data has of this release and component
    lapse_id: str | None = None
    reason: str | None = None
    rooms: tuple[str, ...] = ()  # those that can bring it
    is_generated: bool = False  # whether all that is here of the release is a generated sample

    @property
    def group(self) -> str:
        """The release and its component."""
        return f"{self.release_id}|{self.component}"

    @property
    def key(self) -> str:
        """The release, its component and the period."""
        return f"{self.group}|{self.reference_period}"

    @property
    def name(self) -> str:
        """The same for people."""
        part = "" if self.component == "all" else f" ({self.component})"
        return f"{self.release_id}{part} {self.reference_period}"

    @property
    def is_here(self) -> bool:
        """Whether the data has this period, or a later one."""
        return self.newest_end is not None and self.newest_end >= self.reference_end

    @property
    def due_at(self) -> datetime | None:
        """The instant of the release; None for what will not come (cancelled, merged, a permanent gap) and what has no date."""
        if self.status in _WILL_COME:
            return self.scheduled_at
        if self.status in _HAS_COME:
            return self.actual_at or self.scheduled_at
        return None

    @property
    def is_ended(self) -> bool:
        """Whether it will never come by itself: cancelled, merged into another release, or a permanent gap."""
        return self.status not in _WILL_COME | _HAS_COME

    @property
    def is_held_back(self) -> bool:
        """Whether a lapse explains that it has not come."""
        return self.lapse_id is not None and self.status in _WILL_COME

    def is_waited_for(self, now: datetime) -> bool:
        """Tell whether its instant has passed and it is not here."""
        return not self.is_here and self.due_at is not None and self.due_at <= now

    def is_overdue(self, now: datetime) -> bool:
        """Tell whether it is waited for longer than providers take to publish."""
        return self.is_waited_for(now) and self.due_at is not None and self.due_at + PATIENCE <= now


@dataclass(frozen=True)
class Ask:
    """One attempt to get a period of a release."""

    expected: Expected
    attempt: int

    @property
    def key(self) -> str:
        """The key of the attempt. It follows from the calendar and the clock alone, so no attempt is ever made twice."""
        assert self.expected.due_at is not None  # noqa: S101 - what has no instant is never asked for
        return f"{self.expected.key}|{format_instant(self.expected.due_at)}|{self.attempt}"


@dataclass(frozen=True)
class Due:
    """What follows from the calendar at an instant."""

    asks: list[Ask]
    overdue: list[Incident]  # a release that has not come, or a lapse with all that it holds back
    settled: dict[str, str]  # the keys of periods that were asked for and are no longer waited for, with what became of them
    cursor: dict[str, Any]  # what the next call needs to know of this one


def attempt_at(due_at: datetime, n: int) -> datetime:
    """Return the instant of the n-th attempt: 1, 2, 4 ... 1024 minutes after the release, then once a day."""
    return due_at + GRACE * 2 ** (min(n, LAST_DOUBLING) - 1) + DAY * max(0, n - LAST_DOUBLING)


def nth_attempt(due_at: datetime, now: datetime, slowly: bool = False) -> int:
    """Return the number of the attempt whose turn it is, 0 before the first.

    After a pause it is the newest one: what was missed is not made up for.

    Args:
        due_at: the release instant.
        now: the instant.
        slowly: leave out those between the first and the daily ones.
    """
    minutes = (now - due_at) // GRACE
    if minutes < 1:
        return 0
    n = minutes.bit_length()
    if n >= LAST_DOUBLING:
        n = LAST_DOUBLING + (now - attempt_at(due_at, LAST_DOUBLING)) // DAY
    return 1 if slowly and n <= LAST_DOUBLING else n


def due(rows: Iterable[Expected], now: datetime, cursor: Mapping[str, Any] | None = None) -> Due:
    """Decide what to ask for now, and what is overdue.

    Of each release and component, only the newest period whose instant has passed is asked for: its run brings the older
    ones too. Behind a lapse without a new date the attempts are daily from the start; they do not end, for providers have
    published data in a lapse without a release.

    Args:
        rows: the calendar as known now, with what is here.
        now: the instant.
        cursor: the cursor that the last call returned; None at first.
    """
    before = {} if cursor is None else dict(cursor)
    everything = {row.key: row for row in rows}
    groups: dict[str, list[Expected]] = {}
    for row in everything.values():
        if row.is_waited_for(now):
            groups.setdefault(row.group, []).append(row)
    asks: list[Ask] = []
    overdue: list[Expected] = []
    after: dict[str, Any] = {}
    for group, waiting in sorted(groups.items()):
        waiting.sort(key=lambda row: (row.due_at, row.reference_end))
        newest = waiting[-1]
        known = before.get(group, {})
        asked = {row.reference_period: known.get("asked", {}).get(row.reference_period, {}) for row in waiting}
        moved = newest.scheduled_at != newest.original_at
        ask = Ask(newest, nth_attempt(_instant(newest), now, slowly=newest.is_held_back and not moved))
        last = asked[newest.reference_period]
        if ask.attempt > (last.get("attempt", 0) if last.get("due_at") == format_instant(_instant(newest)) else 0):
            asks.append(ask)
            asked[newest.reference_period] = {"due_at": format_instant(_instant(newest)), "attempt": ask.attempt}
        asked = {period: state for period, state in asked.items() if state}
        if not asked:
            continue  # within the grace after the instant
        since = known.get("since") or format_instant(now)
        after[group] = {"since": since, "asked": asked}
        if parse_instant(since) + SETTLING <= now:
            overdue += [row for row in waiting if row.is_overdue(now)]
    return Due(asks, incidents(overdue), _settled(before, after, everything), after)


def _instant(row: Expected) -> datetime:
    """Return the release instant of a row that is waited for."""
    assert row.due_at is not None  # noqa: S101 - see is_waited_for
    return row.due_at


def _settled(before: Mapping[str, Any], after: Mapping[str, Any], rows: Mapping[str, Expected]) -> dict[str, str]:
    """Return the periods that were asked for and are not waited for now, with what became of them."""
    settled = {}
    for group, known in before.items():
        for period in known.get("asked", {}):
            if period not in after.get(group, {}).get("asked", {}):
                row = rows.get(f"{group}|{period}")
                settled[f"{group}|{period}"] = outcome(row)
    return settled


def outcome(row: Expected | None) -> str:
    """Say what became of a period that is no longer waited for."""
    if row is None:
        return "no longer in the calendar"
    return "arrived" if row.is_here else row.status


def incidents(overdue: Iterable[Expected]) -> list[Incident]:
    """Return what is overdue as incidents: one for each lapse, whatever it holds back, and one for each other release.

    A release that waits for several periods is one incident, named after the oldest, until that one is settled.
    """
    together: dict[str, list[Expected]] = {}
    for row in overdue:
        together.setdefault(f"lapse|{row.lapse_id}" if row.is_held_back else row.group, []).append(row)
    found = []
    for key, rows in together.items():
        rows.sort(key=lambda row: (row.due_at, row.reference_end, row.key))
        first, last = rows[0], rows[-1]
        details = {"periods": [row.key for row in rows], "due_at": format_instant(_instant(first))}
        if first.is_held_back:
            releases = sorted({row.release_id for row in rows})
            says = f"the lapse {first.lapse_id} holds back {', '.join(releases)}"
            found.append(Incident(key, "lapse", says, {"lapse_id": first.lapse_id, **details}))
            continue
        span = first.name if first is last else f"{first.name} to {last.reference_period}"
        says = f"{span} was due {format_instant(_instant(first))} and has not arrived"
        found.append(Incident(f"release|{first.key}", "release", says, details))
    return found


def ended(keys: Iterable[str], rows: Iterable[Expected], now: datetime) -> dict[str, str]:
    """Return which of some open incidents are over, each with what became of it; those of another kind are passed over."""
    everything = {row.key: row for row in rows}
    present = {incident.key for incident in incidents(row for row in everything.values() if row.is_overdue(now))}
    over = {}
    for key in keys:
        kind, _, rest = key.partition("|")
        if kind in {"lapse", "release"} and key not in present:
            over[key] = "nothing is held back any more" if kind == "lapse" else outcome(everything.get(rest))
    return over


@dataclass(frozen=True)
class Judgement:
    """How a release stands at an instant.

    ``status`` is ``on time``, ``late``, ``held back`` (by a lapse), ``cancelled`` (also merged into another, or lost for
    good), ``postponed`` or ``not followed``; the first that holds of a period which is not here. ``says`` has them all.
    """

    release_id: str
    status: str
    says: str
    details: dict[str, Any] = field(default_factory=dict)

    @property
    def is_late(self) -> bool:
        """Whether a period should be here and nothing explains that it is not."""
        return self.status == "late"


def judge(release_id: str, rows: Iterable[Expected], now: datetime) -> Judgement:
    """Judge one release by its newest period here and the calendar.

    It is late where the instant of a later period passed more than two hours ago and no lapse explains it. What is cancelled,
    merged into another release, lost for good or postponed to a coming date is never late.
    """
    mine = sorted((row for row in rows if row.release_id == release_id), key=lambda row: (row.reference_end, row.component))
    if not mine:
        return Judgement(release_id, "not followed", "no provider that is asked has a series of it")
    if all(row.is_generated for row in mine):
        return Judgement(release_id, "not followed", "all that is here of it is a generated sample")
    ahead = [row for row in mine if not row.is_here]
    overdue = [row for row in ahead if row.is_overdue(now)]
    coming = [row for row in ahead if row.due_at is not None and not row.is_waited_for(now)]
    found = {
        "late": [incident.says for incident in incidents(row for row in overdue if not row.is_held_back)],
        "held back": [incident.says for incident in incidents(row for row in overdue if row.is_held_back)],
        "cancelled": [f"{row.name} is {row.status.replace('_', ' ')}{_because(row)}" for row in ahead if row.is_ended],
        "postponed": [_postponed(row) for row in ahead if row.status == "rescheduled" and not row.is_waited_for(now)],
    }
    newest = max((row.newest_end for row in mine if row.newest_end), default=None)
    details: dict[str, Any] = {
        "newest_period_ends": str(newest) if newest else "none",
        "late_periods": [row.key for row in overdue if not row.is_held_back],
    }
    if coming:
        following = min(coming, key=_instant)
        details |= {"next_period": following.reference_period, "next_due_at": format_instant(_instant(following))}
    says = "; ".join(sentence for sentences in found.values() for sentence in sentences)
    status = next((status for status, sentences in found.items() if sentences), "on time")
    return Judgement(release_id, status, says or "every period whose instant has passed is here", details)


def _postponed(row: Expected) -> str:
    to = format_instant(row.scheduled_at) if row.scheduled_at else "a date that is not known"
    return f"{row.name} is postponed to {to}{_because(row)}"


def _because(row: Expected) -> str:
    return f" ({row.reason})" if row.reason else ""


_ROWS = """
    WITH series AS (
        SELECT series_id, release_id, component, split_part(series_id, '.', 1) AS room, origin = 'synthetic' AS is_generated
        FROM marts.dim_series
        WHERE release_id IS NOT NULL AND list_contains(?, split_part(series_id, '.', 1))
    ),
    newest AS (
        SELECT series_id, period_end
        FROM internal.observation_head_by_time
        WHERE known_at <= ? AND superseded_at > ? AND value IS NOT NULL
    ),
    part AS (
        SELECT * FROM series WHERE component <> 'all' UNION ALL SELECT * REPLACE ('all' AS component) FROM series
    ),
    followed AS (
        SELECT p.release_id, p.component, max(n.period_end) AS newest_end, list_sort(list(DISTINCT p.room)) AS rooms,
            bool_and(p.is_generated) AS is_generated
        FROM part AS p LEFT JOIN newest AS n ON p.series_id = n.series_id
        GROUP BY p.release_id, p.component
    )
    SELECT c.release_id, c.component, c.reference_period, c.reference_end, c.status, c.original_at, c.scheduled_at, c.actual_at,
        c.lapse_id, c.reason, f.newest_end, f.rooms, f.is_generated
    FROM calendar_as_known(?) AS c
    INNER JOIN followed AS f ON c.release_id = f.release_id AND c.component = f.component
    WHERE c.reference_end > CAST(? AS date) - INTERVAL 24 MONTH
    ORDER BY c.release_id, c.component, c.reference_end
"""


def read(store: FeatureStore, at: datetime, rooms: Collection[str]) -> list[Expected]:
    """Return the periods of the calendar as known at an instant, of the releases that some rooms bring.

    A release is here as soon as one of its series has the period. A period that ended two years ago is no longer waited for.

    Args:
        store: an open build.
        at: the knowledge instant.
        rooms: the rooms that are asked for data.
    """
    found = store.rows(_ROWS, [list(rooms), at, at, at, at.date()])
    return [Expected(rooms=tuple(row.pop("rooms")), **row) for row in found]


def rooms_asked(settings: Settings, today: date) -> list[str]:
    """Return the rooms that the live mode asks for something under these settings."""
    return [name for name in room_names() if any(True for _ in load_room(name).requests(settings, today))]

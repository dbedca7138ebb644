"""The closed vocabularies of the project: observation status, quality flags, and the words of the release calendar.

This module is the one home of each word and its meaning. ``python -m undertow.codegen`` writes the dbt seeds and the dbt
macro that repeat them, and a test fails when they drift apart. Nothing here reads a file, a clock or the network.

Sources: SDMX cross-domain code list CL_OBS_STATUS (https://sdmx.org, "Code list for Observation Status");
flags are Undertow's own, see ``docs/architecture.md``.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

__all__ = [
    "FLAGS",
    "Basis",
    "Event",
    "Flag",
    "FlagMeaning",
    "ObsStatus",
    "Origin",
    "Positions",
    "Redistribution",
    "RevisionPolicy",
    "flag_mask",
]


class ObsStatus(StrEnum):
    """SDMX observation status (CL_OBS_STATUS): one letter that says what an observation is."""

    NORMAL = "A"
    BREAK = "B"
    DIFFERENT_DEFINITION = "D"
    ESTIMATED = "E"
    FORECAST = "F"
    EXPERIMENTAL = "G"
    HOLIDAY = "H"
    IMPUTED = "I"
    DEROGATION = "J"
    NOT_COLLECTED = "L"
    CANNOT_EXIST = "M"
    NOT_SIGNIFICANT = "N"
    MISSING = "O"
    PROVISIONAL = "P"
    SUPPRESSED = "Q"
    STRIKE = "S"
    LOW_RELIABILITY = "U"
    UNVALIDATED = "V"


class Basis(StrEnum):
    """How we know when a value became public."""

    PROVIDER = "provider"  # the payload itself says so
    CALENDAR = "calendar"  # the instant of the release it came in
    LAG_RULE = "lag_rule"  # a documented publication rule of the provider
    FIRST_SEEN = "first_seen"  # our own fetch: an upper bound


class Origin(StrEnum):
    """Where the bytes came from."""

    LIVE = "live"
    REPLAY = "replay"
    PACKAGED = "packaged"
    FILE = "file"  # a user's own series
    RULE = "rule"  # no bytes: it follows from a documented rule (calendar rows only)
    SYNTHETIC = "synthetic"


class Event(StrEnum):
    """What can happen to the release of one reference period."""

    SCHEDULED = "scheduled"
    RESCHEDULED = "rescheduled"
    RELEASED = "released"
    PARTIAL = "partial"
    MERGED = "merged"
    CANCELLED = "cancelled"
    PERMANENT_GAP = "permanent_gap"


class RevisionPolicy(StrEnum):
    """What a provider does to values it has already published."""

    WRITE_ONCE = "write_once"  # never revised; a later different value is a correction
    REVISED = "revised"  # recent periods change with every release
    RESTATED_HISTORY = "restated_history"  # the whole history is restated (seasonal factors, re-indexing)


class Positions(StrEnum):
    """What a data set shows of the positions of a filing in it."""

    TAGGED = "tagged"  # lines of positions
    PRESENTED = "presented"  # investments at fair value, and no line of a position
    LEFT_OUT = "left_out"  # positions, and none of a kind that is read
    NONE = "none"  # nothing
    EVENT = "event"  # the form reports an event, and never lists positions


class Redistribution(StrEnum):
    """Whether a user's file says that others may have the values of a series."""

    ALLOWED = "allowed"
    WITHHELD = "withheld"  # the values make signals, and are not in what is published


class Flag(StrEnum):
    """The closed list of quality flags. A flag says something about a number; it never changes the number."""

    STALE = "STALE"
    DELAYED = "DELAYED"
    CANCELLED_NEIGHBOUR = "CANCELLED_NEIGHBOUR"
    IMPUTED = "IMPUTED"
    CARRIED_FORWARD = "CARRIED_FORWARD"
    REVISED = "REVISED"
    PRELIMINARY = "PRELIMINARY"
    GAP_FILLED = "GAP_FILLED"
    PROXY = "PROXY"
    INTERVAL_CENSORED = "INTERVAL_CENSORED"
    CALENDAR_SHIFT = "CALENDAR_SHIFT"
    METHOD_BREAK = "METHOD_BREAK"
    SHORT_HISTORY = "SHORT_HISTORY"
    COMPONENT_MISSING = "COMPONENT_MISSING"
    SECONDARY_SOURCE = "SECONDARY_SOURCE"
    SUSPECT = "SUSPECT"
    WINDOW_SPANS_GAP = "WINDOW_SPANS_GAP"
    LOOKAHEAD_RISK = "LOOKAHEAD_RISK"
    KNOWN_LATE = "KNOWN_LATE"
    SYNTHETIC = "SYNTHETIC"


@dataclass(frozen=True)
class FlagMeaning:
    """One flag: its bit in a mask, what it means, how much confidence it costs, and whether it travels downstream.

    ``penalty`` is the share of confidence lost (0 to 1). ``travels`` is False for flags that describe a row's own
    history (REVISED) or a reader's point of view (STALE, DELAYED) rather than the quality of what was measured.
    """

    flag: Flag
    bit: int
    meaning: str
    penalty: float
    travels: bool = True


FLAGS: tuple[FlagMeaning, ...] = tuple(
    FlagMeaning(flag, 1 << position, meaning, penalty, travels)
    for position, (flag, meaning, penalty, travels) in enumerate(
        [
            (Flag.STALE, "older than the series' normal age, seen from a reader's instant; never stored", 0.30, False),
            (
                Flag.DELAYED,
                "a later period is past due or was moved, seen from a reader's instant; never stored",
                0.10,
                False,
            ),
            (Flag.CANCELLED_NEIGHBOUR, "the release of an adjacent reference period was cancelled", 0.10, True),
            (Flag.IMPUTED, "the agency imputed all or part of the value", 0.15, True),
            (Flag.CARRIED_FORWARD, "the agency carried an earlier price or response forward", 0.25, True),
            (Flag.REVISED, "differs from the first print of its period; on the later row only", 0.0, False),
            (Flag.PRELIMINARY, "the provider calls the value preliminary or subject to revision", 0.05, True),
            (Flag.GAP_FILLED, "a named gap rule of the signal filled a permanent gap", 0.25, True),
            (Flag.PROXY, "stands for a series that is licensed or not public", 0.15, True),
            (Flag.INTERVAL_CENSORED, "only an interval is known; the value is a point inside it", 0.10, True),
            (Flag.CALENDAR_SHIFT, "a payment or reporting date moved across a period boundary", 0.10, True),
            (Flag.METHOD_BREAK, "the method or the definition changed inside the window", 0.15, True),
            (Flag.SHORT_HISTORY, "too little history for a standardised value", 0.10, True),
            (Flag.COMPONENT_MISSING, "a component is absent", 0.20, True),
            (Flag.SECONDARY_SOURCE, "taken from a party that republishes the provider", 0.05, True),
            (Flag.SUSPECT, "contradicts another source or a plausibility bound", 0.50, True),
            (Flag.WINDOW_SPANS_GAP, "the window contains a reference period that was never published", 0.10, True),
            (Flag.LOOKAHEAD_RISK, "known_at could be too early", 0.25, True),
            (Flag.KNOWN_LATE, "known_at is an upper bound: the value was public earlier", 0.0, True),
            (Flag.SYNTHETIC, "generated sample data, or made from it", 1.0, True),
        ]
    )
)


def flag_mask(flags: list[Flag] | tuple[Flag, ...]) -> int:
    """Return the bit mask (non-negative int) of a list of flags.

    Example:
        >>> flag_mask([Flag.STALE, Flag.DELAYED])
        3
    """
    bits = {meaning.flag: meaning.bit for meaning in FLAGS}
    mask = 0
    for flag in flags:
        mask |= bits[Flag(flag)]
    return mask

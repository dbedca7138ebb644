"""Which lines are one loan, as that became known: the groups of ``identity`` at each instant at which a filing comes or goes.

At an instant the groups are those of the lines that stand then, and of no others. Only the borrowers that a filing touches are
looked at again, so the cost follows the lines and not the instants. A loan is named after the line of it that became known
first, so the name stays while others join, over quarters too; where loans merge or split, rows of that instant say so.
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import TYPE_CHECKING, Any

from undertow.loans.identity import UNKNOWN, Description, Group, Known, Match, Position, describe, groups, headings

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["Membership", "Telling", "membership_table", "memberships"]

ALONE = "alone"  # the tier of a line that no other line is known to be one loan with

Thread = tuple[Any, ...]


@dataclass(frozen=True)
class Telling:
    """A line, and from when until when it is what its fund says."""

    position: Position
    known_at: datetime
    until: datetime | None = None


@dataclass(frozen=True)
class Membership:
    """That a line is of a loan, from when until when; ``loan_id`` is None for what is no loan."""

    line_id: str
    loan_id: str | None
    known_at: datetime
    until: datetime | None
    tier: str  # the weakest that holds the loan's lines together; alone
    borrower: str  # key of its name
    family: str
    lien: str
    other_line: str | None  # the line that it was best matched with
    evidence: str  # why, in words


@dataclass(frozen=True)
class _Said:
    """What is said of a line at an instant, to tell whether that changed."""

    loan_id: str | None
    tier: str
    borrower: str
    family: str
    lien: str
    other_line: str | None
    evidence: str

    @property
    def substance(self) -> tuple[str | None, str, str, str, str]:
        return self.loan_id, self.tier, self.borrower, self.family, self.lien


class _Day:
    """The lines of one date that stand at the instant that has been reached."""

    def __init__(self) -> None:
        self.lines: dict[str, Position] = {}
        self.heading: dict[int, str] = {}  # by id of the position
        self.of_fund: dict[Any, set[str]] = defaultdict(set)
        self.of_key: dict[str, set[str]] = defaultdict(set)
        self.keys: dict[str, frozenset[str]] = {}
        self.known: Known = {}

    def move(self, gone: Sequence[Telling], come: Sequence[Telling]) -> set[str]:
        """Take lines away and add others; return the ids of all lines that may now be in another group."""
        touched: set[str] = set()
        for telling in gone:
            line = str(telling.position.line_id)
            touched |= self._neighbours(self.keys[line])
            self._drop(line)
        for telling in come:
            line = str(telling.position.line_id)
            self.lines[line] = telling.position
            self.of_fund[telling.position.fund].add(line)
        for fund in {telling.position.fund for telling in (*gone, *come)}:
            # what stands before the names is learnt from all that the fund lists
            listed = [self.lines[line] for line in sorted(self.of_fund[fund])]
            for ident, heading in headings(listed).items():
                self.heading[ident] = heading
            for position in listed:
                line = str(position.line_id)
                keys = self._keys_of(position)
                if self.keys.get(line) != keys:
                    touched |= self._neighbours(self.keys.get(line, frozenset()))
                    self._file(line, keys)
                    touched |= self._neighbours(keys) | {line}
        return {line for line in touched if line in self.lines}

    def said(self, position: Position) -> Description:
        """Return what the text of a line says."""
        return describe(position.identifier, self.heading[id(position)])

    def _keys_of(self, position: Position) -> frozenset[str]:
        said = self.said(position)
        return frozenset() if said.family == "equity" or not said.key else said.aliases | {said.key}

    def _file(self, line: str, keys: frozenset[str]) -> None:
        for key in self.keys.get(line, frozenset()):
            self.of_key[key].discard(line)
        self.keys[line] = keys
        for key in keys:
            self.of_key[key].add(line)

    def _drop(self, line: str) -> None:
        self._file(line, frozenset())
        position = self.lines.pop(line)
        self.of_fund[position.fund].discard(line)
        del self.keys[line]
        del self.heading[id(position)]

    def _neighbours(self, keys: Iterable[str]) -> set[str]:
        """Return the lines that share a name with these, or with lines that do."""
        found: set[str] = set()
        seen, left = set(keys), list(keys)
        while left:
            for line in self.of_key[left.pop()]:
                if line not in found:
                    found.add(line)
                    fresh = self.keys[line] - seen
                    seen |= fresh
                    left += fresh
        return found


def memberships(tellings: Iterable[Telling]) -> Iterator[Membership]:
    """Yield which loan each line is of, from when until when.

    Args:
        tellings: lines with unique ids; the instants of all are of one kind (with a zone, or without).
    """
    come, gone = _arrivals(tellings)
    days: dict[date, _Day] = defaultdict(_Day)
    first_known: dict[Thread, datetime] = {}
    standing: dict[str, tuple[datetime, _Said]] = {}
    for at in sorted(come.keys() | gone.keys()):
        going, coming = _by_day(gone.get(at, ())), _by_day(come.get(at, ()))
        changes = {day: days[day].move(going.get(day, ()), coming.get(day, ())) for day in sorted(going.keys() | coming.keys())}
        for telling in gone.get(at, ()):
            line = str(telling.position.line_id)
            yield _membership(line, *standing.pop(line), at)
        for day, touched in changes.items():  # all lines of the instant are known before one of them is named
            for line in touched:
                first_known.setdefault(_thread(days[day], days[day].lines[line]), at)
        said = {line: one for day, touched in changes.items() for line, one in _say(days[day], touched, first_known).items()}
        for line, now in said.items():
            before = standing.get(line)
            if before is None or before[1].substance != now.substance:
                if before is not None:
                    yield _membership(line, *before, at)
                standing[line] = (at, now)
    for line in sorted(standing):
        yield _membership(line, *standing[line], None)


def _arrivals(tellings: Iterable[Telling]) -> tuple[dict[datetime, list[Telling]], dict[datetime, list[Telling]]]:
    """Return which lines come and which go at each instant; a line that ends before it begins does neither."""
    come: dict[datetime, list[Telling]] = defaultdict(list)
    gone: dict[datetime, list[Telling]] = defaultdict(list)
    for telling in sorted(tellings, key=lambda one: str(one.position.line_id)):
        if telling.until is None or telling.until > telling.known_at:
            come[telling.known_at].append(telling)
            if telling.until is not None:
                gone[telling.until].append(telling)
    return come, gone


def _by_day(tellings: Iterable[Telling]) -> dict[date, list[Telling]]:
    found: dict[date, list[Telling]] = defaultdict(list)
    for telling in tellings:
        found[telling.position.day].append(telling)
    return found


def _membership(line: str, since: datetime, said: _Said, until: datetime | None) -> Membership:
    return Membership(
        line, said.loan_id, since, until, said.tier, said.borrower, said.family, said.lien, said.other_line, said.evidence
    )


def _thread(day: _Day, position: Position) -> Thread:
    """Return what a fund calls a line, apart from what changes from quarter to quarter."""
    said = day.said(position)
    return str(position.fund), said.key, said.family, said.lien, said.lot or 0


def _say(day: _Day, touched: set[str], first_known: Mapping[Thread, datetime]) -> dict[str, _Said]:
    """Return what is now said of lines that are all there is about their borrowers."""
    plain = [line for line in touched if not day.keys[line]]
    told = {line: _nothing(day, day.lines[line]) for line in plain}
    lines = [day.lines[line] for line in sorted(touched - set(plain))]
    found = list(groups(lines, {id(one): day.heading[id(one)] for one in lines}, day.known, whole=True))

    def age(group: Group) -> tuple:
        oldest = min((first_known[_thread(day, one)], _thread(day, one)) for one in group.positions)
        last = max((one.maturity for one in group.positions if one.maturity is not None), default=date.max)
        return *oldest, last, min(str(one.line_id) for one in group.positions)

    used: dict[Thread, int] = {}
    for group in sorted(found, key=age):
        _, thread, *_ = age(group)
        used[thread] = used.get(thread, 0) + 1
        text = "|".join(map(str, (*thread, *((used[thread],) if used[thread] > 1 else ()))))
        loan_id = hashlib.sha256(text.encode()).hexdigest()[:16]
        tier = ALONE if len(group.positions) == 1 else group.tier
        family, lien = _common(day, group, "family"), _common(day, group, "lien")
        best = _best(group)
        for one in group.positions:
            other, evidence = best.get(str(one.line_id), (None, "no other line is known to be of this loan"))
            told[str(one.line_id)] = _Said(loan_id, tier, group.key, family, lien, other, evidence)
    return told


def _nothing(day: _Day, position: Position) -> _Said:
    said = day.said(position)
    return _Said(None, ALONE, said.key, said.family, said.lien, None, "not the text of a loan")


def _common(day: _Day, group: Group, what: str) -> str:
    """Return what the lines of a loan say of its kind or lien; lines that conflict are in no group together."""
    said = {getattr(day.said(one), what) for one in group.positions} - {UNKNOWN}
    return min(said, default=UNKNOWN)


def _best(group: Group) -> dict[str, tuple[str, str]]:
    """Return for each line the other line that it matches best, another manager's before one of its own, and why."""
    manager = {str(one.line_id): one.manager for one in group.positions}

    def rank(match: Match) -> tuple:
        left, right = str(match.left), str(match.right)
        return manager[left] == manager[right], match.tier, left, right

    best: dict[str, tuple[str, str]] = {}
    for match in sorted(group.matches, key=rank):
        left, right = str(match.left), str(match.right)
        why = f"{match.tier}: {', '.join(match.evidence)}"
        best.setdefault(left, (right, why))
        best.setdefault(right, (left, why))
    return best


def membership_table(lines: pa.Table) -> pa.Table:
    """Return the memberships of lines as a table.

    Args:
        lines: columns line_id, fund, manager, period_end, raw_identifier, spread_bp, maturity, currency, known_at,
            superseded_at.
    """
    import pyarrow as pa

    tellings = (
        Telling(
            Position(
                row["line_id"], row["fund"], row["manager"], row["period_end"], row["raw_identifier"], row["spread_bp"],
                row["maturity"], row["currency"],
            ),
            row["known_at"],
            row["superseded_at"],
        )
        for batch in lines.to_batches(max_chunksize=50_000)
        for row in batch.to_pylist()
    )  # fmt: skip
    instant = lines.schema.field("known_at").type
    texts = ("tier", "borrower", "family", "lien", "other_line", "evidence")
    found = list(memberships(tellings))
    return pa.table(
        {
            "line_id": pa.array([one.line_id for one in found], pa.string()),
            "loan_id": pa.array([one.loan_id for one in found], pa.string()),
            "known_at": pa.array([one.known_at for one in found], instant),
            "until": pa.array([one.until for one in found], instant),
            **{name: pa.array([getattr(one, name) for one in found], pa.string()) for name in texts},
        }
    )

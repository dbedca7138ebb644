"""Which lines of different lenders are one loan, with the reason in words.

Deterministic rules, so that whoever doubts a match can read why it was made. A line's text gives the borrower (its name
without legal forms, with former and trading names beside it), the kind of tranche, the lien and the number of the lot; its
facts give the spread, the maturity and the currency. Lines of one borrower at one date are compared two by two:

* **high**: the same borrower, kind, lien and currency; spreads within 10 bp; maturities within 45 days where both are told.
* **medium**: as high, with spreads within 25 bp and maturities within 45 days; or without a spread on a side; or with the kind
  or the lien untold on a side, if then spread and maturity agree and no other line, of any lender, could be meant.
* **abstain**: nothing conflicts, and too little is told.
* **different**: something conflicts.

Only high and medium count. What a mark is, and which lines may be used at all, does not belong here.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from functools import lru_cache

__all__ = [
    "STRICT_BP",
    "Description",
    "Group",
    "Known",
    "Match",
    "Position",
    "borrower_key",
    "compare",
    "describe",
    "groups",
    "headings",
    "matches",
]

STRICT_BP = 10.5  # spreads of one loan differ by credit adjustments of up to ten basis points
LOOSE_BP = 25.5
MATURITY_DAYS = 45

UNKNOWN = "unknown"

# What a tranche is called. The first that is found, in this order, is its kind.
_FAMILIES = (
    ("equity", r"common|preferred|warrants?|equity|units?|(?:class|series) [a-z]\b|(?:llc|partnership) interest|shares|stock"),
    ("revolver", r"revolv\w*|\brcf\b|line of credit"),
    ("delayed_draw", r"delayed[- ]?draw|\bddtl\b"),
    ("note", r"\bnotes?\b|bonds?\b|debentures?"),
    ("term", r"\bloans?\b|\blien\b|one stop|unitranche|secured debt|senior secured|(?:last|first)[- ]out"),
)  # fmt: skip
_LIENS = (
    ("second", r"second[- ]lien|\b2nd lien|\b2l\b|second out|last[- ]out"),
    ("first", r"first[- ]lien|\b1st lien|\b1l\b|first[- ]out"),
    ("unsecured", r"unsecured|subordinated|mezzanine|junior"),
)
# Where a tranche begins in a line's text. A kind without a lien is a beginning too: "| Revolver".
_TRANCHE = re.compile(
    r"(?:^|[\s,|\-–(])(?:"
    r"(?:first|second|1st|2nd)[- ]lien|one stop|senior secured|secured debt|unsecured|subordinated|mezzanine|unitranche|"
    r"(?:delayed[- ]?draw|ddtl|revolv\w+|term loan|last[- ]out|first[- ]out)\b|"
    r"(?:common|preferred)\b|warrants?\b|class [a-z]\b|series [a-z]\b|llc (?:units?|interests?)|promissory note"
    r")",
    re.IGNORECASE,
)
_LEGAL = (  # noqa: SIM905 (a list of words)
    "llc inc incorporated corp corporation co lp llp ltd limited plc sarl bv gmbh ab sa sas srl spa pty pte nv ag ulc company "
    "lllc"
).split()
_DROPPED = {"holdings", "holding", "hldgs", "the"}
_LEGAL_FORM = re.compile(
    r"\b(?:l\.?l\.?c|inc|incorporated|corp|corporation|l\.?l?\.?p|ltd|limited|plc|s\.?[aà]\.? ?r\.?l|b\.?v|gmbh|ab|s\.?a\.?s|"
    r"company)\b\.?",
    re.IGNORECASE,
)
_ALIAS = re.compile(
    r"\(\s*(?:d/?b/?a|f/?k/?a|a/?k/?a|formerly(?: known as)?|also known as|doing business as)[:\s]+([^()]*)\)", re.IGNORECASE
)
_LOT = re.compile(r"[\s,#]+(\d{1,2})\s*$")
_CATEGORY = re.compile(
    r"^(?:(?:total|(?:non[- ]?)?(?:control|affiliate)\w*|portfolio|u\.?s\.?|corporate)\b[\s/,\-]*)*"
    r"(?:(?:senior |first lien |secured )*(?:debt|equity|loan)?\s*investments?|senior secured loans?|debt securities)"
    r"(?:\s*[-–—|:,]\s*|\s+)",
    re.IGNORECASE,
)
_TEXT_SPREAD = re.compile(r"(?:sofr|sf|s|libor|l|e|euribor|sonia|prime|p)\s*\+\s*(\d{1,2}(?:\.\d+)?)\s*%", re.IGNORECASE)
_TEXT_MATURITY = re.compile(r"maturity(?: date)?[\s:]*(\d{1,2})/(\d{1,2})/(\d{2,4})", re.IGNORECASE)


@dataclass(frozen=True)
class Description:
    """What the text of a line says."""

    borrower: str  # as written
    key: str
    aliases: frozenset[str]  # keys of former, trading and further names
    family: str
    lien: str
    lot: int | None
    spread_bp: float | None
    maturity: date | None


@dataclass(frozen=True)
class Position:
    """One line, as far as identity is concerned. Facts come before what the text says of the same thing."""

    line_id: Hashable
    fund: Hashable
    manager: Hashable
    day: date
    identifier: str
    spread_bp: float | None = None
    maturity: date | None = None
    currency: str | None = None


@dataclass(frozen=True)
class Match:
    """What two lines are to each other, and why, in words."""

    left: Hashable
    right: Hashable
    tier: str  # high, medium, abstain or different
    evidence: tuple[str, ...]

    @property
    def counts(self) -> bool:
        """Tell whether the two count as one loan."""
        return self.tier in ("high", "medium")


# Matches by the ids of two lines and their headings, where no third line is looked at.
Known = dict[tuple[Hashable, Hashable, str, str], Match]


@dataclass
class Group:
    """The lines of one loan at one date."""

    key: str
    day: date
    positions: list[Position] = field(default_factory=list)
    matches: list[Match] = field(default_factory=list)

    def manager_marks(self, amounts: Mapping[Hashable, tuple[float, float]]) -> dict[Hashable, float]:
        """Return what each manager marks the loan at, as a share of par: its lots and its funds are one opinion, by par.

        Args:
            amounts: principal and fair value, in one unit, of the lines that may be used; others are left out.
        """
        sums: dict[Hashable, list[float]] = defaultdict(lambda: [0.0, 0.0])
        for position in self.positions:
            if position.line_id in amounts:
                principal, value = amounts[position.line_id]
                sums[position.manager][0] += principal
                sums[position.manager][1] += value
        return {manager: value / principal for manager, (principal, value) in sums.items() if principal > 0}

    @property
    def tier(self) -> str:
        """Return the weakest tier of the matches that hold the group together."""
        return "medium" if any(match.tier == "medium" for match in self.matches) else "high"


@lru_cache(maxsize=200_000)
def borrower_key(name: str) -> str:
    """Return the key of a borrower's name: lower case, without legal forms, accents, punctuation and the word holdings.

    Example:
        >>> borrower_key("Coupa Holdings, LLC") == borrower_key("COUPA HOLDINGS L.L.C.") == "coupa"
        True
    """
    text = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode().lower()
    text = re.sub(r"\b(\w)\.(?=\w\.)", r"\1", text)  # l.l.c. is one word
    text = re.sub(r"(?<=\w)['’](?=\w)", "", text).replace("&", " and ").replace("+", " and ")
    words = re.findall(r"[a-z0-9]+", text)
    core = [word for word in words if word not in _LEGAL and word not in _DROPPED]
    while core and core[0] == "and":
        core = core[1:]
    return " ".join(core or words)


@lru_cache(maxsize=200_000)
def describe(identifier: str, prefix: str = "") -> Description:
    """Return what the text of a line says.

    Args:
        identifier: the text.
        prefix: the heading under which a filer lists the line, where the text begins with it (see ``matches``).
    """
    text = re.sub(r"\s+", " ", identifier.replace("–", "-").replace("—", "-")).strip()
    spread, maturity = _text_terms(text)
    is_path = _CATEGORY.match(text)
    if is_path:
        text = text[is_path.end() :]
    if prefix and text.lower().startswith(prefix + " "):
        text = text[len(prefix) + 1 :]
    aliases = {borrower_key(found) for found in _ALIAS.findall(text)}
    text = _ALIAS.sub("", text)
    begins = _begin(text)
    borrower, tranche = text[:begins].strip(" ,|-("), text[begins:].strip(" ,|-(")
    tranche = re.split(r"\b(?:reference rate|interest rate|maturity|initial acquisition)\b", tranche, flags=re.IGNORECASE)[0]
    lot = _LOT.search(tranche if tranche else borrower)
    if lot and not tranche:
        borrower = borrower[: lot.start()].strip(" ,")
    first, others = _names(borrower)
    lowered = tranche.lower()
    family = next((name for name, words in _FAMILIES if re.search(words, lowered)), UNKNOWN)
    lien = next((name for name, words in _LIENS if re.search(words, lowered)), UNKNOWN)
    if family == "equity" and re.search(r"\bloan|lien\b", lowered):
        family = "term"
    return Description(
        borrower=borrower,
        key=borrower_key(first),
        aliases=frozenset(aliases | {borrower_key(other) for other in others} - {borrower_key(first)}) - {""},
        family=family,
        lien=lien,
        lot=int(lot[1]) if lot else None,
        spread_bp=spread,
        maturity=maturity,
    )


def _begin(text: str) -> int:
    """Return where the tranche begins in a line's text; a borrower may itself be called after one of the words."""
    found = [one.start() for one in _TRANCHE.finditer(text) if one.start() > 0]
    return found[0] if found else len(text)


def _names(borrower: str) -> tuple[str, list[str]]:
    """Return the first name of a line that names several borrowers, and the others."""
    cuts = [one.end() for one in _LEGAL_FORM.finditer(borrower)]
    parts, start = [], 0
    for cut in cuts:
        rest = borrower[cut:]
        if re.match(r"\s*(?:,|and\b|&)\s*(?:and\b)?", rest) and rest.strip(" ,."):
            parts.append(borrower[start:cut])
            start = cut
    parts.append(borrower[start:])
    names = [re.sub(r"^\s*(?:,|and\b|&)\s*(?:and\b)?\s*", "", part, flags=re.IGNORECASE).strip(" ,") for part in parts]
    names = [name for name in names if borrower_key(name)]
    return (names[0], names[1:]) if names else (borrower, [])


def _text_terms(text: str) -> tuple[float | None, date | None]:
    """Return the spread and the maturity that a text tells, which may be stale."""
    spread, maturity = _TEXT_SPREAD.search(text), _TEXT_MATURITY.search(text)
    end = None
    if maturity:
        year = int(maturity[3]) + (2000 if len(maturity[3]) == 2 else 0)
        try:
            end = date(year, int(maturity[1]), int(maturity[2]))
        except ValueError:
            end = None
    return (float(spread[1]) * 100 if spread else None), end


def compare(left: Position, right: Position, *, is_unique: bool = True, prefixes: tuple[str, str] = ("", "")) -> Match:
    """Return what two lines are to each other.

    Args:
        left: a line.
        right: another one.
        is_unique: no other line of either fund about this borrower has terms that agree; needed where a kind is untold.
        prefixes: the headings under which the lines are listed.
    """
    a, b = describe(left.identifier, prefixes[0]), describe(right.identifier, prefixes[1])
    agree, unsaid, conflict = [], [], []
    if left.day != right.day:
        conflict.append(f"as of {left.day} and of {right.day}")
    if a.key == b.key:
        agree.append(f"borrower {a.key!r}")
    elif shared := sorted((a.aliases | {a.key}) & (b.aliases | {b.key})):
        agree.append(f"borrower also named {shared[0]!r}")
    else:
        conflict.append(f"borrower {a.key!r} and {b.key!r}")
    for what, one, other in (("kind", a.family, b.family), ("lien", a.lien, b.lien)):
        if UNKNOWN in (one, other):
            unsaid.append(what)
        elif one == other:
            agree.append(f"{what} {one}")
        else:
            conflict.append(f"{what} {one} and {other}")
    if left.currency and right.currency and left.currency != right.currency:
        conflict.append(f"currency {left.currency} and {right.currency}")
    spread = _spread(left, right, a, b, agree, unsaid, conflict)
    maturity = _maturity(left, right, a, b, agree, unsaid, conflict)
    if conflict:
        return Match(left.line_id, right.line_id, "different", tuple(conflict))
    tier = _tier({"kind", "lien"} & set(unsaid), spread, maturity, is_unique)
    told = (*agree, *(f"{what} untold on a side" for what in unsaid))
    if tier == "abstain" and not is_unique:
        told = (*told, "another line has the same terms")
    return Match(left.line_id, right.line_id, tier, told)


def _tier(untold: set[str], spread: str, maturity: str, is_unique: bool) -> str:
    """Return the tier of two lines that do not conflict; ``spread`` is strict, loose or untold, ``maturity`` near or untold."""
    if not untold and spread == "strict":
        return "high"
    if not untold and (spread, maturity) == ("loose", "near"):
        return "medium"
    if not untold and (spread, maturity) == ("untold", "near"):
        return "medium" if is_unique else "abstain"
    if untold and (spread, maturity) == ("strict", "near") and is_unique:
        return "medium"
    return "abstain"


def _spread(
    left: Position, right: Position, a: Description, b: Description, agree: list[str], unsaid: list[str], conflict: list[str]
) -> str:
    one, other = (fact if fact is not None else said.spread_bp for fact, said in ((left.spread_bp, a), (right.spread_bp, b)))
    if one is None or other is None or 0 in (one, other):  # a loan that pays in kind has lost its spread
        unsaid.append("spread")
        return "untold"
    if abs(one - other) <= LOOSE_BP:
        agree.append(f"spread {one:g} and {other:g} bp" if one != other else f"spread {one:g} bp")
        return "strict" if abs(one - other) <= STRICT_BP else "loose"
    conflict.append(f"spread {one:g} and {other:g} bp")
    return "far"


def _maturity(
    left: Position, right: Position, a: Description, b: Description, agree: list[str], unsaid: list[str], conflict: list[str]
) -> str:
    one, other = (fact if fact is not None else said.maturity for fact, said in ((left.maturity, a), (right.maturity, b)))
    if one is None or other is None:
        unsaid.append("maturity")
        return "untold"
    days = abs((one - other).days)
    if days <= MATURITY_DAYS:
        agree.append(f"maturity {one}" if not days else f"maturity {one} and {other}")
        return "near"
    conflict.append(f"maturity {one} and {other}")
    return "far"


def matches(positions: Iterable[Position], *, within_managers: bool = False) -> Iterator[Match]:
    """Yield what each two lines of one borrower at one date are to each other, if their managers are not the same.

    Lines are brought together by the key of their borrower or by one of its other names. Where a filer lists lines under
    headings (an industry before the name), the headings are learnt from its own lines: words that stand before three names or
    more.

    Args:
        positions: the lines.
        within_managers: compare the funds of one manager with each other too, as ``groups`` needs; never a fund with itself.
    """
    lines = list(positions)
    for _, match in _compared(lines, headings(lines), {}, within_managers=within_managers):
        yield match


def _compared(
    positions: Sequence[Position], prefixes: Mapping[int, str], known: Known, *, within_managers: bool
) -> Iterator[tuple[tuple[Position, Position], Match]]:
    blocks: dict[tuple[str, date], list[Position]] = defaultdict(list)
    for position in positions:
        said = describe(position.identifier, prefixes[id(position)])
        if said.family == "equity" or not said.key:
            continue
        for key in {said.key, *said.aliases}:
            blocks[key, position.day].append(position)
    seen: set[tuple[int, int]] = set()
    for block in blocks.values():
        rivals = _Rivals(block, prefixes, known)
        for place, left in enumerate(block):
            for right in block[place + 1 :]:
                if left.fund == right.fund or (left.manager == right.manager and not within_managers):
                    continue
                pair = (min(id(left), id(right)), max(id(left), id(right)))
                if pair in seen:
                    continue
                seen.add(pair)
                match = _compare_once(left, right, prefixes, known)
                if match.tier == "medium" and not rivals.is_unique(left, right):
                    match = compare(left, right, is_unique=False, prefixes=(prefixes[id(left)], prefixes[id(right)]))
                yield (left, right), match


def _compare_once(left: Position, right: Position, prefixes: Mapping[int, str], known: Known) -> Match:
    """Compare two lines, or return what came of it before."""
    a, b = prefixes[id(left)], prefixes[id(right)]
    pair = (left.line_id, right.line_id, a, b)
    if pair not in known:
        known[pair] = compare(left, right, prefixes=(a, b))
    return known[pair]


class _Rivals:
    """The lines of one borrower at one date, and whether a line of which the kind is untold can be but one of them."""

    def __init__(self, block: Sequence[Position], prefixes: Mapping[int, str], known: Known) -> None:
        self._block = block
        self._prefixes = prefixes
        self._known = known

    def is_unique(self, left: Position, right: Position) -> bool:
        """Tell whether no third line stands between two: another one of a fund that could be meant, or another kind.

        Lots of one text are no rivals. A lender who tells a delayed draw and a term loan on the same terms makes a line that
        tells neither ambiguous for all.
        """
        return self._only(left, right) and self._only(right, left)

    def _only(self, one: Position, other: Position) -> bool:
        said = self._said(other)
        families, liens = ({told} - {UNKNOWN} for told in said)
        for rival in self._block:
            if rival is other or rival is one or self._conflict(one, rival):
                continue
            told = self._said(rival)
            if rival.fund == other.fund and (told != said or UNKNOWN in said):
                return False
            families |= {told[0]} - {UNKNOWN}
            liens |= {told[1]} - {UNKNOWN}
        return len(families) <= 1 and len(liens) <= 1

    def _said(self, position: Position) -> tuple[str, str]:
        told = describe(position.identifier, self._prefixes[id(position)])
        return told.family, told.lien

    def _conflict(self, one: Position, other: Position) -> bool:
        first, second = (one, other) if id(one) < id(other) else (other, one)
        return _compare_once(first, second, self._prefixes, self._known).tier == "different"


def headings(positions: Sequence[Position]) -> dict[int, str]:
    """Return the heading of each line, by ``id``; empty for most: words that a filer writes before three names or more."""
    listed: dict[Hashable, list[tuple[Position, list[str]]]] = defaultdict(list)
    found_headings = {id(position): "" for position in positions}
    for position in positions:
        text = re.sub(r"\s+", " ", position.identifier).strip()
        found = _CATEGORY.match(text)
        if found:
            listed[position.fund].append((position, text[found.end() :].lower().split(" ")))
    for lines in listed.values():
        followers: dict[tuple[str, ...], set[str]] = defaultdict(set)
        for _, words in lines:
            for size in range(1, min(5, len(words))):
                followers[tuple(words[:size])].add(words[size])
        for position, words in lines:
            best = max(range(1, min(5, len(words))), key=lambda size: len(followers[tuple(words[:size])]), default=0)
            if best and len(followers[tuple(words[:best])]) >= 3:
                found_headings[id(position)] = " ".join(words[:best])
    return found_headings


def groups(
    positions: Iterable[Position],
    prefixes: Mapping[int, str] | None = None,
    known: Known | None = None,
    *,
    whole: bool = False,
) -> Iterator[Group]:
    """Yield the loans that more than one manager holds: lines that are held together by matches and none of which conflict.

    Lots of one fund and funds of one manager belong to the same group and are one opinion; whoever measures disagreement
    collapses them first (``Group.manager_marks``). The strongest matches are taken first, and a match that would bring two
    conflicting lines into one group is left out.

    Args:
        positions: the lines.
        prefixes: their headings, as ``headings`` gives them, where these are part of what the filers list.
        known: matches that were found before, by ``Known``; new ones are added. Lines must have ids of their own.
        whole: yield what one manager alone holds too, down to single lines, so that each line is in one group.
    """
    lines = list(positions)
    told = headings(lines) if prefixes is None else prefixes
    found = list(_compared(lines, told, {} if known is None else known, within_managers=True))
    against: dict[int, set[int]] = defaultdict(set)
    for (left, right), match in found:
        if match.tier == "different":
            against[id(left)].add(id(right))
            against[id(right)].add(id(left))
    group_of = {id(line): [line] for line in lines}
    held: dict[int, list[Match]] = defaultdict(list)
    for (left, right), match in sorted(found, key=lambda one: one[1].tier):  # high before medium
        if not match.counts:
            continue
        ours, theirs = group_of[id(left)], group_of[id(right)]
        if ours is not theirs:
            if any(id(other) in against[id(one)] for one in ours for other in theirs):
                continue
            merged = ours + theirs
            notes = held.pop(id(ours), []) + held.pop(id(theirs), [])
            for one in merged:
                group_of[id(one)] = merged
            held[id(merged)] = [*notes, match]
        else:
            held[id(ours)].append(match)
    seen: set[int] = set()
    for members in group_of.values():
        if id(members) not in seen and (whole or len({one.manager for one in members}) > 1):
            seen.add(id(members))
            keys = Counter(describe(one.identifier, told[id(one)]).key for one in members)
            yield Group(keys.most_common(1)[0][0], members[0].day, members, held.get(id(members), []))

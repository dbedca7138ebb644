"""A made world of private credit: managers, funds, borrowers, loans and marks, with the traps of real filings planted in it.

Every line knows the loan that it is of, what its holder truly marks it at, and which trap it is in, so that a parser, a
cleaning step or a matcher can be held against the truth. All names are invented. The world is a function of its arguments.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import numpy as np

__all__ = ["RATES", "STYLES", "TRAPS", "Filing", "Fund", "Line", "Loan", "Universe", "universe"]

NEW_YORK = ZoneInfo("America/New_York")

STYLES = ("full", "short", "bare", "numbered", "piped", "path")  # how a fund writes its lines
# Of twenty funds in a row: three do not tell the kind of a tranche, about as many as in labelled pairs of real lines.
_TWENTY = (  # noqa: SIM905 (a list of words)
    "full short full path piped short full bare path full piped short full numbered path full short piped bare full"
).split()

# What is wrong with a line, and in what share of the lines that could have it.
RATES: dict[str, float] = {
    "undrawn": 0.5,  # a revolver or delayed draw with no principal, and cost and value below zero
    "commitment_as_principal": 0.10,  # a partly drawn line whose commitment is told as principal
    "currency_mismatch": 0.5,  # a loan in another currency: principal in it, value in dollars
    "above_bounds": 0.003,  # value far above principal
    "negative_principal": 0.002,
    "stale_text": 0.02,  # the maturity in the name is an old one
    "lots": 0.06,  # one loan in two lines
    "issuer_total": 0.05,  # a line of the borrower beside its loans
    "pik_par": 0.3,  # pays nothing in cash and is marked at par
    "stale_pik": 0.2,  # part paid in kind, and the mark does not move
    "non_accrual": 0.6,  # of lines marked below half: a footnote says so
    "not_non_accrual": 0.01,  # a footnote that denies it
    "spread_adjusted": 0.10,  # the spread includes a credit adjustment of ten basis points
    "maturity_near": 0.10,  # the maturity is told some days off
    "alias": 0.04,  # the former name stands beside the name
}
TRAPS = (*RATES, "rounded_filer", "thousands_filer", "percent_filer")

_FIRST = (  # noqa: SIM905 (a list of words is read more easily than a list of literals)
    "Acorn Alder Amber Anchor Apex Arbor Ardent Aspen Atlas Aurora Avalon Badger Basalt Beacon Birch Bluefin Bolt "
    "Boreal Bramble Bridge Brook Cadence Calder Canopy Cascade Cedar Chalk Cinder Citadel Clover Cobalt Compass "
    "Copper Coral Crest Cypress Dawn Delta Drift Dune Eagle Ember Emerald Falcon Fathom Fern Flint Forge Gale Garnet "
    "Glacier Granite Grove Halyard Harbor Hawthorn Hazel Heron Indigo Iron Ivory Jasper Juniper Keel Kestrel Lantern "
    "Larch Laurel Ledge Linden Lumen Maple Marble Meridian Mesa Mistral Moraine Nimbus North Oak Obsidian Onyx "
    "Orchard Osprey Otter Pebble Pine Pinnacle Plover Quarry Quartz Raven Reef Ridge River Rowan Sable Saffron Sage "
    "Slate Sparrow Spruce Summit Tamarack Teal Thistle Timber Topaz Trellis Tundra Umber Vale Vesper Willow Wren "
    "Yarrow Zephyr "
).split()
_SECOND = (  # noqa: SIM905 (a list of words is read more easily than a list of literals)
    "Aerospace Analytics Behavioral Benefits Brands Cloud Collision Commerce Compliance Dental Diagnostics Education "
    "Energy Engineering Environmental Facilities Fitness Foods Forensics Health Home Hospice Imaging Industrial "
    "Insurance Interactive Interiors Labs Landscaping Legal Logistics Marine Marketing Media Mobility Networks "
    "Optical Packaging Payments Pharma Plumbing Power Precision Roofing Safety Security Signage Software Staffing "
    "Storage Surgical Systems Testing Therapy Title Transit Veterinary Warranty Water Wellness "
).split()
_THIRD = ("Holdings", "Group", "Buyer", "Parent", "Intermediate", "Bidco", "Acquisition", "Midco", "", "")
_SUFFIX = ("LLC", "Inc.", "Corp.", "L.P.", "LLC", "Inc.")
_SECTORS = (
    "Software",
    "Health Care Providers",
    "Commercial Services",
    "Insurance Services",
    "Industrials",
    "Consumer Products",
)
_DOLLARS = 1.15  # for a euro
_MANAGERS = (
    "Alderbrook",
    "Bayward",
    "Carrick",
    "Dunmore",
    "Eastlake",
    "Fairhaven",
    "Glenrose",
    "Highmoor",
    "Inverness",
    "Juneau",
)


@dataclass(frozen=True)
class Loan:
    """A loan as it truly is."""

    loan_id: int
    borrower: int
    name: str  # of the borrower, in full
    core: str  # of the borrower, without its legal form
    family: str  # term, delayed_draw or revolver
    lien: str  # first or second
    spread_bp: int
    maturity: date
    pik_bp: int
    currency: str
    sector: str


@dataclass(frozen=True)
class Fund:
    """A filer and how it writes."""

    cik: int
    name: str
    manager: str
    style: str
    grid: float  # amounts are rounded to it
    in_thousands: bool
    in_percent: bool
    agent: str  # what its accession numbers begin with


@dataclass(frozen=True)
class Filing:
    """What a fund filed about a quarter; ``amends`` is the accession that it replaces."""

    accession: str
    fund: Fund
    form: str
    period: date
    accepted: datetime  # US/Eastern, whole minutes
    amends: str | None = None


@dataclass
class Line:
    """One line of a filing, with the truth about it."""

    filing: Filing
    day: date  # the period of the filing, or an earlier one: a comparative
    identifier: str
    loan: Loan | None  # None: a total of a borrower
    traps: tuple[str, ...]
    true_mark: float  # of par
    principal: float | None
    principal_currency: str
    cost: float | None
    fair_value: float | None
    rate: float | None
    spread: float | None
    pik_rate: float | None
    maturity: date | None
    footnote: str | None = None


@dataclass
class Universe:
    """The whole world."""

    loans: list[Loan] = field(default_factory=list)
    funds: list[Fund] = field(default_factory=list)
    filings: list[Filing] = field(default_factory=list)
    lines: list[Line] = field(default_factory=list)

    def held(self, day: date) -> Iterator[Line]:
        """Yield the loans that first filings of a quarter tell, without totals and comparatives."""
        return (
            line for line in self.lines if line.day == day == line.filing.period and line.loan and line.filing.amends is None
        )


def universe(
    seed: int = 7,
    *,
    borrowers: int = 60,
    managers: int = 6,
    funds_per_manager: int = 2,
    quarters: Sequence[date] = (date(2025, 6, 30), date(2025, 9, 30)),
    holders: float = 3.0,
) -> Universe:
    """Return the world that these arguments make.

    Args:
        seed: of all that is drawn.
        borrowers: how many; each has one to four loans.
        managers: how many; half of a manager's funds hold what the others hold, at the same mark.
        funds_per_manager: how many funds a manager has.
        quarters: ends of the quarters that are filed, oldest first; each filing tells the one before as a comparative too.
        holders: how many managers hold a loan on average, at least one.
    """
    draw = np.random.default_rng(seed)
    world = Universe()
    _make_funds(world, draw, managers, funds_per_manager)
    _make_loans(world, draw, borrowers)
    held = _holdings(world, draw, managers, funds_per_manager, holders)
    marks = _marks(world, draw, managers, len(quarters))
    told: dict[int, dict[tuple[int, int], Line]] = {}
    for quarter, day in enumerate(quarters):
        for place, fund in enumerate(world.funds):
            filing = _filing(fund, day, len(world.filings), draw)
            world.filings.append(filing)
            lines = _lines(world, draw, filing, held[place], marks[:, place // funds_per_manager, quarter], told.get(place, {}))
            before = told.get(place, {})
            world.lines += lines
            if before:
                world.lines += [replace(line, filing=filing) for line in before.values() if line.loan is not None]
            told[place] = {(line.loan.loan_id if line.loan else -1, n): line for n, line in enumerate(lines)}
    _amend(world)
    return world


def _make_funds(world: Universe, draw: np.random.Generator, managers: int, funds_per_manager: int) -> None:
    shift = int(draw.integers(10)) * 2
    for manager in range(managers):
        name = _MANAGERS[manager % len(_MANAGERS)] + ("" if manager < len(_MANAGERS) else f" {manager // len(_MANAGERS) + 1}")
        for number in range(funds_per_manager):
            place = manager * funds_per_manager + number
            world.funds.append(
                Fund(
                    cik=1_900_000 + place,
                    name=f"{name.upper()} {('LENDING', 'PRIVATE CREDIT', 'CAPITAL')[number % 3]} CORP",
                    manager=f"{name} Asset Management",
                    style=_TWENTY[(place + shift) % 20] if place >= 2 else STYLES[place],  # the first two tell all
                    grid=100_000.0 if place % 9 == 4 else (1_000.0 if place % 2 else 1.0),
                    in_thousands=place % 17 == 7,
                    in_percent=place % 13 == 5,
                    agent=("0001193125", "0001213900", f"{1_900_000 + place:010d}")[place % 3],
                )
            )


def _make_loans(world: Universe, draw: np.random.Generator, borrowers: int) -> None:
    names = draw.permutation(len(_FIRST) * len(_SECOND))
    for borrower in range(borrowers):
        first, second = divmod(int(names[borrower % len(names)]), len(_SECOND))
        round_ = borrower // len(names)
        third = _THIRD[int(draw.integers(len(_THIRD)))]
        core = " ".join(
            filter(None, (_FIRST[first], _FIRST[(first + 7 * round_) % len(_FIRST)] if round_ else "", _SECOND[second]))
        )
        name = f"{core}{' ' + third if third else ''}, {_SUFFIX[int(draw.integers(len(_SUFFIX)))]}"
        maturity = date(2027 + int(draw.integers(6)), 1 + int(draw.integers(12)), 1 + int(draw.integers(28)))
        spread = int(draw.choice((475, 500, 525, 550, 575, 600, 625, 650, 700)))
        currency = "USD" if draw.random() > 0.03 else "EUR"
        kinds = [("term", "first", spread, maturity, 0)]
        if draw.random() < 0.55:
            kinds.append(("delayed_draw", "first", spread, maturity, 0))
        if draw.random() < 0.60:
            kinds.append(("revolver", "first", spread - (25 if draw.random() < 0.3 else 0), maturity - timedelta(days=180), 0))
        if draw.random() < 0.15:
            kinds.append(("term", "second", spread + 350, maturity + timedelta(days=365), 0))
        if draw.random() < 0.10:
            kinds[0] = ("term", "first", spread, maturity, 400 if draw.random() < 0.7 else spread + 400)
        sector = _SECTORS[int(draw.integers(len(_SECTORS)))]
        for family, lien, bp, end, pik in kinds:
            world.loans.append(Loan(len(world.loans), borrower, name, core, family, lien, bp, end, pik, currency, sector))


def _holdings(
    world: Universe, draw: np.random.Generator, managers: int, funds_per_manager: int, holders: float
) -> list[list[int]]:
    """Return the loans of each fund: managers choose borrowers, and hold each of their loans in some of their funds."""
    chosen: dict[int, np.ndarray] = {}
    held: list[list[int]] = [[] for _ in world.funds]
    for loan in world.loans:
        if loan.borrower not in chosen:
            count = min(managers, 1 + int(draw.poisson(max(0.0, holders - 1))))
            chosen[loan.borrower] = draw.choice(managers, size=count, replace=False)
        for manager in chosen[loan.borrower]:
            if draw.random() < 0.15:
                continue  # does not hold this one of the borrower's loans
            for number in range(funds_per_manager):
                if number == 0 or draw.random() < 0.6:
                    held[int(manager) * funds_per_manager + number].append(loan.loan_id)
    return held


def _marks(world: Universe, draw: np.random.Generator, managers: int, quarters: int) -> np.ndarray:
    """Return marks of par by loan, manager and quarter: most near par, some distressed, and managers differ most on those."""
    count = len(world.loans)
    level = np.where(draw.random(count) < 0.12, draw.uniform(0.35, 0.92, count), draw.uniform(0.97, 1.003, count))
    path = level[:, None] + np.cumsum(draw.normal(0, 0.006, (count, quarters)), axis=1)
    width = np.where(level < 0.95, 0.08, 0.004)
    apart = draw.normal(0, 1, (count, managers, 1)) * width[:, None, None]
    return np.clip(path[:, None, :] + apart, 0.02, 1.02)


def _filing(fund: Fund, day: date, number: int, draw: np.random.Generator) -> Filing:
    after = int(draw.integers(34, 60))
    minute = int(draw.integers(6 * 60, 21 * 60)) if draw.random() < 0.1 else int(draw.integers(16 * 60, 17 * 60 + 30))
    accepted = datetime.combine(day + timedelta(days=after), time(minute // 60, minute % 60), NEW_YORK)
    form = "10-K" if day.month == 12 else "10-Q"
    return Filing(f"{fund.agent}-{accepted:%y}-{number + 1:06d}", fund, form, day, accepted)


_WORDS = {
    ("term", "first"): ("First lien senior secured loan", "First lien", "First Lien Term Loan"),
    ("term", "second"): ("Second lien senior secured loan", "Second lien", "Second Lien Term Loan"),
    ("delayed_draw", "first"): (
        "First lien senior secured delayed draw loan",
        "First lien, Delayed Draw",
        "Delayed Draw Term Loan",
    ),
    ("revolver", "first"): ("First lien senior secured revolving loan", "First lien, Revolver", "Revolver"),
}


def _identifier(loan: Loan, fund: Fund, name: str, maturity: date) -> str:
    """Return a line's text as the fund writes it."""
    full, short, plain = _WORDS[loan.family, loan.lien]
    match fund.style:
        case "full":
            return f"{name}, {full}"
        case "short":
            return f"{name}, {short}"
        case "piped":
            return f"{name} | {plain}"
        case "path":
            kind = plain if loan.family == "term" else f"First Lien {plain}"
            return (
                f"Debt Investments {loan.sector} {name} {kind} Reference Rate and Spread S + {loan.spread_bp / 100:.2f}% "
                f"Maturity {maturity:%m/%d/%Y}"
            )
        case _:
            return name  # bare; numbers are added to what stands twice


def _lines(
    world: Universe, draw: np.random.Generator, filing: Filing, held: Sequence[int], marks: np.ndarray, before: dict
) -> list[Line]:
    fund = filing.fund
    lines: list[Line] = []
    last_mark = {loan_id: line.true_mark for (loan_id, _), line in before.items()}
    for loan_id in held:
        loan = world.loans[loan_id]
        # What a fund does with a loan is the same every quarter.
        own = np.random.default_rng((loan_id, fund.cik))
        chance = {trap: bool(own.random() < rate) for trap, rate in RATES.items()}
        lines += _position(loan, filing, float(marks[loan_id]), chance, own, last_mark.get(loan_id))
    totals: dict[str, list[Line]] = {}
    for line in lines:
        if line.loan is not None:
            totals.setdefault(line.loan.name, []).append(line)
    for name, told in totals.items():
        own = np.random.default_rng((told[0].loan.borrower if told[0].loan else 0, fund.cik, 1))
        if len(told) > 1 and fund.style in ("full", "short", "piped") and own.random() < RATES["issuer_total"]:
            cost, value = sum(line.cost or 0 for line in told), sum(line.fair_value or 0 for line in told)
            lines.append(
                Line(filing, filing.period, name, None, ("issuer_total",), 0.0, None, "USD", cost, value, *(None,) * 4)
            )
    seen: dict[str, int] = {}
    for line in lines:
        seen[line.identifier] = seen.get(line.identifier, 0) + 1
        numbered = line.loan is not None and fund.style == "numbered"
        if seen[line.identifier] > 1 or numbered:
            line.identifier = f"{line.identifier} {seen[line.identifier]}"
    return lines


def _position(
    loan: Loan, filing: Filing, mark: float, chance: dict[str, bool], own: np.random.Generator, last: float | None
) -> list[Line]:
    """Return the one or two lines of a loan, as the fund tells it."""
    fund = filing.fund
    paid_in_kind, all_in_kind = loan.pik_bp / 10_000, loan.pik_bp > loan.spread_bp
    traps = [trap for trap, told in _habits(fund).items() if told]
    if all_in_kind and chance["pik_par"]:
        mark, traps = 1.0, [*traps, "pik_par"]
    elif paid_in_kind and chance["stale_pik"] and last is not None:
        mark, traps = last, [*traps, "stale_pik"]
    identifier, spread, maturity, more = _terms(loan, fund, chance, own)
    principal, currency, cost, value, trap = _amounts(loan, mark, chance, own)
    traps += [*more, *([trap] if trap else [])]
    footnote = None
    if mark < 0.5 and chance["non_accrual"]:
        footnote, traps = "Loan was on non-accrual status as of the reporting date.", [*traps, "non_accrual"]
    elif chance["not_non_accrual"]:
        footnote, traps = "There are no investments on non-accrual status.", [*traps, "not_non_accrual"]
    lots = (0.6, 0.4) if chance["lots"] and principal > 0 else (1.0,)
    traps += ["lots"] if len(lots) > 1 else []
    rate = 0.0 if all_in_kind else spread + 0.0430
    scale, percent = 0.001 if fund.in_thousands else 1.0, 100.0 if fund.in_percent else 1.0
    return [
        Line(
            filing,
            filing.period,
            identifier,
            loan,
            tuple(traps),
            mark,
            _rounded(principal * share, fund.grid) * scale,
            currency,
            _rounded(cost * share, fund.grid) * scale,
            _rounded(value * share, fund.grid) * scale,
            (rate + paid_in_kind) * percent,
            spread * percent,
            paid_in_kind * percent if paid_in_kind else None,
            maturity,
            footnote,
        )
        for share in lots
    ]


def _terms(loan: Loan, fund: Fund, chance: dict[str, bool], own: np.random.Generator) -> tuple[str, float, date, list[str]]:
    """Return the text, the spread and the maturity that a fund tells of a loan, and the traps in them."""
    name, maturity, spread, traps = loan.name, loan.maturity, loan.spread_bp / 10_000, []
    if chance["alias"]:
        name, traps = f"{name} (fka {loan.core.split()[-1]} {loan.core.split()[0]} Topco, LLC)", ["alias"]
    if chance["spread_adjusted"]:
        spread, traps = spread + 0.0010, [*traps, "spread_adjusted"]
    if chance["maturity_near"]:
        maturity, traps = maturity + timedelta(days=int(own.integers(1, 30))), [*traps, "maturity_near"]
    text_maturity = maturity
    if chance["stale_text"] and fund.style == "path":
        text_maturity, traps = maturity - timedelta(days=730), [*traps, "stale_text"]
    return _identifier(loan, fund, name, text_maturity), spread, maturity, traps


def _amounts(
    loan: Loan, mark: float, chance: dict[str, bool], own: np.random.Generator
) -> tuple[float, str, float, float, str | None]:
    """Return principal, its currency, cost and value of a line, and the trap in them."""
    par = float(own.integers(15, 400)) * 100_000.0
    cost, value = par * float(own.uniform(0.975, 0.995)), par * mark
    if loan.family != "term" and chance["undrawn"]:
        return 0.0, loan.currency, -par * 0.002, -par * 0.004, "undrawn"
    if loan.family != "term" and chance["commitment_as_principal"]:
        return par * 8.0, loan.currency, cost, value, "commitment_as_principal"
    if chance["negative_principal"]:
        return -par, loan.currency, cost, value, "negative_principal"
    if chance["above_bounds"]:
        return par, loan.currency, cost, par * 1.6, "above_bounds"
    if loan.currency == "USD":
        return par, "USD", cost, value, None
    if chance["currency_mismatch"]:
        return par, loan.currency, cost * _DOLLARS, value * _DOLLARS, "currency_mismatch"
    return par * _DOLLARS, "USD", cost * _DOLLARS, value * _DOLLARS, None


def _habits(fund: Fund) -> dict[str, bool]:
    return {"rounded_filer": fund.grid >= 100_000, "thousands_filer": fund.in_thousands, "percent_filer": fund.in_percent}


def _rounded(amount: float, grid: float) -> float:
    return round(amount / grid) * grid


def _amend(world: Universe) -> None:
    """Have the first fund file its last quarter again, with one value cut by a tenth of par."""
    fund = world.funds[0]
    first = next(filing for filing in reversed(world.filings) if filing.fund is fund)
    accession = f"{fund.agent}-{first.accepted:%y}-{len(world.filings) + 1:06d}"
    again = Filing(accession, fund, f"{first.form}/A", first.period, first.accepted + timedelta(days=9), first.accession)
    world.filings.append(again)
    lines = [replace(line, filing=again) for line in world.lines if line.filing is first]
    for line in lines:
        if line.day == first.period and line.principal and line.fair_value and line.principal_currency == "USD":
            line.fair_value -= 0.1 * line.principal
            line.true_mark -= 0.1
            break
    world.lines += lines

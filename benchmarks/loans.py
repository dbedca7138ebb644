"""Which lines of a made world of private credit are one loan: all lines of a quarter at once, and filing by filing."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import date
from typing import TYPE_CHECKING

import pyarrow as pa

if TYPE_CHECKING:
    from undertow.loans.history import Telling

Measured = Callable[[], pa.Table]

QUARTERS = (date(2024, 12, 31), date(2025, 3, 31), date(2025, 6, 30), date(2025, 9, 30))
MANAGERS = 10  # with two funds each


def _tellings(borrowers: int, quarters: int) -> Iterator[Telling]:
    """Yield the drawn lines of all first filings."""
    from undertow.loans.history import Telling
    from undertow.loans.identity import Position
    from undertow.loans.universe import universe

    world = universe(7, borrowers=borrowers, managers=MANAGERS, quarters=QUARTERS[-quarters:])
    for day in QUARTERS[-quarters:]:
        for number, line in enumerate(world.held(day)):
            fund = line.filing.fund
            if line.principal:
                spread = None if line.spread is None else line.spread * (100 if fund.in_percent else 10_000)
                facts = (spread, line.maturity, line.principal_currency)
                position = Position(f"{day}:{number:07}", fund.cik, fund.manager, day, line.identifier, *facts)
                yield Telling(position, line.filing.accepted)


def at_once(borrowers: int) -> Measured:
    """Group all lines of one quarter."""
    from undertow.loans.identity import groups

    positions = [telling.position for telling in _tellings(borrowers, 1)]

    def measured() -> pa.Table:
        sizes = sorted(len(group.positions) for group in groups(positions))
        return pa.table({"lines": pa.array(sizes, pa.int64())})

    return measured


def filing_by_filing(borrowers: int, quarters: int) -> Measured:
    """Say at each filing of some quarters which lines are one loan."""
    from undertow.loans.history import memberships

    tellings = list(_tellings(borrowers, quarters))

    def measured() -> pa.Table:
        found = list(memberships(tellings))
        return pa.table({"loan_id": pa.array([one.loan_id for one in found], pa.string())})

    return measured

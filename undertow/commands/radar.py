"""``undertow radar``: the five measures by which the Federal Reserve judges whether reserves are ample."""

from __future__ import annotations

import re
from datetime import date, datetime
from pathlib import Path
from typing import Any

import click
import pyarrow as pa

from undertow.cells import AMPLENESS_COLUMNS, ampleness_row
from undertow.commands.options import now, reading_options
from undertow.commands.page import page_option, refuse_both, write_page
from undertow.render import write_rows

__all__ = ["radar"]

LATEST = "latest"
_MONTH = re.compile(r"\d{4}-\d{2}", re.ASCII)


class Month(click.ParamType):
    """A month on the command line, or the word for the newest values."""

    name = "month"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> date | None:
        """Return the first day of the month, None for the newest, or fail with the sentence that says how to write one."""
        if value is None or isinstance(value, date) or value == LATEST:
            return None if value == LATEST else value
        try:
            if _MONTH.fullmatch(value):
                return date.fromisoformat(f"{value}-01")
        except ValueError:
            pass
        self.fail(f"{value!r} is not a month; write for example 2025-10, or {LATEST}", param, ctx)


@click.command()
@click.argument("months", nargs=-1, type=Month(), metavar="[MONTH]...")
@page_option("Write a page with the radars instead.")
@reading_options()
def radar(
    months: tuple[date | None, ...],
    page: Path | None,
    as_of: datetime | None,
    form: str,
    output: Path | None,
    build: str | None,
) -> None:
    """Say how ample reserves were in each MONTH, as known at an instant: what is public, approximate or missing.

    A MONTH is written 2025-10, or is the word latest; without one it tells of September 2019, June 2025, October 2025 and the
    newest values. A measure by the quarter tells the quarter of the month. Each published build holds the page radar.html.

    \b
    Example:
      undertow radar
      undertow radar 2025-10 latest --as-of 2025-11-15T00:00Z --format json
      undertow radar 2018-09 2019-09 --page radar.html
    """
    from undertow.pages.radar import MONTHS
    from undertow.store import FeatureStore

    refuse_both(page, form, output)
    wanted = list(months) or list(MONTHS)
    with FeatureStore(build, frame="arrow") as store:
        if page is not None:
            write_page(page, store.radar_page(as_of, wanted))
            return
        instant = as_of or now()
        told = [(LATEST if month is None else f"{month:%Y-%m}", store.reserve_ampleness(instant, month)) for month in wanted]
    data = pa.concat_tables(rows.add_column(0, "month", pa.array([name] * rows.num_rows, pa.string())) for name, rows in told)
    cells = [ampleness_row(name, row) for name, rows in told for row in rows.to_pylist()]
    write_rows(data, form, output, AMPLENESS_COLUMNS, cells)

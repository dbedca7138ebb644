"""``undertow known`` and ``undertow signals``: series and signals as they were known at an instant."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from undertow.cells import HEADLINE_COLUMNS, KNOWN_COLUMNS, SIGNAL_COLUMNS, headline_row, known_row, signal_row
from undertow.commands.options import now, reading_options
from undertow.commands.page import page_option, refuse_both, write_page
from undertow.errors import UsageError
from undertow.render import console, instant_text, write_rows

if TYPE_CHECKING:
    from undertow.store import FeatureStore

__all__ = ["known", "signals"]


@click.command()
@click.argument("series", nargs=-1)
@click.option("--match", default=None, help="All series whose id matches this pattern, * for any text.")
@page_option("Write a page instead, on which any instant can be chosen.")
@reading_options()
def known(
    series: tuple[str, ...],
    match: str | None,
    page: Path | None,
    as_of: datetime | None,
    form: str,
    output: Path | None,
    build: str | None,
) -> None:
    """Say what was known of SERIES at an instant: the newest period, its value, and what later periods were called.

    Without SERIES it tells of the headline series, and of releases of which only the calendar is known. --page writes one HTML
    file that needs no network and opens at the instant of --as-of; each published build holds one of its headline series,
    known.html.

    \b
    Example:
      undertow known --as-of "2025-12-10 14:00 America/New_York"
      undertow known bls.CUUR0000SA0 --as-of 2025-11-15T00:00:00Z
      undertow known --match "ecb.EXR.D.*" --as-of "2025-04-22 16:00 Europe/Berlin" --format json
      undertow known --page known.html --as-of "2025-12-10 14:00 America/New_York"
    """
    from undertow.store import FeatureStore

    refuse_both(page, form, output)
    with FeatureStore(build, frame="arrow") as store:
        wanted = _wanted(store, series, match)
        if page is not None:
            write_page(page, store.known_page(as_of, wanted))
        elif wanted is None:
            data = store.headline_as_known(as_of or now())
            write_rows(data, form, output, HEADLINE_COLUMNS, [headline_row(row) for row in data.to_pylist()])
        else:
            _answer(store, wanted, as_of or now(), form, output)


def _wanted(store: FeatureStore, series: tuple[str, ...], match: str | None) -> list[str] | None:
    """Return the ids that were asked for, each once; None where none were."""
    if not series and match is None:
        return None
    found = []
    if match is not None:
        query = "SELECT series_id FROM marts.dim_series WHERE series_id GLOB ? ORDER BY 1"
        found = [row["series_id"] for row in store.rows(query, [match])]
        if not found:
            raise UsageError(f"no series matches {match!r}")
    return list(dict.fromkeys([*series, *found]))


def _answer(store: FeatureStore, wanted: list[str], instant: datetime, form: str, output: Path | None) -> None:
    data = store.as_known(instant, wanted)
    silent = sorted(set(wanted) - set(data["series_id"].to_pylist()))
    first = store.rows(
        "SELECT series_id, min(known_at) AS first_known_at FROM marts.fct_observation "
        "WHERE value IS NOT NULL AND list_contains(?, series_id) GROUP BY 1 ORDER BY 1",
        [silent],
    )
    write_rows(data, form, output, KNOWN_COLUMNS, [known_row(row) for row in data.to_pylist()])
    for row in first:
        console(stderr=True).print(
            f"{row['series_id']}: nothing was known at {instant_text(instant)}; "
            f"its first value became known {instant_text(row['first_known_at'])}"
        )


@click.command()
@click.argument("signals", nargs=-1)
@reading_options()
def signals(signals: tuple[str, ...], as_of: datetime | None, form: str, output: Path | None, build: str | None) -> None:
    """Show SIGNALS (all by default) as they were known at an instant, with flags and confidence.

    \b
    Example:
      undertow signals --as-of 2025-12-10T19:00Z
      undertow signals inflation.cpi_all_12m fx.usd_majors_index --format json
    """
    from undertow.store import FeatureStore

    with FeatureStore(build, frame="arrow") as store:
        data = store.signals_as_known(as_of or now(), list(signals) or None)
    write_rows(data, form, output, SIGNAL_COLUMNS, [signal_row(row) for row in data.to_pylist()])

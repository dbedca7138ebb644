"""``undertow known`` and ``undertow signals``: series and signals as they were known at an instant."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import click

from undertow.cells import KNOWN_COLUMNS, SIGNAL_COLUMNS, known_row, signal_row
from undertow.commands.options import now, reading_options
from undertow.errors import UsageError
from undertow.render import console, instant_text, write_rows

__all__ = ["known", "signals"]


@click.command()
@click.argument("series", nargs=-1)
@click.option("--match", default=None, help="All series whose id matches this pattern, * for any text.")
@reading_options()
def known(
    series: tuple[str, ...],
    match: str | None,
    as_of: datetime | None,
    form: str,
    output: Path | None,
    build: str | None,
) -> None:
    """Say what was known of SERIES at an instant: the newest period, its value, and what later periods were called.

    \b
    Example:
      undertow known bls.CUUR0000SA0 --as-of 2025-11-15T00:00:00Z
      undertow known --match "ecb.EXR.D.*" --as-of "2025-04-22 16:00 Europe/Berlin" --format json
    """
    from undertow.store import FeatureStore

    if not series and not match:
        raise UsageError("name a series, for example bls.CUUR0000SA0, or give --match 'ecb.EXR.D.*'")
    instant = as_of or now()
    with FeatureStore(build, frame="arrow") as store:
        wanted = list(series)
        if match:
            wanted += store.sql("SELECT series_id FROM marts.dim_series WHERE series_id GLOB ? ORDER BY 1", [match])[
                "series_id"
            ].to_pylist()
            if not wanted:
                raise UsageError(f"no series matches {match!r}")
        data = store.as_known(instant, wanted)
        silent = sorted(set(wanted) - set(data["series_id"].to_pylist()))
        first = store.sql(
            "SELECT series_id, min(known_at) AS first_known_at FROM marts.fct_observation "
            "WHERE value IS NOT NULL AND list_contains(?, series_id) GROUP BY 1 ORDER BY 1",
            [silent],
        ).to_pylist()
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

"""``undertow audit``: the claims of the essays, held against what was known when they were written."""

from __future__ import annotations

from collections import Counter
from datetime import datetime
from pathlib import Path

import click
import pyarrow as pa
import pyarrow.compute as pc

from undertow.cells import CLAIM_COLUMNS, claim_row
from undertow.commands.options import now, reading_options
from undertow.render import write_rows

__all__ = ["audit"]


@click.command()
@click.argument("claims", nargs=-1, metavar="[CLAIM]...")
@click.option("--verdict", multiple=True, help="Show the numbers with this verdict alone, then or now; repeat for more.")
@reading_options()
def audit(
    claims: tuple[str, ...],
    verdict: tuple[str, ...],
    as_of: datetime | None,
    form: str,
    output: Path | None,
    build: str | None,
) -> None:
    """Hold the claims of the market essays against the data: as of the day each was written, and as known now.

    A CLAIM is written F14: the letter of its essay and a number. Verdicts: holds, fails, stale (it held for the period before),
    not_what_it_seems (the number is right and means something else), no_data (this build has nothing genuine of it),
    not_measurable_for_free, not_measured_yet, not_a_measurement.

    \b
    Example:
      undertow audit
      undertow audit F11 F14 --as-of 2025-11-24T05:00Z
      undertow audit --verdict fails --verdict stale --format json
    """
    from undertow.store import FeatureStore

    wanted = [word.replace(" ", "_") for word in verdict]
    with FeatureStore(build, frame="arrow") as store:
        data = store.claims_as_known(as_of or now(), list(claims) or None)
    if wanted:
        words = pa.array(wanted)
        data = data.filter(pc.or_(pc.is_in(data["verdict"], words), pc.is_in(data["verdict_as_written"], words)))
    rows = data.to_pylist()
    write_rows(data, form, output, CLAIM_COLUMNS, [claim_row(row) for row in rows])
    if form == "table" and output is None and rows:
        counted = Counter(row["verdict_as_written"] for row in rows)
        said = ", ".join(f"{count} {word.replace('_', ' ')}" for word, count in counted.most_common())
        click.echo(f"\nAs written: {said}")

"""``undertow fragility``: the composite, its pillars, and how far official indices of stress agree with it."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Any

import click
import pyarrow as pa

from undertow.commands.options import now, reading_options
from undertow.lineage import PILLARS
from undertow.render import number_text, write_rows

__all__ = ["fragility"]

COLUMNS = (
    ("day", "left"),
    ("ciss", "right"),
    ("root", "right"),
    ("mean", "right"),
    ("coverage", "right"),
    *((pillar, "right") for pillar in PILLARS),
    ("confidence", "right"),
    ("synthetic", "right"),
)
VALIDATION_COLUMNS = (
    ("yardstick", "left"),
    ("measure", "left"),
    ("days", "right"),
    ("from", "left"),
    ("to", "left"),
    ("rank correlation", "right"),
    ("of changes", "right"),
    ("above 0.6", "left"),
)


@click.command()
@click.option("--days", type=click.IntRange(min=1), default=10, show_default=True, help="Newest weekdays to show.")
@click.option("--validate", "validated", is_flag=True, help="Hold it against the official indices that the build has.")
@reading_options()
def fragility(days: int, validated: bool, as_of: datetime | None, form: str, output: Path | None, build: str | None) -> None:
    """Show the composite of market fragility by weekday, as known at an instant: 0 is calm, 1 is stress.

    CISS weighs the pillars by how they move together; its root is the weighted mean where all move as one. Where pillars of
    less than 60 % of the weight are there, there is no composite. `undertow explain composite.fragility_ciss` has every
    indicator of a day. --validate gives rank correlations with the OFR index (user.ofr_fsi), the CISS (user.ciss) and the
    index of St. Louis (fred.STLFSI4), where the build has them; they are never inputs.

    \b
    Example:
      undertow fragility --as-of 2025-04-12
      undertow fragility --days 260 --format csv
      undertow fragility --validate
    """
    from undertow.store import FeatureStore
    from undertow.validation import validate

    instant = as_of or now()
    with FeatureStore(build, frame="arrow") as store:
        if validated:
            told = validate(store, instant)
            write_rows(pa.Table.from_pylist(told), form, output, VALIDATION_COLUMNS, [_validation_row(row) for row in told])
            return
        data = store.fragility(instant, days)
    write_rows(data, form, output, COLUMNS, [_row(row) for row in data.to_pylist()])


def _row(row: dict[str, Any]) -> list[str]:
    scores = [row[name] for name in ("composite_ciss", "composite_ciss_sqrt", "composite_mean", "coverage")]
    scores += [row[f"pillar_{pillar}"] for pillar in PILLARS]
    share = f"{row['n_synthetic']} of {row['n_inputs']}"
    return [str(row["period_start"]), *(number_text(score, 3) for score in scores), number_text(row["confidence"], 2), share]


def _validation_row(row: dict[str, Any]) -> list[str]:
    return [
        row["yardstick"],
        row["measure"],
        str(row["n_days"]),
        str(row["first_day"] or "-"),
        str(row["last_day"] or "-"),
        number_text(row["rank_correlation"], 2),
        number_text(row["rank_correlation_of_changes"], 2),
        "yes" if row["agrees"] else "no" if row["rank_correlation"] is not None else "too few days",
    ]

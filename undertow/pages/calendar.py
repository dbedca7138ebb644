"""The release calendar as known at any instant: plans, delays, cancellations and mergers.

The page carries every state of the calendar with the instant at which it became known; ``calendar.js`` is the twin of the macro
``calendar_as_known``, and a test compares the two.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa

from undertow.instants import format_instant, parse_instant
from undertow.pages.frame import document, scripts, site, styles
from undertow.pages.known import NOTABLE, instant_parts
from undertow.pages.packed import NONE, packed, steps
from undertow.pages.parts import synthetic_share

__all__ = ["calendar_page"]

_SECONDS = "CAST(ceil(epoch_us({0}) / 1e6) AS BIGINT) - CAST(c.reference_end - DATE '1970-01-01' AS BIGINT) * 86400"

# Instants are told as seconds after the beginning of the last day of their period, which takes few digits.
_STATES = f"""
SELECT
    dense_rank() OVER (ORDER BY c.release_id, c.component, c.reference_period) - 1 AS key,
    c.release_id, c.component, c.reference_period, c.status, c.merged_into, c.lapse_id, c.reason,
    CAST(c.reference_end - DATE '1970-01-01' AS BIGINT) AS ending,
    {_SECONDS.format("c.original_at")} AS original, {_SECONDS.format("c.scheduled_at")} AS scheduled,
    {_SECONDS.format("c.actual_at")} AS actual, c.delay_days,
    CAST(timezone(r.timezone, c.scheduled_at) AS DATE) - c.reference_end AS planned,
    CAST(ceil(epoch_us(c.known_at) / 1e6) AS BIGINT) AS known
FROM marts.dim_release_calendar AS c
LEFT JOIN internal.release AS r ON c.release_id = r.release_id
WHERE c.known_at IS NOT NULL
ORDER BY c.known_at, c.release_id, c.component, c.reference_period
"""
_TEXTS = ("release_id", "component", "reference_period", "status", "merged_into", "lapse_id", "reason")

_RELEASES = "SELECT release_id, title, agency, frequency, closes_with, is_headline FROM internal.release ORDER BY title"
_LAPSES = """
SELECT lapse_id, CAST(ceil(epoch_us(known_at) / 1e6) AS BIGINT), start_date - DATE '1970-01-01', end_date - DATE '1970-01-01',
    days_inclusive, bls_closed IN ('yes', 'partly'), bea_census_closed IN ('yes', 'partly'),
    treasury_tic_closed IN ('yes', 'partly'), cftc_closed IN ('yes', 'partly')
FROM marts.dim_lapse ORDER BY known_at, lapse_id
"""


def calendar_page(connection: duckdb.DuckDBPyConnection, manifest: Mapping[str, Any], *, as_of: datetime | None = None) -> str:
    """Return the page as one HTML text.

    Args:
        connection: a published file, in UTC.
        manifest: of the build.
        as_of: the instant that is shown first; by default that at which the build was published.
    """
    at = (as_of or parse_instant(manifest["published_at"])).replace(microsecond=0)
    states = connection.execute(_STATES).to_arrow_table()
    releases = connection.execute(_RELEASES).fetchall()
    columns, texts = [], {}
    for name in _TEXTS:
        words = states[name].combine_chunks().dictionary_encode()
        columns.append(words.indices.fill_null(NONE).to_numpy().astype(np.int32))
        texts[name] = words.dictionary.to_pylist()
    columns += [
        _whole(states, "key"),
        steps(states["ending"].to_numpy()),
        *(_whole(states, name) for name in ("original", "scheduled", "actual", "delay_days", "planned")),
        steps(states["known"].to_numpy()),
    ]
    data = {
        "asOf": format_instant(at),
        "n": states.num_rows,
        "nKeys": int(columns[len(_TEXTS)].max(initial=-1)) + 1,
        "packed": packed(columns),
        "texts": texts,
        "releases": {
            name: {"title": title, "agency": agency, "frequency": frequency, "closesWith": closes, "isHeadline": is_headline}
            for name, title, agency, frequency, closes, is_headline in releases
        },
        "lapses": connection.execute(_LAPSES).fetchall(),
        "flags": {},
        "notable": [[format_instant(parse_instant(text)), says] for text, says in NOTABLE],
    }
    body = (
        instant_parts("calendar.html", manifest)
        .replace("{site}", site("calendar"))
        .replace("{share}", synthetic_share(connection, format_instant(at)))
        .replace("{n}", f"{states.num_rows:,}")
        .replace("{releases}", str(len(texts["release_id"])))
    )
    return document(
        "Release calendar",
        body,
        css=styles("figures.css", "known.css", "site.css", "signals.css"),
        script=scripts("common.js", "packed.js", "svg.js", "calendar.js"),
        data=data,
    )


def _whole(states: pa.Table, name: str) -> np.ndarray:
    """Return a column of whole numbers, ``NONE`` where there is none."""
    return states[name].combine_chunks().cast(pa.int64()).fill_null(NONE).to_numpy().astype(np.int32)

"""The page of all signals: each with its history as first known and as known at any instant, and what is said of its numbers.

The page carries every state of every signal with the instant at which it became known, and works out in the browser what was
known (``signals.js``), as ``signals_as_known`` does; a test compares the two. Values have the seven digits of a 32-bit float,
standardised values to three decimals and ranks to four: what a chart can show. ``mart_signal_long`` holds the whole numbers.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa

from undertow.instants import format_instant, parse_instant
from undertow.lineage import lineage_of
from undertow.pages.frame import document, flag_legend, scripts, site, styles
from undertow.pages.known import NOTABLE, instant_parts
from undertow.pages.packed import fixed, packed, steps
from undertow.pages.parts import synthetic_share

__all__ = ["FIRST_SHOWN", "signals_page"]

FIRST_SHOWN = "funding.sofr_minus_iorb"

_STATES = """
SELECT
    signal_id,
    CAST(period_start - DATE '1970-01-01' AS BIGINT) AS start,
    CAST(period_end - period_start AS INTEGER) AS length,
    CAST(value AS FLOAT) AS value, z_exp, rank_exp,
    CAST(ceil(epoch_us(known_at) / 1e6) AS BIGINT) AS known,
    obs_status || '|' || origin || '|' || method_version || '|' || array_to_string(flags, ' ') AS state,
    confidence, n_inputs, n_missing
FROM marts.mart_signal_long
ORDER BY signal_id, known_at, period_start
"""

_SIGNALS = """
SELECT g.signal_id, g.title, g.unit, g.stress_dir, g.frequency, g.min_history, g.stale_after_days, g.formula
FROM internal.signal AS g ORDER BY 1
"""


def signals_page(connection: duckdb.DuckDBPyConnection, manifest: Mapping[str, Any], *, as_of: datetime | None = None) -> str:
    """Return the page as one HTML text.

    Args:
        connection: a published file, in UTC.
        manifest: of the build.
        as_of: the instant that is shown first; by default that at which the build was published.
    """
    at = (as_of or parse_instant(manifest["published_at"])).replace(microsecond=0)
    states = connection.execute(_STATES).to_arrow_table()
    words = states["state"].combine_chunks().dictionary_encode()
    rows = _packed(states, words)
    meanings = dict(connection.execute("SELECT flag, meaning FROM internal.flag ORDER BY bit").fetchall())
    described = connection.execute(_SIGNALS).to_arrow_table().to_pylist()
    known = [
        {
            "id": one["signal_id"],
            "title": one["title"],
            "unit": one["unit"],
            "stress": one["stress_dir"],
            "frequency": one["frequency"],
            "minHistory": one["min_history"],
            "staleAfter": one["stale_after_days"],
            "formula": one["formula"],
            "inputs": _inputs(one["signal_id"]),
            "rows": rows.get(one["signal_id"]),
        }
        for one in described
    ]
    data = {
        "asOf": format_instant(at),
        "first": FIRST_SHOWN,
        "signals": known,
        "states": [_state(text) for text in words.dictionary.to_pylist()],
        "flags": meanings,
        "notable": [[format_instant(parse_instant(text)), says] for text, says in NOTABLE],
    }
    return document(
        "Signals",
        instant_parts("signals.html", manifest)
        .replace("{site}", site("signals"))
        .replace("{share}", synthetic_share(connection, format_instant(at)))
        .replace("{n}", str(sum(one["rows"] is not None for one in known)))
        .replace("{of}", str(len(known)))
        .replace("{rows}", f"{states.num_rows:,}")
        .replace("{legend}", flag_legend(meanings)),
        css=styles("figures.css", "known.css", "site.css", "signals.css"),
        script=scripts("common.js", "packed.js", "svg.js", "signals.js"),
        data=data,
    )


def _packed(states: pa.Table, words: pa.DictionaryArray) -> dict[str, dict[str, Any]]:
    """Return the states of each signal as columns, in the order in which they became known."""
    column = {name: states[name].to_numpy() for name in states.column_names if name not in {"signal_id", "state"}}
    state = words.indices.to_numpy().astype(np.int32)
    ids = states["signal_id"].combine_chunks().dictionary_encode()
    firsts = np.searchsorted(ids.indices.to_numpy(), np.arange(len(ids.dictionary) + 1))
    found = {}
    for place, name in enumerate(ids.dictionary.to_pylist()):
        own = slice(firsts[place], firsts[place + 1])
        columns = [
            steps(column["start"][own]),
            column["length"][own].astype(np.int32),
            column["value"][own].astype(np.float32),
            fixed(column["z_exp"][own].astype(float), 3),
            fixed(column["rank_exp"][own].astype(float), 4),
            steps(column["known"][own]),
            state[own],
            fixed(column["confidence"][own].astype(float), 4),
            column["n_inputs"][own].astype(np.int32),
            column["n_missing"][own].astype(np.int32),
        ]
        found[name] = {"n": int(firsts[place + 1] - firsts[place]), "packed": packed(columns)}
    return found


def _state(text: str) -> dict[str, Any]:
    status, origin, method, flags = text.split("|")
    return {"status": status, "origin": origin, "method": method, "flags": flags.split()}


def _inputs(signal: str) -> dict[str, Any] | None:
    """Return which series a signal is made of, and how far back."""
    lineage = lineage_of(signal)
    if lineage is None:
        return None
    length = {
        "months": f"{lineage.length} months back" if lineage.length else "the month itself",
        "days": f"{lineage.length} days with values" if lineage.length > 1 else "the day itself",
        "span": f"{lineage.length} days back" if lineage.length else "the period itself",
        "dates": f"the day, and {', '.join(str(lag) for lag in lineage.lags if lag)} days before",
        "indicators": "as they stood at the end of the day",
        "positions": "the quarter itself",
    }[lineage.window]
    without = {
        "indicators": f"the signals of mart_fragility_input: {', '.join(lineage.pillars)}",
        "positions": "the lines of filings in mart_private_credit_lines",
    }.get(lineage.window, "the release calendar")
    return {"series": list(lineage.series), "steps": list(lineage.steps), "window": length, "without": without}

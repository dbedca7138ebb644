"""The data-quality review: releases, flags by source, gaps, rows set aside, and checks with links to their Data Docs.

Releases, flags and gaps belong to the build. Rows set aside and checks belong to the home around it, which is looked for where
the published file lies; of a build that was copied elsewhere the page says that there are none to be had.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from html import escape
from itertools import groupby
from pathlib import Path
from typing import Any

import duckdb

from undertow.instants import parse_instant
from undertow.pages.frame import document, filled, flag_link, site, styles
from undertow.pages.parts import absent, bar_of, day_of, synthetic_share, table_of, tiles_of, wide
from undertow.quality import Quality, gather
from undertow.render import instant_text
from undertow.settings import Home
from undertow.vocabulary import ObsStatus

__all__ = ["home_of", "quality_page"]

Row = Mapping[str, Any]

DOCS = "../../quality/data_docs"
MOST_UNUSUAL = 60

_CARRIED = """
SELECT split_part(series_id, '.', 1) AS source, flags, count(*) AS n
FROM marts.fct_observation WHERE known_at <= ? GROUP BY ALL
"""
_GAPS = """
SELECT split_part(series_id, '.', 1) AS source, obs_status, count(*) AS n, count(DISTINCT series_id) AS n_series,
    min(period_end) AS first, max(period_end) AS last
FROM marts.fct_observation WHERE known_at <= ? AND value IS NULL GROUP BY ALL ORDER BY ALL
"""


@dataclass(frozen=True)
class _Reader:
    connection: duckdb.DuckDBPyConnection

    def rows(self, query: str, parameters: Sequence[Any] = ()) -> list[dict[str, Any]]:
        return self.connection.execute(query, list(parameters)).to_arrow_table().to_pylist()


def home_of(connection: duckdb.DuckDBPyConnection) -> Home | None:
    """Return the home in which a published file lies, or None where there is none around it."""
    paths = connection.execute("SELECT path FROM duckdb_databases() WHERE database_name = current_database()").fetchall()
    if not paths or not paths[0][0]:
        return None
    folder = Path(paths[0][0]).resolve().parent.parent
    return Home(folder.parent) if folder.name == "published" and (folder.parent / "quality").is_dir() else None


def quality_page(connection: duckdb.DuckDBPyConnection, manifest: Mapping[str, Any], *, as_of: datetime | None = None) -> str:
    """Return the page as one HTML text.

    Args:
        connection: a published file, in UTC.
        manifest: of the build.
        as_of: the knowledge instant; by default that at which the build was published.
    """
    at = (as_of or parse_instant(manifest["published_at"])).replace(microsecond=0)
    reader, home = _Reader(connection), home_of(connection)
    state = gather(reader, home, at, is_with_flags=False)
    carried = reader.rows(_CARRIED, [at])
    gaps = reader.rows(_GAPS, [at])
    suites = [] if home is None else _suites(home)
    meanings = dict(connection.execute("SELECT flag, meaning FROM internal.flag ORDER BY bit").fetchall())
    parts = {
        "site": site("quality"),
        "share": synthetic_share(connection, state.as_of.isoformat().replace("+00:00", "Z")),
        "as_of": escape(instant_text(at)),
        "tiles": _tiles(state, carried, suites),
        "incidents": _incidents(state),
        "releases": _releases(state),
        "unusual": _unusual(state),
        "flags": _flags(carried, meanings),
        "gaps": _gaps(gaps),
        "quarantine": _quarantine(state, home),
        "checks": _checks(state, suites, home),
    }
    css = styles("figures.css", "site.css", "quality.css")
    return document("Data-quality review", filled("quality.html", manifest, meanings, parts), css=css)


# --- releases ------------------------------------------------------------------------------------------------------------


def _tiles(state: Quality, carried: Sequence[Row], suites: Sequence[Row]) -> str:
    total = sum(row["n"] for row in carried)
    made = sum(row["n"] for row in carried if "SYNTHETIC" in row["flags"])
    failed = sum(not check["passed"] for suite in suites for check in suite["outcomes"])
    checks = sum(len(suite["outcomes"]) for suite in suites)
    facts = [
        ("Past due", sum(row["n_past_due"] for row in state.summary), "releases that were due and are not in this data", False),
        ("Came late", sum(row["n_late"] for row in state.summary), "releases, in all time that is told", False),
        ("Marked gaps", sum(row["n_series_missing"] for row in state.summary), "series in releases that never had them", False),
        ("Set aside", sum(row["n_rows"] for row in state.quarantine), "rows that no parser could read", False),
        ("Checks not passed", failed, f"of {checks:,} on what is landed and built", False),
        ("Generated", made, f"of {total:,} states of observations", made > 0),
    ]
    return tiles_of(facts)


def _incidents(state: Quality) -> str:
    items = "".join(
        f'<li data-lapse="{escape(row["lapse_id"])}"><b>Lapse {escape(row["lapse_id"])}</b> {escape(row["says"])}</li>\n'
        for row in state.incidents
    )
    return f'<ul class="incidents">\n{items}</ul>\n' if items else ""


def _releases(state: Quality) -> str:
    longest = max((row["longest_delay_days"] for row in state.summary), default=0)
    lines = [
        f'<tr data-release="{escape(row["release_id"])}/{escape(row["component"])}"><th scope="row">'
        f"{escape(row['release_id'])}{'' if row['component'] == 'all' else ' ' + escape(row['component'])}</th>"
        + "".join(_count(row[name]) for name in ("n_periods", "n_published", "n_past_due", "n_late"))
        + (bar_of(row["longest_delay_days"], longest, 0) if row["longest_delay_days"] else _count(0))
        + "".join(_count(row[name]) for name in ("n_ended", "n_series_missing", "n_values_revised"))
        + "</tr>\n"
        for row in state.summary
    ]
    heads = (
        *("release", "#periods", "#published", "#past due", "#late", "#longest, days"),
        *("#cancelled or merged", "#gaps", "#values revised"),
    )
    return wide("Releases", table_of("Releases as known", heads, lines))


def _count(number: int) -> str:
    return f'<td class="n">{number:,}</td>' if number else '<td class="n quiet">-</td>'


def _unusual(state: Quality) -> str:
    """Return what no lapse explains, alike ones together."""
    groups = groupby(state.alarms(), lambda row: (row["release_id"], row["component"], row["says"]))
    lines = []
    for (release, component, says), group in groups:
        rows = list(group)
        first, last = (rows[i]["reference_period"] or str(rows[i]["reference_end"]) for i in (-1, 0))
        name = release if component == "all" else f"{release} {component}"
        span = first if len(rows) == 1 else f"{first} to {last}"
        lines.append(
            f'<tr><th scope="row">{escape(name)}</th><td class="day">{escape(span)}</td>'
            f'<td class="n">{len(rows)}</td><td>{escape(says)}</td></tr>\n'
        )
    more = (
        f'<p class="quiet">and {len(lines) - MOST_UNUSUAL} more: <code>undertow quality</code></p>\n'
        if len(lines) > MOST_UNUSUAL
        else ""
    )
    caption = "Releases that no lapse explains, and those that left gaps"
    return wide("Unusual", table_of(caption, ("release", "periods", "#how many", "what"), lines[:MOST_UNUSUAL])) + more


# --- flags and gaps ------------------------------------------------------------------------------------------------------


def _flags(carried: Sequence[Row], meanings: Mapping[str, str]) -> str:
    """Return how many states of each source carry each flag."""
    totals: dict[str, int] = {}
    counts: dict[tuple[str, str], int] = {}
    for row in carried:
        totals[row["source"]] = totals.get(row["source"], 0) + row["n"]
        for flag in row["flags"]:
            counts[row["source"], flag] = counts.get((row["source"], flag), 0) + row["n"]
    used = [flag for flag in meanings if any(name == flag for _, name in counts)]
    lines = [
        f'<tr data-source="{escape(source)}"><th scope="row">{escape(source)}</th><td class="n">{totals[source]:,}</td>'
        + "".join(_share(counts.get((source, flag), 0), totals[source], flag) for flag in used)
        + "</tr>\n"
        for source in sorted(totals)
    ]
    heads = "".join(f'<th scope="col" class="n">{flag_link(flag)}</th>' for flag in used)
    table = table_of("Flags by source, states of observations", ("source", "#states"), lines)
    return wide("Flags by source", table.replace("</tr></thead>", f"{heads}</tr></thead>", 1))


def _share(number: int, total: int, flag: str) -> str:
    if not number:
        return '<td class="n quiet">-</td>'
    return (
        f'<td class="n" data-flag="{flag}"><data value="{number}">{number:,}</data>'
        f'<span class="share" aria-hidden="true"><i style="width:{100 * number / total:.1f}%"></i></span></td>'
    )


def _gaps(gaps: Sequence[Row]) -> str:
    names = {status.value: status.name.lower().replace("_", " ") for status in ObsStatus}
    lines = [
        f'<tr data-gap="{escape(row["source"])}/{escape(row["obs_status"])}"><th scope="row">{escape(row["source"])}</th>'
        f"<td>{escape(names.get(row['obs_status'], row['obs_status']))}</td>{_count(row['n'])}{_count(row['n_series'])}"
        f'<td class="day">{row["first"]}</td><td class="day">{row["last"]}</td></tr>\n'
        for row in gaps
    ]
    return wide("Gaps", table_of("States without a value", ("source", "what", "#states", "#series", "first", "last"), lines))


# --- what belongs to the home --------------------------------------------------------------------------------------------


def _quarantine(state: Quality, home: Home | None) -> str:
    if home is None:
        return absent("This build lies in no home, so nothing is known of rows that were set aside.")
    if not state.quarantine:
        return "<p>None: every row of every payload was read.</p>\n"
    lines = [
        f'<tr data-quarantine="{escape(row["source"])}"><th scope="row">{escape(row["source"])}</th>{_count(row["n_rows"])}'
        f"<td>{day_of(row['newest_at'])}</td><td>{_reasons(state, row['source'])}</td></tr>\n"
        for row in state.quarantine
    ]
    return wide("Rows set aside", table_of("Rows set aside by source", ("source", "#rows", "newest", "newest reasons"), lines))


def _reasons(state: Quality, source: str) -> str:
    said = dict.fromkeys(f"{row['place']}: {row['reason']}" for row in state.reasons if row["source"] == source)
    return "<br>".join(escape(text) for text in said)


def _suites(home: Home) -> list[dict[str, Any]]:
    """Return what each suite of checks found when it last ran; a file that cannot be read is left out."""
    found = []
    for path in sorted((home.quality / "checks").glob("*.json")):
        try:
            suite = json.loads(path.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            continue
        if suite.get("outcomes"):
            found.append({"name": path.stem, "checked_at": suite["checked_at"], "outcomes": suite["outcomes"]})
    return found


def _checks(state: Quality, suites: Sequence[Row], home: Home | None) -> str:
    if home is None:
        return absent("This build lies in no home, so nothing is known of its checks.")
    lines = [_suite(suite) for suite in suites]
    failed = [
        _failure(check["asset"], check["severity"], (check.get("details") or {}).get("why") or check["name"])
        for suite in suites
        for check in suite["outcomes"]
        if not check["passed"]
    ]
    table = wide(
        "Suites of checks", table_of("Suites of checks, when each last ran", ("suite", "#passed", "#not passed", "ran"), lines)
    )
    listed = wide("Not passed", table_of("Checks that did not pass", ("table", "severity", "what"), failed)) if failed else ""
    docs = f'<p><a href="{DOCS}/index.html">Data Docs</a>: every check with what it found.</p>\n'
    return docs + listed + table + _run(state)


def _suite(suite: Row) -> str:
    passed = sum(check["passed"] for check in suite["outcomes"])
    name = escape(suite["name"])
    return (
        f'<tr data-suite="{name}"><th scope="row"><a href="{DOCS}/{name}.html">{name}</a></th>{_count(passed)}'
        f"{_count(len(suite['outcomes']) - passed)}<td>{day_of(parse_instant(suite['checked_at']))}</td></tr>\n"
    )


def _failure(asset: str, severity: str, why: str) -> str:
    return (
        f'<tr data-failed="{escape(asset)}"><th scope="row">{escape(asset)}</th>'
        f'<td><span class="chip {escape(severity)}">{escape(severity)}</span></td><td>{escape(str(why))}</td></tr>\n'
    )


def _run(state: Quality) -> str:
    """Return what the newest run said that was over when the page was written, with the tests of the models."""
    if state.run is None:
        return (
            '<p class="quiet">No run was over when this page was written; <code>undertow quality</code> has the newest.</p>\n'
        )
    run = state.run
    lines = [_failure(row["asset"], row["severity"], row["why"]) for row in state.checks]
    lines += [_failure(f"{row['source']}/{row['dataset']}", "ERROR", row["why"]) for row in state.failed_sources]
    said = (
        f"<p>The newest run that was over when this page was written began {escape(instant_text(run['started_at']))} in mode "
        f"{escape(run['mode'])}: {run['n_passed']:,} checks passed, {run['n_failed']:,} did not.</p>\n"
    )
    return said + (
        wide("The run", table_of("What that run found wrong", ("table", "severity", "what"), lines)) if lines else ""
    )

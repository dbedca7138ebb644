"""The page "what was known": choose an instant, and see every headline series as it stood then.

The page carries all states of its series, the calendar of their releases and the lapses, each with the instant at which it
became known, and works the table out anew for every instant (``known.js``). It is the twin of the macros ``as_known`` and
``headline_as_known``; a test compares them over many instants. Nothing on the page depends on the clock.
"""

from __future__ import annotations

import html
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, date, datetime
from itertools import pairwise
from pathlib import Path
from typing import Any

import duckdb

from undertow.instants import format_instant, parse_instant
from undertow.pages.frame import document, flag_legend, scripts
from undertow.vocabulary import Basis, ObsStatus

__all__ = ["NOTABLE", "instant_parts", "known_page"]

HERE = Path(__file__).parent
EPOCH = date(1970, 1, 1)

# Instants at which the answer is worth a look: the lapse in appropriations of 2025.
NOTABLE = (
    ("2025-09-12 00:00 UTC", "before the lapse"),
    ("2025-11-15 00:00 UTC", "two days after it ended"),
    ("2025-11-20 08:30 America/New_York", "the late September jobs report"),
    ("2025-11-25 08:30 America/New_York", "producer prices of September"),
    ("2025-12-10 08:00 America/New_York", "the morning of the decision"),
    ("2025-12-10 14:00 America/New_York", "the FOMC statement of December"),
    ("2025-12-16 08:30 America/New_York", "payrolls of October and November"),
)
FOMC = "fomc_statement"
ZONES = (("UTC", "UTC"), ("America/New_York", "New York"), ("Europe/Berlin", "Frankfurt"))
BASES = {
    Basis.PROVIDER: "dated at source",
    Basis.CALENDAR: "instant of the release",
    Basis.LAG_RULE: "rule of publication",
    Basis.FIRST_SEEN: "our own fetch",
}


def known_page(
    connection: duckdb.DuckDBPyConnection,
    manifest: Mapping[str, Any],
    *,
    as_of: datetime | None = None,
    series: Sequence[str] | None = None,
) -> str:
    """Return the page as one HTML text.

    Args:
        connection: a published file, in UTC.
        manifest: of the build.
        as_of: the instant that is shown first; by default that at which the build was published.
        series: these series instead of the headline series.
    """
    rows = _rows(connection, series)
    ids = [row["series_id"] for row in rows if row["series_id"]]
    described = _described(connection, ids)
    releases = sorted({r for r in (*(s["release"] for s in described), *(row["release_id"] for row in rows)) if r})
    shared: dict[str, _Numbered] = {name: _Numbered() for name in ("states", "payloads", "texts")}
    observations = _observations(connection, ids, shared)
    for entry in described:
        entry["rows"] = observations.get(entry["id"], _encode([], shared))
    start = as_of or parse_instant(manifest["published_at"])
    meanings = dict(connection.execute("SELECT flag, meaning FROM internal.flag ORDER BY bit").fetchall())
    data = {
        "asOf": format_instant(start.replace(microsecond=0)),
        "build": {"id": manifest["build_id"], "publishedAt": manifest["published_at"], "origins": list(manifest["origins"])},
        "table": [[row["section"], row["title"], row["series_id"], row["release_id"]] for row in rows],
        "series": described,
        "releases": _releases(connection, releases),
        "calendar": _calendar(connection, releases, shared["texts"]),
        "lapses": _lapses(connection),
        "states": shared["states"].items,
        "payloads": shared["payloads"].items,
        "texts": shared["texts"].items,
        "flags": meanings,
        "obsStatuses": {status.value: status.name.lower().replace("_", " ") for status in ObsStatus},
        "bases": {basis.value: words for basis, words in BASES.items()},
        "notable": [[format_instant(parse_instant(text)), says] for text, says in NOTABLE],
        "fomc": [format_instant(at) for at in _meetings(connection)],
    }
    return document(
        "What was known",
        _body(manifest, meanings, is_choice=series is not None),
        css=(HERE / "known.css").read_text(encoding="utf-8"),
        script=scripts("common.js", "known.js"),
        data=data,
    )


class _Numbered:
    """Things that many rows share, each once; a row holds the number."""

    def __init__(self) -> None:
        self.items: list[Any] = []
        self._places: dict[Any, int] = {}

    def place(self, item: Any) -> int:
        if item not in self._places:
            self._places[item] = len(self.items)
            self.items.append(item)
        return self._places[item]


def _rows(connection: duckdb.DuckDBPyConnection, series: Sequence[str] | None) -> list[dict[str, Any]]:
    """Return the lines of the table: the headline series that the build holds, or the series that were asked for."""
    if series is not None:
        titles = dict(connection.execute("SELECT series_id, title FROM marts.dim_series").fetchall())
        return [{"section": "Series", "title": titles[name], "series_id": name, "release_id": None} for name in series]
    found = connection.execute(
        "SELECT h.section, h.title, h.series_id, h.release_id FROM internal.headline AS h "
        "LEFT JOIN marts.dim_series AS s ON h.series_id = s.series_id "
        "WHERE h.series_id IS NULL OR s.series_id IS NOT NULL ORDER BY h.position"
    ).fetchall()
    return [dict(zip(("section", "title", "series_id", "release_id"), row, strict=True)) for row in found]


def _described(connection: duckdb.DuckDBPyConnection, ids: Sequence[str]) -> list[dict[str, Any]]:
    """Return what the page says of each series beside its values."""
    rows = connection.execute(
        "SELECT series_id, title, unit, decimals, frequency, release_id, component, stale_after_days, first_period, agency, "
        "licence, source_url, revision_policy FROM marts.dim_series WHERE list_contains(?, series_id) ORDER BY series_id",
        [list(ids)],
    ).fetchall()
    names = (
        *("id", "title", "unit", "decimals", "frequency", "release", "component", "staleAfter", "firstPeriod", "agency"),
        *("licence", "url", "policy"),
    )
    described = [dict(zip(names, row, strict=True)) for row in rows]
    for entry in described:
        entry["firstPeriod"] = _day_or_none(entry["firstPeriod"])
    return described


def _observations(
    connection: duckdb.DuckDBPyConnection, ids: Sequence[str], shared: Mapping[str, _Numbered]
) -> dict[str, dict[str, Any]]:
    """Return all states of all periods of each series, in the order in which they became known."""
    rows = connection.execute(
        "SELECT series_id, period_end - DATE '1970-01-01', period_end - period_start, value, epoch_us(known_at), "
        "known_at_basis, obs_status, array_to_string(flags, ' '), origin, payload_sha256 "
        "FROM marts.fct_observation WHERE series_id IN (SELECT unnest(?)) "
        "ORDER BY series_id, known_at, period_end, period_start",
        [list(ids)],
    ).fetchall()
    by_series: dict[str, list[tuple]] = {}
    for row in rows:
        by_series.setdefault(row[0], []).append(row[1:])
    return {name: _encode(states, shared) for name, states in by_series.items()}


def _encode(rows: Sequence[tuple], shared: Mapping[str, _Numbered]) -> dict[str, Any]:
    """Return columns: days and seconds as differences to the row before, what rows share as one number."""
    return {
        "end": _steps([row[0] for row in rows]),
        "length": _column([row[1] for row in rows]),
        "value": [_number(row[2]) for row in rows],
        "known": _steps([_seconds(row[3]) for row in rows]),
        "state": _column([shared["states"].place(row[4:8]) for row in rows]),
        "payload": _column([shared["payloads"].place(row[8]) for row in rows]),
    }


def _calendar(connection: duckdb.DuckDBPyConnection, releases: Sequence[str], texts: _Numbered) -> dict[str, dict[str, Any]]:
    """Return all states of the calendar of some releases, in the order in which they became known."""
    rows = connection.execute(
        "SELECT release_id, component, reference_period, reference_end, status, epoch_us(scheduled_at), epoch_us(actual_at), "
        "reason, merged_into, epoch_us(known_at) FROM marts.dim_release_calendar "
        "WHERE list_contains(?, release_id) AND known_at IS NOT NULL ORDER BY release_id, known_at, reference_end, component",
        [list(releases)],
    ).fetchall()
    by_release: dict[str, list[tuple]] = {}
    for row in rows:
        by_release.setdefault(row[0], []).append(row[1:])
    return {
        release: {
            "component": _column([texts.place(row[0]) for row in states]),
            # 1 where the name of the period is its month, 0 where it is its last day
            "period": [_period(row[1], row[2]) for row in states],
            "end": _steps([_day(row[2]) for row in states]),
            "status": [texts.place(row[3]) for row in states],
            "scheduled": [_after(row[4], row[2]) for row in states],
            "actual": [_after(row[5], row[2]) for row in states],
            "reason": _column([None if row[6] is None else texts.place(row[6]) for row in states]),
            "merged": _column([None if row[7] is None else texts.place(row[7]) for row in states]),
            "known": _steps([_seconds(row[8]) for row in states]),
        }
        for release, states in by_release.items()
    }


def _releases(connection: duckdb.DuckDBPyConnection, releases: Sequence[str]) -> dict[str, dict[str, Any]]:
    rows = connection.execute(
        "SELECT release_id, title, frequency FROM internal.release WHERE list_contains(?, release_id) ORDER BY 1",
        [list(releases)],
    ).fetchall()
    return {release: {"title": title, "frequency": frequency} for release, title, frequency in rows}


def _lapses(connection: duckdb.DuckDBPyConnection) -> list[list[Any]]:
    """Return what became known of each lapse, and when."""
    rows = connection.execute(
        "SELECT lapse_id, status, start_date, end_date, epoch_us(known_at) FROM marts.dim_lapse ORDER BY known_at, lapse_id"
    ).fetchall()
    return [[lapse, status, _day(first), _day_or_none(last), _seconds(known)] for lapse, status, first, last, known in rows]


def _meetings(connection: duckdb.DuckDBPyConnection) -> list[datetime]:
    """Return the instants of the statements of the Federal Open Market Committee."""
    rows = connection.execute(
        "SELECT DISTINCT actual_at FROM marts.dim_release_calendar WHERE release_id = ? AND actual_at IS NOT NULL ORDER BY 1",
        [FOMC],
    ).fetchall()
    return [at.astimezone(UTC) for (at,) in rows]


def _day(day: date) -> int:
    return (day - EPOCH).days


def _day_or_none(day: date | None) -> int | None:
    return None if day is None else _day(day)


def _seconds(microseconds: int) -> int | float:
    return microseconds / 1_000_000 if microseconds % 1_000_000 else microseconds // 1_000_000


def _number(value: float | None) -> int | float | None:
    """Return a number in as few characters as it takes."""
    return int(value) if value is not None and float(value).is_integer() and abs(value) < 1e15 else value


def _after(microseconds: int | None, end: date) -> int | float | None:
    """Return an instant as seconds after the beginning of a day near it, which takes few digits."""
    return None if microseconds is None else _seconds(microseconds - _day(end) * 86_400_000_000)


def _period(name: str, end: date) -> str | int:
    """Return the name of a period, or a digit where it follows from the last day."""
    return {end.isoformat(): 0, end.isoformat()[:7]: 1}.get(name, name)


def _steps(numbers: Sequence[Any]) -> list[Any]:
    return [*numbers[:1], *(b - a if isinstance(b - a, int) else round(b - a, 6) for a, b in pairwise(numbers))]


def _column(items: Sequence[Any]) -> Any:
    """Return a column, or the one thing that all its rows hold, wrapped."""
    return {"all": items[0]} if items and all(item == items[0] for item in items) else list(items)


def instant_parts(template: str, manifest: Mapping[str, Any]) -> str:
    """Return a template of a page on which an instant is chosen, with the zones and its provenance."""
    return (
        (HERE / template)
        .read_text(encoding="utf-8")
        .replace("{zones}", _options(ZONES))
        .replace("{build}", html.escape(manifest["build_id"]))
        .replace("{published}", html.escape(manifest["published_at"]))
        .replace("{origins}", html.escape(", ".join(manifest["origins"])))
    )


def _body(manifest: Mapping[str, Any], meanings: Mapping[str, str], *, is_choice: bool) -> str:
    what = "each series asked for" if is_choice else "each headline series"
    synthetic = (
        '<p class="banner bad" role="note"><b>Sample data.</b> Rows marked SYNTHETIC are generated, not real.</p>'
        if "synthetic" in manifest["origins"]
        else ""
    )
    return (
        instant_parts("known.html", manifest)
        .replace("{what}", what)
        .replace("{synthetic}", synthetic)
        .replace("{legend}", flag_legend(meanings))
    )


def _options(choices: Iterable[tuple[str, str]]) -> str:
    return "".join(f'<option value="{html.escape(value)}">{html.escape(words)}</option>' for value, words in choices)

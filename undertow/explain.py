"""Why a number is what it is: its row, its flags in words, its inputs down to the archived bytes, and what changed.

``explain`` returns plain data; how it is shown belongs to the command line. Everything is read from the published build as
known at an instant, except where the bytes came from, which the archive knows (and, less fully, the build's manifest).
"""

from __future__ import annotations

import re
from calendar import monthrange
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from datetime import date, datetime, timedelta
from typing import Any

from undertow.archive import Archive, Sighting
from undertow.cells import period_text
from undertow.errors import ArchiveError, UsageError
from undertow.lineage import Lineage, lineage_of
from undertow.render import instant_text
from undertow.store import FeatureStore
from undertow.vocabulary import FLAGS, ObsStatus

__all__ = ["Explanation", "explain", "parse_period"]

Row = dict[str, Any]

BASIS = {
    "provider": "the provider's own answer says when it was published",
    "calendar": "the release calendar says when it was published",
    "lag_rule": "a documented publication rule of the provider",
    "first_seen": "our own fetch: it was public by then, perhaps earlier",
}
_STATE = "value, known_at, known_at_basis, obs_status, flags, footnotes, vintage_number, fetched_at, payload_sha256, origin"


@dataclass
class Explanation:
    """All that is known of one number at one instant. Rows are mappings; instants are aware, in UTC."""

    id: str
    kind: str  # signal or series
    title: str
    unit: str
    as_of: datetime
    build_id: str
    about: Row  # a signal's formula and method; a series' agency, release, revision policy, licence, address
    row: Row  # the row as it stood
    status: str  # its obs_status in words
    flags: list[Row]  # flag, meaning, penalty, and how many inputs carry it
    known_at_because: str
    change: Row  # what differs from the row before: kind, says, previous
    vintages: list[Row]  # the states of this period, oldest first
    releases: list[Row]  # the calendar's events at that instant
    inputs: list[Row] = field(default_factory=list)  # the newest of them, with role and is_new
    n_inputs: int = 0
    n_inputs_not_listed: int = 0
    inputs_match: bool | None = None  # whether they give the row's inputs_hash; None: not a signal, or not to be recomputed
    payloads: list[Row] = field(default_factory=list)
    newer: list[Row] = field(default_factory=list)  # later periods that were known to have no value

    def as_dict(self) -> Row:
        """Return the explanation as plain data."""
        return asdict(self)


def explain(
    store: FeatureStore,
    id_: str,
    as_of: datetime,
    period: str | None = None,
    *,
    archive: Archive | None = None,
    inputs: int = 12,
) -> Explanation:
    """Explain one number of a series or a signal.

    Args:
        store: an open build.
        id_: a series id or a signal id.
        as_of: the knowledge instant.
        period: 2025-09, 2025Q3, 2025 or a day; None takes the newest period that had a value at the instant.
        archive: where the bytes are; without it the manifest of the build says what they were.
        inputs: how many input rows to list; all are counted.

    Raises:
        UsageError: the id is unknown (the nearest are named), or nothing was known of it or of that period.
    """
    signal = _one(store, "SELECT * FROM internal.signal WHERE signal_id = ?", [id_])
    series = _one(store, "SELECT * FROM marts.dim_series WHERE series_id = ?", [id_])
    if signal is None and series is None:
        store.require_known([id_])
    table, key = ("marts.mart_signal_long", "signal_id") if signal else ("marts.fct_observation", "series_id")
    start, end = _period(store, table, key, id_, as_of, period)
    vintages = _rows(
        store,
        f"SELECT * FROM {table} WHERE {key} = ? AND period_start = ? AND period_end = ? AND known_at <= ? ORDER BY known_at",
        [id_, start, end, as_of],
    )
    row = vintages[-1]
    lineage = lineage_of(id_) if signal else None
    is_composite = lineage is not None and lineage.window == "indicators"
    used, windowed = _inputs(store, lineage, row) if lineage else ([], [])
    if is_composite:
        windowed = _behind(store, used)
    sources = sorted({item["series_id"] for item in used}) if signal else [id_]
    is_of_calendar = lineage is not None and lineage.window == "months" and not lineage.series
    releases = _releases(store, None if is_of_calendar else sources, row["known_at"])
    listed = used if is_composite else _listed(used, inputs)
    about = signal or series or {}
    keys = ("formula", "method_version", "stress_dir", "frequency") if signal else _SERIES_FACTS
    return Explanation(
        id=id_,
        kind="signal" if signal else "series",
        title=about["title"],
        unit=about["unit"],
        as_of=as_of,
        build_id=store.build.build_id,
        about={name: about[name] for name in keys},
        row=row,
        status=ObsStatus(row["obs_status"]).name.replace("_", " ").lower(),
        flags=_flags(store, row["flags"], used if is_composite else windowed),
        known_at_because="the end of its day in New York: it is made of what was known by then"
        if is_composite
        else _because(row, used, releases, is_signal=signal is not None),
        change=_moved(store, lineage, row) if is_composite and lineage else _change(store, table, key, id_, vintages),
        vintages=vintages,
        releases=releases,
        inputs=listed,
        n_inputs=len(used),
        n_inputs_not_listed=len(used) - len(listed),
        inputs_match=_match(store, lineage, windowed, row) if lineage and lineage.hashed else None,
        payloads=_payloads(store, archive, windowed if signal else [row]),
        newer=_newer(store, table, key, id_, end, as_of),
    )


_SERIES_FACTS = (
    "agency", "frequency", "seasonal_adjustment", "revision_policy", "release_id", "component", "licence", "source_url",
)  # fmt: skip


def parse_period(text: str) -> tuple[date, date]:
    """Return the first and the last day of a period: 2025, 2025Q3, 2025-09 or 2025-09-30.

    Raises:
        UsageError: the text is no period.

    Example:
        >>> parse_period("2025Q3")[1].isoformat()
        '2025-09-30'
    """
    match = re.fullmatch(r"(\d{4})(?:Q([1-4])|-(\d{2})(?:-(\d{2}))?)?", text.strip().upper())
    try:
        if match is None:
            raise ValueError
        year = int(match[1])
        if match[4]:
            day = date(year, int(match[3]), int(match[4]))
            return day, day
        first, last = (int(match[3]),) * 2 if match[3] else (int(match[2]) * 3 - 2, int(match[2]) * 3) if match[2] else (1, 12)
        return date(year, first, 1), date(year, last, monthrange(year, last)[1])
    except ValueError:
        raise UsageError(f"{text!r} is not a period; write for example 2025-09, 2025Q3, 2025 or 2025-09-30") from None


def _rows(store: FeatureStore, query: str, parameters: Sequence[Any]) -> list[Row]:
    return store.rows(query, parameters)


def _one(store: FeatureStore, query: str, parameters: Sequence[Any]) -> Row | None:
    found = store.rows(query, parameters)
    return found[0] if found else None


def _period(store: FeatureStore, table: str, key: str, id_: str, as_of: datetime, wanted: str | None) -> tuple[date, date]:
    """Return the period to explain: the one asked for, or the newest that had a value, withheld ones (status Q) included."""
    panel = (
        "SELECT period_start, period_end, arg_max(struct_pack(v := value), known_at).v AS value, "
        f"arg_max(obs_status, known_at) AS obs_status FROM {table} WHERE {key} = ? AND known_at <= ? GROUP BY 1, 2"
    )
    if wanted is None:
        found = _one(
            store,
            f"SELECT * FROM ({panel}) WHERE value IS NOT NULL OR obs_status = 'Q' "
            "ORDER BY value IS NOT NULL DESC, period_end DESC LIMIT 1",
            [id_, as_of],
        )
        if found is None:
            first = _one(store, f"SELECT min(known_at) AS at FROM {table} WHERE {key} = ? AND value IS NOT NULL", [id_])
            later = f"; its first value became known {instant_text(first['at'])}" if first and first["at"] else ""
            raise UsageError(f"nothing was known of {id_} at {instant_text(as_of)}{later}")
        return found["period_start"], found["period_end"]
    start, end = parse_period(wanted)
    # the period itself; else, for a day, the period it lies in, and for longer ones the last period inside
    found = _one(
        store,
        f"SELECT * FROM ({panel}) WHERE (period_start <= ? AND period_end >= ?) OR (period_start >= ? AND period_end <= ?) "
        "ORDER BY period_start = ? AND period_end = ? DESC, period_end DESC LIMIT 1",
        [id_, as_of, start, end, start, end, start, end],
    )
    if found is None or (found["period_start"] <= start and found["period_end"] >= end and not _is_same(found, start, end)):
        newest = _one(store, f"SELECT * FROM ({panel}) ORDER BY period_end DESC LIMIT 1", [id_, as_of])
        known = f"; its newest period then was {period_text(newest['period_start'], newest['period_end'])}" if newest else ""
        raise UsageError(f"no row of {id_} for {wanted} was known at {instant_text(as_of)}{known}")
    return found["period_start"], found["period_end"]


def _is_same(found: Row, start: date, end: date) -> bool:
    """Tell whether a period that contains the one asked for may stand for it: itself, or the one a single day lies in."""
    return start == end or (found["period_start"], found["period_end"]) == (start, end)


def _inputs(store: FeatureStore, lineage: Lineage, row: Row, columns: str = _STATE) -> tuple[list[Row], list[Row]]:
    """Return the input rows that the value uses, newest first, and all rows of the window, as known at the row's instant.

    Args:
        store: an open build.
        lineage: of the signal.
        row: the signal's row.
        columns: what is wanted of each input; at least value and known_at.
    """
    start, last = row["period_start"], row["period_end"]
    if lineage.window == "indicators":
        return (indicators := _indicators(store, lineage, start)), indicators
    if lineage.window == "positions":
        return (filings := _filings(store, row)), filings
    if lineage.window == "span":
        return (matching := _in_span(store, lineage, row, columns)), matching
    if lineage.window == "dates":
        # periods are told by their last days: a week may be dated by that day alone
        earliest = start - timedelta(days=max(lineage.lags) + 6)
        wanted = ", ".join(f"DATE '{last - timedelta(days=lag)}'" for lag in lineage.lags)
        days = f"WHERE period_end IN ({wanted}) AND value IS NOT NULL"
    elif lineage.window == "months":
        months = start.year * 12 + start.month - 1 - lineage.length
        earliest, days = date(months // 12, months % 12 + 1, 1), ""
    else:
        earliest, last = start - timedelta(days=2 * lineage.length + 14), start
        least = 1 if lineage.any_of else len(lineage.series)
        days = (
            "WHERE period_start IN (SELECT period_start FROM known WHERE value IS NOT NULL "
            f"GROUP BY 1 HAVING count(*) >= {least} ORDER BY 1 DESC LIMIT {lineage.length})"
        )
    state = ", ".join(f"{name} := {name}" for name in columns.split(", "))
    window = _rows(
        store,
        f"WITH known AS (SELECT series_id, period_start, period_end, unnest(arg_max(struct_pack({state}), known_at)) "
        "FROM marts.fct_observation WHERE list_contains(?, series_id) AND known_at <= ? AND period_start BETWEEN ? AND ? "
        f"GROUP BY series_id, period_start, period_end) SELECT * FROM known {days} ORDER BY period_start DESC, series_id",
        [list(lineage.series), row["known_at"], earliest, last],
    )
    if lineage.any_of:
        window = _preferred(lineage, window)
    window += _in_force(store, lineage, row, state)
    for item in window:
        item["is_new"] = item["known_at"] == row["known_at"]
        if item["series_id"] in lineage.steps:
            item["role"] = "in force"
        elif lineage.whole or lineage.window == "dates":
            item["role"] = "input"
        elif lineage.window == "months":
            item["role"] = (
                "level" if item["period_start"] == start else "base" if item["period_start"] == earliest else "between"
            )
        else:
            item["role"] = "rate"
    if lineage.window == "months" and not lineage.whole:
        return [item for item in window if item["role"] != "between" or item["value"] is None], window
    return [item for item in window if not lineage.uses or item["series_id"] in (*lineage.uses, *lineage.steps)], window


def _in_force(store: FeatureStore, lineage: Lineage, row: Row, state: str) -> list[Row]:
    """Return the decisions that were in force in the row's period, newest first, as known at the row's instant.

    The last day of a decision's period is the first on which it is in force.
    """
    if not lineage.steps:
        return []
    return _rows(
        store,
        f"WITH known AS (SELECT series_id, period_start, period_end, unnest(arg_max(struct_pack({state}), known_at)) "
        "FROM marts.fct_observation WHERE list_contains(?, series_id) AND known_at <= ? AND period_end <= ? "
        "GROUP BY series_id, period_start, period_end) SELECT * EXCLUDE (standing) FROM ("
        "SELECT *, max(CASE WHEN period_end <= ? THEN period_end END) OVER (PARTITION BY series_id) AS standing "
        "FROM known WHERE value IS NOT NULL) WHERE period_end >= standing ORDER BY period_end DESC, series_id",
        [list(lineage.steps), row["known_at"], row["period_end"], row["period_start"]],
    )


def _preferred(lineage: Lineage, window: list[Row]) -> list[Row]:
    """Return of each day and maturity the row of the first series with a value; ids of one maturity have the same digits."""
    places = {series_id: place for place, series_id in enumerate(lineage.series)}
    first: dict[tuple[date, str], Row] = {}
    for item in sorted(window, key=lambda item: places[item["series_id"]]):
        if item["value"] is not None:
            first.setdefault((item["period_start"], "".join(re.findall(r"\d", item["series_id"]))), item)
    return [item for item in window if any(item is one for one in first.values())]


def _in_span(store: FeatureStore, lineage: Lineage, row: Row, columns: str) -> list[Row]:
    """Return the rows of all series that match, of periods that end in the row's own or some days before it, newest first."""
    state = ", ".join(f"{name} := {name}" for name in columns.split(", "))
    chosen = " OR ".join("series_id LIKE ?" for _ in lineage.series)
    found = _rows(
        store,
        f"SELECT series_id, period_start, period_end, unnest(arg_max(struct_pack({state}), known_at)) "
        f"FROM marts.fct_observation WHERE ({chosen}) AND known_at <= ? AND period_end BETWEEN ? AND ? "
        "GROUP BY series_id, period_start, period_end "
        "ORDER BY period_start DESC, period_end DESC, series_id",
        [*lineage.series, row["known_at"], row["period_start"] - timedelta(days=lineage.length), row["period_end"]],
    )
    told: set[str] = set()
    used: list[Row] = []
    for item in found:
        if item["series_id"] in lineage.newest and item["series_id"] in told:
            continue
        told.add(item["series_id"])
        used.append(item | {"is_new": item["known_at"] == row["known_at"], "role": "input"})
    return used


def _indicators(store: FeatureStore, lineage: Lineage, day: date) -> list[Row]:
    """Return what stood behind a composite on a day, in the shape of input rows: signals with ranks, and what was absent."""
    return _rows(
        store,
        "SELECT i.signal_id AS series_id, coalesce(i.input_period_start, i.period_start) AS period_start, "
        "coalesce(i.input_period_end, i.period_end) AS period_end, i.value, i.rank, i.state, i.pillar AS role, "
        "coalesce(i.input_known_at, i.known_at) AS known_at, 'first_seen' AS known_at_basis, "
        "CASE WHEN i.value IS NULL THEN 'O' ELSE 'A' END AS obs_status, i.flags, CAST([] AS VARCHAR[]) AS footnotes, "
        "coalesce(s.vintage_number, 0) AS vintage_number, i.known_at AS fetched_at, "
        "i.state AS payload_sha256, i.origin, i.confidence, "
        # new to the composite: not known by the cut-off of the grid's day before
        "i.input_known_at > (SELECT max(known_at) FROM marts.mart_fragility WHERE period_start < i.period_start) AS is_new "
        "FROM marts.mart_fragility_input AS i LEFT JOIN marts.mart_signal_long AS s ON i.signal_id = s.signal_id "
        "AND i.input_period_start = s.period_start AND i.input_known_at = s.known_at "
        "WHERE i.period_start = ? AND list_contains(?, i.pillar) "
        "ORDER BY list_position(?, i.pillar), i.state = 'used' DESC, i.rank DESC NULLS LAST, i.signal_id",
        [day, list(lineage.pillars), list(lineage.pillars)],
    )


def _filings(store: FeatureStore, row: Row) -> list[Row]:
    """Return the filings about a quarter that were known at the row's instant, in the shape of input rows: newest first."""
    return _rows(
        store,
        "SELECT CASE WHEN form LIKE 'NPORT%' THEN 'sec_nport.' ELSE 'sec_bdc.' END || filer AS series_id, "
        "CAST(? AS DATE) AS period_start, period_end, sum(fair_value) AS value, min(known_at) AS known_at, "
        "'provider' AS known_at_basis, 'A' AS obs_status, CAST([] AS VARCHAR[]) AS flags, CAST([] AS VARCHAR[]) AS footnotes, "
        "1 AS vintage_number, min(known_at) AS fetched_at, payload_sha256, any_value(origin) AS origin, "
        "'filing, ' || count(*) || ' lines' AS role, min(known_at) = ? AS is_new "
        "FROM (SELECT DISTINCT ON (line_id) * FROM marts.mart_private_credit_lines "
        "WHERE known_at <= ? AND period_end BETWEEN ? AND ? ORDER BY line_id, known_at) "
        "GROUP BY form, filer, accession, payload_sha256, period_end ORDER BY known_at DESC, series_id",
        [row["period_start"], row["known_at"], row["known_at"], row["period_start"], row["period_end"]],
    )


def _behind(store: FeatureStore, indicators: list[Row]) -> list[Row]:
    """Return the published rows of series that the indicators of a composite were made from."""
    found: list[Row] = []
    for item in indicators:
        lineage = lineage_of(item["series_id"])
        if item["state"] == "used" and lineage is not None and lineage.series:
            found += _inputs(store, lineage, item, "value, known_at, payload_sha256")[1]
    return found


def _moved(store: FeatureStore, lineage: Lineage, row: Row) -> Row:
    """Say what moved a composite since the weekday before: its value, the pillars, and the indicators that said something."""
    pair = _rows(
        store,
        "SELECT * FROM marts.mart_fragility WHERE period_start <= ? ORDER BY period_start DESC LIMIT 2",
        [row["period_start"]],
    )
    now, before = pair[0], pair[1] if len(pair) > 1 else None
    if before is None:
        return {"kind": "first", "says": "the first day of the composite", "previous": None, "pillars": [], "indicators": []}
    steps: list[Row] = [
        {
            "pillar": pillar,
            "from": before[f"pillar_{pillar}"],
            "to": now[f"pillar_{pillar}"],
            "contribution_from": before[f"contribution_{pillar}"],
            "contribution_to": now[f"contribution_{pillar}"],
        }
        for pillar in lineage.pillars
    ]
    indicators = _rows(
        store,
        'SELECT n.signal_id, n.pillar, b.rank AS "from", n.rank AS "to", n.state, n.input_known_at AS known_at '
        "FROM marts.mart_fragility_input AS n LEFT JOIN marts.mart_fragility_input AS b "
        "ON n.signal_id = b.signal_id AND b.period_start = ? "
        "WHERE n.period_start = ? AND list_contains(?, n.pillar) AND (n.rank IS DISTINCT FROM b.rank OR n.state <> b.state) "
        "ORDER BY abs(coalesce(n.rank, 0.5) - coalesce(b.rank, 0.5)) DESC, n.signal_id",
        [before["period_start"], now["period_start"], list(lineage.pillars)],
    )
    previous = _one(
        store,
        "SELECT * FROM marts.mart_signal_long WHERE signal_id = ? AND period_start = ?",
        [lineage.signal_id, before["period_start"]],
    )
    says = [f"{_shown(previous['value'])} to {_shown(row['value'])} since {before['period_start']}"] if previous else []
    says += [f"pillar {step['pillar']} {_step(step)}" for step in steps if step["from"] != step["to"]]
    for item in indicators[:5]:
        known = f", {instant_text(item['known_at'])}" if item["known_at"] else ""
        says.append(f"{item['signal_id']} {_step(item)} ({item['state']}{known})")
    return {
        "kind": "day",
        "says": "; ".join(says) or "nothing",
        "previous": previous,
        "pillars": steps,
        "indicators": indicators,
    }


def _step(moved: Row) -> str:
    """Say from where to where a pillar or a rank went."""
    return " to ".join("none" if moved[end] is None else f"{moved[end]:.3f}" for end in ("from", "to"))


def _listed(used: list[Row], limit: int) -> list[Row]:
    """Return the rows to list: whole days (or months) from the newest, at least one of them."""
    shown: list[Row] = []
    for item in used:
        if len(shown) >= limit and item["period_start"] != shown[-1]["period_start"]:
            break
        shown.append(item)
    return shown


def _match(store: FeatureStore, lineage: Lineage, window: list[Row], row: Row) -> bool:
    """Tell whether the window's rows give the ``inputs_hash`` that the pipeline wrote."""
    import pyarrow as pa

    mask = " + ".join(f"CASE WHEN list_contains(flags, '{f.flag}') THEN {f.bit} ELSE 0 END" for f in FLAGS if f.travels)
    special = {"known_at": "timezone('UTC', known_at)", "flag_mask": f"({mask})"}
    text = ", ".join(f"coalesce(CAST({special.get(name, name)} AS VARCHAR), '-')" for name in lineage.hashed)
    columns = ("series_id", "period_start", "known_at", "value", "obs_status", "flags")
    types = [pa.string(), pa.date32(), pa.timestamp("us", "UTC"), pa.float64(), pa.string(), pa.list_(pa.string())]
    data = pa.table({n: pa.array([item[n] for item in window], t) for n, t in zip(columns, types, strict=True)})
    digest = f"bit_xor(md5_number_lower(concat_ws('|', {text})))"
    found = store.rows(f"SELECT lower(lpad(to_hex({digest}), 16, '0')) AS digest FROM undertow_window", undertow_window=data)
    return found[0]["digest"] == row["inputs_hash"]


def _flags(store: FeatureStore, flags: Sequence[str], window: list[Row]) -> list[Row]:
    """Return each flag with its meaning and the number of input rows that carry it."""
    carried = Counter(flag for item in window for flag in item["flags"])
    meanings = {item["flag"]: item for item in store.rows("SELECT flag, meaning, penalty FROM internal.flag")}
    return [{**meanings[flag], "n_inputs": carried[flag]} for flag in flags]


def _releases(store: FeatureStore, series: Sequence[str] | None, known_at: datetime) -> list[Row]:
    """Return the events of the series' releases, or of all, that took place, or were announced, at that instant."""
    return _rows(
        store,
        "SELECT e.* FROM marts.fct_release_event AS e WHERE (? OR e.release_id IN "
        "(SELECT release_id FROM marts.dim_series WHERE list_contains(?, series_id))) AND e.announced_at <= ? AND ("
        "  (e.event IN ('released', 'partial', 'merged') AND e.event_at = ?)"
        "  OR (e.event IN ('cancelled', 'permanent_gap') AND e.announced_at = ?)"
        ") ORDER BY e.reference_end DESC, e.component",
        [series is None, list(series or ()), known_at, known_at, known_at],
    )


def _because(row: Row, used: list[Row], releases: list[Row], *, is_signal: bool) -> str:
    """Say why ``known_at`` is what it is."""
    said = ""
    if releases:
        first = releases[0]
        more = f" and {len(releases) - 1} more" if len(releases) > 1 else ""
        part = "" if first["component"] == "all" else f" ({first['component']})"
        said = f": {first['release_id']} {first['reference_period']}{part} {first['event']}{more}; source: {first['source']}"
    if not is_signal:
        is_gap = row["value"] is None and row["known_at_basis"] == "calendar"
        return ("the release calendar says when the gap was announced" if is_gap else BASIS[row["known_at_basis"]]) + said
    newest = [item for item in used if item["is_new"]]
    if not newest:
        return "the newest of its inputs" + said
    period = period_text(newest[0]["period_start"], newest[0]["period_end"])
    others = f" and {len(newest) - 1} more" if len(newest) > 1 else ""
    basis = _because(newest[0], [], releases, is_signal=False)
    return f"the newest of its inputs ({newest[0]['series_id']} {period}{others}); {basis}"


def _change(store: FeatureStore, table: str, key: str, id_: str, vintages: list[Row]) -> Row:
    """Say what differs from the row before: of the same period, or, for a first row, from the newest number before it."""
    row = vintages[-1]
    if len(vintages) > 1:
        before = vintages[-2]
        says = [
            f"{name} {_shown(before[name])} to {_shown(row[name])}"
            for name in ("value", "obs_status")
            if before[name] != row[name]
        ]
        says += [f"flag {flag} gone" for flag in before["flags"] if flag not in row["flags"]]
        says += [f"flag {flag} new" for flag in row["flags"] if flag not in before["flags"]]
        kind = "withdrawal" if row["value"] is None else "revision"
        return {"kind": kind, "says": "; ".join(says) or "footnotes only", "previous": before}
    before = _one(
        store,
        "SELECT * FROM (SELECT period_start, period_end, arg_max(struct_pack(v := value), known_at).v AS value, "
        f"max(known_at) AS known_at FROM {table} WHERE {key} = ? AND known_at < ? AND period_end < ? GROUP BY 1, 2) "
        "WHERE value IS NOT NULL ORDER BY period_end DESC LIMIT 1",
        [id_, row["known_at"], row["period_end"]],
    )
    says = "the first row of this period"
    if before:
        old = period_text(before["period_start"], before["period_end"])
        says += (
            f"; the newest number before it was {_shown(before['value'])} for {old}, known {instant_text(before['known_at'])}"
        )
    return {"kind": "first", "says": says, "previous": before}


def _shown(value: Any) -> str:
    return "none" if value is None else f"{value:.10g}" if isinstance(value, float) else str(value)


def _newer(store: FeatureStore, table: str, key: str, id_: str, end: date, as_of: datetime) -> list[Row]:
    """Return later periods of which it was known that they have no value, with the reason where the row gives one."""
    footnotes = "footnotes" if key == "series_id" else "CAST([] AS VARCHAR[])"
    return _rows(
        store,
        "SELECT * FROM (SELECT period_start, period_end, unnest(arg_max(struct_pack(value := value, known_at := known_at, "
        f"obs_status := obs_status, footnotes := {footnotes}), known_at)) FROM {table} "
        f"WHERE {key} = ? AND known_at <= ? AND period_end > ? GROUP BY 1, 2) WHERE value IS NULL ORDER BY period_end",
        [id_, as_of, end],
    )


def _payloads(store: FeatureStore, archive: Archive | None, rows: list[Row]) -> list[Row]:
    """Return the payloads that rows were read from, newest first: from the archive, or else from the build's manifest."""
    manifest = {item["sha256"]: item for item in store.build.manifest.get("inputs", []) if "sha256" in item}
    # the room is that of the payload: it may land series that are named otherwise (fed.iorb, user.spx)
    counts = Counter(
        (manifest.get(item["payload_sha256"], {}).get("source", item["series_id"].partition(".")[0]), item["payload_sha256"])
        for item in rows
    )
    sightings: dict[str, Sighting] = {}
    for source in {source for source, _ in counts}:
        if archive is None:
            break
        sightings |= {seen.sha256: seen for seen in reversed(archive.first_sightings(source))}
    found = []
    for (source, sha256), n_rows in counts.items():
        seen = sightings.get(sha256)
        item: Row = {"payload_sha256": sha256, "source": source, "n_rows": n_rows}
        if seen is not None and archive is not None:
            path = archive.payload_path(sha256)
            item |= {"dataset": seen.dataset, "url": seen.url, "fetched_at": seen.fetched_at, "bytes": seen.bytes}
            item |= {"origin": seen.origin, "note": seen.note, "archived": path.is_file(), "file": _file(archive, sha256)}
        elif sha256 in manifest:
            item |= {name: manifest[sha256].get(name) for name in ("dataset", "fetched_at", "origin")} | {"archived": False}
        else:
            item["note"] = "no payload: the row follows from the release calendar" if ":" in sha256 else "not in this archive"
        found.append(item)
    return sorted(found, key=lambda item: (str(item.get("fetched_at") or ""), item["payload_sha256"]), reverse=True)


def _file(archive: Archive, sha256: str) -> str | None:
    """Return where in the archive the bytes lie."""
    try:
        path = archive.payload_path(sha256)
    except ArchiveError:
        return None
    return path.relative_to(archive.root.parent).as_posix() if path.is_file() else None

"""The state of the data in one look: releases, checks, quarantine, sources that failed, and flags.

``gather`` returns plain data as known at an instant; the last run and its checks belong to a machine, not to the world, and
are those of the newest run. How it is shown belongs to the command line.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Protocol

import duckdb

from undertow.incidents import IncidentLog
from undertow.settings import Home

__all__ = ["Quality", "Reader", "gather", "incidents", "quarantined"]

Row = dict[str, Any]

NEWEST_REASONS = 5


class Reader(Protocol):
    """What answers queries about a published build: a ``FeatureStore``, or a page that is being written beside it."""

    def rows(self, query: str, parameters: Sequence[Any] = ()) -> list[Row]:
        """Return the rows of a query as mappings."""
        ...


@dataclass
class Quality:
    """The state of the data. Rows are mappings; instants are aware, in UTC."""

    as_of: datetime
    build_id: str
    since: datetime  # releases before it are summed up and not listed
    summary: list[Row]  # a row for each release and component
    incidents: list[Row]  # lapses in appropriations, each with all that it moved, merged or cancelled
    releases: list[Row]  # those with something to say: late, moved, cancelled, gaps, revisions
    run: Row | None  # the newest run: run_id, started_at, mode, error, data_docs, passed, failed
    checks: list[Row]  # the checks of it that did not pass
    failed_sources: list[Row]  # what it could not fetch or read
    quarantine: list[Row]  # for each source: rows set aside
    reasons: list[Row]  # the newest of them, with the reason
    flags: list[Row]  # for each flag: meaning, observations and signal rows that carry it
    open_incidents: list[Row]  # what was noted on this machine and is not over: expected and not arrived, failed runs

    def as_dict(self) -> Row:
        """Return it as plain data."""
        return asdict(self)

    def alarms(self) -> list[Row]:
        """Return the releases that no incident explains, and those that left gaps for good."""
        return [r for r in self.releases if not r["lapse_id"] or r["n_series_missing"]]

    def findings(self, *, full: bool = False) -> list[Row]:
        """Return everything that is worth a look as rows of one shape: section, subject, what, severity, count, at, says.

        With ``full`` the releases that an incident explains are among them, one by one.
        """
        keys = ("section", "subject", "what", "severity", "count", "at", "says")

        def row(*values: Any) -> Row:
            return dict(zip(keys, values, strict=True))

        found = [
            row("incident", i["lapse_id"], "lapse", "WARN", i["n_periods"], i["known_at"], i["says"]) for i in self.incidents
        ]
        for r in self.releases if full else self.alarms():
            subject, what = (
                f"{r['release_id']}/{r['component']}",
                f"{r['reference_period'] or r['reference_end']} {r['calendar_status'] or r['status']}",
            )
            found.append(row("release", subject, what, "WARN", r["n_series_missing"], r["known_at"], r["says"]))
        at = self.run["started_at"] if self.run else None
        found += [row("open", o["key"], o["kind"], "WARN", None, o["opened_at"], o["says"]) for o in self.open_incidents]
        found += [row("check", c["asset"], c["name"], c["severity"], None, at, c["why"]) for c in self.checks]
        found += [row("source", f["source"], f["dataset"], "ERROR", None, at, f["why"]) for f in self.failed_sources]
        found += [
            row("quarantine", q["source"], "rows", "WARN", q["n_rows"], q["newest_at"], "set aside") for q in self.quarantine
        ]
        found += [
            row("flag", f["flag"], "observations", "INFO", f["n_observations"], self.as_of, f["meaning"]) for f in self.flags
        ]
        return found


def gather(store: Reader, home: Home | None, as_of: datetime, days: int = 400, *, is_with_flags: bool = True) -> Quality:
    """Gather the state of the data.

    Args:
        store: an open build.
        home: the home with ``quality/`` and ``landing/``; None leaves out what belongs to a machine.
        as_of: the knowledge instant.
        days: how far back releases are listed one by one.
        is_with_flags: count the rows that carry each flag, which looks at every period of every series.
    """
    since = as_of - timedelta(days=days)
    newest = _newest_releases(store, as_of)
    run = None if home is None else _last_run(home)
    return Quality(
        as_of=as_of,
        build_id=store.rows("SELECT build_id FROM internal.build")[0]["build_id"],
        since=since,
        summary=_summary(newest),
        incidents=incidents(store, as_of, since),
        releases=[{**row, "says": says} for row in newest if row["at"] >= since and (says := _says(row))],
        run=None if run is None else _run(run),
        checks=[] if run is None else [_check(check) for check in run["checks"] if not check["passed"]],
        failed_sources=[] if run is None else _failed(run),
        **({"quarantine": [], "reasons": []} if home is None else _quarantine(home, as_of)),
        flags=_flags(store, as_of) if is_with_flags else [],
        open_incidents=[
            {"key": one.key, "kind": one.kind, "opened_at": one.opened_at, "says": one.says}
            for one in ([] if home is None else IncidentLog(home.quality).open().values())
        ],
    )


def _newest_releases(store: Reader, as_of: datetime) -> list[Row]:
    """Return the newest row of each release, component and period as known; ``at`` is when it came or was due."""
    return store.rows(
        """
        SELECT
            q.* REPLACE (coalesce(c.lapse_id, q.lapse_id) AS lapse_id),
            c.status AS calendar_status,
            coalesce(q.actual_at, c.scheduled_at, q.original_at, q.known_at) AS at
        FROM (
            SELECT release_id, component, reference_end, unnest(arg_max(struct_pack(
                reference_period := reference_period, status := status, original_at := original_at, actual_at := actual_at,
                delay_days := delay_days, lapse_id := lapse_id, reason := reason, n_series_published := n_series_published,
                n_series_missing := n_series_missing, n_values_revised := n_values_revised, flags := flags,
                known_at := known_at
            ), known_at))
            FROM marts.mart_release_quality
            WHERE known_at <= ?
            GROUP BY release_id, component, reference_end
        ) AS q
        LEFT JOIN calendar_as_known(?) AS c
            ON q.release_id = c.release_id AND q.component = c.component AND q.reference_end = c.reference_end
        ORDER BY q.release_id, q.component, q.reference_end DESC
        """,
        [as_of, as_of],
    )


_INCIDENTS = """
    WITH touched AS (
        SELECT *, coalesce(actual_at, scheduled_at, original_at, known_at) AS at
        FROM calendar_as_known(?) WHERE lapse_id IS NOT NULL AND component = 'all'
    ),
    lapse AS (
        SELECT lapse_id, unnest(arg_max(struct_pack(
            lapse_status := status, start_date := start_date, end_date := end_date, days_inclusive := days_inclusive,
            known_at := known_at
        ), known_at)) FROM marts.dim_lapse WHERE known_at <= ? GROUP BY lapse_id
    )
    SELECT
        l.*,
        count(DISTINCT t.release_id) AS n_releases,
        count(*) AS n_periods,
        count(*) FILTER (WHERE t.status = 'pending') AS n_past_due,
        count(*) FILTER (WHERE t.status IN ('rescheduled', 'released', 'partial')) AS n_moved,
        count(*) FILTER (WHERE t.status = 'merged') AS n_merged,
        count(*) FILTER (WHERE t.status IN ('cancelled', 'permanent_gap')) AS n_cancelled,
        max(t.delay_days) AS longest_delay_days
    FROM touched AS t JOIN lapse AS l ON t.lapse_id = l.lapse_id
    GROUP BY ALL
    HAVING max(t.at) >= ?
    ORDER BY l.start_date DESC
"""


def incidents(store: Reader, as_of: datetime, since: datetime) -> list[Row]:
    """Return one row for each lapse whose releases reach into the time that is listed, with what became of them."""
    return [{**row, "says": _incident_text(row)} for row in store.rows(_INCIDENTS, [as_of, as_of, since])]


def _incident_text(row: Row) -> str:
    """Say in one line what a lapse did to the releases."""
    span = f"from {row['start_date']}, open" if row["end_date"] is None else f"{row['start_date']} to {row['end_date']}"
    parts = [
        f"{row[name]} {words}"
        for name, words in (
            ("n_past_due", "past due"),
            ("n_moved", "moved"),
            ("n_merged", "merged"),
            ("n_cancelled", "cancelled"),
        )
        if row[name]
    ]
    longest = f", by up to {row['longest_delay_days']} days" if row["longest_delay_days"] else ""
    return f"{span}: {row['n_periods']} releases of {row['n_releases']} kinds: {', '.join(parts)}{longest}"


_ENDED = {"cancelled", "merged", "permanent_gap"}


def _says(row: Row) -> str:
    """Say what is unusual about a release; an empty text where nothing is."""
    if row["calendar_status"] == "pending":
        return "past due, not in this data"
    parts = []
    if row["status"] in _ENDED | {"partial", "rescheduled", "unscheduled"}:
        parts.append(row["status"])
    if (row["delay_days"] or 0) > 0:
        parts.append(f"{row['delay_days']} days late")
    for name, words in (("n_series_missing", "series are marked gaps"), ("n_values_revised", "values revised")):
        if row[name]:
            parts.append(f"{row[name]:,} {words}")
    return "; ".join(parts) + (f" ({row['reason']})" if parts and row["reason"] else "")


def _summary(newest: list[Row]) -> list[Row]:
    """Return one row for each release and component."""
    groups: dict[tuple[str, str], list[Row]] = {}
    for row in newest:
        groups.setdefault((row["release_id"], row["component"]), []).append(row)
    return [
        {
            "release_id": release,
            "component": component,
            "n_periods": len(rows),
            "n_published": sum(row["n_series_published"] > 0 for row in rows),
            "n_past_due": sum(row["calendar_status"] == "pending" for row in rows),
            "n_late": sum((row["delay_days"] or 0) > 0 for row in rows),
            "longest_delay_days": max(row["delay_days"] or 0 for row in rows),
            "n_ended": sum(row["status"] in _ENDED for row in rows),
            "n_series_missing": sum(row["n_series_missing"] for row in rows),
            "n_values_revised": sum(row["n_values_revised"] for row in rows),
        }
        for (release, component), rows in sorted(groups.items())
    ]


def _last_run(home: Home) -> Row | None:
    """Return the report of the newest run that can be read."""
    for path in sorted((home.quality / "runs").glob("*.json"), reverse=True):
        try:
            return json.loads(path.read_text(encoding="utf-8"))
        except ValueError:
            continue
    return None


def _run(run: Row) -> Row:
    passed = sum(check["passed"] for check in run["checks"])
    return {
        "run_id": run["run_id"],
        "started_at": datetime.fromisoformat(run["started_at"]),
        "mode": run["mode"],
        "known_by": run.get("known_by"),
        "error": run.get("error"),
        "data_docs": _page(run.get("data_docs")),
        "n_passed": passed,
        "n_failed": len(run["checks"]) - passed,
    }


def _check(check: Row) -> Row:
    details = check.get("details") or {}
    why = details.get("why") or details.get("message") or check["name"]
    return {
        "asset": check["asset"],
        "name": check["name"],
        "severity": check["severity"],
        "tool": check["tool"],
        "why": str(why),
        "data_docs": _page(details.get("data_docs")),
    }


def _page(path: str | None) -> str | None:
    """Return the path of a page of the Data Docs, if it is there."""
    return path if path and Path(path).is_file() else None


def _failed(run: Row) -> list[Row]:
    """Return what a run could not fetch or read."""
    unread = [(o["source"], o["dataset"], o["error"]) for o in run["landed"] if o["error"]]
    unfetched = [(o["source"], o["dataset"], o["message"]) for o in run["fetched"] if o["status"] == "failed"]
    return [{"source": source, "dataset": dataset, "why": why} for source, dataset, why in unfetched + unread]


def _quarantine(home: Home, as_of: datetime) -> dict[str, list[Row]]:
    """Return how many rows of each source parsers set aside by then, and the newest with their reasons."""
    counts: list[Row] = []
    reasons: list[Row] = []
    for folder in sorted(home.landing.glob("*/quarantine")):
        files = [str(path) for path in sorted(folder.glob("*.parquet"))]
        if not files:
            continue
        with duckdb.connect(":memory:") as connection:
            connection.execute("SET TimeZone = 'UTC'")
            rows = connection.execute(
                "SELECT place, reason, left(raw, 200) AS raw, fetched_at, payload_sha256 "
                "FROM read_parquet(?, union_by_name = true) WHERE fetched_at <= ? ORDER BY fetched_at DESC, place",
                [files, as_of],
            ).to_arrow_table()
        if rows.num_rows:
            source = folder.parent.name
            newest = rows.slice(0, NEWEST_REASONS).to_pylist()
            counts.append({"source": source, "n_rows": rows.num_rows, "newest_at": newest[0]["fetched_at"]})
            reasons += [{"source": source, **row} for row in newest]
    return {"quarantine": counts, "reasons": reasons}


def quarantined(home: Home, as_of: datetime) -> dict[str, int]:
    """Return how many rows of each source parsers set aside by then; a source without one is there with 0."""
    found = {}
    for folder in sorted(home.landing.glob("*/quarantine")):
        files = [str(path) for path in sorted(folder.glob("*.parquet"))]
        if files:
            with duckdb.connect(":memory:") as connection:
                count = "SELECT count(*) FROM read_parquet(?, union_by_name = true) WHERE fetched_at <= ?"
                found[folder.parent.name] = connection.execute(count, [files, as_of]).fetchall()[0][0]
    return found


def _flags(store: Reader, as_of: datetime) -> list[Row]:
    """Return how many rows carry each flag, as known: the newest row of each period of each series and signal."""
    return store.rows(
        """
        WITH carried AS (
            SELECT unnest(flags) AS flag, series_id AS id, true AS is_observation FROM vintages_as_known(?)
            UNION ALL
            SELECT unnest(arg_max(flags, known_at)), signal_id, false
            FROM marts.mart_signal_long WHERE known_at <= ? GROUP BY signal_id, period_start
        )
        SELECT
            f.flag, f.meaning, f.penalty,
            count(*) FILTER (is_observation) AS n_observations,
            count(DISTINCT id) FILTER (is_observation) AS n_series,
            count(*) FILTER (NOT is_observation) AS n_signal_rows
        FROM carried AS c JOIN internal.flag AS f ON c.flag = f.flag
        GROUP BY f.flag, f.meaning, f.penalty, f.bit ORDER BY f.bit
        """,
        [as_of, as_of],
    )

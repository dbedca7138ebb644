"""The claims audit: what the market essays say, the verdict of the day on which each was written and of now, the evidence."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import date, datetime
from html import escape
from itertools import groupby
from typing import Any

import duckdb

from undertow.cells import bounds_text, claim_number
from undertow.instants import format_instant, parse_instant
from undertow.pages.frame import document, filled, flag_link, site, styles
from undertow.pages.parts import absent, day_of, has_table, synthetic_share, table_of
from undertow.quoting import literal
from undertow.render import instant_text

__all__ = ["claims_page", "evidence_query"]

Row = Mapping[str, Any]

VERDICTS = {
    "holds": "the number lies within the claim's bounds",
    "fails": "it does not",
    "stale": "the newest number then known does not, the one of the period before did",
    "not_what_it_seems": "the number is right and means something else",
    "no_data": "this build has nothing genuine of it that was known",
    "not_measurable_for_free": "nobody may republish the data",
    "not_measured_yet": "the data is free, and there is no room for it yet",
    "not_a_measurement": "an event, a forecast, an aim, an analogy",
}

_CLAIMS = """
SELECT k.*, w.known_at AS written_at, w.period_end AS period_as_written
FROM claims_as_known(?) AS k
INNER JOIN marts.mart_claims_audit AS w ON k.claim_id = w.claim_id AND k.measure = w.measure AND w.is_as_written
ORDER BY k.position, k.measure
"""


def claims_page(connection: duckdb.DuckDBPyConnection, manifest: Mapping[str, Any], *, as_of: datetime | None = None) -> str:
    """Return the page as one HTML text.

    Args:
        connection: a published file, in UTC.
        manifest: of the build.
        as_of: the knowledge instant; by default that at which the build was published.
    """
    at = format_instant((as_of or parse_instant(manifest["published_at"])).replace(microsecond=0))
    if not has_table(connection, "mart_claims_audit"):
        rows, claims = [], absent("This build has no claims audit: it was published before there was one.")
    else:
        rows = connection.execute(_CLAIMS, [at]).to_arrow_table().to_pylist()
        claims = _essays(rows, at) if rows else absent("No essay was written yet at this instant.")
    meanings = dict(connection.execute("SELECT flag, meaning FROM internal.flag ORDER BY bit").fetchall())
    parts = {
        "site": site("claims"),
        "share": synthetic_share(connection, at),
        "as_of": escape(instant_text(parse_instant(at))),
        "counts": _counts(rows),
        "claims": claims,
    }
    css = styles("figures.css", "site.css", "claims.css")
    return document("Claims audit", filled("claims.html", manifest, meanings, parts), css=css)


def evidence_query(row: Row, at: str, period_end: date | None) -> str:
    """Return the query that shows what a verdict rests on at an instant; it runs in the published file.

    Args:
        row: of a measure: its kind of subject, and the subject.
        at: the instant.
        period_end: the period that the number is of; None where there is none.
    """
    subject = str(row["subject"])
    until = f"\n  AND period_end <= DATE {literal(str(period_end))}" if period_end else ""
    if row["subject_kind"] == "release":
        release, _, period = subject.partition("/")
        return (
            "SELECT release_id, reference_period, status, original_at, scheduled_at, actual_at, known_at\n"
            f"FROM calendar_as_known({literal(at)})\nWHERE release_id = {literal(release)} "
            f"AND reference_period = {literal(period)}"
        )
    if row["subject_kind"] == "signal":
        return (
            "SELECT period_end, value, known_at, flags\nFROM marts.mart_signal_long\n"
            f"WHERE signal_id = {literal(subject)} AND known_at <= instant({literal(at)})\n"
            f"  AND NOT list_contains(flags, 'SYNTHETIC'){until}\n"
            "QUALIFY row_number() OVER (PARTITION BY period_start ORDER BY known_at DESC) = 1 AND value IS NOT NULL\n"
            "ORDER BY period_end DESC"
        )
    return (
        f"SELECT period_end, value, known_at, flags\nFROM vintages_as_known({literal(at)})\nWHERE series_id = "
        f"{literal(subject)} AND origin <> 'synthetic' AND value IS NOT NULL{until}\nORDER BY period_end DESC"
    )


def _counts(rows: Sequence[Row]) -> str:
    then, now = (Counter(row[name] for row in rows) for name in ("verdict_as_written", "verdict"))
    lines = [
        f'<tr data-verdict="{verdict}"><th scope="row">{_chip(verdict)} <span class="quiet">{says}</span></th>'
        f'<td class="n">{then[verdict]}</td><td class="n">{now[verdict]}</td></tr>\n'
        for verdict, says in VERDICTS.items()
    ]
    return table_of("Numbers and claims by verdict, as written and as known now", ("verdict", "#then", "#now"), lines)


def _chip(verdict: str) -> str:
    return f'<span class="chip {escape(verdict)}">{escape(verdict.replace("_", " "))}</span>'


def _essays(rows: Sequence[Row], at: str) -> str:
    parts = []
    for essay, of_essay in groupby(rows, lambda row: (row["essay"], row["essay_title"], row["written_by"])):
        letter, title, written = essay
        parts.append(
            f'<section id="{escape(letter)}"><h2>{escape(letter)}: {escape(title)} '
            f'<span class="quiet">by {written}</span></h2>\n'
        )
        parts += [_claim(list(own), at) for _, own in groupby(of_essay, lambda row: row["claim_id"])]
        parts.append("</section>\n")
    return "".join(parts)


def _claim(measures: Sequence[Row], at: str) -> str:
    first = measures[0]
    name = escape(first["claim_id"])
    body = "".join(_measure(row, at) for row in measures)
    return (
        f'<article class="claim" id="{name}"><h3><a href="#{name}">{name}</a> {escape(first["claim"])}</h3>\n{body}</article>\n'
    )


def _measure(row: Row, at: str) -> str:
    if not row["measure"]:
        return f'<p data-claim="{escape(row["claim_id"])}/0">{_chip(row["verdict"])} {escape(row["reason"] or "")}</p>\n'
    then, now = (_told(row, suffix) for suffix in ("_as_written", ""))
    has_changed = (row["verdict_as_written"], row["value_as_written"]) != (row["verdict"], row["value"])
    bounds = escape(bounds_text(row["low"], row["high"]))
    meaning = f'<p class="quiet">{escape(row["reason"])}</p>' if row["reason"] else ""
    flags = " ".join(map(flag_link, row["flags"] or ()))
    known = f", the number known {day_of(row['value_known_at'])}" if row["value_known_at"] else ""
    return (
        f'<div class="measure" data-claim="{escape(row["claim_id"])}/{row["measure"]}">'
        f'<p>{escape(row["statement"])} <span class="quiet">(holds if {bounds})</span></p>\n'
        f"<dl><div><dt>as written, {row['written_by']}</dt><dd>{then}</dd></div>"
        f"<div><dt>as known now{known}</dt><dd>{now if has_changed else 'the same'} {flags}</dd></div></dl>\n{meaning}"
        f"{_evidence(row, format_instant(row['written_at']), row['period_as_written'], 'Evidence as written')}"
        f"{_evidence(row, at, row['period_end'], 'Evidence now') if has_changed else ''}</div>\n"
    )


def _told(row: Row, suffix: str) -> str:
    value = row[f"value{suffix}"]
    number = "" if value is None else f' <data value="{value!r}">{claim_number(value)}</data>'
    return f"{_chip(row[f'verdict{suffix}'])}{number}"


def _evidence(row: Row, at: str, period_end: date | None, says: str) -> str:
    query = escape(evidence_query(row, at, period_end))
    return f'<details class="numbers"><summary>{says}</summary><pre tabindex="0">{query};</pre></details>\n'

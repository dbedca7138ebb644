"""The cells of the text tables that people read: one row of ``as_known``, ``signals_as_known`` or the calendar in words."""

from __future__ import annotations

from datetime import date
from typing import Any

from rich.markup import escape

from undertow.render import instant_text, number_text

__all__ = [
    "AMPLENESS_COLUMNS",
    "AMPLENESS_SHORT",
    "CALENDAR_COLUMNS",
    "CLAIM_COLUMNS",
    "HEADLINE_COLUMNS",
    "KNOWN_COLUMNS",
    "SIGNAL_COLUMNS",
    "ampleness_row",
    "bounds_text",
    "calendar_row",
    "claim_number",
    "claim_row",
    "headline_row",
    "known_row",
    "measure_text",
    "period_text",
    "signal_row",
]

CALENDAR_COLUMNS = (
    ("release", "left"),
    ("period", "left"),
    ("part", "left"),
    ("status", "left"),
    ("first planned", "left"),
    ("planned", "left"),
    ("came", "left"),
    ("days late", "right"),
    ("reason", "left"),
)

KNOWN_COLUMNS = (
    ("series", "left"),
    ("period", "left"),
    ("value", "right"),
    ("unit", "left"),
    ("known at", "left"),
    ("basis", "left"),
    ("flags", "left"),
    ("then next", "left"),
)
HEADLINE_COLUMNS = (
    ("headline", "left"),
    ("period", "left"),
    ("value", "right"),
    ("first", "right"),
    ("unit", "left"),
    ("known at", "left"),
    ("days old", "right"),
    ("flags", "left"),
    ("then next", "left"),
)
SIGNAL_COLUMNS = (
    ("signal", "left"),
    ("period", "left"),
    ("value", "right"),
    ("unit", "left"),
    ("z", "right"),
    ("rank", "right"),
    ("known at", "left"),
    ("conf.", "right"),
    ("flags", "left"),
    ("newer", "left"),
)


AMPLENESS_COLUMNS = (
    ("month", "left"),
    ("measure", "left"),
    ("public?", "left"),
    ("value", "right"),
    ("interval", "left"),
    ("unit", "left"),
    ("place", "right"),
    ("period", "left"),
    ("known at", "left"),
    ("flags", "left"),
)
CLAIM_COLUMNS = (
    ("claim", "left"),
    ("says", "left"),
    ("verdict", "left"),
    ("measured", "left"),
    ("holds if", "left"),
    ("then", "right"),
    ("now", "right"),
)
# Short names of the measures of ample reserves, where there is no room for their titles.
AMPLENESS_SHORT = {
    "repo_share": "Repo at or above IORB",
    "daylight_overdrafts": "Daylight overdrafts",
    "late_payments": "Late payments",
    "domestic_borrowing": "Domestic borrowing",
    "elasticity": "Elasticity",
}


def measure_text(value: float, unit: str) -> str:
    """Return the number of a measure of ample reserves with as many decimals as it deserves."""
    return number_text(value, 1 if unit == "percent" else 2)


def ampleness_row(month: str, row: dict[str, Any]) -> list[str]:
    """Return the text cells of one row of ``reserve_ampleness``."""
    name, missing = AMPLENESS_SHORT.get(row["spoke"], row["title"]), row["missing_because"] or ""
    if row["value"] is None:
        return [month, name, row["availability"], "-", escape(missing), "", "", "", "", ""]
    interval = (
        ""
        if row["low"] is None
        else escape(f"[{measure_text(row['low'], row['unit'])}, {measure_text(row['high'], row['unit'])}]")
    )
    return [
        month,
        name,
        row["availability"],
        measure_text(row["value"], row["unit"]),
        interval,
        row["unit"],
        missing if row["outward"] is None else number_text(row["outward"], 2),
        period_text(row["period_start"], row["period_end"]),
        instant_text(row["known_at"]),
        " ".join(row["flags"]) or "-",
    ]


def claim_row(row: dict[str, Any]) -> list[str]:
    """Return the text cells of one row of ``claims_as_known``: the verdict of then, and that of now where it is another."""
    then, last = (row[name].replace("_", " ") for name in ("verdict_as_written", "verdict"))
    says = escape(row["claim"]) if row["measure"] <= 1 else ""
    if not row["measure"]:
        return [row["claim_id"], says, then, escape(row["reason"]), "", "", ""]
    meaning = "" if row["reason"] is None else f": {row['reason']}"
    return [
        row["claim_id"],
        says,
        then if then == last else f"{then}; now {last}",
        escape(f"{row['statement']}{meaning}"),
        bounds_text(row["low"], row["high"]),
        claim_number(row["value_as_written"]),
        "" if row["value"] == row["value_as_written"] else claim_number(row["value"]),
    ]


def bounds_text(low: float | None, high: float | None) -> str:
    """Return the bounds of a claim as people write them; the seed says "more than nothing" as a millionth."""
    if low == high:
        return claim_number(low)
    words = [f"{sign} {claim_number(bound)}" for sign, bound in ((">=", low), ("<=", high)) if bound is not None]
    return " and ".join(words).replace(">= 1e-06", "> 0").replace("<= -1e-06", "< 0")


def claim_number(value: float | None) -> str:
    """Return a number that a claim is held against."""
    return "-" if value is None else f"{value:.5g}"


def period_text(start: date | None, end: date | None) -> str:
    """Return a period as people write it: 2025-09, 2025Q3, 2025, or a day; of one without a first day its last."""
    if end is None:
        return "-"
    if start is None:
        return f"..{end.isoformat()}"
    if start == end:
        return start.isoformat()
    if start.day == 1 and (start.year, start.month) == (end.year, end.month):
        return f"{start:%Y-%m}"
    if (start.month, start.day, end.month, end.day) == (1, 1, 12, 31):
        return f"{start:%Y}"
    if start.day == 1 and start.year == end.year and start.month % 3 == 1 and end.month == start.month + 2:
        return f"{start:%Y}Q{end.month // 3}"
    return f"{start.isoformat()}..{end.isoformat()}"


def known_row(row: dict[str, Any]) -> list[str]:
    """Return the text cells of one row of ``as_known``."""
    later = row["later_periods"] or []
    words = []
    for item in later[:2]:
        due = instant_text(item["scheduled_at"])
        reason = f" ({item['reason']})" if item["reason"] else ""
        when = f", was due {due}" if item["status"] in {"pending", "cancelled"} else f" for {due}" if due else ""
        words.append(f"{item['reference_period']} {item['status']}{when}{reason}")
    if len(later) > 2:
        words.append(f"and {len(later) - 2} more")
    return [
        row["series_id"],
        period_text(row["period_start"], row["period_end"]),
        "withheld" if row["value"] is None and row["obs_status"] == "Q" else number_text(row["value"], row["decimals"]),
        row["unit"],
        instant_text(row["known_at"]),
        row["known_at_basis"],
        " ".join(row["flags"]) or "-",
        escape("; ".join(words)) or "-",
    ]


def headline_row(row: dict[str, Any]) -> list[str]:
    """Return the text cells of one row of ``headline_as_known``: shorter than those of ``as_known``, for there are many."""
    later = row["later_periods"]
    words = ""
    if later:
        due = f" {later[0]['scheduled_at']:%Y-%m-%d}" if later[0]["scheduled_at"] else ""
        more = f", and {len(later) - 1} more" if len(later) > 1 else ""
        words = f"{later[0]['reference_period']} {later[0]['status'].replace('_', ' ')}{due}{more}"
    is_value = row["series_id"] is not None
    return [
        escape(row["title"]),
        period_text(row["period_start"], row["period_end"]),
        number_text(row["value"], row["decimals"]) if is_value else "calendar only",
        number_text(row["first_print"], row["decimals"]) if is_value and row["n_revisions"] else "",
        row["unit"] or "",
        instant_text(row["known_at"]),
        "" if row["age_days"] is None else str(row["age_days"]),
        " ".join(row["flags"]) or "-",
        words or "-",
    ]


def signal_row(row: dict[str, Any]) -> list[str]:
    """Return the text cells of one row of ``signals_as_known``."""
    newer = row["newer_period_without_value"]
    return [
        row["signal_id"],
        period_text(row["period_start"], row["period_end"]),
        number_text(row["value"], 4),
        row["unit"],
        number_text(row["z_exp"], 2),
        number_text(row["rank_exp"], 2),
        instant_text(row["known_at"]),
        number_text(row["confidence"], 2),
        " ".join(row["flags"]) or "-",
        f"{newer:%Y-%m} has no value ({row['newer_obs_status']})" if newer else "-",
    ]


def calendar_row(row: dict[str, Any]) -> list[str]:
    """Return the text cells of one row of ``calendar_as_known``."""
    into = f"into {row['merged_into']}" if row["merged_into"] else ""
    late = row["delay_days"]
    return [
        row["release_id"],
        row["reference_period"],
        "-" if row["component"] == "all" else row["component"],
        row["status"],
        instant_text(row["original_at"]) or "-",
        instant_text(row["scheduled_at"]) if row["scheduled_at"] != row["original_at"] else "-",
        instant_text(row["actual_at"]) or "-",
        str(late) if late else "-",
        escape("; ".join(part for part in (into, row["reason"]) if part)) or "-",
    ]

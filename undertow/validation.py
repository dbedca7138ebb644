"""The composite beside official indices of financial stress: how far the two rank days alike. A report, never an input.

The yardsticks are series that the user has: the OFR Financial Stress Index and the ECB's CISS as files of the user's own, the
St. Louis index through FRED. Rank correlations (Spearman) are of days on which both have a number; the yardstick's is the
newest at most ten days old, and of its newest vintage, since most of these indices are estimated anew each time.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from undertow.errors import UsageError

if TYPE_CHECKING:
    from datetime import datetime

    from undertow.store import FeatureStore

__all__ = ["ENOUGH", "MEASURES", "YARDSTICKS", "validate"]

YARDSTICKS = {
    "user.ofr_fsi": "OFR Financial Stress Index (Office of Financial Research)",
    "user.ciss": "CISS of the United States or the euro area (European Central Bank)",
    "fred.STLFSI4": "St. Louis Fed Financial Stress Index, version 4",
}
MEASURES = (
    "composite_ciss", "composite_mean", "pillar_funding", "pillar_rates", "pillar_dollar", "pillar_credit", "pillar_coupling",
    "pillar_macro",
)  # fmt: skip
ENOUGH = 0.6  # a rank correlation that says the two measure much the same; a lower one is a finding, not an error
LEAST_DAYS = 60  # with fewer days a correlation is not given
_LAG = 20  # weekdays of a change


def validate(store: FeatureStore, as_of: datetime) -> list[dict[str, Any]]:
    """Return the rank correlations of the composite and its pillars with each yardstick of the build.

    Args:
        store: an open build.
        as_of: composites of days after it, and what became known of the yardsticks after it, are left out.

    Returns:
        One row a yardstick and measure: ``yardstick``, ``title``, ``measure``, ``n_days``, ``first_day``, ``last_day``,
        ``rank_correlation`` of levels, ``rank_correlation_of_changes`` over 20 weekdays (None with fewer than 60 days) and
        ``agrees`` (the first is above 0.6).

    Raises:
        UsageError: the build has no yardstick.
    """
    columns = ", ".join(MEASURES)
    data = store.rows(
        "WITH yardstick AS (SELECT series_id, period_end, arg_max(struct_pack(v := value), known_at).v AS value "
        "FROM marts.fct_observation WHERE list_contains(?, series_id) AND known_at <= ? GROUP BY 1, 2) "
        f"SELECT y.series_id, f.period_start AS day, y.value, {columns} FROM marts.mart_fragility AS f "
        "CROSS JOIN (SELECT DISTINCT series_id FROM yardstick) AS s "
        "ASOF JOIN (SELECT * FROM yardstick WHERE value IS NOT NULL) AS y "
        "ON s.series_id = y.series_id AND f.period_start >= y.period_end "
        "WHERE f.known_at <= ? AND f.period_start - y.period_end <= 10 ORDER BY 1, 2",
        [list(YARDSTICKS), as_of, as_of],
    )
    if not data:
        names = "; ".join(f"{series_id} ({title})" for series_id, title in YARDSTICKS.items())
        raise UsageError(f"this build has no yardstick to hold the composite against; bring one of: {names}")
    return _report(data)


def _report(data: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the correlations of rows that hold the number of a yardstick and the measures of a day."""
    import pandas as pd

    told: list[dict[str, Any]] = []
    frame = pd.DataFrame(data)
    for series_id, rows in frame.groupby("series_id"):
        for measure in MEASURES:
            both = rows[["day", "value", measure]].dropna().astype({"value": float, measure: float})
            level, change = None, None
            if len(both) >= LEAST_DAYS:
                level = _rank_correlation(both["value"], both[measure])
                steps = both[["value", measure]].diff(_LAG).dropna()
                change = _rank_correlation(steps["value"], steps[measure]) if len(steps) >= LEAST_DAYS else None
            told.append(
                {
                    "yardstick": series_id,
                    "title": YARDSTICKS[str(series_id)],
                    "measure": measure,
                    "n_days": len(both),
                    "first_day": both["day"].iloc[0] if len(both) else None,
                    "last_day": both["day"].iloc[-1] if len(both) else None,
                    "rank_correlation": level,
                    "rank_correlation_of_changes": change,
                    "agrees": level is not None and level > ENOUGH,
                }
            )
    return told


def _rank_correlation(left: Any, right: Any) -> float | None:
    """Return Spearman's rank correlation, None where one side does not vary."""
    if left.nunique() < 2 or right.nunique() < 2:
        return None
    return float(left.rank().corr(right.rank()))

"""What is expected of BEA's landed accounts, and of its release calendar: that its two forms agree and lose no release."""

from __future__ import annotations

from expectations.suite import Expectation, Suite, common_expectations, observation_metrics

_CALENDAR = """
    WITH named AS (
        SELECT
            *,
            CASE WHEN starts_with(release_id, 'gdp') THEN 'gdp' ELSE release_id END AS name,
            reference_period = '' AS names_days_only
        FROM {rows}
    ),
    captures AS (
        SELECT
            names_days_only,
            fetched_at,
            row_number() OVER (PARTITION BY names_days_only ORDER BY fetched_at DESC) AS age
        FROM named
        GROUP BY names_days_only, fetched_at
    ),
    aged AS (SELECT named.*, captures.age FROM named INNER JOIN captures USING (names_days_only, fetched_at)),
    newest AS (SELECT * FROM aged WHERE age = 1),
    vanished AS (
        SELECT earlier.name, count(*) AS n_vanished
        FROM aged AS earlier
        WHERE
            earlier.age = 2
            AND NOT earlier.names_days_only
            AND earlier.event_at > (SELECT max(fetched_at) FROM newest WHERE NOT names_days_only)
            AND NOT EXISTS (
                SELECT 1 FROM newest
                WHERE newest.release_id = earlier.release_id AND newest.reference_period = earlier.reference_period
            )
        GROUP BY earlier.name
    ),
    days AS (
        SELECT name, event_at, bool_or(names_days_only) AS in_dates, bool_or(NOT names_days_only) AS in_calendar
        FROM newest
        GROUP BY name, event_at
    ),
    differing AS (
        SELECT name, count(*) AS n_differing
        FROM days
        WHERE in_dates <> in_calendar AND (SELECT count(DISTINCT names_days_only) FROM newest) = 2
        GROUP BY name
    )
    SELECT
        named.name AS release_id,
        count(*) AS n_rows,
        count(*) FILTER (WHERE named.announced_at > named.fetched_at) AS n_announced_after_fetch,
        count(*) FILTER (WHERE NOT named.names_days_only AND named.reference_end >= named.event_at::DATE) AS n_too_early,
        coalesce(any_value(vanished.n_vanished), 0) AS n_vanished,
        coalesce(any_value(differing.n_differing), 0) AS n_differing
    FROM named
    LEFT JOIN vanished USING (name)
    LEFT JOIN differing USING (name)
    GROUP BY named.name
"""

SUITES = (
    Suite(
        name="bea_observation",
        stage="landing",
        asset=("landing", "bea", "observation"),
        metrics=observation_metrics(", count(*) FILTER (WHERE last_day(period_end) <> period_end) AS n_not_month_ends"),
        expectations=(
            *common_expectations(),
            Expectation(
                "ExpectColumnValuesToBeBetween",
                "periods are whole months, quarters or years",
                arguments={"column": "n_not_month_ends", "min_value": 0, "max_value": 0},
            ),
            Expectation(
                "ExpectColumnValuesToMatchRegex",
                "series ids name the dataset and the agency's own codes",
                arguments={
                    "column": "series_id",
                    "regex": r"^bea\.(NIPA|ITA|IIP)\.\w+\.\w+\.(Q|M|A|QSA|QNSA)$",
                },
            ),
        ),
    ),
    Suite(
        name="bea_release_event",
        stage="landing",
        asset=("landing", "bea", "release_event"),
        metrics=_CALENDAR,
        expectations=(
            Expectation(
                "ExpectColumnValuesToBeBetween",
                "a date was announced when we fetched it",
                arguments={"column": "n_announced_after_fetch", "min_value": 0, "max_value": 0},
            ),
            Expectation(
                "ExpectColumnValuesToBeBetween",
                "a release comes after the end of the period it measures",
                arguments={"column": "n_too_early", "min_value": 0, "max_value": 0},
            ),
            Expectation(
                "ExpectColumnValuesToBeBetween",
                "a planned release that left the calendar was postponed, or the calendar is not whole; silence cancels nothing",
                severity="WARN",
                arguments={"column": "n_vanished", "min_value": 0, "max_value": 0},
            ),
            Expectation(
                "ExpectColumnValuesToBeBetween",
                "both forms of the calendar name the same instants",
                severity="WARN",
                arguments={"column": "n_differing", "min_value": 0, "max_value": 0},
            ),
        ),
    ),
)

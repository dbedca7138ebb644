"""Which loan each line is of, as that became known: rules on texts and terms, so Python (``undertow.loans.history``).

One row for each line and each instant at which its loan, or how sure that is, changed.
"""


def model(dbt, session):
    """Return the memberships of all lines that have a mark."""
    dbt.config(materialized="incremental", incremental_strategy="append")

    from undertow.loans.history import membership_table

    columns = (
        "line_id, fund, manager, period_end, raw_identifier, spread_bp, maturity, "
        "coalesce(principal_currency, currency) AS currency, known_at, superseded_at"
    )
    # in an increment no position has landed (macro only_whole_builds), and what is here stands
    wanted = "false" if dbt.is_incremental else "grade IS NOT NULL"
    lines = dbt.ref("int_holding__cleaned").filter(wanted).project(columns)
    return membership_table(lines.to_arrow_table())

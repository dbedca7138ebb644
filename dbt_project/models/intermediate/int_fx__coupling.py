"""How strongly nine G10 currencies move together against the dollar: absorption ratio and mean pairwise correlation.

Linear algebra, so Python: the functions are pure and tested in ``undertow.coupling``. One row a day and epoch.
"""


def model(dbt, session):
    """Return one row for each epoch and day with the ratios that have a full window behind them."""
    dbt.config(materialized="table")

    from undertow.coupling import coupling_by_day

    panel = dbt.ref("int_fx__panel").df()
    return coupling_by_day(
        panel,
        columns=["eur", "jpy", "gbp", "chf", "cad", "aud", "nzd", "sek", "nok"],
    )

"""How strongly the assets of each panel move together: absorption ratio and shift, turbulence, correlation, effective rank.

Linear algebra, so Python: the functions are pure and tested in ``undertow.coupling``. One row a panel, epoch and day.
"""


def model(dbt, session):
    """Return one row for each panel, epoch and whole day with the measures that have a full window behind them."""
    dbt.config(materialized="table")

    from undertow.coupling import cross_asset_by_day

    members = dbt.ref("seed_cross_asset_panel").df().sort_values(["panel", "position"])
    inputs = dbt.ref("seed_market_input").df()
    # the panel has exchange rates as dollars per unit, under the name of the currency
    column = {
        role: role.removeprefix("eur_").replace("usd", "eur") if role.startswith("eur_") else role for role in inputs["role"]
    }
    panels = {panel: [column[role] for role in rows["role"]] for panel, rows in members.groupby("panel")}
    kinds = {column[role]: kind for role, kind in zip(inputs["role"], inputs["kind"], strict=True)}
    days = dbt.ref("int_cross_asset__panel").df()
    return cross_asset_by_day(days[days["is_whole"]], panels, kinds)

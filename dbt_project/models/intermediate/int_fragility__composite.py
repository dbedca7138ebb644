"""The composite by weekday, in the manner of the CISS: pillars weighed by how they move together.

Linear algebra, so Python: the functions are pure and tested in ``undertow.fragility``. One row a weekday.
"""


def model(dbt, session):
    """Return one row for each weekday of the grid: both composites, coverage, and what each pillar contributes."""
    dbt.config(materialized="table")

    from undertow.fragility import composite_by_day

    pillars = dbt.ref("seed_fragility_pillar").df().sort_values("position")
    rows = dbt.ref("int_fragility__pillar").df()
    return composite_by_day(rows, dict(zip(pillars["pillar"], pillars["weight"], strict=True)))

{{ config(meta={"dagster": {"ref": {"name": "int_liquidity__input"}}}) }}
-- A part of the liquidity is in millions or billions of dollars, and its series says which: sums are made by these words.
select distinct
    inputs.concept,
    inputs.series_id,
    series.unit
from {{ ref('int_liquidity__input') }} as inputs
inner join {{ ref('int_series') }} as series
    on inputs.series_id = series.series_id
where
    inputs.concept not like 'elasticity%'
    and {{ to_billions('series.unit') }} is null

-- Parts of the liquidity in billions of dollars, by the unit that the description of the series states. A part that states none
-- has no value. The elasticity is in basis points and stays as it is.
select
    inputs.concept,
    inputs.day,
    round(
        inputs.value * case when inputs.concept like 'elasticity%' then 1.0 else {{ to_billions('series.unit') }} end,
        6
    ) as value,
    inputs.known_at,
    inputs.next_known_at,
    inputs.flag_mask,
    inputs.origin,
    inputs.row_digest
from {{ ref('int_liquidity__input') }} as inputs
inner join {{ ref('int_series') }} as series
    on inputs.series_id = series.series_id

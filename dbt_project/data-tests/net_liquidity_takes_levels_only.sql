-- An average of a week beside a level of its Wednesday is another number: the parts of net liquidity are levels.
select
    concept,
    series_id,
    measure
from {{ ref('seed_liquidity_input') }}
where
    concept in ('assets', 'tga', 'on_rrp', 'treasuries', 'mbs')
    and measure <> 'level'

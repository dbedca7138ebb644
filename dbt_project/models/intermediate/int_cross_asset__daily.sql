-- The measures of each panel on each day, with the instants, flags and digests of their windows: 64 days for the short
-- correlation, 253 for the long one and the effective rank, 254 for turbulence, 501 for the absorption ratio and 752 for its
-- shift.
{%- set rows = [64, 253, 254, 501, 752] %}
{%- set measures = [
    'absorption_ratio', 'absorption_shift', 'turbulence', 'mean_corr_63d', 'mean_corr_252d', 'effective_rank'
] %}
with rolled as (
    select
        *,
        row_number() over every_day as day_number,
        {%- for count in rows %}
        max(known_at) over last_{{ count }} as known_{{ count }},
        {{ mask_or_over('flag_mask', 'last_' ~ count) }} as mask_{{ count }},
        bit_xor(day_digest) over last_{{ count }} as digest_{{ count }},
        {%- endfor %}
        min(origin) over last_752 as first_origin,
        max(origin) over last_752 as last_origin
    from {{ ref('int_cross_asset__panel') }}
    where is_whole
    window
        every_day as (partition by panel, epoch_at order by day),
        {%- for count in rows[:-1] %}
        last_{{ count }} as (
            partition by panel, epoch_at
            order by day
            rows between {{ count - 1 }} preceding and current row
        ),
        {%- endfor %}
        last_752 as (partition by panel, epoch_at order by day rows between 751 preceding and current row)
)

select
    rolled.panel,
    rolled.epoch_at,
    rolled.next_epoch_at,
    rolled.day,
    rolled.n_assets,
    cast(coupling.n_factors as int) as n_factors,
    {%- for measure in measures %}
    cast(coupling.{{ measure }} as double) as {{ measure }},
    {%- endfor %}
    cast(rolled.day_number as int) as n_days,
    {%- for count in rows %}
    rolled.known_{{ count }},
    rolled.mask_{{ count }},
    rolled.digest_{{ count }},
    {%- endfor %}
    case when rolled.first_origin = rolled.last_origin then rolled.first_origin else 'mixed' end as origin
from rolled
left join {{ ref('int_cross_asset__coupling') }} as coupling
    on
        rolled.panel = coupling.panel
        and rolled.epoch_at = coupling.epoch_at
        and rolled.day = coupling.day
union all
select
    panel,
    epoch_at,
    next_epoch_at,
    day,
    n_assets,
    null as n_factors,
    {%- for measure in measures %}
    null as {{ measure }},
    {%- endfor %}
    null as n_days,
    {%- for count in rows %}
    known_at as known_{{ count }},
    flag_mask as mask_{{ count }},
    day_digest as digest_{{ count }},
    {%- endfor %}
    origin
from {{ ref('int_cross_asset__panel') }}
where not is_whole

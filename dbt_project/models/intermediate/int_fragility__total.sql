-- The composite by weekday with its pillars, what each contributes, and how much stood behind it.
{%- set pillars = ['funding', 'rates', 'dollar', 'credit', 'coupling', 'macro'] %}
with days as (
    select
        day,
        cut_off,
        {%- for pillar in pillars %}
        max(case when pillar = '{{ pillar }}' then score end) as pillar_{{ pillar }},
        {%- endfor %}
        cast(count(score) as int) as n_pillars,
        cast(sum(n_used) as int) as n_inputs,
        cast(sum(n_listed - n_used) as int) as n_missing,
        cast(sum(n_synthetic) as int) as n_synthetic,
        round(cast(sum({{ exact('weight * confidence') }}) as double), 6) as confidence,
        {{ mask_or('flag_mask') }} as flag_mask,
        bit_xor(row_digest) as row_digest,
        min(case when origin <> 'none' then origin end) as first_origin,
        max(case when origin <> 'none' then origin end) as last_origin
    from {{ ref('int_fragility__pillar') }}
    group by day, cut_off
),

judged as (
    select
        days.*,
        composite.coverage,
        composite.n_days,
        composite.composite_mean,
        composite.composite_ciss,
        composite.composite_ciss_sqrt,
        {%- for pillar in pillars %}
        composite.contribution_{{ pillar }},
        {%- endfor %}
        cast(
            days.flag_mask
            | case
                when composite.composite_mean is not null and composite.composite_ciss is null then {{ flag('SHORT_HISTORY') }}
                else 0
            end
            as bigint
        ) as row_mask
    from days
    inner join {{ ref('int_fragility__composite') }} as composite
        on days.day = composite.day
)

select
    *,
    coalesce({{ digest_text('row_digest') }}, '0000000000000000') as inputs_hash,
    case
        when first_origin is null then 'none'
        when first_origin = last_origin then first_origin
        else 'mixed'
    end as origin
from judged

-- The pillars of the composite by weekday: the mean rank of the indicators that have one, where at least half of those that
-- the seed lists do. Days before the first pillar of all are left out. Confidence is the mean over all listed indicators, one
-- that is absent counting nothing: it lowers no score.
with listed as (
    select
        pillar,
        cast(count(*) as int) as n_listed
    from {{ ref('seed_fragility_input') }}
    group by pillar
),

scored as (
    select
        standing.day,
        standing.cut_off,
        standing.pillar,
        cast(count(standing.stress_rank) as int) as n_used,
        cast(
            count(case when (standing.flag_mask & {{ flag('SYNTHETIC') }}) <> 0 then standing.stress_rank end) as int
        ) as n_synthetic,
        cast(
            sum(case when standing.stress_rank is not null then {{ exact('standing.stress_rank') }} end) as double
        ) as sum_rank,
        cast(
            sum(case when standing.stress_rank is not null then {{ exact('standing.confidence') }} else 0 end) as double
        ) as sum_confidence,
        {{ mask_or('case when standing.stress_rank is not null then standing.flag_mask else 0 end') }} as flag_mask,
        bit_xor(case when standing.stress_rank is not null then standing.row_digest end) as row_digest,
        min(case when standing.stress_rank is not null then standing.origin end) as first_origin,
        max(case when standing.stress_rank is not null then standing.origin end) as last_origin
    from {{ ref('int_fragility__standing') }} as standing
    group by standing.day, standing.cut_off, standing.pillar
),

whole as (
    select
        day.day,
        day.cut_off,
        pillar.pillar,
        pillar.position,
        cast(pillar.weight as double) as weight,
        listed.n_listed,
        coalesce(scored.n_used, 0) as n_used,
        coalesce(scored.n_synthetic, 0) as n_synthetic,
        case when scored.n_used * 2 >= listed.n_listed then scored.sum_rank / scored.n_used end as score,
        coalesce(scored.sum_confidence, cast(0 as double)) / listed.n_listed as confidence,
        cast(
            {{ travelling('coalesce(scored.flag_mask, 0)') }}
            | case when coalesce(scored.n_used, 0) < listed.n_listed then {{ flag('COMPONENT_MISSING') }} else 0 end
            as bigint
        ) as flag_mask,
        scored.row_digest,
        scored.first_origin,
        scored.last_origin,
        min(case when scored.n_used * 2 >= listed.n_listed then day.day end) over () as first_day
    from {{ ref('int_fragility__day') }} as day
    cross join {{ ref('seed_fragility_pillar') }} as pillar
    inner join listed
        on pillar.pillar = listed.pillar
    left join scored
        on day.day = scored.day and pillar.pillar = scored.pillar
)

select
    day,
    cut_off,
    pillar,
    position,
    weight,
    n_listed,
    n_used,
    n_synthetic,
    score,
    confidence,
    flag_mask,
    row_digest,
    case
        when first_origin is null then 'none'
        when first_origin = last_origin then first_origin
        else 'mixed'
    end as origin
from whole
where day >= first_day

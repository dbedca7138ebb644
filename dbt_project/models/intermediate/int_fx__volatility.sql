-- Volatilities of several markets, each against its own 252 days before (z, n-1): implied ones where the user brings them (VIX,
-- and those of gold and oil), realised ones of currencies and of the 10-year Treasury yield from free data.
-- One row for each state; corrections and late days open an epoch of their series, as in the macro epoch_days.
with levels as (
    select
        role,
        day,
        value,
        known_at,
        state_number,
        flag_mask,
        origin,
        row_digest
    from {{ ref('int_market__input') }}
    where role in ('vix', 'gvz', 'ovx')
    union all
    select
        'realised_fx' as role,
        day,
        value,
        known_at,
        row_number() over (partition by day order by known_at) as state_number,
        flag_mask,
        origin,
        row_digest
    from (
        select
            day,
            realised_vol_21d as value,
            known_22d as known_at,
            mask_22d as flag_mask,
            min(origin) as origin,
            digest_22d as row_digest
        from {{ ref('int_fx__daily') }}
        where
            realised_vol_21d is not null
            and (next_epoch_at is null or known_22d < next_epoch_at)
        group by day, realised_vol_21d, known_22d, mask_22d, digest_22d
    ) as currencies
    union all
    select
        'realised_ust_10y' as role,
        day,
        realised_vol_21 as value,
        known_at,
        row_number() over (partition by day order by known_at) as state_number,
        mask_22 as flag_mask,
        origin,
        digest_22 as row_digest
    from {{ ref('int_curve__change') }}
    where curve = 'UST' and tenor = '10y' and observation_number > 21
),

judged as (
    select
        *,
        {{ is_late('state_number > 1', 'role') }} as is_late
    from levels
),

epochs as (
    {{ epochs_of('judged', 'role') }}
),

as_of_epoch as (
    select
        epochs.epoch_at,
        epochs.next_epoch_at,
        judged.role,
        judged.day,
        judged.value,
        judged.known_at,
        judged.flag_mask,
        judged.origin,
        judged.row_digest,
        row_number() over (
            partition by epochs.role, epochs.epoch_at, judged.day
            order by judged.known_at desc
        ) as recency
    from epochs
    inner join judged
        on
            epochs.role = judged.role
            and (not judged.is_late or judged.known_at <= epochs.epoch_at)
),

-- a day without a value (taken back, or a realised volatility over a hole) stays in its place, so that its instant is not lost
rolled as (
    select
        *,
        count(value) over before_today as n_before,
        sum({{ exact('value') }}) over before_today as sum_before,
        sum({{ exact('value * value') }}) over before_today as squares_before,
        max(known_at) over last_253 as known_253,
        {{ mask_or_over('flag_mask', 'last_253') }} as mask_253,
        bit_xor(row_digest) over last_253 as digest_253,
        min(origin) over last_253 as first_origin,
        max(origin) over last_253 as last_origin
    from as_of_epoch
    where recency = 1
    window
        before_today as (partition by role, epoch_at order by day rows between 252 preceding and 1 preceding),
        last_253 as (partition by role, epoch_at order by day rows between 252 preceding and current row)
),

states as (
    select
        role,
        day,
        case
            when n_before >= 240
                then
                    (value - cast(sum_before as double) / n_before)
                    / nullif({{ sd_from_sums('n_before', 'sum_before', 'squares_before') }}, 0)
        end as z,
        known_253 as known_at,
        mask_253 as flag_mask,
        digest_253 as row_digest,
        case when first_origin <> last_origin then 'mixed' else first_origin end as origin
    from rolled
    where next_epoch_at is null or known_253 < next_epoch_at
)

select
    role,
    day,
    z,
    known_at,
    flag_mask,
    row_digest,
    min(origin) as origin
from states
group by role, day, z, known_at, flag_mask, row_digest

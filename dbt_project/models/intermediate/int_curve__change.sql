-- What each tenor of a curve did up to a day, once for each instant at which that changed: changes over 3 and 5 observations,
-- their z-scores (the change over the root of its length times the standard deviation of the 252 daily changes that end before
-- the window), realised volatility (252 times the mean square of 21 daily changes, no mean taken off), and changes over 5, 21
-- and 63 observations for the regime of the curve. Basis points.
-- Days without a yield are holidays and no steps. Two observations more than 14 days apart are no neighbours (the longest
-- closure of a market here is a ten-day Golden Week), and a window over such a hole has no value.
-- A row that arrived after a later day, or a correction, opens an epoch: from its instant on, the days whose windows touch it
-- are computed again (as in int_fx__panel; 500 calendar days on either side hold the longest window, 258 observations).
{%- set longest_step = 14 %}
{%- set reach = 500 %}
with judged as (
    select
        *,
        {{ is_late('state_number > 1', 'curve, tenor') }} as is_late
    from {{ ref('int_curve__yield') }}
),

epochs as (
    select distinct
        curve,
        tenor,
        cast('1900-01-01' as timestamp) as epoch_at,
        cast(null as date) as first_day,
        cast(null as date) as last_day
    from judged
    union all
    select
        curve,
        tenor,
        known_at as epoch_at,
        min(day) as first_day,
        max(day) as last_day
    from judged
    where is_late
    group by curve, tenor, known_at
),

as_of_epoch as (
    select
        epochs.epoch_at,
        epochs.first_day,
        epochs.last_day,
        judged.curve,
        judged.tenor,
        judged.day,
        judged.value,
        judged.known_at,
        judged.flag_mask,
        judged.origin,
        judged.row_digest,
        row_number() over (
            partition by epochs.curve, epochs.tenor, epochs.epoch_at, judged.day
            order by judged.known_at desc
        ) as recency
    from epochs
    inner join judged
        on
            epochs.curve = judged.curve
            and epochs.tenor = judged.tenor
            and (not judged.is_late or judged.known_at <= epochs.epoch_at)
            and (
                epochs.first_day is null
                or (
                    {{ add_days('epochs.first_day', -reach) }} <= judged.day
                    and judged.day <= {{ add_days('epochs.last_day', reach) }}
                )
            )
),

stepped as (
    select
        *,
        {{ days_between('lag(day) over days', 'day') }} as step_days,
        lag(value) over days as previous_value,
        row_number() over days as observation_number
    from as_of_epoch
    where recency = 1 and value is not null
    window days as (partition by curve, tenor, epoch_at order by day)
),

changed as (
    select
        *,
        coalesce(step_days > {{ longest_step }}, false) as is_hole,
        -- a decimal, whose squares are exact too: days of equal volatility tie on every engine
        case when step_days <= {{ longest_step }} then {{ comparable('100 * (value - previous_value)') }} end as change_1
    from stepped
),

{%- set spans = {'3': 3, '5': 5, '21': 21, '63': 63} %}

windowed as (
    select
        changed.*,
        {%- for name, span in spans.items() %}
        lag(changed.day, {{ span }}) over days as base_day_{{ name }},
        round(100 * (changed.value - lag(changed.value, {{ span }}) over days), 6) as raw_change_{{ name }},
        max(case when changed.is_hole then 1 else 0 end) over steps_{{ name }} as holes_{{ name }},
        {%- endfor %}
        {%- for name, gap in {'3': 3, '5': 5}.items() %}
        count(changed.change_1) over before_{{ name }} as n_before_{{ name }},
        sum(changed.change_1) over before_{{ name }} as sum_before_{{ name }},
        sum(changed.change_1 * changed.change_1) over before_{{ name }} as squares_before_{{ name }},
        {%- endfor %}
        count(changed.change_1) over steps_21 as n_21,
        sum(changed.change_1 * changed.change_1) over steps_21 as squares_21,
        changed.flag_mask as mask_1,
        changed.row_digest as digest_1,
        {%- for rows in [4, 6, 22, 64, 256, 258] %}
        {{ mask_or_over('changed.flag_mask', 'last_' ~ rows) }} as mask_{{ rows }},
        bit_xor(changed.row_digest) over last_{{ rows }} as digest_{{ rows }},
        {%- endfor %}
        max(case when changed.is_hole then 1 else 0 end) over last_256 as holes_256,
        max(changed.known_at) over last_258 as known_258,
        min(changed.origin) over last_258 as first_origin,
        max(changed.origin) over last_258 as last_origin
    from changed
    window
        days as (partition by changed.curve, changed.tenor, changed.epoch_at order by changed.day),
        {%- for name, span in spans.items() %}
        steps_{{ name }} as (
            partition by changed.curve, changed.tenor, changed.epoch_at
            order by changed.day
            rows between {{ span - 1 }} preceding and current row
        ),
        {%- endfor %}
        {%- for name, gap in {'3': 3, '5': 5}.items() %}
        before_{{ name }} as (
            partition by changed.curve, changed.tenor, changed.epoch_at
            order by changed.day
            rows between {{ gap + 251 }} preceding and {{ gap }} preceding
        ),
        {%- endfor %}
        {%- for rows in [4, 6, 22, 64, 256] %}
        last_{{ rows }} as (
            partition by changed.curve, changed.tenor, changed.epoch_at
            order by changed.day
            rows between {{ rows - 1 }} preceding and current row
        ),
        {%- endfor %}
        last_258 as (
            partition by changed.curve, changed.tenor, changed.epoch_at
            order by changed.day
            rows between 257 preceding and current row
        )
),

computed as (
    select
        *,
        {%- for name, span in spans.items() %}
        case when observation_number > {{ span }} and holes_{{ name }} = 0 then raw_change_{{ name }} end as change_{{ name }},
        {%- endfor %}
        {%- for name, span in {'3': 3, '5': 5}.items() %}
        case
            when n_before_{{ name }} = 252
                then sqrt({{ span }}.0) * {{ sd_from_sums('252.0', 'sum_before_' ~ name, 'squares_before_' ~ name) }}
        end as scale_{{ name }},
        {%- endfor %}
        case when n_21 = 21 then sqrt(252 * cast(squares_21 as double) / 21) end as realised_vol_21,
        -- the epoch that computes the day again, and from when on
        lead(epoch_at) over (partition by curve, tenor, day order by epoch_at) as next_epoch_at
    from windowed
    where first_day is null or day between first_day and {{ add_days('last_day', reach) }}
)

select
    curve,
    tenor,
    day,
    value,
    change_3,
    change_5,
    change_21,
    change_63,
    base_day_5,
    base_day_21,
    base_day_63,
    case when scale_3 > 0 then change_3 / scale_3 end as z_3,
    case when scale_5 > 0 then change_5 / scale_5 end as z_5,
    realised_vol_21,
    cast(observation_number as int) as observation_number,
    cast(mask_1 as bigint) as mask_1,
    digest_1,
    {%- for rows, holes in [(4, 3), (6, 5), (22, 21), (64, 63), (256, 256), (258, 256)] %}
    cast(
        mask_{{ rows }} | case when holes_{{ holes }} = 1 then {{ flag('WINDOW_SPANS_GAP') }} else 0 end
        as bigint
    ) as mask_{{ rows }},
    digest_{{ rows }},
    {%- endfor %}
    case when first_origin <> last_origin then 'mixed' else first_origin end as origin,
    known_258 as known_at
from computed
where
    (next_epoch_at is null or known_258 < next_epoch_at)
    -- what an epoch did not change stands already
    and known_258 >= epoch_at

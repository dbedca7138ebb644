-- The broad dollar and an equity index on their common days: both are New York times (noon and the close), which the euro
-- rates of the ECB are not. Correlations of daily log changes, and days on which both fell: their share in 63 days against
-- that in the 252 days before these, and the share of the dollar's falls among the days on which equities lost over 1 percent.
-- The windows of a row reach back 316 days. A day that was taken back has a row without values.
{%- set spans = [21, 63, 126, 252] %}
{%- set rows = [1, 22, 64, 127, 253, 316] %}
with {{ epoch_days(ref('int_market__input'), ['usd_broad', 'equity']) }},

changes as (
    select
        *,
        100 * ln(usd_broad / lag(usd_broad) over every_day) as r_usd,
        100 * ln(equity / lag(equity) over every_day) as r_equity,
        equity / lag(equity) over every_day < 0.99 as is_loss,
        row_number() over every_day as day_number
    from days
    window every_day as (partition by epoch_at order by day)
),

rolled as (
    select
        *,
        {%- for span in spans %}
        sum({{ exact('r_usd') }}) over steps_{{ span }} as x_{{ span }},
        sum({{ exact('r_equity') }}) over steps_{{ span }} as y_{{ span }},
        sum({{ exact('r_usd * r_usd') }}) over steps_{{ span }} as xx_{{ span }},
        sum({{ exact('r_equity * r_equity') }}) over steps_{{ span }} as yy_{{ span }},
        sum({{ exact('r_usd * r_equity') }}) over steps_{{ span }} as xy_{{ span }},
        {%- endfor %}
        sum(case when r_usd < 0 and r_equity < 0 then 1 else 0 end) over steps_21 as joint_21,
        sum(case when r_usd < 0 and r_equity < 0 then 1 else 0 end) over steps_63 as joint_63,
        sum(case when r_usd < 0 and r_equity < 0 then 1 else 0 end) over before_63 as joint_before,
        sum(case when is_loss then 1 else 0 end) over steps_252 as n_losses,
        sum(case when is_loss and r_usd < 0 then 1 else 0 end) over steps_252 as n_losses_joint,
        {%- for count in rows %}
        max(known_at) over last_{{ count }} as known_{{ count }},
        {{ mask_or_over('flag_mask', 'last_' ~ count) }} as mask_{{ count }},
        bit_xor(day_digest) over last_{{ count }} as digest_{{ count }},
        {%- endfor %}
        min(origin) over last_316 as first_origin,
        max(origin) over last_316 as last_origin
    from changes
    window
        {%- for span in spans %}
        steps_{{ span }} as (
            partition by epoch_at
            order by day
            rows between {{ span - 1 }} preceding and current row
        ),
        {%- endfor %}
        before_63 as (partition by epoch_at order by day rows between 314 preceding and 63 preceding),
        {%- for count in rows[:-1] %}
        last_{{ count }} as (
            partition by epoch_at
            order by day
            rows between {{ count - 1 }} preceding and current row
        ),
        {%- endfor %}
        last_316 as (partition by epoch_at order by day rows between 315 preceding and current row)
)

select
    epoch_at,
    next_epoch_at,
    day,
    {%- for span in spans %}
    case
        when day_number > {{ span }}
            then {{ corr_from_sums(span ~ '.0', 'x_' ~ span, 'y_' ~ span, 'xx_' ~ span, 'yy_' ~ span, 'xy_' ~ span) }}
    end as corr_{{ span }},
    {%- endfor %}
    cast(day_number as int) as n_days,
    case when day_number > 21 then cast(joint_21 as double) / 21 end as joint_down_21,
    case when day_number > 63 then cast(joint_63 as double) / 63 end as joint_down_63,
    case when day_number > 315 then cast(joint_before as double) / 252 end as joint_down_base,
    case when day_number > 315 then cast(joint_63 as double) / 63 - cast(joint_before as double) / 252 end as joint_down_excess,
    case when day_number > 252 then cast(n_losses_joint as double) / nullif(n_losses, 0) end as dollar_down_on_losses,
    case when day_number > 252 then cast(n_losses as int) end as n_losses,
    {%- for count in rows %}
    known_{{ count }},
    mask_{{ count }},
    digest_{{ count }},
    {%- endfor %}
    case when first_origin = last_origin then first_origin else 'mixed' end as origin
from rolled
union all
select
    epoch_at,
    next_epoch_at,
    day,
    {%- for span in spans %}
    null as corr_{{ span }},
    {%- endfor %}
    null as n_days,
    null as joint_down_21,
    null as joint_down_63,
    null as joint_down_base,
    null as joint_down_excess,
    null as dollar_down_on_losses,
    null as n_losses,
    {%- for count in rows %}
    known_at as known_{{ count }},
    flag_mask as mask_{{ count }},
    day_digest as digest_{{ count }},
    {%- endfor %}
    origin
from gone

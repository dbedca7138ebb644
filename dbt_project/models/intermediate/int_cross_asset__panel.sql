-- The assets of each panel side by side (seed_cross_asset_panel), on the days on which all of them have a value: exchange rates
-- as dollars per unit, yields in percent, indices as they are. Epochs as in the macro epoch_days, here for each panel:
-- a correction or a late day of an asset opens one in the panels that hold it. A day whose values were taken back has is_whole
-- false; the whole day after it is known no earlier than that.
{%- set crosses = ['jpy', 'gbp', 'chf', 'cad', 'aud', 'nzd', 'sek', 'nok'] %}
{%- set others = ['ust_2y', 'ust_10y', 'ust_30y', 'jgb_10y', 'usd_broad', 'equity'] %}
with sizes as (
    select
        panel,
        count(*) as n_assets
    from {{ ref('seed_cross_asset_panel') }}
    group by panel
),

judged as (
    select
        role,
        day,
        value,
        known_at,
        flag_mask,
        origin,
        row_digest,
        {{ is_late('state_number > 1', 'role') }} as is_late
    from {{ ref('int_market__input') }}
    where role in (select assets.role from {{ ref('seed_cross_asset_panel') }} as assets)
),

members as (
    select
        assets.panel,
        judged.*
    from judged
    inner join {{ ref('seed_cross_asset_panel') }} as assets
        on judged.role = assets.role
),

epochs as (
    select
        panel,
        epoch_at,
        lead(epoch_at) over (partition by panel order by epoch_at) as next_epoch_at
    from (
        select
            panel,
            cast('1900-01-01' as timestamp) as epoch_at
        from sizes
        union
        select
            panel,
            known_at as epoch_at
        from members
        where is_late
    ) as instants
),

as_of_epoch as (
    select
        epochs.epoch_at,
        epochs.next_epoch_at,
        members.panel,
        members.role,
        members.day,
        members.value,
        members.known_at,
        members.flag_mask,
        members.origin,
        members.row_digest,
        row_number() over (
            partition by epochs.panel, epochs.epoch_at, members.day, members.role
            order by members.known_at desc
        ) as recency
    from epochs
    inner join members
        on
            epochs.panel = members.panel
            and (not members.is_late or members.known_at <= epochs.epoch_at)
),

wide as (
    select
        panel,
        epoch_at,
        next_epoch_at,
        day,
        max(case when role = 'eur_usd' then value end) as eur_usd,
        {%- for currency in crosses %}
        max(case when role = 'eur_{{ currency }}' then value end) as eur_{{ currency }},
        {%- endfor %}
        {%- for role in others %}
        max(case when role = '{{ role }}' then value end) as {{ role }},
        {%- endfor %}
        count(value) as n_present,
        max(case when value is null then known_at end) as taken_back_at,
        max(known_at) as last_known_at,
        {{ mask_or('flag_mask') }} as flag_mask,
        case when count(distinct origin) = 1 then min(origin) else 'mixed' end as origin,
        bit_xor(row_digest) as day_digest
    from as_of_epoch
    where recency = 1
    group by panel, epoch_at, next_epoch_at, day
),

counted as (
    select
        wide.*,
        sizes.n_assets,
        wide.n_present = sizes.n_assets as is_whole,
        coalesce(sum(case when wide.n_present = sizes.n_assets then 1 else 0 end) over (
            partition by wide.panel, wide.epoch_at
            order by wide.day
            rows between unbounded preceding and 1 preceding
        ), 0) as place
    from wide
    inner join sizes
        on wide.panel = sizes.panel
),

spaced as (
    select
        *,
        max(taken_back_at) over (partition by panel, epoch_at, place) as known_before
    from counted
)

select
    panel,
    epoch_at,
    next_epoch_at,
    day,
    eur_usd as eur,
    {%- for currency in crosses %}
    eur_usd / eur_{{ currency }} as {{ currency }},
    {%- endfor %}
    {%- for role in others %}
    {{ role }},
    {%- endfor %}
    cast(n_assets as int) as n_assets,
    is_whole,
    case
        when not is_whole then taken_back_at
        when known_before > last_known_at then known_before
        else last_known_at
    end as known_at,
    flag_mask,
    origin,
    day_digest
from spaced
where is_whole or taken_back_at is not null

-- Nine G10 currencies against the dollar from the ECB's euro rates, one row a day, as plain windows need them.
-- The ECB's rates are write-once. A correction, or a day that arrived after a later one, opens a new epoch: from its instant
-- on, windows that touch it are computed again, and only what changed is emitted (design rules 1 and 2).
{%- set currencies = ['JPY', 'GBP', 'CHF', 'CAD', 'AUD', 'NZD', 'SEK', 'NOK'] %}
{%- set series = [] %}
{%- for currency in ['USD'] + currencies %}{% do series.append('ecb.EXR.D.' ~ currency ~ '.EUR.SP00.A') %}{% endfor %}
with rates as (
    select
        period_start as day,
        replace(replace(series_id, 'ecb.EXR.D.', ''), '.EUR.SP00.A', '') as currency,
        value,
        known_at,
        vintage_number,
        {{ travelling('flag_mask') }} as flag_mask,
        origin,
        {{ digest(['series_id', 'period_start', 'known_at', 'value']) }} as row_digest
    from {{ ref('int_observation__flagged') }}
    where series_id in ('{{ series | join("', '") }}')
),

judged as (
    select
        *,
        {{ is_late('vintage_number > 1', 'currency') }} as is_late
    from rates
),

epochs as (
    select
        epoch_at,
        lead(epoch_at) over (order by epoch_at) as next_epoch_at
    from (
        select cast('1900-01-01' as timestamp) as epoch_at
        union
        select known_at as epoch_at
        from judged
        where is_late
    ) as instants
),

as_of_epoch as (
    select
        epochs.epoch_at,
        epochs.next_epoch_at,
        judged.day,
        judged.currency,
        judged.value,
        judged.known_at,
        judged.vintage_number,
        judged.flag_mask,
        judged.origin,
        judged.row_digest,
        row_number() over (
            partition by epochs.epoch_at, judged.day, judged.currency
            order by judged.known_at desc
        ) as recency
    from epochs
    inner join judged
        on not judged.is_late or judged.known_at <= epochs.epoch_at
),

wide as (
    select
        epoch_at,
        next_epoch_at,
        day,
        max(case when currency = 'USD' then value end) as eur,
        {%- for currency in currencies %}
        max(case when currency = 'USD' then value end)
        / max(case when currency = '{{ currency }}' then value end) as {{ currency | lower }},
        {%- endfor %}
        count(value) as n_present,
        max(known_at) as last_known_at,
        max(case when value is null and vintage_number > 1 then known_at end) as taken_back_at,
        {{ mask_or('flag_mask') }} as flag_mask,
        case when count(distinct origin) = 1 then min(origin) else 'mixed' end as origin,
        bit_xor(row_digest) as day_digest
    from as_of_epoch
    where recency = 1
    group by epoch_at, next_epoch_at, day
),

-- a day that was taken back is news to the windows that close over it: to the whole day after it
placed as (
    select
        *,
        n_present = {{ currencies | length + 1 }} as is_whole,
        coalesce(sum(case when n_present = {{ currencies | length + 1 }} then 1 else 0 end) over (
            partition by epoch_at
            order by day
            rows between unbounded preceding and 1 preceding
        ), 0) as place
    from wide
),

spaced as (
    select
        *,
        max(taken_back_at) over (partition by epoch_at, place) as known_before
    from placed
)

select
    epoch_at,
    next_epoch_at,
    day,
    eur,
    {%- for currency in currencies %}
    {{ currency | lower }},
    {%- endfor %}
    case when known_before > last_known_at then known_before else last_known_at end as known_at,
    flag_mask,
    origin,
    day_digest
from spaced
where is_whole

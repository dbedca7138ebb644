-- Acceleration of consumer prices (signals M3): the 3-month rate less the 12-month rate of one month, at each instant at which
-- either changed, as both were then known.
with rates as (
    select
        aggregate,
        horizon_months,
        period_start,
        period_end,
        value,
        obs_status,
        known_at,
        lead(known_at) over (partition by signal_id, period_start order by known_at) as next_known_at,
        flag_mask,
        n_inputs,
        n_missing,
        inputs_hash,
        origin
    from {{ ref('int_signal__inflation') }}
    where horizon_months in (3, 12)
),

instants as (
    select distinct
        aggregate,
        period_start,
        known_at
    from rates
)

select
    'inflation.cpi_' || instants.aggregate || '_acceleration' as signal_id,
    instants.period_start,
    short.period_end,
    short.value - long.value as value,
    instants.known_at,
    case
        when short.value is not null and long.value is not null then 'A'
        when short.value is null then short.obs_status
        else long.obs_status
    end as obs_status,
    cast(short.flag_mask | long.flag_mask as bigint) as flag_mask,
    cast(short.n_inputs + long.n_inputs as int) as n_inputs,
    cast(short.n_missing + long.n_missing as int) as n_missing,
    {{ digest_text(digest(['short.inputs_hash', 'long.inputs_hash'])) }} as inputs_hash,
    case when short.origin = long.origin then short.origin else 'mixed' end as origin
from instants
inner join rates as short
    on
        instants.aggregate = short.aggregate
        and instants.period_start = short.period_start
        and short.horizon_months = 3
        and instants.known_at >= short.known_at
        and (short.next_known_at is null or short.next_known_at > instants.known_at)
inner join rates as long
    on
        instants.aggregate = long.aggregate
        and instants.period_start = long.period_start
        and long.horizon_months = 12
        and instants.known_at >= long.known_at
        and (long.next_known_at is null or long.next_known_at > instants.known_at)

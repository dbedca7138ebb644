{{ config(materialized='incremental', incremental_strategy='append') }}
-- What each filing says of each line, one row for each state of it. The first reading of a filing counts from when the
-- filing became known. A later reading, of a rewritten data set or by a newer parser, counts from when it was read, and only
-- where it differs: a line that it lacks ends, a line that it has anew begins. Each row knows what its reading says of the
-- whole filing at that date.
with landed as (
    select
        *,
        greatest(coalesce(parsed_at, fetched_at), fetched_at) as read_at
    from (
        {{ union_rooms('holding') }}
    ) as rooms
),

-- of readings, rank and first instant of the filing
read as (
    select
        fund,
        accession,
        payload_sha256,
        read_at,
        row_number() over filing as reading,
        min(min(known_at)) over (partition by fund, accession) as filed_at
    from landed
    group by fund, accession, payload_sha256, read_at
    window filing as (partition by fund, accession order by read_at, payload_sha256)
),

dated as (
    select
        *,
        case when reading = 1 then filed_at else greatest(filed_at, read_at) end as reading_at
    from read
),

readings as (
    select
        *,
        lead(reading_at) over (partition by fund, accession order by reading) as next_reading_at,
        count(*) over (partition by fund, accession) as n_readings
    from dated
    where {{ known_by('reading_at') }}
),

lines as (
    select
        landed.*,
        readings.reading,
        readings.reading_at,
        readings.next_reading_at,
        readings.n_readings,
        case when readings.n_readings > 1 then {{ digest([
            'landed.raw_identifier', 'landed.line_kind', 'landed.report_period', 'landed.principal', 'landed.principal_currency',
            'landed.shares', 'landed.cost', 'landed.fair_value', 'landed.currency', 'landed.value_grid', 'landed.exchange_rate',
            'landed.spread_bp', 'landed.rate_pct', 'landed.pik_rate_pct', 'landed.is_paid_in_kind', 'landed.maturity',
            'landed.accrual_status', 'landed.fair_value_level',
        ]) }} end as row_digest
    from landed
    inner join readings
        on
            landed.fund = readings.fund
            and landed.accession = readings.accession
            and landed.payload_sha256 = readings.payload_sha256
            and landed.read_at = readings.read_at
),

-- what a reading says of the whole filing at one date; marks in the middle tell the scale
told as (
    select
        fund,
        accession,
        reading,
        period_end,
        {{ quantile("case when line_kind = 'position' and principal > 0 and fair_value > 0 and principal_currency = currency"
            ~ " then fair_value / principal end", 0.5) }} as median_mark,
        {{ quantile("case when line_kind = 'position' and principal > 0 and fair_value > 0 then fair_value end", 0.5) }}
            as median_value,
        count(case when line_kind = 'position' and principal > 0 and fair_value > 0 then 1 end) as n_priced,
        sum(case when line_kind = 'position' then {{ exact('fair_value') }} end) as sum_of_positions,
        max(case when line_kind = 'total' then fair_value end) as fund_total,
        max(case when line_kind = 'level_3' then fair_value end) as fund_level_3,
        max(case when accrual_status is not null then 1 else 0 end) as tells_accrual
    from lines
    group by fund, accession, reading, period_end
),

compared as (
    select
        *,
        n_readings > 1
        and coalesce(lag(reading) over states = reading - 1 and lag(row_digest) over states = row_digest, false) as is_repeat
    from lines
    window states as (partition by fund, accession, holding_id, period_end order by reading)
),

numbered as (
    select
        *,
        sum(case when is_repeat then 0 else 1 end) over (
            partition by fund, accession, holding_id, period_end
            order by reading
            rows between unbounded preceding and current row
        ) as state_number
    from compared
),

ended as (
    select
        *,
        -- the reading after the last one that says the same; none: the state stands
        case
            when n_readings = 1 then next_reading_at
            when
                count(*) over island = count(next_reading_at) over island
                then max(next_reading_at) over island
        end as ended_at
    from numbered
    window island as (partition by fund, accession, holding_id, period_end, state_number)
)

select
    ended.holding_id || case when ended.state_number > 1 then '#' || cast(ended.state_number as string) else '' end as line_id,
    ended.holding_id,
    ended.line_kind,
    ended.filer,
    ended.fund,
    ended.manager,
    ended.form,
    ended.report_period,
    ended.period_end,
    ended.raw_identifier,
    ended.asset_category,
    ended.issuer_lei,
    ended.principal,
    ended.principal_currency,
    ended.shares,
    ended.cost,
    ended.fair_value,
    ended.currency,
    ended.value_grid,
    ended.exchange_rate,
    ended.spread_bp,
    ended.rate_pct,
    ended.maturity,
    ended.pik_rate_pct,
    ended.is_paid_in_kind,
    ended.accrual_status,
    ended.fair_value_level,
    ended.accession,
    ended.payload_sha256,
    ended.flag_mask,
    ended.origin,
    ended.reading_at as known_at,
    ended.ended_at,
    told.median_mark,
    told.median_value,
    told.n_priced,
    cast(told.sum_of_positions as double) as sum_of_positions,
    told.fund_total,
    told.fund_level_3,
    told.tells_accrual = 1 as tells_accrual
from ended
inner join told
    on
        ended.fund = told.fund
        and ended.accession = told.accession
        and ended.reading = told.reading
        and ended.period_end = told.period_end
where not ended.is_repeat and {{ only_whole_builds() }}

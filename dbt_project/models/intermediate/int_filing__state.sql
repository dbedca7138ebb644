{{ config(materialized='incremental', incremental_strategy='append') }}
-- Every filing, with the positions that it told or why it told none, and every filing that was waited for: a fund that told
-- of a quarter is waited for in the next, and a registered company of which nothing is known is waited for at the last
-- quarter end of which all had to have told when the register was read.
{%- set quarter_before = "cast(date_trunc('quarter', " ~ add_days('cast(known_at as date)', -90) ~ ") as date)" %}
with tellings as (
    select *
    from (
        {{ union_rooms('filing') }}
    ) as rooms
    where {{ known_by('known_at') }}
),

-- a table of filings may come before the data set: what any of them shows of positions holds for the filing
filings as (
    select
        *,
        max(positions) over (partition by filer, filing_id, known_at) as shown,
        row_number() over (partition by filer, filing_id order by known_at, fetched_at, payload_sha256) as telling
    from tellings
    where kind = 'filing'
),

told as (
    select
        *,
        row_number() over (partition by fund, period_end order by known_at, accession) as place
    from {{ ref('int_holding__filing') }}
),

listed as (
    select distinct
        filer,
        accession
    from told
),

silent as (
    select filings.*
    from filings
    left join listed
        on filings.filer = listed.filer and filings.filing_id = listed.accession
    where listed.accession is null and filings.telling = 1
),

next_quarter as (
    select
        fund,
        {{ month_end('period_end', 3) }} as period_end,
        filer,
        filer_name,
        manager,
        known_at,
        flag_mask,
        origin
    from told
    where place = 1 and period_end = {{ month_end('period_end') }} and extract(month from period_end) % 3 = 0
),

-- annual reports come within ninety days
registered as (
    select *
    from (
        select
            filer,
            filer_name,
            known_at,
            flag_mask,
            origin,
            {{ month_end(quarter_before, -1) }} as period_end,
            row_number() over (
                partition by filer, {{ quarter_before }}
                order by known_at, payload_sha256, filing_id
            ) as place
        from tellings
        where kind = 'register'
    ) as editions
    where place = 1
),

first_told as (
    select *
    from told
    where place = 1
),

first_of_filer as (
    select
        filer,
        period_end,
        min(known_at) as known_at
    from first_told
    group by filer, period_end
),

waited as (
    select
        next_quarter.fund,
        next_quarter.filer,
        next_quarter.filer_name,
        next_quarter.manager,
        next_quarter.period_end,
        next_quarter.known_at,
        next_quarter.flag_mask,
        next_quarter.origin,
        'told_the_quarter_before' as reason
    from next_quarter
    left join first_told
        on next_quarter.fund = first_told.fund and next_quarter.period_end = first_told.period_end
    where first_told.known_at is null or first_told.known_at > next_quarter.known_at
    union all
    select
        registered.filer as fund,
        registered.filer,
        registered.filer_name,
        cast(null as string) as manager,
        registered.period_end,
        registered.known_at,
        registered.flag_mask,
        registered.origin,
        'registered' as reason
    from registered
    left join first_of_filer as filed
        on registered.filer = filed.filer and registered.period_end = filed.period_end
    left join next_quarter
        on
            registered.filer = next_quarter.filer
            and registered.period_end = next_quarter.period_end
            and next_quarter.known_at <= registered.known_at
    where (filed.known_at is null or filed.known_at > registered.known_at) and next_quarter.fund is null
),

states as (
    select
        accession as filing_key,
        filer,
        fund,
        filer_name,
        manager,
        accession,
        form,
        period_end,
        document_url,
        'filed' as status,
        case when is_amendment then 'amendment' end as reason,
        cast(n_positions as int) as n_positions,
        flag_mask,
        origin,
        known_at
    from told
    union all
    select
        accession as filing_key,
        filer,
        fund,
        filer_name,
        manager,
        accession,
        form,
        period_end,
        document_url,
        'replaced' as status,
        'by_a_later_filing' as reason,
        cast(n_positions as int) as n_positions,
        flag_mask,
        origin,
        replaced_at as known_at
    from told
    where replaced_at is not null
    union all
    select
        filing_id as filing_key,
        filer,
        filer as fund,
        filer_name,
        cast(null as string) as manager,
        filing_id as accession,
        form,
        report_period as period_end,
        document_url,
        'without_positions' as status,
        case shown
            when 'event' then 'reports_an_event'
            when 'presented' then 'presented_and_not_tagged'
            when 'left_out' then 'holds_none_of_the_kinds_read'
            when 'none' then 'presents_no_investments'
            when 'tagged' then 'only_of_other_dates'
            else 'data_set_not_read'
        end as reason,
        0 as n_positions,
        flag_mask,
        origin,
        known_at
    from silent
    union all
    select
        concat(
            'expected:', fund, ':', cast(period_end as string), case when reason = 'registered' then ':registered' else '' end
        ) as filing_key,
        filer,
        fund,
        filer_name,
        manager,
        cast(null as string) as accession,
        cast(null as string) as form,
        period_end,
        cast(null as string) as document_url,
        'expected' as status,
        reason,
        cast(null as int) as n_positions,
        flag_mask,
        origin,
        known_at
    from waited
)

select *
from states
where {{ known_by('known_at') }} and {{ only_whole_builds() }}

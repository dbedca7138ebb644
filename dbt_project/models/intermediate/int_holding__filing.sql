{{ config(materialized='incremental', incremental_strategy='append') }}
-- Which filing of a fund stands for a date, from when until when, and under which manager the fund is counted. A later
-- filing of the same period replaces it as a whole if it tells at least half as many positions, and otherwise only the lines
-- that it tells anew. Filings of later periods restate the date as a comparative and replace nothing.
with filings as (
    select
        filing_id,
        filer,
        filer_name,
        document_url,
        row_number() over (
            partition by filer, filing_id
            order by known_at, fetched_at, payload_sha256
        ) as telling
    from (
        {{ union_rooms('filing') }}
    ) as rooms
    where kind = 'filing' and {{ known_by('known_at') }}
),

-- as it was first read: what a later reading says of the lines says nothing of what the filing replaced
first_reading as (
    select *
    from (
        select
            *,
            min(known_at) over (partition by fund, accession) as filed_at
        from {{ ref('int_holding__line') }}
        where period_end = report_period
    ) as lines
    where known_at = filed_at
),

own as (
    select
        filer,
        fund,
        accession,
        form,
        period_end,
        min(known_at) as known_at,
        count(distinct case when line_kind = 'position' then holding_id end) as n_positions,
        max(fund_total) as fund_total,
        max(fund_level_3) as fund_level_3,
        {{ mask_or('flag_mask') }} as flag_mask,
        min(origin) as origin
    from first_reading
    group by filer, fund, accession, form, period_end
),

listed as (
    select *
    from own
    where n_positions > 0
),

replaced as (
    select
        earlier.fund,
        earlier.accession,
        earlier.period_end,
        min(case when later.n_positions * 2 >= earlier.n_positions then later.known_at end) as replaced_at
    from listed as earlier
    inner join listed as later
        on
            earlier.fund = later.fund
            and earlier.period_end = later.period_end
            and (
                later.known_at > earlier.known_at
                or (later.known_at = earlier.known_at and later.accession > earlier.accession)
            )
    group by earlier.fund, earlier.accession, earlier.period_end
),

brands as (
    select
        {{ brand('names.filer_name') }} as brand,
        min(names.manager) as manager
    from {{ ref('seed_private_credit_manager') }} as names
    group by {{ brand('names.filer_name') }}
    having count(distinct names.manager) = 1
)

select
    listed.filer,
    listed.fund,
    filings.filer_name,
    coalesce(named.manager, brands.manager, nullif({{ brand('filings.filer_name') }}, ''), listed.filer) as manager,
    case
        when named.manager is not null then 'table'
        when filings.filer_name is not null then 'name'
        else 'filer'
    end as manager_basis,
    listed.accession,
    listed.form,
    listed.period_end,
    filings.document_url,
    listed.known_at,
    replaced.replaced_at,
    row_number() over (
        partition by listed.fund, listed.period_end
        order by listed.known_at, listed.accession
    ) > 1 as is_amendment,
    listed.n_positions,
    listed.fund_total,
    listed.fund_level_3,
    listed.flag_mask,
    listed.origin
from listed
left join replaced
    on listed.fund = replaced.fund and listed.accession = replaced.accession and listed.period_end = replaced.period_end
left join filings
    on listed.accession = filings.filing_id and listed.filer = filings.filer and filings.telling = 1
left join {{ ref('seed_private_credit_manager') }} as named
    on listed.filer = named.filer
left join brands
    on {{ brand('filings.filer_name') }} = brands.brand
where {{ only_whole_builds() }}

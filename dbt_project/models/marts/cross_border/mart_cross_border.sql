-- The lines of the TIC table as they became known: one row for each line, month and instant at which the month or the
-- twelve-month sum that ends with it changed. The sum's share of GDP is that of the newest quarter that had ended with the
-- month and was known at that instant, as it was known then; later GDP emits no row.
with states as (
    select *
    from {{ ref('int_cross__line') }}
),

instants as (
    select distinct
        line,
        period_end,
        known_at
    from states
),

panel as (
    select
        instants.line,
        instants.period_end,
        instants.known_at,
        months.value,
        months.first_print,
        months.flag_mask as month_mask,
        months.broken as month_broken,
        months.origin as month_origin,
        sums.value as sum_12m,
        sums.first_print as sum_12m_first_print,
        sums.source as sum_12m_source,
        sums.period_start as sum_12m_start,
        sums.flag_mask as sum_mask,
        sums.broken as sum_broken,
        sums.origin as sum_origin,
        coalesce(months.era, sums.era) as era
    from instants
    left join states as months
        on
            months.measure = 'month'
            and instants.line = months.line
            and instants.period_end = months.period_end
            and instants.known_at >= months.known_at
            and (months.next_known_at is null or months.next_known_at > instants.known_at)
    left join states as sums
        on
            sums.measure = '12m'
            and instants.line = sums.line
            and instants.period_end = sums.period_end
            and instants.known_at >= sums.known_at
            and (sums.next_known_at is null or sums.next_known_at > instants.known_at)
)

select
    panel.line,
    lines.title,
    lines.holder,
    lines.security,
    cast(date_trunc('month', panel.period_end) as date) as period_start,
    panel.period_end,
    panel.era,
    panel.value,
    panel.first_print,
    round(panel.value - panel.first_print, 6) as revision_from_first,
    revisions.typical_revision,
    coalesce(revisions.n_months, 0) as n_months_of_revision,
    panel.sum_12m,
    panel.sum_12m_first_print,
    panel.sum_12m_start,
    case panel.sum_12m_source when 'press_release' then 'published' when 'history' then 'one vintage' end as sum_12m_basis,
    quarters.gdp,
    quarters.gdp_period_end,
    100 * panel.sum_12m / quarters.gdp as sum_12m_pct_gdp,
    case
        when panel.sum_12m is null then 'no twelve-month sum was published for this month'
        when quarters.gdp is null then 'no nominal GDP of the twelve months was known'
    end as no_share_because,
    coalesce(nullif(concat_ws('; ', nullif(panel.month_broken, ''), nullif(panel.sum_broken, '')), ''), 'none')
        as broken_identities,
    {{ mask_to_flags(
        "(coalesce(panel.month_mask, 0) | coalesce(panel.sum_mask, 0) | coalesce(quarters.flag_mask, 0)"
        ~ " | case when panel.value <> panel.first_print or panel.sum_12m <> panel.sum_12m_first_print then "
        ~ flag('REVISED') ~ " else 0 end"
        ~ " | case when coalesce(panel.month_origin, panel.sum_origin) = 'synthetic' then " ~ flag('SYNTHETIC') ~ " else 0 end)"
    ) }} as flags,
    case
        when coalesce(panel.sum_origin, panel.month_origin) = coalesce(panel.month_origin, panel.sum_origin)
            then coalesce(panel.month_origin, panel.sum_origin)
        else 'mixed'
    end as origin,
    panel.known_at
from panel
inner join {{ ref('seed_tic_line') }} as lines
    on panel.line = lines.line
left join {{ ref('int_cross__gdp_then') }} as quarters
    on
        panel.sum_12m is not null
        and panel.period_end = quarters.period_end
        and panel.known_at = quarters.known_at
-- strictly before: this row's own release is no evidence of how reliable it is
left join {{ ref('int_cross__revision') }} as revisions
    on
        panel.line = revisions.line
        and panel.era = revisions.era
        and panel.known_at > revisions.known_at
        and (revisions.next_known_at is null or revisions.next_known_at >= panel.known_at)

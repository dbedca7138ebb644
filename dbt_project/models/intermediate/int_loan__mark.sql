{{ config(materialized='incremental', incremental_strategy='append') }}
-- What each manager marks each loan at, as that became known: lots and funds of one manager are one opinion, weighted by
-- par. One row for each loan, date, manager and instant at which that changed; a loan that the manager's lines left has a
-- row without a mark.
with members as (
    select
        membership.loan_id,
        membership.known_at as joined_at,
        membership.until as left_at,
        membership.tier,
        membership.borrower,
        membership.family,
        membership.lien,
        lines.line_id,
        lines.fund,
        lines.manager,
        lines.period_end,
        lines.currency,
        lines.grade,
        lines.is_in_kind,
        lines.accrual_status,
        lines.tells_accrual,
        lines.reason_mask,
        lines.note_mask,
        lines.flag_mask,
        lines.origin,
        case when lines.grade = 'par' then lines.par * lines.unit end as par,
        case when lines.grade = 'par' then lines.cost * lines.unit end as cost_at_par,
        case when lines.grade = 'par' then lines.fair_value * lines.unit end as value_at_par,
        case when lines.grade = 'par' then lines.value_grid * lines.unit end as grid,
        lines.cost * lines.unit as cost,
        lines.fair_value * lines.unit as fair_value
    from {{ ref('int_loan__membership') }} as membership
    inner join {{ ref('int_holding__cleaned') }} as lines
        on membership.line_id = lines.line_id
    where membership.loan_id is not null
),

instants as (
    select loan_id, period_end, manager, joined_at as known_at
    from members
    union
    select loan_id, period_end, manager, left_at as known_at
    from members
    where left_at is not null
),

summed as (
    select
        instants.loan_id,
        instants.period_end,
        instants.manager,
        instants.known_at,
        min(members.tier) as tier,
        count(distinct members.tier) as n_tiers,
        min(members.borrower) as borrower,
        min(members.family) as family,
        min(members.lien) as lien,
        min(members.currency) as currency,
        count(members.line_id) as n_lines,
        count(distinct members.fund) as n_funds,
        count(members.par) as n_at_par,
        cast(sum({{ exact('members.par') }}) as double) as par,
        cast(sum({{ exact('members.cost_at_par') }}) as double) as cost_at_par,
        cast(sum({{ exact('members.value_at_par') }}) as double) as value_at_par,
        cast(sum({{ exact('members.grid') }}) as double) as grid,
        cast(sum({{ exact('members.cost') }}) as double) as cost,
        cast(sum({{ exact('members.fair_value') }}) as double) as fair_value,
        max(case when members.is_in_kind then 1 else 0 end) as is_in_kind,
        max(case when members.accrual_status = 'non_accrual' then 1 else 0 end) as is_non_accrual,
        max(case when members.tells_accrual then 1 else 0 end) as tells_accrual,
        coalesce({{ mask_or('members.reason_mask') }}, 0) as reason_mask,
        coalesce({{ mask_or('members.note_mask') }}, 0) as note_mask,
        coalesce({{ mask_or('members.flag_mask') }}, 0) as flag_mask,
        coalesce(case when count(distinct members.origin) = 1 then min(members.origin) else 'mixed' end, 'mixed') as origin,
        coalesce(bit_xor({{ digest(['members.line_id', 'members.tier']) }}), 0) as lines_digest
    from instants
    left join members
        on
            instants.loan_id = members.loan_id
            and instants.period_end = members.period_end
            and instants.manager = members.manager
            and instants.known_at >= members.joined_at
            and instants.known_at < coalesce(members.left_at, cast('9999-12-31' as timestamp))
    group by instants.loan_id, instants.period_end, instants.manager, instants.known_at
),

changed as (
    select *
    from (
        select
            *,
            lag(lines_digest) over (
                partition by loan_id, period_end, manager
                order by known_at
            ) as previous_digest
        from summed
    ) as states
    where previous_digest is null or previous_digest <> lines_digest
),

marked as (
    select
        *,
        case when n_at_par > 0 then value_at_par / par end as mark_par,
        case when n_at_par > 0 then greatest(value_at_par - grid / 2, 0) / (par + grid / 2) end as mark_low,
        case when n_at_par > 0 and par > grid / 2 then (value_at_par + grid / 2) / (par - grid / 2) end as mark_high,
        case when cost > 0 then fair_value / cost end as mark_cost,
        case when n_at_par > 0 then cost_at_par / par end as cost_to_par
    from changed
),

judged as (
    select
        *,
        reason_mask * case when n_at_par > 0 then 0 else 1 end
        | {{ bit_if(reason('on_cost'), 'n_lines > 0 and n_at_par = 0') }}
        | {{ bit_if(reason('rounding_interval'), 'n_at_par > 0 and not coalesce(mark_high - mark_low <= 0.01, false)') }}
        | {{ bit_if(reason('below_size_floor'), 'n_at_par > 0 and par < 1000000') }} as set_aside_mask,
        {{ first_known("mark_par") }} over (
            partition by loan_id, period_end, manager
            order by known_at
            rows between unbounded preceding and current row
        ) as first_mark
    from marked
),

-- earlier dates of the same loan and manager, as they were known then
earlier as (
    select
        loan_id,
        period_end,
        manager,
        known_at,
        max(case when place_of_first = 1 then earlier_mark end) as entry_mark,
        max(case when place_of_first = 1 then earlier_end end) as entry_period_end,
        max(case when is_last and months_before = 3 then earlier_mark end) as mark_3m,
        max(case when is_last and months_before = 6 then earlier_mark end) as mark_6m
    from (
        select
            own.loan_id,
            own.period_end,
            own.manager,
            own.known_at,
            past.period_end as earlier_end,
            past.mark_par as earlier_mark,
            {{ months_between('past.period_end', 'own.period_end') }} as months_before,
            row_number() over (
                partition by own.loan_id, own.period_end, own.manager, own.known_at
                order by past.period_end asc, past.known_at desc
            ) as place_of_first,
            row_number() over (
                partition by own.loan_id, own.period_end, own.manager, own.known_at, past.period_end
                order by past.known_at desc
            ) = 1 as is_last
        from judged as own
        inner join judged as past
            on
                own.loan_id = past.loan_id
                and own.manager = past.manager
                and own.period_end > past.period_end
                and own.known_at >= past.known_at
        where past.mark_par is not null
    ) as pairs
    group by loan_id, period_end, manager, known_at
)

select
    judged.loan_id,
    judged.period_end,
    judged.manager,
    judged.known_at,
    lead(judged.known_at) over (
        partition by judged.loan_id, judged.period_end, judged.manager
        order by judged.known_at
    ) as next_known_at,
    judged.borrower,
    judged.family,
    judged.lien,
    judged.currency,
    case when judged.n_tiers > 1 then 'medium' else judged.tier end as tier,
    cast(judged.n_lines as int) as n_lines,
    cast(judged.n_funds as int) as n_funds,
    judged.par,
    judged.fair_value,
    judged.mark_par,
    judged.mark_low,
    judged.mark_high,
    judged.mark_cost,
    judged.cost_to_par,
    case when judged.mark_par is not null then coalesce(earlier.entry_mark, judged.mark_par) end as entry_mark,
    case when judged.mark_par is not null then coalesce(earlier.entry_period_end, judged.period_end) end as entry_period_end,
    judged.is_in_kind = 1 as is_in_kind,
    case when judged.is_non_accrual = 1 then 'non_accrual' when judged.tells_accrual = 1 then 'accruing' end as accrual_status,
    judged.set_aside_mask = 0 and judged.n_at_par > 0 as is_comparable,
    cast(judged.set_aside_mask as bigint) as set_aside_mask,
    cast(
        judged.note_mask
        | {{ bit_if(
            note('stale_in_kind'),
            'judged.is_in_kind = 1 and abs(judged.mark_par - earlier.mark_3m) < 0.00005'
            ~ ' and abs(judged.mark_par - earlier.mark_6m) < 0.00005'
        ) }} as bigint
    ) as note_mask,
    cast(
        {{ travelling('judged.flag_mask') }}
        | {{ bit_if(
            flag('SUSPECT'),
            '(judged.note_mask & ' ~ (note('filing_median') | int + note('contradicted') | int) ~ ') <> 0'
        ) }}
        | {{ bit_if(flag('INTERVAL_CENSORED'), '(judged.set_aside_mask & ' ~ reason('rounding_interval') ~ ') <> 0') }}
        | {{ bit_if(flag('PROXY'), 'judged.n_lines > 0 and judged.n_at_par = 0') }}
        -- not by the last digit of a quotient: one more lot at the very same price revises nothing
        | {{ bit_if(flag('REVISED'), 'abs(judged.mark_par - judged.first_mark) > 1e-9') }}
        | {{ bit_if(flag('SYNTHETIC'), "judged.origin = 'synthetic'") }} as bigint
    ) as flag_mask,
    judged.lines_digest,
    judged.origin
from judged
left join earlier
    on
        judged.loan_id = earlier.loan_id
        and judged.period_end = earlier.period_end
        and judged.manager = earlier.manager
        and judged.known_at = earlier.known_at
where {{ only_whole_builds() }}

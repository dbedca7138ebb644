-- Fiscal signals in the common shape (signals T1 and T2), at each instant at which an input changed.
with deficit as (
    select
        *,
        flag_mask | case when is_shifted then {{ flag('CALENDAR_SHIFT') }} else 0 end as shift_mask
    from {{ ref('int_fiscal__deficit') }}
),

long as (
    select
        'fiscal.deficit_fytd' as signal_id,
        month as period_start,
        period_end,
        deficit as value,
        known_at,
        own_mask as flag_mask,
        1 as n_inputs,
        case when deficit is null then 1 else 0 end as n_missing,
        own_digest as inputs_digest,
        origin
    from deficit
    union all
    select
        'fiscal.deficit_fytd_yoy' as signal_id,
        month as period_start,
        period_end,
        change as value,
        known_at,
        shift_mask as flag_mask,
        2 as n_inputs,
        n_missing,
        inputs_digest,
        origin
    from deficit
    union all
    select
        'fiscal.deficit_fytd_yoy_adjusted' as signal_id,
        month as period_start,
        period_end,
        case when not is_shifted then change end as value,
        known_at,
        shift_mask as flag_mask,
        2 as n_inputs,
        n_missing,
        inputs_digest,
        origin
    from deficit
    union all
    select
        'fiscal.bill_share_of_issuance' as signal_id,
        month as period_start,
        last_day(month) as period_end,
        case when has_bills = 1 and has_coupons = 1 then bills / issued end as value,
        known_at,
        flag_mask
        | case when has_bills = 1 and has_coupons = 1 then 0 else {{ flag('COMPONENT_MISSING') }} end as flag_mask,
        n_auctions as n_inputs,
        2 - has_bills - has_coupons as n_missing,
        inputs_digest,
        origin
    from {{ ref('int_fiscal__issuance') }}
    union all
    select
        'fiscal.buybacks_21d' as signal_id,
        day as period_start,
        day as period_end,
        accepted as value,
        known_at,
        flag_mask,
        n_operations as n_inputs,
        0 as n_missing,
        inputs_digest,
        origin
    from {{ ref('int_fiscal__buyback') }}
)

select
    signal_id,
    period_start,
    period_end,
    value,
    known_at,
    case when value is null then 'O' else 'A' end as obs_status,
    cast(flag_mask as bigint) as flag_mask,
    cast(n_inputs as int) as n_inputs,
    cast(n_missing as int) as n_missing,
    {{ digest_text('inputs_digest') }} as inputs_hash,
    origin
from long

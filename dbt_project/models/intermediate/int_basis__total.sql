-- Positions in all Treasury futures together, in USD billions of face value, at each instant at which a report changed. A
-- total of which a contract is missing is null.
with totals as (
    select
        report_date,
        known_at,
        cast(count(*) as int) as n_contracts,
        cast(sum(case when n_values < 4 then 1 else 0 end) as int) as n_missing,
        sum({{ exact('leveraged_long * face_usd / 1000000000') }}) as gross_long,
        sum({{ exact('leveraged_short * face_usd / 1000000000') }}) as gross_short,
        sum({{ exact('(asset_manager_long - asset_manager_short) * face_usd / 1000000000') }}) as asset_manager_net,
        sum({{ exact('ten_year_equivalents') }}) as ten_year_equivalents,
        {{ mask_or('flag_mask') }} as flag_mask,
        bit_xor(inputs_digest) as inputs_digest,
        case when count(distinct origin) = 1 then min(origin) else 'mixed' end as origin
    from {{ ref('int_basis__contract') }}
    group by report_date, known_at
)

select
    report_date,
    known_at,
    lead(known_at) over (partition by report_date order by known_at) as next_known_at,
    n_contracts,
    n_missing,
    case when n_missing = 0 then cast(gross_long as double) end as gross_long,
    case when n_missing = 0 then cast(gross_short as double) end as gross_short,
    case when n_missing = 0 then cast(gross_long - gross_short as double) end as net,
    case when n_missing = 0 then cast(asset_manager_net as double) end as asset_manager_net,
    case when n_missing = 0 then cast(ten_year_equivalents as double) end as ten_year_equivalents,
    cast(
        flag_mask
        | {{ flag('PROXY') }}
        | case when n_missing > 0 then {{ flag('COMPONENT_MISSING') }} else 0 end
        as bigint
    ) as flag_mask,
    inputs_digest,
    origin
from totals

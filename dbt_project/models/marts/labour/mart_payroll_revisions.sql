-- Every estimate of the monthly change in total nonfarm payrolls, beside the estimates before it.
select
    period_start,
    period_end,
    release_period,
    known_at,
    case print_number
        when 1 then 'first'
        when 2 then 'second'
        when 3 then 'third'
        else 'later'
    end as print,
    is_benchmark,
    is_stated,
    value,
    previous_value,
    previous_known_at,
    revision,
    stated_before,
    first_print,
    first_known_at,
    second_print,
    second_known_at,
    third_print,
    third_known_at,
    benchmark_print,
    benchmark_known_at,
    revision_sum,
    obs_status,
    {{ mask_to_flags('flag_mask') }} as flags,
    origin
from {{ ref('int_payroll__revision') }}

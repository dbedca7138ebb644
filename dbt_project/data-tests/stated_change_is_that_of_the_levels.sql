{{ config(meta={"dagster": {"ref": {"name": "int_observation__flagged"}}}) }}
-- What a release states as the change of its own month is the difference of the two levels that it prints.
with levels as (
    select
        period_start,
        value,
        known_at,
        next_known_at,
        known_at_basis
    from {{ ref('int_observation__flagged') }}
    where series_id = 'bls.CES0000000001'
)

select
    prints.period_start,
    prints.known_at,
    prints.value,
    later.value - earlier.value as of_levels
from {{ ref('int_payroll__print') }} as prints
inner join levels as later
    on
        prints.period_start = later.period_start
        and prints.known_at = later.known_at
        and later.known_at_basis = 'provider'
inner join levels as earlier
    on
        {{ add_months('prints.period_start', '-1') }} = earlier.period_start
        and prints.known_at >= earlier.known_at
        and (earlier.next_known_at is null or earlier.next_known_at > prints.known_at)
where
    prints.is_stated
    and prints.period_start = prints.release_period
    and abs(later.value - earlier.value - prints.value) > 0.5

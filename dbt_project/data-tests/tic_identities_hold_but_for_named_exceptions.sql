{{ config(meta={"dagster": {"ref": {"name": "int_cross__identity"}}}) }}
-- What the lines of a TIC press release add up to holds in every column, but for the exceptions in
-- seed_tic_identity_exception; and each exception is one: where its release is landed, the identity is broken by that much.
with found as (
    select
        identity,
        period_start,
        period_end,
        known_at,
        difference,
        is_broken
    from {{ ref('int_cross__identity') }}
)

select
    coalesce(found.identity, exceptions.identity) as identity,
    coalesce(found.period_end, exceptions.period_end) as period_end,
    coalesce(found.known_at, exceptions.known_at) as known_at,
    found.difference,
    exceptions.difference as named_difference
from found
left join {{ ref('seed_tic_identity_exception') }} as exceptions
    on
        found.identity = exceptions.identity
        and found.period_start = exceptions.period_start
        and found.period_end = exceptions.period_end
        and found.known_at = exceptions.known_at
where
    (found.is_broken and exceptions.identity is null)
    or (exceptions.identity is not null and abs(found.difference - exceptions.difference) > 0.01)

-- Every estimate of the change in total nonfarm payrolls that a release made, one row a reference month and release. A change
-- is taken inside one release: as the release states it (bls.CES0000000001:change), or else between two levels of one
-- release. A release prints the levels of its month and of the two before it, so it gives two changes without being asked.
-- Levels of different releases are never differenced: between them may lie a benchmark.
with levels as (
    select
        period_start as month,
        value,
        known_at,
        next_known_at,
        known_at_basis,
        obs_status,
        {{ travelling('flag_mask') }} as flag_mask,
        origin,
        {{ digest(['series_id', 'period_start', 'known_at', 'value', 'obs_status', 'flag_mask']) }} as row_digest
    from {{ ref('int_observation__flagged') }}
    where
        series_id = 'bls.CES0000000001'
        and value is not null
),

stated as (
    select
        period_start as month,
        value,
        known_at,
        obs_status,
        {{ travelling('flag_mask') }} as flag_mask,
        origin,
        {{ digest(['series_id', 'period_start', 'known_at', 'value', 'obs_status', 'flag_mask']) }} as row_digest
    from {{ ref('int_observation__flagged') }}
    where
        series_id = 'bls.CES0000000001:change'
        and value is not null
),

stated_before as (
    select
        period_start as month,
        known_at,
        value
    from {{ ref('int_observation__flagged') }}
    where series_id = 'bls.CES0000000001:change_before'
),

-- a release is an instant at which a newer month than any before got its number; it may bring two months at once
first_seen as (
    select
        month,
        min(known_at) as known_at
    from (
        select
            month,
            known_at
        from levels
        union all
        select
            month,
            known_at
        from stated
    ) as numbers
    group by month
),

newest as (
    select
        known_at,
        max(month) as release_month
    from first_seen
    group by known_at
),

so_far as (
    select
        known_at,
        release_month,
        max(release_month) over (
            order by known_at
            rows between unbounded preceding and 1 preceding
        ) as previous_month
    from newest
),

releases as (
    select
        known_at,
        release_month,
        previous_month,
        lead(known_at) over (order by known_at) as next_release_at
    from so_far
    where previous_month is null or release_month > previous_month
),

-- The release of a month's first print, where we hold it: its own, or the next one where a single month had none and the
-- release repeats no earlier estimate of it. A wider hole is one in what we hold, and says nothing of first prints.
own as (
    select
        first_seen.month,
        releases.known_at as first_at,
        releases.release_month
    from first_seen
    inner join releases
        on first_seen.known_at = releases.known_at
    left join stated_before
        on
            first_seen.month = stated_before.month
            and first_seen.known_at = stated_before.known_at
    where
        first_seen.month = releases.release_month
        or (
            first_seen.month = {{ add_months('releases.release_month', '-1') }}
            and releases.previous_month = {{ add_months('releases.release_month', '-2') }}
            and stated_before.month is null
        )
),

-- months that had no release of their own
merged as (
    select month
    from own
    where month < release_month
),

pairs as (
    select
        release_month as month,
        {{ add_months('release_month', '-1') }} as month_before,
        known_at
    from releases
    union all
    select
        {{ add_months('release_month', '-1') }} as month,
        {{ add_months('release_month', '-2') }} as month_before,
        known_at
    from releases
),

derived as (
    select
        pairs.month,
        later.value - earlier.value as value,
        pairs.known_at,
        later.obs_status,
        later.flag_mask | earlier.flag_mask as flag_mask,
        case when later.origin = earlier.origin then later.origin else 'mixed' end as origin,
        {{ digest(['later.row_digest', 'earlier.row_digest']) }} as row_digest
    from pairs
    inner join levels as newest_level
        on
            pairs.known_at = newest_level.known_at
            and newest_level.known_at_basis = 'provider'
    inner join releases
        on
            pairs.known_at = releases.known_at
            and newest_level.month = releases.release_month
    inner join levels as later
        on
            pairs.month = later.month
            and pairs.known_at >= later.known_at
            and (later.next_known_at is null or later.next_known_at > pairs.known_at)
    inner join levels as earlier
        on
            pairs.month_before = earlier.month
            and pairs.known_at >= earlier.known_at
            and (earlier.next_known_at is null or earlier.next_known_at > pairs.known_at)
),

prints as (
    select month, value, known_at, obs_status, flag_mask, origin, row_digest, true as is_stated
    from stated
    union all
    select
        derived.month, derived.value, derived.known_at, derived.obs_status, derived.flag_mask, derived.origin,
        derived.row_digest, false as is_stated
    from derived
    left join stated
        on
            derived.month = stated.month
            and derived.known_at = stated.known_at
    where stated.month is null
),

placed as (
    select
        prints.*,
        releases.release_month,
        releases.known_at = prints.known_at as is_of_release,
        own.first_at,
        own.release_month as own_release_month
    from prints
    left join releases
        on
            prints.known_at >= releases.known_at
            and (releases.next_release_at is null or releases.next_release_at > prints.known_at)
    left join own
        on prints.month = own.month
),

-- releases between the first print and this one: the months between them, less those that had no release of their own
counted as (
    select
        placed.month,
        placed.known_at,
        count(merged.month) as n_merged
    from placed
    left join merged
        on
            placed.own_release_month < merged.month
            and placed.release_month >= merged.month
    group by placed.month, placed.known_at
)

select
    placed.month as period_start,
    last_day(placed.month) as period_end,
    placed.release_month as release_period,
    placed.known_at,
    placed.value,
    stated_before.value as stated_before,
    placed.is_stated,
    placed.is_of_release,
    cast(
        case
            when placed.is_of_release and placed.own_release_month is not null and placed.known_at >= placed.first_at
                then 1 + {{ months_between('placed.own_release_month', 'placed.release_month') }} - counted.n_merged
        end as int
    ) as print_number,
    coalesce(
        placed.is_of_release and month(placed.release_month) = 1 and placed.month < placed.release_month, false
    ) as is_benchmark,
    placed.obs_status,
    cast(placed.flag_mask as bigint) as flag_mask,
    placed.origin,
    placed.row_digest
from placed
inner join counted
    on
        placed.month = counted.month
        and placed.known_at = counted.known_at
left join stated_before
    on
        placed.month = stated_before.month
        and placed.known_at = stated_before.known_at

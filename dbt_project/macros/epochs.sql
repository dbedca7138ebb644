{#- Whether a row revises its day, or became known after a later day of its series was. -#}
{% macro is_late(is_revision, key) -%}
{{ is_revision }}
        or coalesce(
            known_at > min(known_at) over (
                partition by {{ key }}
                order by day
                rows between 1 following and unbounded following
            ),
            false
        )
{%- endmacro %}

{#-
    Daily series of several roles side by side, on the days on which each of them has a value, as plain windows need them.
    A correction, or a day that arrived after a later one of its series, opens an epoch: from its instant on, windows that touch
    it are computed again, and only what changed is emitted (design rules 1 and 2, as in int_fx__panel).
    `days` holds the whole days; its `known_at` covers a value that was taken back before that day, because the windows that close
    over the gap are news too. `gone` holds days that were whole in an epoch and are not in a later one.
    `relation` has the columns of `preferred_states`; the roles are its column `role`.
-#}
{% macro epoch_days(relation, roles) -%}
judged as (
    select
        role,
        day,
        value,
        known_at,
        flag_mask,
        origin,
        row_digest,
        {{ is_late('state_number > 1', 'role') }} as is_late
    from {{ relation }}
    where role in ('{{ roles | join("', '") }}')
),

epochs as (
    select
        epoch_at,
        lead(epoch_at) over (order by epoch_at) as next_epoch_at
    from (
        select cast('1900-01-01' as timestamp) as epoch_at
        union
        select known_at as epoch_at
        from judged
        where is_late
    ) as instants
),

as_of_epoch as (
    select
        epochs.epoch_at,
        epochs.next_epoch_at,
        judged.role,
        judged.day,
        judged.value,
        judged.known_at,
        judged.flag_mask,
        judged.origin,
        judged.row_digest,
        row_number() over (
            partition by epochs.epoch_at, judged.day, judged.role
            order by judged.known_at desc
        ) as recency
    from epochs
    inner join judged
        on not judged.is_late or judged.known_at <= epochs.epoch_at
),

wide as (
    select
        epoch_at,
        next_epoch_at,
        day,
        {%- for role in roles %}
        max(case when role = '{{ role }}' then value end) as {{ role }},
        {%- endfor %}
        count(value) = {{ roles | length }} as is_whole,
        max(case when value is null then known_at end) as taken_back_at,
        max(known_at) as last_known_at,
        {{ mask_or('flag_mask') }} as flag_mask,
        case when count(distinct origin) = 1 then min(origin) else 'mixed' end as origin,
        bit_xor(row_digest) as day_digest
    from as_of_epoch
    where recency = 1
    group by epoch_at, next_epoch_at, day
),

spaced as (
    select
        *,
        -- a day that is not whole belongs to the whole day after it
        coalesce(sum(case when is_whole then 1 else 0 end) over (
            partition by epoch_at
            order by day
            rows between unbounded preceding and 1 preceding
        ), 0) as place
    from wide
),

days as (
    select
        *,
        greatest(
            last_known_at,
            coalesce(known_before, last_known_at)
        ) as known_at
    from (
        select
            *,
            max(taken_back_at) over (partition by epoch_at, place) as known_before
        from spaced
    ) as spaced_out
    where is_whole
),

gone as (
    select
        epoch_at,
        next_epoch_at,
        day,
        taken_back_at as known_at,
        flag_mask,
        origin,
        day_digest
    from spaced
    where not is_whole and taken_back_at is not null
)
{%- endmacro %}

{#- Pearson correlation from a count and exact sums; null where a side does not vary. -#}
{% macro corr_from_sums(n, x, y, xx, yy, xy) -%}
    ({{ n }} * cast({{ xy }} as double) - cast({{ x }} as double) * cast({{ y }} as double))
    / nullif(
        sqrt(greatest({{ n }} * cast({{ xx }} as double) - cast({{ x }} as double) * cast({{ x }} as double), 0))
        * sqrt(greatest({{ n }} * cast({{ yy }} as double) - cast({{ y }} as double) * cast({{ y }} as double), 0)),
        0
    )
{%- endmacro %}

-- The dollar by day: against nine G10 currencies by the ECB's rates, and by the broad index of the Federal Reserve against
-- equities, to foreign holders of equities, and against real rates. The parts become known at different instants (the ECB's
-- rates on their day, the broad index on the Monday after the week, the user's files as they say), and each of them makes a
-- row: the day as it was known then. The shift of the absorption ratio reaches back 752 days.
-- What needs the user's equity index is null without it, and COMPONENT_MISSING says so.
{%- set parts = [
    ('currencies', 'int_fx__daily', 'known_753d', 'mask_753d', 'digest_753d', [
        ('usd_per_eur', 'usd_per_eur'),
        ('usd_per_jpy', 'usd_per_jpy'),
        ('usd_per_gbp', 'usd_per_gbp'),
        ('usd_per_chf', 'usd_per_chf'),
        ('usd_per_cad', 'usd_per_cad'),
        ('usd_per_aud', 'usd_per_aud'),
        ('usd_per_nzd', 'usd_per_nzd'),
        ('usd_per_sek', 'usd_per_sek'),
        ('usd_per_nok', 'usd_per_nok'),
        ('usd_majors_index', 'usd_majors_index'),
        ('rv_eur_21d', 'rv_eur_21d'),
        ('rv_jpy_21d', 'rv_jpy_21d'),
        ('rv_gbp_21d', 'rv_gbp_21d'),
        ('rv_chf_21d', 'rv_chf_21d'),
        ('rv_cad_21d', 'rv_cad_21d'),
        ('rv_aud_21d', 'rv_aud_21d'),
        ('rv_aud_jpy_21d', 'rv_aud_jpy_21d'),
        ('realised_vol_21d', 'realised_vol_21d'),
        ('absorption_ratio_g10', 'absorption_ratio_g10'),
        ('absorption_shift_g10', 'absorption_shift_g10'),
        ('mean_pairwise_corr_g10_63d', 'mean_pairwise_corr_g10_63d'),
        ('mean_pairwise_corr_g10_252d', 'mean_pairwise_corr_g10_252d'),
    ]),
    ('broad', 'int_fx__broad', 'known_274', 'mask_274', 'digest_274', [
        ('usd_broad', 'usd_broad_index'),
        ('change_21', 'usd_broad_change_21d'),
        ('change_21_z', 'usd_broad_change_21d_z'),
    ]),
    ('equity', 'int_fx__equity', 'known_316', 'mask_316', 'digest_316', [
        ('corr_21', 'usd_equity_corr_21d'),
        ('corr_63', 'usd_equity_corr_63d'),
        ('corr_126', 'usd_equity_corr_126d'),
        ('corr_252', 'usd_equity_corr_252d'),
        ('joint_down_21', 'joint_down_21d'),
        ('joint_down_63', 'joint_down_63d'),
        ('joint_down_base', 'joint_down_base_252d'),
        ('joint_down_excess', 'joint_down_excess_63d'),
        ('dollar_down_on_losses', 'dollar_down_on_equity_losses_252d'),
        ('n_losses', 'equity_losses_252d'),
    ]),
    ('unwinding', 'int_fx__unwind', 'known_274', 'mask_274', 'digest_274', [
        ('unwind_days', 'unwind_days_21d'),
        ('unwind_score', 'unwind_score_21d'),
        ('vix_z', 'vix_z_252d'),
    ]),
    ('abroad', 'int_fx__foreign', 'known_at', 'flag_mask', 'day_digest', [
        ('local_ytd', 'equity_local_ytd'),
        ('unhedged_eur_ytd', 'equity_unhedged_eur_ytd'),
        ('unhedged_jpy_ytd', 'equity_unhedged_jpy_ytd'),
    ]),
    ('hedged_eur', 'int_fx__hedged_eur', 'known_at', 'flag_mask', 'day_digest', [
        ('hedged_ytd', 'hedged_eur_ytd'),
    ]),
    ('hedged_jpy', 'int_fx__hedged_jpy', 'known_at', 'flag_mask', 'day_digest', [
        ('hedged_ytd', 'hedged_jpy_ytd'),
    ]),
    ('real_rate', 'int_fx__real_rate', 'known_127', 'mask_127', 'digest_127', [
        ('real_rate', 'real_rate_short'),
        ('beta', 'usd_real_rate_beta_126d'),
        ('r_squared', 'usd_real_rate_r2_126d'),
        ('residual_z', 'usd_real_rate_residual_z'),
    ]),
    ('devaluation', 'int_fx__devaluation', 'known_at', 'flag_mask', 'row_digest', [
        ('devaluation_vol', 'usd_devaluation_vol'),
        ('n_volatilities', 'usd_devaluation_n_volatilities'),
    ]),
] %}
{#- how often a part tells a day: once for each epoch, or once for each state -#}
{%- set without_epochs = ['devaluation'] %}
with
{%- for part, model, known_at, mask, digest, columns in parts %}
{{ part }} as (
    select
        day,
        {%- for column, name in columns %}
        {{ column }} as {{ name }},
        {%- endfor %}
        {{ known_at }} as known_at,
        {{ mask }} as flag_mask,
        {{ digest }} as part_digest,
        {% if part in without_epochs %}min(known_at){% else %}max(epoch_at){% endif %} as last_epoch_at,
        min(origin) as origin
    from {{ ref(model) }}
    {%- if part not in without_epochs %}
    where next_epoch_at is null or {{ known_at }} < next_epoch_at
    {%- endif %}
    group by
        day,
        {%- for column, name in columns %}
        {{ column }},
        {%- endfor %}
        {{ known_at }},
        {{ mask }},
        {{ digest }}
),
{% endfor %}
instants as (
    {%- for part, model, known_at, mask, digest, columns in parts %}
    select
        day,
        known_at
    from {{ part }}
    {%- if not loop.last %}
    union
    {%- endif %}
    {%- endfor %}
),
{% for part, model, known_at, mask, digest, columns in parts %}
{{ part }}_as_known as (
    select
        instants.known_at as row_known_at,
        {{ part }}.*,
        row_number() over (
            partition by instants.day, instants.known_at
            order by {{ part }}.known_at desc, {{ part }}.last_epoch_at desc
        ) as recency
    from instants
    inner join {{ part }}
        on
            instants.day = {{ part }}.day
            and instants.known_at >= {{ part }}.known_at
),
{% endfor %}
joined as (
    select
        instants.day,
        instants.known_at,
        {%- for part, model, known_at, mask, digest, columns in parts %}
        {%- for column, name in columns %}
        {{ part }}_as_known.{{ name }},
        {%- endfor %}
        {%- endfor %}
        cast(
            {%- for part, model, known_at, mask, digest, columns in parts %}
            coalesce({{ part }}_as_known.flag_mask, 0){% if not loop.last %} |{% endif %}
            {%- endfor %}
            as bigint
        ) as flag_mask,
        (
            {%- for part, model, known_at, mask, digest, columns in parts if part not in ['hedged_eur', 'hedged_jpy'] %}
            {{ part }}_as_known.day is null{% if not loop.last %} or{% endif %}
            {%- endfor %}
        ) as is_incomplete,
        {{ digest_xor_of(parts | map('first') | list, '_as_known.part_digest') }} as row_digest,
        least(
            {%- for part, model, known_at, mask, digest, columns in parts %}
            coalesce({{ part }}_as_known.origin, '~'){% if not loop.last %},{% endif %}
            {%- endfor %}
        ) as first_origin,
        greatest(
            {%- for part, model, known_at, mask, digest, columns in parts %}
            coalesce({{ part }}_as_known.origin, ''){% if not loop.last %},{% endif %}
            {%- endfor %}
        ) as last_origin
    from instants
    left join currencies_as_known
        on
            instants.day = currencies_as_known.day
            and instants.known_at = currencies_as_known.row_known_at
            and currencies_as_known.recency = 1
    {%- for part, model, known_at, mask, digest, columns in parts[1:] %}
    left join {{ part }}_as_known
        on
            instants.day = {{ part }}_as_known.day
            and instants.known_at = {{ part }}_as_known.row_known_at
            and {{ part }}_as_known.recency = 1
    {%- endfor %}
),

labelled as (
    select
        *,
        coalesce(hedged_eur_ytd, equity_local_ytd) as equity_hedged_eur_ytd,
        coalesce(hedged_jpy_ytd, equity_local_ytd) as equity_hedged_jpy_ytd,
        case
            when hedged_eur_ytd is not null then 'short_rates'
            when equity_local_ytd is not null then 'price_only'
        end as hedge_basis_eur,
        case
            when hedged_jpy_ytd is not null then 'short_rates'
            when equity_local_ytd is not null then 'price_only'
        end as hedge_basis_jpy,
        cast(
            flag_mask
            | case when real_rate_short is not null or usd_devaluation_vol is not null then {{ flag('PROXY') }} else 0 end
            | case when is_incomplete then {{ flag('COMPONENT_MISSING') }} else 0 end
            as bigint
        ) as row_mask
    from joined
)

select
    day as period_start,
    day as period_end,
    {%- for part, model, known_at, mask, digest, columns in parts if part not in ['hedged_eur', 'hedged_jpy'] %}
    {%- for column, name in columns %}
    {{ name }},
    {%- endfor %}
    {%- endfor %}
    equity_hedged_eur_ytd,
    equity_hedged_jpy_ytd,
    hedge_basis_eur,
    hedge_basis_jpy,
    equity_unhedged_eur_ytd - equity_hedged_eur_ytd as equity_unhedged_minus_hedged_eur_ytd,
    equity_unhedged_jpy_ytd - equity_hedged_jpy_ytd as equity_unhedged_minus_hedged_jpy_ytd,
    {{ mask_to_flags('row_mask') }} as flags,
    {{ digest_text('row_digest') }} as inputs_hash,
    case when first_origin = last_origin then first_origin else 'mixed' end as origin,
    known_at
from labelled

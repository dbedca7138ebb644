-- The dollar against nine G10 currencies: rates, an index against six majors, realised volatility and co-movement.
-- A row holds the shift of the absorption ratio, whose window reaches back 752 days.
with days as (
    select
        *,
        known_753d as row_known_at
    from {{ ref('int_fx__daily') }}
)

select
    day as period_start,
    day as period_end,
    usd_per_eur,
    usd_per_jpy,
    usd_per_gbp,
    usd_per_chf,
    usd_per_cad,
    usd_per_aud,
    usd_per_nzd,
    usd_per_sek,
    usd_per_nok,
    usd_majors_index,
    rv_eur_21d,
    rv_jpy_21d,
    rv_gbp_21d,
    rv_chf_21d,
    rv_cad_21d,
    rv_aud_21d,
    realised_vol_21d,
    absorption_ratio_g10,
    absorption_shift_g10,
    mean_pairwise_corr_g10_63d,
    mean_pairwise_corr_g10_252d,
    {{ mask_to_flags('mask_753d') }} as flags,
    min({{ digest_text('digest_753d') }}) as inputs_hash,
    min(origin) as origin,
    row_known_at as known_at
from days
where next_epoch_at is null or row_known_at < next_epoch_at
group by all

-- Funding markets by day, as they became known: rates against the rate on reserves in force, the share of repo volume at or
-- above it as an interval, and what the standing facilities took.
select
    day as period_start,
    day as period_end,
    sofr,
    sofr_p1,
    sofr_p25,
    sofr_p75,
    sofr_p99,
    sofr_volume,
    tgcr,
    bgcr,
    effr,
    obfr,
    iorb,
    iorb_effective_from,
    repo_share_iorb_low,
    repo_share_iorb,
    repo_share_iorb_high,
    sofr_minus_iorb,
    tgcr_minus_iorb,
    effr_minus_iorb,
    sofr_minus_effr,
    sofr_p99_minus_iorb,
    sofr_dispersion,
    sofr_interquartile,
    srf_takeup,
    srf_treasury,
    srf_agency,
    srf_mbs,
    on_rrp,
    is_policy_change_day,
    is_quarter_end,
    {{ mask_to_flags(
        "(mask_all | mask_iorb | mask_day | case when repo_share_iorb is null then 0 else "
        ~ flag('PROXY') ~ " | " ~ flag('INTERVAL_CENSORED') ~ " end)"
    ) }} as flags,
    {{ digest_text(digest_xor('digest_all', 'digest_iorb')) }} as inputs_hash,
    case
        when origin_iorb is null or origin = origin_iorb or origin = 'synthetic' then origin else 'mixed'
    end as origin,
    known_at
from {{ ref('int_funding__daily') }}

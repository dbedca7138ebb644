-- The share of repo volume is inside its bounds, the bounds are shares, and they are there together or not at all.
select
    period_start,
    known_at,
    repo_share_iorb_low,
    repo_share_iorb,
    repo_share_iorb_high
from {{ ref('mart_funding') }}
where
    (repo_share_iorb_low is null) <> (repo_share_iorb is null)
    or (repo_share_iorb_high is null) <> (repo_share_iorb is null)
    or repo_share_iorb_low < 0
    or repo_share_iorb_low > repo_share_iorb
    or repo_share_iorb > repo_share_iorb_high
    or repo_share_iorb_high > 100

-- Foreign holdings of US long-term securities and why they changed: one row for each holder, security, month and instant at which
-- a part changed. A change of holdings is not a flow; what neither transactions nor prices explain stands by itself.
select
    holder_code,
    holder,
    holder_kind,
    is_custody_centre,
    security,
    period_start,
    period_end,
    holdings,
    holdings_change,
    net_transactions,
    valuation_change,
    other_change,
    obs_status,
    {{ mask_to_flags('flag_mask') }} as flags,
    n_inputs,
    n_missing,
    {{ digest_text('inputs_digest') }} as inputs_hash,
    origin,
    known_at
from {{ ref('int_cross__holdings') }}

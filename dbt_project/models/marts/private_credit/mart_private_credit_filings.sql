-- Every filing with the positions that it told, or why it told none, and every filing that was waited for.
select
    filing_key,
    status,
    reason,
    filer,
    filer_name,
    fund,
    manager,
    accession,
    form,
    period_end,
    document_url,
    n_positions,
    {{ mask_to_flags('(flag_mask | ' ~ bit_if(flag('SYNTHETIC'), "origin = 'synthetic'") ~ ')') }} as flags,
    origin,
    known_at
from {{ ref('int_filing__state') }}

{#-
    Staging of the tables that rooms land in their shared shape: one row for each landed row, instants as UTC timestamps, flags
    as a mask, nothing filtered. A room whose provider needs more (raw text to cast, units to change) writes its own select.
-#}
{% macro stage_observation(room) -%}
select
    series_id,
    period_start,
    period_end,
    value,
    {{ utc('known_at') }} as known_at,
    known_at_basis,
    obs_status,
    {{ flags_to_mask('flags') }} as flag_mask,
    footnotes,
    {{ utc('fetched_at') }} as fetched_at,
    payload_sha256,
    origin,
    {{ utc('parsed_at') }} as parsed_at
from {{ source('landing_' ~ room, 'observation') }}
{%- endmacro %}

{% macro stage_series(room) -%}
select
    series_id,
    title,
    agency,
    unit,
    decimals,
    frequency,
    seasonal_adjustment,
    revision_policy,
    release_id,
    component,
    stale_after_days,
    licence,
    source_url,
    redistribution,
    origin,
    {{ utc('fetched_at') }} as fetched_at,
    payload_sha256
from {{ source('landing_' ~ room, 'series') }}
{%- endmacro %}

{% macro stage_release_event(room) -%}
select
    release_id,
    component,
    reference_period,
    reference_end,
    event,
    {{ utc('event_at') }} as event_at,
    {{ utc('announced_at') }} as announced_at,
    announced_basis,
    {{ flags_to_mask('flags') }}
    | case when origin = 'synthetic' then {{ flag('SYNTHETIC') }} else 0 end as flag_mask,
    merged_into,
    reason,
    source,
    {{ utc('fetched_at') }} as fetched_at
from {{ source('landing_' ~ room, 'release_event') }}
{%- endmacro %}

{% macro stage_holding(room) -%}
select
    holding_id,
    line_kind,
    filer,
    fund,
    manager,
    form,
    report_period,
    period_start,
    period_end,
    raw_identifier,
    identifier_basis,
    axes,
    asset_category,
    issuer_name,
    issuer_lei,
    cusip,
    issuer_key,
    instrument_key,
    principal,
    principal_currency,
    shares,
    cost,
    fair_value,
    currency,
    value_grid,
    exchange_rate,
    net_assets_pct,
    spread_bp,
    rate_pct,
    cash_rate_pct,
    floor_pct,
    maturity,
    acquired_on,
    pik_rate_pct,
    is_paid_in_kind,
    accrual_status,
    fair_value_level,
    {{ utc('known_at') }} as known_at,
    known_at_basis,
    accession,
    obs_status,
    {{ flags_to_mask('flags') }}
    | case when origin = 'synthetic' then {{ flag('SYNTHETIC') }} else 0 end as flag_mask,
    {{ utc('fetched_at') }} as fetched_at,
    payload_sha256,
    origin,
    parser_version,
    {{ utc('parsed_at') }} as parsed_at
from {{ source('landing_' ~ room, 'holding') }}
{%- endmacro %}

{% macro stage_filing(room) -%}
select
    filing_id,
    kind,
    filer,
    filer_name,
    former_name,
    file_number,
    form,
    report_period,
    filed_on,
    document_url,
    positions,
    {{ utc('known_at') }} as known_at,
    known_at_basis,
    {{ flags_to_mask('flags') }}
    | case when origin = 'synthetic' then {{ flag('SYNTHETIC') }} else 0 end as flag_mask,
    {{ utc('fetched_at') }} as fetched_at,
    payload_sha256,
    origin,
    parser_version,
    {{ utc('parsed_at') }} as parsed_at
from {{ source('landing_' ~ room, 'filing') }}
{%- endmacro %}

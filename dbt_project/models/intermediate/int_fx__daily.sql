-- Everything mart_fx shows of a day, once for each instant at which it changed. Changes are in percent; sums are exact, so
-- that a window gives the same number whatever stands beside it.
{%- set currencies = ['eur', 'jpy', 'gbp', 'chf', 'cad', 'aud', 'nzd', 'sek', 'nok'] %}
{%- set volatile = ['eur', 'jpy', 'gbp', 'chf', 'cad', 'aud'] %}
with weights as (
    select
        max(case when currency = 'EUR' then exponent end) as eur,
        max(case when currency = 'JPY' then exponent end) as jpy,
        max(case when currency = 'GBP' then exponent end) as gbp,
        max(case when currency = 'CAD' then exponent end) as cad,
        max(case when currency = 'SEK' then exponent end) as sek,
        max(case when currency = 'CHF' then exponent end) as chf
    from {{ ref('seed_majors_weight') }}
),

changes as (
    select
        *,
        {%- for currency in volatile %}
        100 * ln({{ currency }} / lag({{ currency }}) over days) as r_{{ currency }},
        {%- endfor %}
        -- what carry trades are funded in and what they buy: the Australian dollar in yen
        100 * ln((aud / jpy) / lag(aud / jpy) over days) as r_aud_jpy,
        row_number() over days as day_number
    from {{ ref('int_fx__panel') }}
    window days as (partition by epoch_at order by day)
),

rolled as (
    select
        changes.*,
        {%- for currency in volatile + ['aud_jpy'] %}
        case
            when changes.day_number > 21
                then sqrt(252) * {{ sd_from_sums(
                    '21.0',
                    'sum(' ~ exact('changes.r_' ~ currency) ~ ') over last_21',
                    'sum(' ~ exact('changes.r_' ~ currency ~ ' * changes.r_' ~ currency) ~ ') over last_21'
                ) }}
        end as rv_{{ currency }}_21d,
        {%- endfor %}
        max(changes.known_at) over last_22 as known_22d,
        max(changes.known_at) over last_64 as known_64d,
        max(changes.known_at) over last_501 as known_501d,
        max(changes.known_at) over last_753 as known_753d,
        {{ mask_or_over('changes.flag_mask', 'last_22') }} as mask_22d,
        {{ mask_or_over('changes.flag_mask', 'last_64') }} as mask_64d,
        {{ mask_or_over("changes.flag_mask", 'last_501') }} as mask_501d,
        {{ mask_or_over("changes.flag_mask", 'last_753') }} as mask_753d,
        bit_xor(changes.day_digest) over last_22 as digest_22d,
        bit_xor(changes.day_digest) over last_64 as digest_64d,
        bit_xor(changes.day_digest) over last_501 as digest_501d,
        bit_xor(changes.day_digest) over last_753 as digest_753d
    from changes
    window
        last_21 as (partition by changes.epoch_at order by changes.day rows between 20 preceding and current row),
        last_22 as (partition by changes.epoch_at order by changes.day rows between 21 preceding and current row),
        last_64 as (partition by changes.epoch_at order by changes.day rows between 63 preceding and current row),
        last_501 as (partition by changes.epoch_at order by changes.day rows between 500 preceding and current row),
        last_753 as (partition by changes.epoch_at order by changes.day rows between 752 preceding and current row)
)

select
    rolled.epoch_at,
    rolled.next_epoch_at,
    rolled.day,
    {%- for currency in currencies %}
    rolled.{{ currency }} as usd_per_{{ currency }},
    {%- endfor %}
    -- the published formula takes EUR and GBP as dollars per unit and the others as units per dollar
    50.14348112
    * power(rolled.eur, weights.eur)
    * power(1 / rolled.jpy, weights.jpy)
    * power(rolled.gbp, weights.gbp)
    * power(1 / rolled.cad, weights.cad)
    * power(1 / rolled.sek, weights.sek)
    * power(1 / rolled.chf, weights.chf) as usd_majors_index,
    {%- for currency in volatile + ['aud_jpy'] %}
    rolled.rv_{{ currency }}_21d,
    {%- endfor %}
    (
        {%- for currency in volatile %}
        rolled.rv_{{ currency }}_21d{% if not loop.last %} +{% endif %}
        {%- endfor %}
    ) / {{ volatile | length }} as realised_vol_21d,
    cast(coupling.absorption_ratio as double) as absorption_ratio_g10,
    cast(coupling.absorption_shift as double) as absorption_shift_g10,
    cast(coupling.mean_corr_63d as double) as mean_pairwise_corr_g10_63d,
    cast(coupling.mean_corr_252d as double) as mean_pairwise_corr_g10_252d,
    rolled.known_at,
    rolled.known_22d,
    rolled.known_64d,
    rolled.known_501d,
    rolled.known_753d,
    rolled.flag_mask,
    rolled.mask_22d,
    rolled.mask_64d,
    rolled.mask_501d,
    rolled.mask_753d,
    rolled.day_digest,
    rolled.digest_22d,
    rolled.digest_64d,
    rolled.digest_501d,
    rolled.digest_753d,
    rolled.origin
from rolled
cross join weights
left join {{ ref('int_fx__coupling') }} as coupling
    on
        rolled.epoch_at = coupling.epoch_at
        and rolled.day = coupling.day

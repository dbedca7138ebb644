-- z_exp and rank_exp of the composite and its pillars (macros/standardised.sql).
{{ standardised(ref('int_fragility__signal')) }}

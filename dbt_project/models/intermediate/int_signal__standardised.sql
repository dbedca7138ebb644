-- z_exp and rank_exp of every signal row (macros/standardised.sql).
{{ standardised(ref('int_signal__emitted')) }}

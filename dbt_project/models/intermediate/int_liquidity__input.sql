-- Parts of the liquidity of the Federal Reserve: one row for each state of a part on a day, told by the most preferred series
-- that has it.
{{ preferred_states(ref('seed_liquidity_input'), ['concept']) }}

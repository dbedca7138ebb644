-- Daily market series by role: one row for each state, told by the most preferred series that has it.
{{ preferred_states(ref('seed_market_input'), ['role']) }}

-- Yields of each curve and tenor: one row for each state, told by the most preferred series that has it.
{{ preferred_states(ref('seed_curve_input'), ['curve', 'tenor']) }}

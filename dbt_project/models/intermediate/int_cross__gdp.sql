-- Nominal gross domestic product at annual rates, USD billions: of each quarter, from each instant on, what the most preferred
-- source (seed_gdp_input) has told of it by then.
{{ preferred_states(ref('seed_gdp_input'), ['concept']) }}

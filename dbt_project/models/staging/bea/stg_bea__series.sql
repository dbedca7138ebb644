{{ stage_series('bea') }}

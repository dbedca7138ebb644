{{ stage_series('frb') }}

{{ stage_series('fred') }}

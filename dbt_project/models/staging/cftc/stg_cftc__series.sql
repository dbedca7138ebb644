{{ stage_series('cftc') }}

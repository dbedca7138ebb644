{{ stage_series('file') }}

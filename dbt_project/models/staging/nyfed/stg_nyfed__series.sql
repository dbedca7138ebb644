{{ stage_series('nyfed') }}

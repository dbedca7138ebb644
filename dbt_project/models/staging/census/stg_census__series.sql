{{ stage_series('census') }}

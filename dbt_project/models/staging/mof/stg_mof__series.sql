{{ stage_series('mof') }}

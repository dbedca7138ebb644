{{ stage_series('dol') }}

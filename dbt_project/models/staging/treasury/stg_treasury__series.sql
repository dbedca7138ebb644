{{ stage_series('treasury') }}

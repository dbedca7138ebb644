{{ stage_series('ofr') }}

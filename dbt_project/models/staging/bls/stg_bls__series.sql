{{ stage_series('bls') }}

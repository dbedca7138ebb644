{{ stage_series('ecb') }}

{{ stage_series('eurostat') }}

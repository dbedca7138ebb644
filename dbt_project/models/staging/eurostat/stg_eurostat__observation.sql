{{ stage_observation('eurostat') }}

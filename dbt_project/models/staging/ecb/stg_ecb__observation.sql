{{ stage_observation('ecb') }}

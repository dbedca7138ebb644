{{ stage_observation('bls') }}

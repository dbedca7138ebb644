{{ stage_observation('bea') }}

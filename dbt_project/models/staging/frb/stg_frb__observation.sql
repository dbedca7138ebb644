{{ stage_observation('frb') }}

{{ stage_observation('census') }}

{{ stage_observation('nyfed') }}

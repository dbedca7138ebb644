{{ stage_observation('file') }}

{{ stage_observation('mof') }}

{{ stage_observation('dol') }}

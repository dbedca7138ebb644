{{ stage_observation('cftc') }}

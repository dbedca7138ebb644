{{ stage_observation('fred') }}

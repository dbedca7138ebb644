{{ stage_observation('treasury') }}

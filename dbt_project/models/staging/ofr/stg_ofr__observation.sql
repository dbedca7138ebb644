{{ stage_observation('ofr') }}

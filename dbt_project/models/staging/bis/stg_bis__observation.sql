{{ stage_observation('bis') }}

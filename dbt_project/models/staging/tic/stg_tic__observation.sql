{{ stage_observation('tic') }}

{{ stage_series('tic') }}

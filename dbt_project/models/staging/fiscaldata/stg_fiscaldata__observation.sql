{{ stage_observation('fiscaldata') }}

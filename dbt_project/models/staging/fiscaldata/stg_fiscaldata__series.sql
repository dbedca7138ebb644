{{ stage_series('fiscaldata') }}

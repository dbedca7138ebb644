{{ stage_series('bis') }}

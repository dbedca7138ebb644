{{ stage_release_event('fiscaldata') }}

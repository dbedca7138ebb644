{{ stage_release_event('frb') }}

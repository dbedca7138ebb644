{{ stage_release_event('bea') }}

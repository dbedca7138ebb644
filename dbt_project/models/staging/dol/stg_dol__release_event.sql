{{ stage_release_event('dol') }}

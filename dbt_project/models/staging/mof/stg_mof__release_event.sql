{{ stage_release_event('mof') }}

{{ stage_release_event('cftc') }}

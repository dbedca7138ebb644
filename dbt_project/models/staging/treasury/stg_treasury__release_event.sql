{{ stage_release_event('treasury') }}

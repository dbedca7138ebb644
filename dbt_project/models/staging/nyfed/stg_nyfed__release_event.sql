{{ stage_release_event('nyfed') }}

{{ stage_release_event('ecb') }}

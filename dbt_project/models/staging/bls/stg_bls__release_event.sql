{{ stage_release_event('bls') }}

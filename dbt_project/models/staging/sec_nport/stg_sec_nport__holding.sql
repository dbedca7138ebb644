{{ stage_holding('sec_nport') }}

{{ stage_filing('sec_nport') }}

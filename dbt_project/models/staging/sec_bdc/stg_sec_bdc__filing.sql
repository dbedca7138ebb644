{{ stage_filing('sec_bdc') }}

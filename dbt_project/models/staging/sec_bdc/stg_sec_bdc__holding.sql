{{ stage_holding('sec_bdc') }}

-- The equity index since the year's beginning, hedged into yen, where the user brings short rates.
{{ hedged_return('short_jpy') }}

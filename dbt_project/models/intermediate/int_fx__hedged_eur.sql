-- The equity index since the year's beginning, hedged into euros, where the user brings short rates.
{{ hedged_return('short_eur') }}

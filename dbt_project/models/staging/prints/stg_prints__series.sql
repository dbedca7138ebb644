{{ stage_series('prints') }}

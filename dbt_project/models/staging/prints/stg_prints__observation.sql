{{ stage_observation('prints') }}

"""The soak: years of daily operation by a simulated clock, against the loopback provider (docs/soak.md)."""

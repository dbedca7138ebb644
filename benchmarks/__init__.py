"""Measurements of Undertow next to other tools; ``make bench`` runs them and writes ``benchmarks/RESULTS.md``."""

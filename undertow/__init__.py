"""Undertow: macro-financial stress signals with vintages, a release calendar and quality flags.

This package holds the vocabulary and the tools that every part of the project shares. It knows no orchestrator and no
data provider: Dagster lives in ``orchestration/``, providers in ``assets/<source>/``.
"""

__version__ = "0.1.0"

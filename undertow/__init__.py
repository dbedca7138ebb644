"""Undertow: macro-financial stress signals with vintages, a release calendar and quality flags.

This package holds the vocabulary and the tools that every part of the project shares. It knows no orchestrator and no
data provider: Dagster lives in ``orchestration/``, providers in ``assets/<source>/``.
"""

__version__ = "0.1.0"

__all__ = ["FeatureStore", "__version__"]


def __getattr__(name: str) -> object:
    """Load the reader when it is asked for: most imports of the package need only the vocabulary."""
    if name == "FeatureStore":
        from undertow.store import FeatureStore

        return FeatureStore
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")

"""What may compute the models: DuckDB in this process, Apache Spark, or Sail (``undertow run --engine``)."""

from __future__ import annotations

__all__ = ["DUCKDB", "ENGINES", "SAIL", "SPARK"]

DUCKDB, SPARK, SAIL = "duckdb", "spark", "sail"
ENGINES = (DUCKDB, SPARK, SAIL)

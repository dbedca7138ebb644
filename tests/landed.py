"""What the landing writer adds to a parser's rows, for tests of parsers."""

from __future__ import annotations

from datetime import UTC, datetime

import pyarrow as pa

from undertow.schemas import PROVENANCE, validate

__all__ = ["checked"]

READ_AT = datetime(2026, 12, 31, tzinfo=UTC)


def checked(name: str, table: pa.Table | None) -> pa.Table:
    """Return a table as the landing writer would have it, validated."""
    assert table is not None
    for field, value in zip(PROVENANCE, (READ_AT, "0" * 64, "replay", 1, READ_AT), strict=True):
        table = table.append_column(field.name, pa.repeat(pa.scalar(value, field.type), table.num_rows))
    return validate(name, table)

"""Arrow schemas of the tables that rooms land, and the validation every landed table passes.

Five tables are shared by all rooms: ``observation``, ``series``, ``release_event``, ``holding`` and ``filing``; ``quarantine``
takes what a parser could not use. Instants are ``timestamp[us, UTC]``, periods are inclusive calendar dates.
"""

from __future__ import annotations

from enum import StrEnum

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from undertow.errors import ContractError
from undertow.vocabulary import Basis, Event, Flag, ObsStatus, Origin, Positions, Redistribution, RevisionPolicy

__all__ = [
    "ENUMS",
    "FILING",
    "HOLDING",
    "INSTANT",
    "KEYS",
    "OBSERVATION",
    "PROVENANCE",
    "QUARANTINE",
    "RELEASE_EVENT",
    "SCHEMA_VERSION",
    "SERIES",
    "TABLES",
    "empty",
    "validate",
]

INSTANT = pa.timestamp("us", tz="UTC")

# What every landed row says about where it came from; the landing writer adds these columns to what a parser returns.
PROVENANCE = (
    pa.field("fetched_at", INSTANT, nullable=False),
    pa.field("payload_sha256", pa.string(), nullable=False),
    pa.field("origin", pa.string(), nullable=False),
    pa.field("parser_version", pa.int32(), nullable=False),
    pa.field("parsed_at", INSTANT, nullable=False),  # from when on this reading counts: the fetch, or a later re-reading
)
# Rises when a landed table changes its columns; undertow.history holds the migration from each version to the next.
SCHEMA_VERSION = 4

OBSERVATION = pa.schema(
    [
        pa.field("series_id", pa.string(), nullable=False),
        pa.field("period_start", pa.date32(), nullable=False),
        pa.field("period_end", pa.date32(), nullable=False),
        pa.field("value", pa.float64()),
        pa.field("known_at", INSTANT, nullable=False),
        pa.field("known_at_basis", pa.string(), nullable=False),
        pa.field("obs_status", pa.string(), nullable=False),
        pa.field("flags", pa.list_(pa.string()), nullable=False),
        pa.field("footnotes", pa.list_(pa.string()), nullable=False),
        *PROVENANCE,
    ]
)

SERIES = pa.schema(
    [
        pa.field("series_id", pa.string(), nullable=False),
        pa.field("title", pa.string(), nullable=False),
        pa.field("agency", pa.string(), nullable=False),
        pa.field("unit", pa.string(), nullable=False),
        pa.field("decimals", pa.int32(), nullable=False),
        pa.field("frequency", pa.string(), nullable=False),  # SDMX CL_FREQ: D, B, W, M, Q, S, A
        pa.field("seasonal_adjustment", pa.string(), nullable=False),  # NSA, SA or NA (not applicable)
        pa.field("revision_policy", pa.string(), nullable=False),
        pa.field("release_id", pa.string()),  # the release whose calendar governs known_at; null: the landed known_at
        pa.field("component", pa.string()),  # the component of that release; null: all
        pa.field("stale_after_days", pa.int32(), nullable=False),  # normal greatest age of the newest period's end
        pa.field("licence", pa.string(), nullable=False),
        pa.field("source_url", pa.string(), nullable=False),
        *PROVENANCE,
    ]
)

# A column of landed series that a parser may leave out: allowed, or withheld from published builds; null where nothing is said.
REDISTRIBUTION = pa.field("redistribution", pa.string())

RELEASE_EVENT = pa.schema(
    [
        pa.field("release_id", pa.string(), nullable=False),
        pa.field("component", pa.string(), nullable=False),  # 'all' or a named part of the release
        pa.field("reference_period", pa.string(), nullable=False),  # 2025-10, 2025-Q3, 2025-10-25
        pa.field("reference_end", pa.date32(), nullable=False),  # last day of the reference period
        pa.field("event", pa.string(), nullable=False),
        pa.field("event_at", INSTANT),  # when it takes place; null where no instant belongs to it
        pa.field("announced_at", INSTANT, nullable=False),  # when it became known
        pa.field("announced_basis", pa.string(), nullable=False),  # notice, prior_release, release, rule
        pa.field("flags", pa.list_(pa.string()), nullable=False),  # KNOWN_LATE, LOOKAHEAD_RISK where only a bound is known
        pa.field("merged_into", pa.string()),  # release_id:reference_period
        pa.field("reason", pa.string()),
        pa.field("source", pa.string(), nullable=False),
        *PROVENANCE,
    ]
)

# What a filing says of one position at one date. Amounts are as filed, unscaled, each with the unit it was filed in.
HOLDING = pa.schema(
    [
        pa.field("holding_id", pa.string(), nullable=False),  # accession, date and a digest of the axes, or the provider's id
        pa.field("line_kind", pa.string(), nullable=False),  # position; total, level_1, level_2, level_3 of the whole fund
        pa.field("filer", pa.string(), nullable=False),  # CIK, ten digits
        pa.field("fund", pa.string(), nullable=False),  # the CIK again, or the series of a trust
        pa.field("manager", pa.string()),  # where the filing itself names it; else the models map it
        pa.field("form", pa.string(), nullable=False),
        pa.field("report_period", pa.date32(), nullable=False),  # of the filing; later than period_end: a comparative
        pa.field("period_start", pa.date32(), nullable=False),
        pa.field("period_end", pa.date32(), nullable=False),
        pa.field("raw_identifier", pa.string(), nullable=False),
        pa.field("identifier_basis", pa.string(), nullable=False),  # axis, member, name or none
        pa.field("axes", pa.list_(pa.string()), nullable=False),  # other axes of the line, as axis=member
        pa.field("asset_category", pa.string()),
        pa.field("issuer_name", pa.string()),
        pa.field("issuer_lei", pa.string()),
        pa.field("cusip", pa.string()),
        pa.field("issuer_key", pa.string()),
        pa.field("instrument_key", pa.string()),
        pa.field("principal", pa.float64()),
        pa.field("principal_currency", pa.string()),
        pa.field("shares", pa.float64()),
        pa.field("cost", pa.float64()),
        pa.field("fair_value", pa.float64()),
        pa.field("currency", pa.string()),  # of cost and fair value
        pa.field("value_grid", pa.float64()),  # greatest power of ten that divides every fair value of the filing and date
        pa.field("exchange_rate", pa.float64()),  # as filed
        pa.field("net_assets_pct", pa.float64()),
        pa.field("spread_bp", pa.float64()),
        pa.field("rate_pct", pa.float64()),
        pa.field("cash_rate_pct", pa.float64()),
        pa.field("floor_pct", pa.float64()),
        pa.field("maturity", pa.date32()),
        pa.field("acquired_on", pa.date32()),
        pa.field("pik_rate_pct", pa.float64()),
        pa.field("is_paid_in_kind", pa.bool_()),
        pa.field("accrual_status", pa.string()),  # non_accrual or accruing, where the filing says so; null: it does not say
        pa.field("fair_value_level", pa.int32()),
        pa.field("known_at", INSTANT, nullable=False),
        pa.field("known_at_basis", pa.string(), nullable=False),
        pa.field("accession", pa.string(), nullable=False),
        pa.field("obs_status", pa.string(), nullable=False),
        pa.field("flags", pa.list_(pa.string()), nullable=False),
        *PROVENANCE,
    ]
)

# A filing of which we know that it exists, with or without positions; and who is registered to file at all.
FILING = pa.schema(
    [
        pa.field("filing_id", pa.string(), nullable=False),  # accession; of a register row, register:year:CIK:file number
        pa.field("kind", pa.string(), nullable=False),  # filing or register
        pa.field("filer", pa.string(), nullable=False),
        pa.field("filer_name", pa.string(), nullable=False),
        pa.field("former_name", pa.string()),
        pa.field("file_number", pa.string()),
        pa.field("form", pa.string(), nullable=False),
        pa.field("report_period", pa.date32()),
        pa.field("filed_on", pa.date32()),
        pa.field("document_url", pa.string()),
        pa.field("positions", pa.string()),  # see Positions; null: what was read does not say
        pa.field("known_at", INSTANT, nullable=False),
        pa.field("known_at_basis", pa.string(), nullable=False),
        pa.field("flags", pa.list_(pa.string()), nullable=False),
        *PROVENANCE,
    ]
)

QUARANTINE = pa.schema(
    [
        pa.field("place", pa.string(), nullable=False),  # line, row or path inside the payload
        pa.field("reason", pa.string(), nullable=False),
        pa.field("raw", pa.string(), nullable=False),
        *PROVENANCE,
    ]
)

TABLES: dict[str, pa.Schema] = {
    "observation": OBSERVATION,
    "series": SERIES.append(REDISTRIBUTION),
    "release_event": RELEASE_EVENT,
    "holding": HOLDING,
    "filing": FILING,
    "quarantine": QUARANTINE,
}

ENUMS: dict[str, type[StrEnum]] = {
    "obs_status": ObsStatus,
    "known_at_basis": Basis,
    "origin": Origin,
    "event": Event,
    "revision_policy": RevisionPolicy,
    "redistribution": Redistribution,
    "positions": Positions,
}
KEYS: dict[str, tuple[str, ...]] = {
    "observation": ("series_id", "period_start", "period_end", "known_at"),
    "series": ("series_id",),
    "release_event": ("release_id", "component", "reference_period", "event", "event_at", "announced_at"),
    "holding": ("holding_id", "period_end"),
    "filing": ("filing_id",),
    "quarantine": (),
}


def empty(table: str) -> pa.Table:
    """Return the empty table of that name, in its schema."""
    return TABLES[table].empty_table()


def validate(table: str, data: pa.Table) -> pa.Table:
    """Return ``data`` cast to the schema of ``table``, or raise ContractError with what is wrong and where.

    Checked: the set of columns, types, required values, the closed enums, period order, finite values, unique keys.

    Args:
        table: one of ``TABLES``.
        data: rows in any column order.

    Raises:
        ContractError: a column is missing, unknown or of another type; a required cell is null; a word is not in its
            closed list; a period ends before it starts; a value is infinite or NaN; a key appears twice.
    """
    schema = TABLES[table]
    data = _completed(table, data)
    missing = [name for name in schema.names if name not in data.column_names]
    unknown = [name for name in data.column_names if name not in schema.names]
    if missing or unknown:
        raise ContractError(f"{table}: columns missing {missing or 'none'}, unknown {unknown or 'none'}")
    try:
        data = data.select(schema.names).cast(schema)
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError, ValueError) as error:
        raise ContractError(f"{table}: {error}") from error
    for field in schema:
        column = data[field.name]
        if not field.nullable and column.null_count:
            raise ContractError(f"{table}: {column.null_count} null values in required column {field.name}")
        if field.name in ENUMS:
            _closed(table, field.name, column, {member.value for member in ENUMS[field.name]})
        if field.name == "flags":
            _flags(table, column)
        if pa.types.is_floating(field.type):
            finite = pc.all(pc.is_finite(column)).as_py()
            if finite is False:
                raise ContractError(f"{table}: {field.name} holds infinite or not-a-number values")
    if "period_start" in schema.names and pc.any(pc.greater(data["period_start"], data["period_end"])).as_py():
        raise ContractError(f"{table}: a period ends before it starts")
    key = KEYS[table]
    if key and data.num_rows and _may_repeat(data, key):
        groups = data.group_by(list(key)).aggregate([([], "count_all")])
        doubled = groups.filter(pc.greater(groups["count_all"], 1))
        if doubled.num_rows:
            first = {name: str(doubled[name][0].as_py()) for name in key}
            raise ContractError(f"{table}: {doubled.num_rows} keys appear more than once, the first is {first}")
    return data


def _completed(table: str, data: pa.Table) -> pa.Table:
    """Return ``data`` with the column that a parser may leave out."""
    if table != "series" or REDISTRIBUTION.name in data.column_names:
        return data
    return data.append_column(REDISTRIBUTION, pa.nulls(data.num_rows, REDISTRIBUTION.type))


def _may_repeat(data: pa.Table, key: tuple[str, ...]) -> bool:
    """Tell whether a key may occur twice: one number for each row, from the codes of its cells; False is certain.

    Grouping by all columns of the key costs five times as much, and is left to tables in which one does occur twice.
    """
    size, numbers = 1, np.zeros(data.num_rows, np.int64)
    for name in key:
        column = data[name].combine_chunks()
        column = column if isinstance(column, pa.Array) else pa.concat_arrays(column.chunks)
        codes = pc.dictionary_encode(column, null_encoding="encode")
        size *= len(codes.dictionary) + 1
        if size >= 2**63:
            return True
        numbers = numbers * (len(codes.dictionary) + 1) + codes.indices.to_numpy(zero_copy_only=False)
    numbers.sort()
    return bool((numbers[1:] == numbers[:-1]).any())


def _closed(table: str, name: str, column: pa.ChunkedArray | pa.Array, allowed: set[str]) -> None:
    """Raise ContractError where a column holds a word that is not in its closed list."""
    strangers = [word for word in pc.unique(column).to_pylist() if word is not None and word not in allowed]
    if strangers:
        raise ContractError(f"{table}: {name} has unknown values {sorted(strangers)[:5]}; allowed are {sorted(allowed)}")


def _flags(table: str, column: pa.ChunkedArray) -> None:
    """Raise ContractError where a list of flags holds a null or a word that is no flag."""
    words = pc.list_flatten(column)
    if words.null_count:
        raise ContractError(f"{table}: a list of flags holds a null")
    _closed(table, "flags", words, {member.value for member in Flag})

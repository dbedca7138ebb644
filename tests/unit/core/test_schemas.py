"""Validation of landed tables: what is right passes unchanged, and each fault has its own sentence."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from undertow.errors import ContractError
from undertow.schemas import INSTANT, OBSERVATION, PROVENANCE, TABLES, empty, validate
from undertow.vocabulary import Basis, Flag, ObsStatus, Origin

NOON = datetime(2025, 11, 20, 12, 0, tzinfo=UTC)
ONE: dict[str, dict[str, Any]] = {
    "observation": {
        "series_id": "t.a",
        "period_start": date(2025, 9, 1),
        "period_end": date(2025, 9, 30),
        "value": 324.8,
        "known_at": NOON,
        "known_at_basis": "first_seen",
        "obs_status": "A",
        "flags": ["IMPUTED"],
        "footnotes": [],
    },
    "series": {
        "series_id": "t.a",
        "title": "A",
        "agency": "T",
        "unit": "index",
        "decimals": 1,
        "frequency": "M",
        "seasonal_adjustment": "NSA",
        "revision_policy": "write_once",
        "release_id": None,
        "component": None,
        "stale_after_days": 80,
        "licence": "public domain",
        "source_url": "https://example.org",
        "redistribution": "withheld",
    },
    "release_event": {
        "release_id": "cpi",
        "component": "all",
        "reference_period": "2025-10",
        "reference_end": date(2025, 10, 31),
        "event": "cancelled",
        "event_at": None,
        "announced_at": NOON,
        "announced_basis": "notice",
        "flags": [],
        "merged_into": None,
        "reason": None,
        "source": "notice",
    },
    "holding": {
        "holding_id": "0001-1",
        "line_kind": "position",
        "filer": "f",
        "fund": "f",
        "manager": None,
        "form": "10-Q",
        "report_period": date(2025, 9, 30),
        "period_start": date(2025, 7, 1),
        "period_end": date(2025, 9, 30),
        "raw_identifier": "Loan A",
        "identifier_basis": "axis",
        "axes": [],
        **dict.fromkeys(("asset_category", "issuer_name", "issuer_lei", "cusip", "principal_currency", "shares", "value_grid")),
        **dict.fromkeys(("exchange_rate", "net_assets_pct", "cash_rate_pct", "floor_pct", "acquired_on", "is_paid_in_kind")),
        "accrual_status": None,
        "issuer_key": None,
        "instrument_key": None,
        "principal": 1.0,
        "cost": 1.0,
        "fair_value": 0.9,
        "currency": "USD",
        "spread_bp": None,
        "rate_pct": None,
        "maturity": None,
        "pik_rate_pct": None,
        "fair_value_level": 3,
        "known_at": NOON,
        "known_at_basis": "provider",
        "accession": "0001",
        "obs_status": "A",
        "flags": [],
    },
    "filing": {
        "filing_id": "0001-1",
        "kind": "filing",
        "filer": "f",
        "filer_name": "F",
        **dict.fromkeys(("former_name", "file_number", "filed_on", "document_url")),
        "form": "10-Q",
        "report_period": date(2025, 9, 30),
        "positions": "tagged",
        "known_at": NOON,
        "known_at_basis": "provider",
        "flags": [],
    },
    "quarantine": {"place": "line 3", "reason": "not a number", "raw": "x"},
}


def provenance(rows: int = 1) -> dict[str, pa.Array]:
    """The columns that say where rows came from, whatever they are today."""
    samples = {pa.string(): "live", pa.int32(): 1, INSTANT: NOON}
    return {field.name: pa.array([samples[field.type]] * rows, field.type) for field in PROVENANCE}


def table(name: str, *rows: dict[str, Any], types: dict[str, pa.DataType] | None = None) -> pa.Table:
    """The one good row of a table, once for each mapping of changes."""
    full = [{**ONE[name], **changes} for changes in rows or ({},)]
    types = types or {}
    columns = {
        field.name: pa.array([row[field.name] for row in full], types.get(field.name, field.type))
        for field in TABLES[name]
        if field.name in full[0]
    }
    return pa.table({**columns, **provenance(len(full))})


def refused(name: str, data: pa.Table) -> str:
    with pytest.raises(ContractError) as caught:
        validate(name, data)
    return str(caught.value)


@pytest.mark.parametrize("name", TABLES)
def test_a_good_table_passes_as_it_is(name: str) -> None:
    data = table(name)
    assert set(data.column_names) == set(TABLES[name].names)
    checked = validate(name, data)
    assert checked.schema == TABLES[name]
    assert checked.to_pylist() == data.select(TABLES[name].names).to_pylist()


@pytest.mark.parametrize("name", TABLES)
def test_an_empty_table_passes(name: str) -> None:
    assert empty(name).num_rows == 0
    assert validate(name, empty(name)).schema == TABLES[name]


def test_columns_may_stand_in_any_order_and_in_a_wider_spelling_of_their_type() -> None:
    data = table("observation", types={"value": pa.float32(), "flags": pa.large_list(pa.large_string())})
    checked = validate("observation", data.select(data.column_names[::-1]))
    assert checked.schema == OBSERVATION


def test_a_missing_and_an_unknown_column_are_both_named() -> None:
    data = table("observation").drop_columns(["value"]).append_column("valeu", pa.array([1.0]))
    assert refused("observation", data) == "observation: columns missing ['value'], unknown ['valeu']"
    assert refused("observation", table("observation").drop_columns(["value", "flags"])) == (
        "observation: columns missing ['value', 'flags'], unknown none"
    )


def test_a_value_of_another_type_is_refused() -> None:
    wrong = table("observation").set_column(3, "value", pa.array(["many"]))
    assert refused("observation", wrong).startswith("observation: ")
    assert "many" in refused("observation", wrong)


def test_an_instant_finer_than_a_microsecond_is_refused_and_not_rounded() -> None:
    column = pa.array([int(NOON.timestamp()) * 10**9 + 1], pa.int64()).cast(pa.timestamp("ns", tz="UTC"))
    index = OBSERVATION.get_field_index("known_at")
    data = table("observation").select(OBSERVATION.names).set_column(index, "known_at", column)
    assert refused("observation", data).startswith("observation: ")


@pytest.mark.parametrize(
    ("name", "column"),
    [(name, field.name) for name, schema in TABLES.items() for field in schema if not field.nullable],
)
def test_a_required_cell_may_not_be_null(name: str, column: str) -> None:
    data = table(name)
    index = data.column_names.index(column)
    data = data.set_column(index, column, pa.nulls(1, TABLES[name].field(column).type))
    assert re.fullmatch(rf"{name}: (?=.*\b{column}\b).*\bnull values\b.*", refused(name, data))


@pytest.mark.parametrize(
    ("name", "column"), [(name, field.name) for name, schema in TABLES.items() for field in schema if field.nullable]
)
def test_an_optional_cell_may_be_null(name: str, column: str) -> None:
    data = table(name)
    index = data.column_names.index(column)
    validate(name, data.set_column(index, column, pa.nulls(1, TABLES[name].field(column).type)))


@pytest.mark.parametrize(
    ("name", "column", "word"),
    [
        ("observation", "obs_status", "X"),
        ("observation", "known_at_basis", "guess"),
        ("release_event", "event", "postponed"),
        ("series", "revision_policy", "sometimes"),
    ],
)
def test_a_word_outside_its_closed_list_is_named_with_what_is_allowed(name: str, column: str, word: str) -> None:
    message = refused(name, table(name, {column: word}))
    assert message.startswith(f"{name}: {column} has unknown values ['{word}']; allowed are [")


def test_an_unknown_origin_is_refused() -> None:
    data = table("observation")
    data = data.set_column(data.column_names.index("origin"), "origin", pa.array(["hearsay"]))
    assert refused("observation", data) == (
        f"observation: origin has unknown values ['hearsay']; allowed are {sorted(member.value for member in Origin)}"
    )


def test_an_unknown_flag_is_refused_wherever_it_stands_in_a_list() -> None:
    message = refused("observation", table("observation", {"flags": ["IMPUTED", "NICE"]}))
    assert message.startswith("observation: flags has unknown values ['NICE']; allowed are ['CALENDAR_SHIFT', ")


@pytest.mark.parametrize("value", [float("inf"), float("-inf"), float("nan")])
def test_a_value_must_be_a_number(value: float) -> None:
    assert refused("observation", table("observation", {"value": value})) == (
        "observation: value holds infinite or not-a-number values"
    )
    assert refused("holding", table("holding", {"fair_value": value})) == (
        "holding: fair_value holds infinite or not-a-number values"
    )


def test_a_null_beside_numbers_is_no_fault() -> None:
    assert validate("observation", table("observation", {}, {"series_id": "t.b", "value": None})).num_rows == 2


def test_a_period_may_be_one_day_and_may_not_end_before_it_starts() -> None:
    day = date(2025, 9, 1)
    validate("observation", table("observation", {"period_start": day, "period_end": day}))
    backwards = table("observation", {"period_start": date(2025, 9, 2), "period_end": day})
    assert refused("observation", backwards) == "observation: a period ends before it starts"


@pytest.mark.parametrize(
    ("name", "other", "first"),
    [
        (
            "observation",
            {"value": 1.0, "obs_status": "P"},
            "{'series_id': 't.a', 'period_start': '2025-09-01', 'period_end': '2025-09-30', "
            "'known_at': '2025-11-20 12:00:00+00:00'}",
        ),
        ("series", {"title": "B"}, "{'series_id': 't.a'}"),
        ("holding", {"fund": "g"}, "{'holding_id': '0001-1', 'period_end': '2025-09-30'}"),
        (
            "release_event",
            {"reason": "other"},
            "{'release_id': 'cpi', 'component': 'all', 'reference_period': '2025-10', 'event': 'cancelled', "
            "'event_at': 'None', 'announced_at': '2025-11-20 12:00:00+00:00'}",
        ),
    ],
)
def test_a_key_may_stand_once(name: str, other: dict[str, Any], first: str) -> None:
    assert refused(name, table(name, {}, other)) == f"{name}: 1 keys appear more than once, the first is {first}"


def test_two_vintages_of_a_period_are_two_keys() -> None:
    assert validate("observation", table("observation", {}, {"known_at": NOON.replace(hour=13)})).num_rows == 2


def test_quarantined_rows_need_no_key() -> None:
    assert validate("quarantine", table("quarantine", {}, {})).num_rows == 2


@settings(max_examples=40, deadline=None)
@given(
    st.lists(
        st.fixed_dictionaries(
            {
                "series_id": st.sampled_from(["t.a", "t.b"]),
                "period_start": st.just(date(2025, 9, 1)),
                "period_end": st.dates(date(2025, 8, 30), date(2025, 9, 3)),
                "value": st.one_of(st.none(), st.floats(width=32)),
                "obs_status": st.sampled_from([*ObsStatus, "?"]),
                "known_at_basis": st.sampled_from([*Basis]),
                "flags": st.lists(st.sampled_from([*Flag]), max_size=2),
            }
        ),
        min_size=1,
        max_size=4,
    )
)
def test_what_passes_is_clean_and_what_is_clean_passes(rows: list[dict[str, Any]]) -> None:
    keys = [(row["series_id"], row["period_end"]) for row in rows]
    clean = (
        len(set(keys)) == len(keys)
        and all(row["period_start"] <= row["period_end"] for row in rows)
        and all(row["value"] is None or abs(row["value"]) < float("inf") for row in rows)
        and all(row["obs_status"] != "?" for row in rows)
    )
    try:
        validate("observation", table("observation", *rows))
    except ContractError:
        assert not clean
    else:
        assert clean

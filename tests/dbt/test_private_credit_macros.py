"""Words for what is set aside, and the names by which the funds of one manager are known."""

from __future__ import annotations

import csv
from pathlib import Path

import duckdb
import pytest

from tests.dbt.test_macros import Project

SEEDS = Path(__file__).resolve().parents[2] / "dbt_project/seeds"
PROJECT = Project()


def seed(name: str) -> list[dict[str, str]]:
    with (SEEDS / f"{name}.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def ask(sql: str, *values: object):
    return duckdb.execute(f"SELECT {sql}", list(values)).fetchall()[0][0]


def test_every_word_is_explained_once() -> None:
    told = {
        kind: [row["reason"] for row in seed("seed_private_credit_reason") if row["kind"] == kind]
        for kind in ("set_aside", "note")
    }
    assert list(PROJECT.reason_bits()) == told["set_aside"]
    assert sorted(PROJECT.note_bits()) == sorted(told["note"])
    for bits in (PROJECT.reason_bits(), PROJECT.note_bits()):
        assert list(bits.values()) == [2**place for place in range(len(bits))]


def test_a_mask_is_told_in_words() -> None:
    assert ask(PROJECT.reasons_of("$1::BIGINT"), 0) == []
    assert ask(PROJECT.reasons_of("$1::BIGINT"), 1 + 64 + 262144) == ["comparative", "undrawn", "below_size_floor"]
    assert ask(PROJECT.notes_of("$1::BIGINT"), 32 + 1) == ["amended", "par_in_kind"]


@pytest.mark.parametrize(
    ("name", "brand"),
    [
        ("BLUE OWL TECHNOLOGY FINANCE CORP. II", "blue owl"),
        ("Goldman Sachs Private Middle Market Credit II LLC", "goldman sachs"),
        ("NEW MOUNTAIN GUARDIAN IV BDC, L.L.C.", "new mountain guardian iv"),
        ("STONE POINT CREDIT INCOME FUND - SELECT", "stone point"),
        ("CAPITAL SOUTHWEST CORP", "capital southwest"),
        ("26NORTH BDC, INC.", "26north"),
        ("T. ROWE PRICE OHA SELECT PRIVATE CREDIT FUND", "t. rowe price oha select"),
        ("X1 CAPITAL INC.", "x1"),
    ],
)
def test_brands(name: str, brand: str) -> None:
    assert ask(PROJECT.brand("?"), name) == brand


def test_no_name_of_a_known_filer_stands_for_two_managers() -> None:
    """Else a filer that is in no table could be counted with the wrong ones."""
    managers: dict[str, set[str]] = {}
    for row in seed("seed_private_credit_manager"):
        assert row["filer"].isdecimal()
        assert len(row["filer"]) == 10
        managers.setdefault(ask(PROJECT.brand("?"), row["filer_name"]), set()).add(row["manager"])
    assert {brand: names for brand, names in managers.items() if len(names) > 1} == {}
    assert managers["blue owl"] == {"Blue Owl Credit"}

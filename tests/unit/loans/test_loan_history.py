"""Loans over time: at each instant the groups of what stands then, names that stay, merges and splits."""

from collections import defaultdict
from datetime import date, datetime, timedelta

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from undertow.loans.history import ALONE, Membership, Telling, membership_table, memberships
from undertow.loans.identity import Position, groups
from undertow.loans.universe import universe

DAY = date(2025, 9, 30)
START = datetime(2025, 11, 1)


def telling(line: str, manager: str, text: str, at: int, until: int | None = None, **more) -> Telling:
    day = more.pop("day", DAY)
    position = Position(line, more.pop("fund", manager), manager, day, text, more.pop("spread", 600.0), date(2029, 5, 1), "USD")
    return Telling(position, START + timedelta(days=at), None if until is None else START + timedelta(days=until))


def standing(found: list[Membership], at: datetime) -> set[frozenset[str]]:
    """Return the groups of lines that stand at an instant."""
    loans = defaultdict(set)
    for one in found:
        if one.loan_id is not None and one.known_at <= at and (one.until is None or one.until > at):
            loans[one.loan_id].add(one.line_id)
    return {frozenset(lines) for lines in loans.values()}


FULL, BARE = "Example, LLC, First lien senior secured loan", "Example, LLC"


def test_a_loan_keeps_its_name_while_others_join() -> None:
    first, second, third = telling("1", "a", FULL, 0), telling("2", "b", FULL, 2), telling("3", "c", FULL, 4)
    found = list(memberships([third, first, second]))
    assert len({one.loan_id for one in found}) == 1
    assert [(one.line_id, one.tier, one.until is None) for one in found] == [
        ("1", ALONE, False),  # until the second came
        ("1", "high", True),
        ("2", "high", True),
        ("3", "high", True),
    ]
    assert found[0].until == START + timedelta(days=2) == found[1].known_at
    assert found[1].other_line == "2"
    assert found[1].evidence == "high: borrower 'example', kind term, lien first, spread 600 bp, maturity 2029-05-01"
    assert found[0].evidence == "no other line is known to be of this loan"


def test_the_next_quarter_has_the_same_loan_and_another_lender_leaves_it() -> None:
    lines = [
        telling("1", "a", FULL, 0),
        telling("2", "b", FULL, 2),
        telling("3", "b", FULL, 90, day=date(2025, 12, 31)),
        telling("4", "a", FULL, 91, day=date(2025, 12, 31)),
    ]
    ids = {one.line_id: one.loan_id for one in memberships(lines) if one.until is None}
    assert len(set(ids.values())) == 1, "the line of lender a was known first, in the quarter before"


def test_a_line_that_tells_no_kind_leaves_when_a_second_kind_is_told() -> None:
    lines = [
        telling("1", "a", FULL, 0),
        telling("2", "b", BARE, 2),
        telling("3", "c", "Example, LLC, First lien senior secured delayed draw loan", 4),
    ]
    found = list(memberships(lines))
    assert standing(found, START + timedelta(days=3)) == {frozenset("12")}
    assert standing(found, START + timedelta(days=5)) == {frozenset("1"), frozenset("2"), frozenset("3")}
    left = [one for one in found if one.line_id == "2"]
    assert [one.tier for one in left] == ["medium", ALONE]
    assert left[0].loan_id != left[1].loan_id


def test_lines_go_when_a_filing_is_replaced() -> None:
    lines = [telling("1", "a", FULL, 0, until=9), telling("2", "b", FULL, 2), telling("3", "a", FULL, 9)]
    found = list(memberships(lines))
    assert standing(found, START + timedelta(days=5)) == {frozenset("12")}
    assert standing(found, START + timedelta(days=9)) == {frozenset("23")}
    assert len({one.loan_id for one in found if one.tier != ALONE}) == 1
    assert [one.until for one in found if one.line_id == "1"][-1] == START + timedelta(days=9)


def test_a_line_that_never_stood_is_in_no_loan() -> None:
    assert list(memberships([telling("1", "a", FULL, 3, until=3)])) == []


def test_what_is_no_loan_has_no_name() -> None:
    (one,) = memberships([telling("1", "a", "Example, LLC - Class A Common Units", 0)])
    assert (one.loan_id, one.tier, one.family, one.evidence) == (None, ALONE, "equity", "not the text of a loan")


def test_two_loans_of_one_description_have_two_names() -> None:
    lines = [telling("1", "a", FULL, 0, spread=600.0), telling("2", "a", FULL, 0, spread=900.0)]
    found = list(memberships(lines))
    assert len({one.loan_id for one in found}) == 2


@pytest.fixture(scope="module")
def world() -> list[Telling]:
    made = universe(11, borrowers=60, managers=6, quarters=(date(2025, 6, 30), DAY))
    replaced = {filing.amends: filing for filing in made.filings if filing.amends}
    found = []
    for number, line in enumerate(made.lines):
        fund = line.filing.fund
        if line.day != line.filing.period or line.loan is None or "undrawn" in line.traps:
            continue
        spread = None if line.spread is None else line.spread * (100 if fund.in_percent else 10_000)
        position = Position(f"{number:05}", fund.cik, fund.manager, line.day, line.identifier, spread, line.maturity, "USD")
        later = replaced.get(line.filing.accession)
        found.append(Telling(position, line.filing.accepted, later.accepted if later else None))
    assert len(found) > 500
    return found


@settings(max_examples=15, deadline=None)
@given(st.data())
def test_at_each_instant_the_groups_are_those_of_what_stands(world: list[Telling], data: st.DataObject) -> None:
    """What is worked out step by step is what the rules say of all lines at once; nothing later is looked at."""
    at = data.draw(st.sampled_from(sorted({one.known_at for one in world})))
    for day in (date(2025, 6, 30), DAY):
        stands = [
            one.position
            for one in world
            if one.position.day == day and one.known_at <= at and (one.until is None or one.until > at)
        ]
        wanted = {frozenset(str(one.line_id) for one in group.positions) for group in groups(stands, whole=True)}
        ids = {str(one.line_id) for one in stands}
        found = {lines for lines in standing(list(memberships(world)), at) if not lines.isdisjoint(ids)}
        # a loan has one name over quarters: take this quarter's part of it
        assert {frozenset(lines & ids) for lines in found} == wanted


@settings(max_examples=10, deadline=None)
@given(st.data())
def test_what_was_known_by_an_instant_is_all_that_counts(world: list[Telling], data: st.DataObject) -> None:
    at = data.draw(st.sampled_from(sorted({one.known_at for one in world})))

    def seen(found: list[Membership]) -> set[tuple]:
        return {(one.line_id, one.loan_id, one.known_at, one.tier, one.evidence) for one in found if one.known_at <= at}

    cut = [
        Telling(one.position, one.known_at, one.until if one.until and one.until <= at else None)
        for one in world
        if one.known_at <= at
    ]
    assert seen(list(memberships(cut))) == seen(list(memberships(world)))


def test_the_order_of_lines_does_not_matter(world: list[Telling]) -> None:
    assert set(memberships(world)) == set(memberships(world[::-1]))


def test_a_table_goes_in_and_one_comes_out() -> None:
    instant = pa.timestamp("us")
    lines = pa.table(
        {
            "line_id": ["1", "2"],
            "fund": ["a", "b"],
            "manager": ["a", "b"],
            "period_end": [DAY, DAY],
            "raw_identifier": [FULL, "Example LLC, First lien"],
            "spread_bp": [600.0, 605.0],
            "maturity": pa.array([None, None], pa.date32()),
            "currency": ["USD", "USD"],
            "known_at": pa.array([START, START], instant),
            "superseded_at": pa.array([None, None], instant),
        }
    )
    table = membership_table(lines)
    assert table.schema.field("known_at").type == instant
    assert table.column("tier").to_pylist() == ["high", "high"]
    assert len(set(table.column("loan_id").to_pylist())) == 1
    empty = membership_table(lines.slice(0, 0))
    assert (empty.num_rows, empty.schema) == (0, table.schema)

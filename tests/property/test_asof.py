"""As-of reads of random vintages, against a reference that follows design rule 5 word for word.

The vintages go the whole way: landed in any order, through the models, published, and read back by the store and the macros.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pyarrow as pa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.property.vintages import Known, Models, Series, State, emitted, known, publish_small, scratch
from undertow.settings import Home
from undertow.store import FeatureStore

# Few instants, so that ties are common; among them both changes of the clocks in New York and the hour that occurs twice.
INSTANTS = (
    datetime(2025, 1, 31, 13, 30),
    datetime(2025, 3, 9, 6, 59, 59, 999999),
    datetime(2025, 3, 9, 7, 0),
    datetime(2025, 4, 30, 12, 30),
    datetime(2025, 4, 30, 12, 30, 0, 1),
    datetime(2025, 7, 1, 0, 0),
    datetime(2025, 11, 2, 5, 30),
    datetime(2025, 11, 2, 6, 30),
    datetime(2025, 12, 18, 13, 30),
    datetime(2026, 1, 13, 13, 30),
)
STEP = timedelta(microseconds=1)
ASKED = sorted(
    {at + shift for at in INSTANTS for shift in (-STEP, timedelta(0), STEP)} | {datetime(1969, 7, 20), datetime(2027, 1, 1)}
)
PERIODS = {
    "D": [(date(2024, 12, day),) * 2 for day in (27, 30, 31)] + [(date(2025, 1, 2),) * 2],
    "M": [
        (date(2024, 11, 1), date(2024, 11, 30)),
        (date(2024, 12, 1), date(2024, 12, 31)),
        (date(2025, 1, 1), date(2025, 1, 31)),
    ],
    "Q": [
        (date(2024, 7, 1), date(2024, 9, 30)),
        (date(2024, 10, 1), date(2024, 12, 31)),
        (date(2025, 1, 1), date(2025, 3, 31)),
    ],
    "A": [(date(2023, 1, 1), date(2023, 12, 31)), (date(2024, 1, 1), date(2024, 12, 31))],
}
SERIES = ("test.daily", "test.monthly", "test.quarterly", "test.annual", "test.monthly_too")
SIGNALS = ("fx.usd_majors_index", "inflation.cpi_all_12m", "inflation.cpi_core_12m")
FLAG_SETS = ((), (), ("KNOWN_LATE",), ("PRELIMINARY", "KNOWN_LATE"))


@st.composite
def histories(draw: st.DrawFn, id_: str, frequency: str) -> Series:
    """One series: at most one state of a period at an instant, some of them withdrawn, restored, or changed in flags only."""
    keys = draw(
        st.lists(
            st.tuples(st.sampled_from(PERIODS[frequency]), st.sampled_from(INSTANTS)),
            max_size=14,
            unique=True,
        )
    )
    states = [
        State(period, at, draw(st.sampled_from((None, None, 1.0, 1.0, 2.0, -3.5))), draw(st.sampled_from(FLAG_SETS)))
        for period, at in keys
    ]
    return Series(id_, frequency, tuple(states), draw(st.sampled_from((1, 80, 400))))


@st.composite
def worlds(draw: st.DrawFn) -> tuple[list[Series], list[Series]]:
    series = [draw(histories(id_, frequency)) for id_, frequency in zip(SERIES, ("D", "M", "Q", "A", "M"), strict=True)]
    landed = []
    for one in series:
        seen_again = draw(st.lists(st.sampled_from(one.states), max_size=3)) if one.states else []
        again = [replace(state, fetched_at=state.known_at + timedelta(days=40)) for state in seen_again]
        landed.append(replace(one, states=tuple(draw(st.permutations([*one.states, *again])))))
    return landed, [draw(histories(id_, "M")) for id_ in SIGNALS]


def instants(asked: Sequence[datetime]) -> pa.Array:
    return pa.array([at.replace(tzinfo=UTC) for at in asked], pa.timestamp("us", tz="UTC"))


def answers(table: pa.Table, prefix: str = "") -> list[Known | None]:
    """Return the rows of a frame with details as answers."""
    names = [f"{prefix}__{name}" if prefix else name for name in ("period_end", "known_at", "flags")]
    columns = [table[prefix or "value"].to_pylist(), *(table[name].to_pylist() for name in names)]
    return [
        None
        if value is None and (end, at, flags) == (None, None, None)
        else Known(value, end, at.replace(tzinfo=None), tuple(flags))
        for value, end, at, flags in zip(*columns, strict=True)
    ]


def without_delayed(row: dict) -> Known:
    flags = tuple(flag for flag in row["flags"] if flag != "DELAYED")
    return Known(row["value"], row["period_end"], row["known_at"].replace(tzinfo=None), flags)


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(world=worlds(), seed=st.randoms(use_true_random=False))
def test_every_reader_follows_rule_5(models: Models, world: tuple[list[Series], list[Series]], seed) -> None:
    series, signals = world
    reference = {one.id: emitted(one, marks_revisions=True) for one in series}
    reference |= {one.id: emitted(one, marks_revisions=False) for one in signals}
    # what the signal models emit: a row only where something changed
    mart = [Series(s.id, s.frequency, tuple(row for rows in reference[s.id].values() for row in rows)) for s in signals]
    with scratch() as folder:
        home = Home(Path(folder))
        publish_small(home, models, series, mart)
        with FeatureStore(home=home.root, frame="arrow") as store:
            stale = {one.id: one.stale_after_days for one in series}
            stale |= dict(store._connection.execute("SELECT signal_id, stale_after_days FROM internal.signal").fetchall())
            expected = {
                (id_, at): known(reference[id_], at, stale[id_]) for id_ in (*SERIES, *SIGNALS) for at in ASKED
            }  # fmt: skip

            wide = store.historical(pa.table({"as_of": instants(ASKED)}), [*SERIES, *SIGNALS], details=True)
            for id_ in (*SERIES, *SIGNALS):
                assert answers(wide, id_) == [expected[id_, at] for at in ASKED], id_

            questions = list(expected)
            seed.shuffle(questions)
            asked = pa.table({"feature": [id_ for id_, _ in questions], "as_of": instants([at for _, at in questions])})
            long = store.historical(asked, details=True)
            assert answers(long) == [expected[question] for question in questions]
            assert store.historical(asked)["value"].to_pylist() == long["value"].to_pylist()

            for at in seed.sample(ASKED, 3):
                of_series = {row["series_id"]: without_delayed(row) for row in store.as_known(at).to_pylist()}
                assert of_series == {id_: expected[id_, at] for id_ in SERIES if expected[id_, at]}
                of_signals = {row["signal_id"]: without_delayed(row) for row in store.signals_as_known(at).to_pylist()}
                assert of_signals == {id_: expected[id_, at] for id_ in SIGNALS if expected[id_, at]}


@settings(max_examples=10, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(one=histories("test.monthly", "M"), data=st.data())
def test_the_order_of_arrival_changes_nothing(models: Models, one: Series, data: st.DataObject) -> None:
    orders = [one.states, tuple(reversed(one.states)), tuple(data.draw(st.permutations(one.states)))]
    contents = []
    for states in orders:
        with scratch() as folder:
            build = publish_small(Home(Path(folder)), models, [replace(one, states=states)])
            contents.append(build.manifest["content"])
    assert contents[0] == contents[1] == contents[2]


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(one=histories("test.monthly", "M"), cut=st.sampled_from(INSTANTS))
def test_what_comes_later_changes_no_earlier_answer(models: Models, one: Series, cut: datetime) -> None:
    early = replace(one, states=tuple(state for state in one.states if state.known_at <= cut))
    asked = pa.table({"as_of": instants([at for at in ASKED if at <= cut])})
    found = []
    for series in (early, one):
        with scratch() as folder:
            publish_small(Home(Path(folder)), models, [series])
            with FeatureStore(home=folder, frame="arrow") as store:
                found.append(answers(store.historical(asked, one.id, details=True), one.id))
                capped = store.historical(pa.table({"as_of": instants(ASKED)}), one.id, known_by=cut, details=True)
                found.append(answers(capped, one.id)[-1])
    assert found[:2] == found[2:]

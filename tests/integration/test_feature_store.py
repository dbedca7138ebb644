"""The store as a modeller uses it: features as they were known, in the modeller's own frames."""

from __future__ import annotations

import csv
import fnmatch
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.compute as pc
import pytest

from tests.property.conftest import models  # noqa: F401 - a fixture
from tests.property.vintages import Models, Series, State, publish_small, scratch
from undertow.asof import DETAILS, OF_SIGNALS
from undertow.calendars import business_days
from undertow.errors import UsageError
from undertow.lineage import LINEAGE
from undertow.settings import Home
from undertow.store import FeatureStore

CPI, DOLLAR, INFLATION = "bls.CUUR0000SA0", "fx.usd_majors_index", "inflation.cpi_all_12m"
INSTANTS = ["1960-05-05", "2013-10-20", "2025-11-15", "2025-12-18T13:30Z", "2026-10-30 16:00 Europe/Berlin"]


@pytest.fixture(scope="module")
def store(sample_home: Home) -> Iterator[FeatureStore]:
    with FeatureStore(home=sample_home.root, frame="arrow") as opened:
        yield opened


@pytest.fixture(scope="module")
def questions(store: FeatureStore) -> pa.Table:
    """Random questions, half of them at an instant at which something became known; signals among them."""
    dice = np.random.default_rng(7)
    ids = store.sql("SELECT series_id AS id FROM marts.dim_series UNION ALL SELECT signal_id FROM internal.signal")["id"]
    known = store.sql("SELECT DISTINCT epoch_us(known_at) AS at FROM internal.observation_head")["at"].to_numpy()
    instants = np.concatenate([dice.choice(known, 10_000), dice.integers(known.min() - 10**15, known.max() + 10**15, 10_000)])
    return pa.table(
        {
            "feature": ids.take(pa.array(dice.integers(0, len(ids), 20_000))),
            "as_of": pa.array(instants).cast(pa.timestamp("us", tz="UTC")),
        }
    )


# --- answers ---------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("feature", "instant", "value"),
    [
        (CPI, "1913-03-01T04:58:59Z", None),
        (CPI, "2025-10-24T12:29:59.999999Z", 323.976),
        (CPI, "2025-10-24T12:30Z", 324.8),
        (CPI, "2025-11-15", 324.8),
        (CPI, "2025-12-18T13:29Z", 324.8),  # October was cancelled: September stays the newest number
        (CPI, "2025-12-18 08:30 America/New_York", 324.122),
        (INFLATION, "2025-12-10T19:00Z", 3.0127),
        (DOLLAR, "2025-12-10 14:00 America/New_York", 99.1531),
    ],
)
def test_known_answers(store: FeatureStore, feature: str, instant: str, value: float | None) -> None:
    (answer,) = store.historical(pa.table({"as_of": [instant]}), feature)[feature].to_pylist()
    assert answer == (value if value is None else pytest.approx(value, abs=5e-5))


def test_training_equals_serving(store: FeatureStore) -> None:
    """What a model is trained on is what it would have been fed: ``historical`` at T is ``as_known(T)``, for every series."""
    ids = store.sql("SELECT series_id FROM marts.dim_series ORDER BY 1")["series_id"]
    for instant in INSTANTS:
        trained = store.historical(pa.table({"series_id": ids, "feature": ids, "as_of": [instant] * len(ids)}), details=True)
        trained = trained.filter(trained["value"].is_valid())
        served = store.as_known(instant)
        served = served.filter(pc.not_equal(served["obs_status"], "Q"))  # of a withheld series it is told that there is a value
        for name in ("series_id", "value", "period_end", "known_at"):
            assert trained[name].combine_chunks().equals(served[name].combine_chunks()), (instant, name)
        flags = [[flag for flag in flags if flag != "DELAYED"] for flags in served["flags"].to_pylist()]
        assert trained["flags"].to_pylist() == flags
    signals = store.signals_as_known(INSTANTS[-1])
    served = store.latest(signals["signal_id"].to_pylist(), INSTANTS[-1], details=True)
    for row in signals.to_pylist():
        assert served[row["signal_id"]].to_pylist() == [row["value"]]
        assert served[f"{row['signal_id']}__flags"].to_pylist() == [row["flags"]]
        assert served[f"{row['signal_id']}__known_at"].to_pylist() == [row["known_at"]]


def test_every_signal_at_many_instants_is_plain_sql(store: FeatureStore) -> None:
    """``historical`` is ``signals_as_known(T)`` for each row's own T, in every column, for the signals that had no value too."""
    dice = np.random.default_rng(11)
    known = store.sql("SELECT DISTINCT known_at FROM marts.mart_signal_long ORDER BY 1")["known_at"].to_pylist()
    instants = [known[i] for i in dice.integers(0, len(known), 25)] + [known[-1], known[-1] + timedelta(days=400)]
    instants += [known[i] - timedelta(microseconds=1) for i in dice.integers(len(known) - 300, len(known), 10)]
    ids = store.feature_list("all")
    columns = ["value", *DETAILS, *OF_SIGNALS]
    frame = pa.table({"feature": ids * len(instants), "as_of": [instant for instant in instants for _ in ids]})
    answer = store.historical(frame, columns=columns).to_pylist()
    found = 0
    for place, instant in enumerate(instants):
        query = f"SELECT signal_id, {', '.join(columns)} FROM signals_as_known(?)"
        served = {row.pop("signal_id"): row for row in store.rows(query, [instant])}
        nothing = dict.fromkeys(columns)
        rows = answer[place * len(ids) : (place + 1) * len(ids)]
        assert [{name: row[name] for name in columns} for row in rows] == [served.get(id_, nothing) for id_ in ids], instant
        found += len(served)
    assert found > 1_000


def test_columns_of_signals(store: FeatureStore) -> None:
    """Each column is the mart's; a column that a series has not, and one that nothing has, are refused."""
    asked = pa.table({"as_of": ["2025-12-10T19:00Z"]})
    answer = store.historical(asked, INFLATION, columns=["z_exp", "rank_exp", "value", "confidence"])
    assert answer.column_names == [
        "as_of",
        f"{INFLATION}__z_exp",
        f"{INFLATION}__rank_exp",
        INFLATION,
        f"{INFLATION}__confidence",
    ]
    (row,) = store.rows(
        "SELECT z_exp, rank_exp, value, confidence FROM marts.mart_signal_long "
        "WHERE signal_id = ? AND period_start = '2025-09-01' AND vintage_number = 1", [INFLATION],
    )  # fmt: skip
    assert list(answer.to_pylist()[0].values())[1:] == list(row.values())
    assert None not in row.values()
    assert store.latest(INFLATION, "2025-12-10T19:00Z", columns=["z_exp"]).column_names == ["as_of", f"{INFLATION}__z_exp"]
    panel = store.panel(INFLATION, "2025-12-10", "2025-12-10", at="19:00", columns=["value", "rank_exp"])
    assert panel[f"{INFLATION}__rank_exp"].to_pylist() == [row["rank_exp"]]
    with pytest.raises(UsageError, match=f"z_exp is a column of signals, and {CPI} is a series"):
        store.historical(asked, [INFLATION, CPI], columns=["value", "z_exp"])
    with pytest.raises(UsageError, match="no column 'zscore'; there are value"):
        store.historical(asked, INFLATION, columns=["zscore"])
    with pytest.raises(UsageError, match="at least one column"):
        store.historical(asked, INFLATION, columns=[])


def test_features_say_what_they_are(store: FeatureStore) -> None:
    described = {row["feature"]: row for row in store.features().to_pylist()}
    with (Path(__file__).resolve().parents[2] / "dbt_project/seeds/seed_signal.csv").open(newline="") as handle:
        seed = {row["signal_id"]: row for row in csv.DictReader(handle)}
    assert described.keys() == seed.keys()
    for id_, row in described.items():
        told = {name: str(row[name]) for name in ("title", "unit", "stress_dir", "frequency", "min_history", "formula")}
        assert told == {name: seed[id_][name] for name in told}
        assert row["domain"] == id_.split(".")[0]
    assert store.features(INFLATION)["title"].to_pylist() == ["CPI all items, 12-month change"]
    with pytest.raises(UsageError, match=r"unknown signal_id 'inflation\.cpi'; near it"):
        store.features(["inflation.cpi"])


def test_feature_lists(store: FeatureStore, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    lists = store.feature_lists()
    assert lists["inflation"] == [id_ for id_ in lists["all"] if id_.startswith("inflation.")]
    assert sorted(id_ for name, ids in lists.items() if name != "all" for id_ in ids) == lists["all"]
    answer = store.historical(pa.table({"as_of": ["2025-12-20"]}), store.feature_list("labour"))
    assert answer.column_names == ["as_of", *lists["labour"]]
    monkeypatch.setattr(store, "home", Home(tmp_path))
    file = tmp_path / "feature_lists.yml"
    file.write_text(f"model_7:\n  - {CPI}\n  - inflation.cpi_core_*\n  - inflation.cpi_core_12m\n")
    core = [id_ for id_ in lists["inflation"] if "_core_" in id_]
    assert store.feature_list("model_7") == [CPI, *core]
    with pytest.raises(UsageError, match=r"no feature list 'model_8'; there are all, .*, model_7"):
        store.feature_list("model_8")
    for text, says in {
        "labour: [fx.usd_majors_index]": "the name 'labour' is taken",
        "a: fx.usd_majors_index": "'a' must be a list",
        "a: [nothing.*]": "no signal matches 'nothing",
        "a: [fx.usd_majors]": "unknown feature 'fx.usd_majors'; near it are fx.usd_majors_index",
        "- a": "must be a mapping",
        "a: [": "cannot be read",
    }.items():
        file.write_text(text)
        with pytest.raises(UsageError, match=says):
            store.feature_lists()


def test_the_walk_along_the_head_is_an_asof_join(store: FeatureStore, questions: pa.Table) -> None:
    answer = store.historical(questions, details=True)
    expected = store.rows(
        """
        WITH head AS (
            SELECT series_id AS id, known_at, value, period_end, value_known_at FROM internal.observation_head
            UNION ALL
            SELECT signal_id, known_at, value, period_end, value_known_at FROM undertow_signal_head
        )
        SELECT h.value, CASE WHEN h.value IS NOT NULL THEN h.period_end END AS period_end,
            CASE WHEN h.value IS NOT NULL THEN h.value_known_at END AS known_at  -- of a withheld series the head knows a period
        FROM (SELECT *, row_number() OVER () AS place FROM asked) AS q
        ASOF LEFT JOIN head AS h ON q.feature = h.id AND q.as_of >= h.known_at
        ORDER BY q.place
        """,
        asked=questions,
    )
    assert answer.select(["value", "period_end", "known_at"]).to_pylist() == expected
    assert 0.2 < answer["value"].null_count / len(answer) < 0.8


def test_ties_are_settled_the_same_way_every_time(store: FeatureStore, questions: pa.Table) -> None:
    """One release publishes thousands of periods at one instant; twenty answers are one answer."""
    first = store.historical(questions, details=True)
    for _ in range(20):
        assert store.historical(questions)["value"].equals(first["value"])
    with FeatureStore(home=store.home.root, frame="arrow") as another:
        assert another.historical(questions, details=True).equals(first)


def test_the_order_of_the_questions_orders_the_answers(store: FeatureStore, questions: pa.Table) -> None:
    order = pa.array(np.random.default_rng(3).permutation(len(questions)))
    answer = store.historical(questions, details=True)
    assert store.historical(questions.take(order), details=True).equals(answer.take(order))


def test_wide_and_long_say_the_same(store: FeatureStore, questions: pa.Table) -> None:
    names = [CPI, DOLLAR, INFLATION, "ecb.EXR.D.USD.EUR.SP00.A"]
    wide = store.historical(questions.select(["as_of"]), names, details=True)
    assert wide.num_rows == len(questions)
    assert wide.column_names[1:5] == [CPI, f"{CPI}__period_end", f"{CPI}__known_at", f"{CPI}__flags"]
    for name in names:
        asked = questions.set_column(0, "feature", pa.array([name] * len(questions)))
        long = store.historical(asked, details=True)
        assert wide[name].equals(long["value"])
        assert wide[f"{name}__flags"].equals(long["flags"])
        assert store.historical(questions.select(["as_of"]), name)[name].equals(long["value"])


# --- frames and instants -----------------------------------------------------------------------------------------------------


def test_a_pandas_frame_keeps_its_index_and_its_columns(store: FeatureStore) -> None:
    moments = pd.to_datetime(["2025-12-18 13:30", "1900-01-01 00:00", "2025-11-15 00:00"])
    frame = pd.DataFrame({"weight": [1, 2, 3], "as_of": moments}, index=pd.Index([7, 7, 1], name="trade"))
    before = frame.copy()
    answer = store.historical(frame, [CPI, DOLLAR], details=True)
    assert isinstance(answer, pd.DataFrame)
    assert list(answer.index) == [7, 7, 1]
    assert answer.index.name == "trade"
    assert list(answer["weight"]) == [1, 2, 3]
    assert answer[CPI].isna().tolist() == [False, True, False]
    assert answer[CPI].dropna().tolist() == [324.122, 324.8]
    assert str(answer[f"{CPI}__known_at"].dtype).startswith("datetime64[us, UTC")
    pd.testing.assert_frame_equal(frame, before)


def test_a_polars_frame_comes_back_as_one(store: FeatureStore) -> None:
    frame = pl.DataFrame({"as_of": [datetime(2025, 11, 15), datetime(1900, 1, 1)], "feature": [CPI, DOLLAR]})
    answer = store.historical(frame, details=True)
    assert isinstance(answer, pl.DataFrame)
    assert answer["value"].to_list() == [324.8, None]
    assert answer["period_end"].to_list() == [date(2025, 9, 30), None]
    assert answer["flags"].to_list() == [[], None]


MOMENT = datetime(2025, 10, 24, 12, 30, tzinfo=UTC)
FORMS = {
    "naive": pd.Series([MOMENT.replace(tzinfo=None)]),
    "aware": pd.Series([MOMENT.astimezone(ZoneInfo("America/New_York"))]),
    "objects of two zones": pd.Series([MOMENT.astimezone(ZoneInfo("Asia/Tokyo"))], dtype=object),
    "text": pd.Series(["2025-10-24 08:30 America/New_York"]),
    "category": pd.Series(["2025-10-24T12:30Z"], dtype="category"),
    "seconds": pa.array([int(MOMENT.timestamp())], pa.int64()).cast(pa.timestamp("s")),
    "milliseconds": pa.array([MOMENT], pa.timestamp("ms", tz="Europe/Berlin")),
    "nanoseconds": pa.array([MOMENT], pa.timestamp("ns", tz="UTC")),
    "string view": pl.Series(["2025-10-24T12:30:00Z"]),
}


@pytest.mark.parametrize("form", FORMS.values(), ids=FORMS.keys())
def test_forms_of_an_instant(store: FeatureStore, form: pd.Series | pl.Series | pa.Array) -> None:
    frame: object
    if isinstance(form, pd.Series):
        frame = pd.DataFrame({"as_of": form})
    elif isinstance(form, pl.Series):
        frame = pl.DataFrame({"as_of": form})
    else:
        frame = pa.table({"as_of": form})
    answer = store.historical(frame, CPI)[CPI]
    assert (answer.to_pylist() if isinstance(answer, pa.ChunkedArray) else list(answer)) == [324.8]


def test_parts_of_a_microsecond_are_cut_off(store: FeatureStore) -> None:
    """A nanosecond before the release is before the release, in 1969 too."""
    released = int(MOMENT.timestamp()) * 10**9
    moments = pa.array([released - 1, released, released + 999, -1], pa.int64()).cast(pa.timestamp("ns", tz="UTC"))
    assert store.historical(pa.table({"as_of": moments}), CPI)[CPI].to_pylist() == [323.976, 324.8, 324.8, 37.3]


def test_dates_are_their_midnight_in_utc(store: FeatureStore) -> None:
    frame = pd.DataFrame({"as_of": [date(2025, 10, 24), date(2025, 10, 25)]})
    assert store.historical(frame, CPI)[CPI].tolist() == [323.976, 324.8]


def test_the_hour_that_occurs_twice(store: FeatureStore) -> None:
    """Both 1:30s of 2025-11-02 in New York, told apart by their offset; a text means the first."""
    zone = ZoneInfo("America/New_York")
    both = [datetime(2025, 11, 2, 1, 30, tzinfo=zone, fold=fold) for fold in (0, 1)]
    answer = store.historical(pa.table({"as_of": pa.array(both, pa.timestamp("us", tz="America/New_York"))}), DOLLAR)
    assert answer["as_of"].cast(pa.timestamp("us", tz="UTC")).to_pylist() == [
        datetime(2025, 11, 2, 5, 30, tzinfo=UTC),
        datetime(2025, 11, 2, 6, 30, tzinfo=UTC),
    ]
    text = store.historical(pa.table({"as_of": ["2025-11-02 01:30 America/New_York"]}), DOLLAR)
    assert text[DOLLAR].to_pylist() == answer[DOLLAR].to_pylist()[:1]


def test_an_empty_frame_gives_an_empty_answer(store: FeatureStore) -> None:
    empty = pa.table({"as_of": pa.array([], pa.timestamp("us", tz="UTC")), "feature": pa.array([], pa.string())})
    assert store.historical(empty, [CPI], details=True).column_names[2:] == [
        CPI, f"{CPI}__period_end", f"{CPI}__known_at", f"{CPI}__flags",
    ]  # fmt: skip
    assert store.historical(empty)["value"].type == pa.float64()
    assert store.historical(pd.DataFrame({"as_of": []}), CPI).empty


def test_known_by_caps_every_instant(store: FeatureStore, questions: pa.Table) -> None:
    cut = datetime(2010, 1, 1, tzinfo=UTC)
    capped = pc.if_else(pc.greater(questions["as_of"], pa.scalar(cut)), pa.scalar(cut), questions["as_of"])
    expected = store.historical(questions.set_column(1, "as_of", capped), details=True)
    answer = store.historical(questions, known_by=cut, details=True)
    assert answer.drop_columns("as_of").equals(expected.drop_columns("as_of"))


def test_stale_is_judged_from_the_row(store: FeatureStore) -> None:
    moments = ["2025-11-15", "2025-12-18", "2025-12-20", "2026-02-20"]
    flags = store.historical(pa.table({"as_of": moments}), CPI, details=True, known_by="2025-12-18")[f"{CPI}__flags"]
    assert flags.to_pylist() == [[], [], [], []]
    flags = store.historical(pa.table({"as_of": ["2025-12-18T13:29Z", "2025-12-20", "2027-01-01"]}), CPI, details=True)
    assert [("STALE" in row) for row in flags[f"{CPI}__flags"].to_pylist()] == [False, False, True]


@pytest.mark.parametrize(
    ("frame", "features", "says"),
    [
        (pd.DataFrame({"as_of": [pd.NaT, MOMENT, pd.NaT]}), CPI, "2 rows of entity_df have no instant in column 'as_of', the first at position 0"),
        (pl.DataFrame({"as_of": [None]}), CPI, "a row of entity_df has no instant"),
        (pa.table({"as_of": [3]}), CPI, "holds int64, not instants"),
        (pa.table({"as_of": ["soon"]}), CPI, "'soon' is not an instant"),
        (pa.table({"as_of": ["2026-03-08 02:30 America/New_York"]}), CPI, "does not exist"),
        (pa.table({"at": ["2025-01-01"]}), CPI, "no column 'as_of'; its columns are at"),
        (pa.table({"as_of": ["2025-01-01"]}), "bls.CUUR0000SAO", "unknown feature 'bls.CUUR0000SAO'; near it are bls.CUUR0000SA0"),
        (pa.table({"as_of": ["2025-01-01"]}), [CPI, CPI], "named twice"),
        (pa.table({"as_of": ["2025-01-01"]}), [], "at least one feature"),
        (pa.table({"as_of": ["2025-01-01"], CPI: [1]}), CPI, f"already has a column '{CPI}'"),
        (pa.table({"as_of": ["2025-01-01"]}), None, "name features, or give entity_df a column 'feature'"),
        (pa.table({"as_of": ["2025-01-01"], "feature": pa.nulls(1, pa.string())}), None, "1 rows of entity_df name no feature"),
        (pa.table({"as_of": ["2025-01-01"], "feature": ["x"]}), None, "unknown feature 'x'"),
        ({"as_of": ["2025-01-01"]}, CPI, "entity_df is a dict"),
    ],
)  # fmt: skip
def test_wrong_requests_get_one_sentence(store: FeatureStore, frame: object, features: object, says: str) -> None:
    with pytest.raises(UsageError, match=says.replace("(", r"\(")):
        store.historical(frame, features)  # ty: ignore[invalid-argument-type]


# --- panel and latest ---------------------------------------------------------------------------------------------------------


def test_a_panel_is_historical_on_a_grid_of_local_instants(store: FeatureStore) -> None:
    panel = store.panel([CPI, DOLLAR], "2025-10-30", "2025-11-05", "D", at="16:00", zone="America/New_York")
    hours = [moment.hour for moment in panel["as_of"].to_pylist()]
    assert hours == [20, 20, 20, 21, 21, 21, 21]  # the clocks went back on 2 November
    assert store.historical(panel.select(["as_of"]), [CPI, DOLLAR]).equals(panel)
    capped = store.panel(CPI, "2025-10-20", "2025-10-30", "W", known_by="2025-10-24T12:00Z")
    assert capped[CPI].to_pylist() == [323.976, 323.976]


@pytest.mark.parametrize(
    ("freq", "calendar", "days"),
    [
        ("D", None, [date(2025, 12, 20) + timedelta(days=n) for n in range(13)]),
        ("B", None, [date(2025, 12, day) for day in (22, 23, 24, 25, 26, 29, 30, 31)] + [date(2026, 1, 1)]),
        ("B", "TARGET", [date(2025, 12, day) for day in (22, 23, 24, 29, 30, 31)]),
        ("W", None, [date(2025, 12, 20), date(2025, 12, 27)]),
        ("M", None, [date(2025, 12, 31)]),
    ],
)
def test_steps_of_a_panel(store: FeatureStore, freq: str, calendar: str | None, days: list[date]) -> None:
    panel = store.panel(CPI, date(2025, 12, 20), "2026-01-01", freq, calendar=calendar)
    assert [moment.date() for moment in panel["as_of"].to_pylist()] == days
    if calendar:
        assert days == business_days(calendar, date(2025, 12, 20), date(2026, 1, 1))


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ({"freq": "Y"}, "no step 'Y'"),
        ({"freq": "D", "calendar": "TARGET"}, "goes with the step B"),
        ({"freq": "B", "calendar": "MOON"}, "no calendar 'MOON'"),
        ({"at": "25:00"}, "does not exist"),
        ({"zone": "Mars/Base"}, "Mars/Base"),
        ({"at": "02:30", "zone": "America/New_York"}, "does not exist"),
    ],
)
def test_wrong_panels_get_one_sentence(store: FeatureStore, arguments: dict[str, str], says: str) -> None:
    with pytest.raises(UsageError, match=says):
        store.panel(CPI, "2026-03-01", "2026-03-10", **arguments)  # ty: ignore[invalid-argument-type]


def test_latest_says_as_of_when(sample_home: Home) -> None:
    before = datetime.now(UTC)
    with FeatureStore(home=sample_home.root, frame="pandas") as pandas_store:
        answer = pandas_store.latest([CPI, DOLLAR])
        assert before <= answer["as_of"][0] <= datetime.now(UTC)
        again = pandas_store.historical(answer[["as_of"]], [CPI, DOLLAR])
        pd.testing.assert_frame_equal(answer, again)
        assert pandas_store.latest(CPI, "2025-11-15")[CPI].tolist() == [324.8]


# --- values that were taken back -----------------------------------------------------------------------------------------------

SEPTEMBER, OCTOBER = (date(2025, 9, 1), date(2025, 9, 30)), (date(2025, 10, 1), date(2025, 10, 31))


def at(day: int) -> datetime:
    return datetime(2025, 12, day, 12)


TAKEN_BACK = (
    State(SEPTEMBER, at(1), 1.0),
    State(OCTOBER, at(2), 2.0),
    State(OCTOBER, at(3), None),  # withdrawn: September is the newest number again
    State(SEPTEMBER, at(4), 1.5),
    State(SEPTEMBER, at(5), None),  # nothing is left
    State(OCTOBER, at(6), 2.0),  # restored
    State(OCTOBER, at(7), 2.0, ("PRELIMINARY",)),  # a change of flags is news
)
EXPECTED = [(None, None), (1.0, 1), (2.0, 2), (1.0, 1), (1.5, 4), (None, None), (2.0, 6), (2.0, 7)]


def test_a_value_that_was_taken_back_does_not_come_back(models: Models) -> None:  # noqa: F811
    with scratch() as folder:
        home = Home(Path(folder))
        publish_small(home, models, [Series("test.x", "M", TAKEN_BACK)], [Series(INFLATION, "M", TAKEN_BACK)])
        moments = pa.table({"as_of": pa.array([at(1) - timedelta(days=1), *(at(day) for day in range(1, 8))])})
        with FeatureStore(home=home.root, frame="arrow") as small:
            answer = small.historical(moments, ["test.x", INFLATION], details=True)
            for name in ("test.x", INFLATION):
                known = [moment and moment.day for moment in answer[f"{name}__known_at"].to_pylist()]
                assert list(zip(answer[name].to_pylist(), known, strict=True)) == EXPECTED, name
            for moment, (value, _) in zip(moments["as_of"].to_pylist(), EXPECTED, strict=True):
                assert small.as_known(moment)["value"].to_pylist() == ([] if value is None else [value])
                assert small.signals_as_known(moment)["value"].to_pylist() == ([] if value is None else [value])


# --- lineage -------------------------------------------------------------------------------------------------------------------


def test_every_signal_says_what_it_is_made_from(store: FeatureStore) -> None:
    signals = {row["signal_id"] for row in store.rows("SELECT signal_id FROM internal.signal")}
    assert {lineage.signal_id for lineage in LINEAGE} == signals
    named = {series for lineage in LINEAGE for series in lineage.series}
    there = {row["series_id"] for row in store.rows("SELECT series_id FROM marts.dim_series")}
    republished = {series for series in named if series.startswith("fred.")}  # they count where the agency's own are not there
    brought = {series for series in named if series.startswith("user.")}  # licensed: from files of the user's
    # a workbook, and a series of an API's answer, that the sample does not have
    unsampled = {"nyfed.FR2420:effr_total", "nyfed.FR2420:effr_domestic", "bls.LNS14024887"}
    assert {series for series in named - republished - brought - unsampled if "%" not in series} <= there
    patterns = {series for series in named - brought if "%" in series}
    assert [series for series in patterns if not fnmatch.filter(there, series.replace("%", "*"))] == []
    assert all(set(lineage.uses) <= set(lineage.series) for lineage in LINEAGE)

"""Why a number is what it is, and the state of the data: `explain`, `calendar` and `quality`, as data and on the command line."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.integration.test_command_line import undertow
from tests.property.conftest import models  # noqa: F401 - a fixture
from tests.property.vintages import Models, Series, State, publish_small, scratch
from undertow.archive import Archive
from undertow.errors import UsageError
from undertow.explain import explain, parse_period
from undertow.lineage import lineage_of
from undertow.quality import gather
from undertow.report import CheckOutcome, FetchOutcome, LandOutcome, RunReport
from undertow.settings import Home
from undertow.store import FeatureStore

CPI, INFLATION, VOLATILITY = "bls.CUUR0000SA0", "inflation.cpi_all_12m", "fx.realised_vol_21d"
NOW = datetime(2026, 10, 31, tzinfo=UTC)


@pytest.fixture(scope="module")
def store(sample_home: Home) -> Iterator[FeatureStore]:
    with FeatureStore(home=sample_home.root, frame="arrow") as opened:
        yield opened


# --- explain -----------------------------------------------------------------------------------------------------------------


def test_a_signal_down_to_the_bytes(store: FeatureStore, sample_home: Home) -> None:
    archive = Archive(sample_home.archive)
    told = explain(store, INFLATION, datetime(2025, 12, 20, tzinfo=UTC), archive=archive)
    assert (told.kind, told.row["period_end"], round(told.row["value"], 4)) == ("signal", date(2025, 11, 30), 2.7351)
    assert told.about["formula"] == "(I_t / I_t-12 - 1) * 100, not seasonally adjusted"
    assert [(item["role"], item["period_start"], item["value"]) for item in told.inputs] == [
        ("level", date(2025, 11, 1), 324.122),
        ("between", date(2025, 10, 1), None),
        ("base", date(2024, 11, 1), 315.493),
    ]
    level, _, base = (item["value"] for item in told.inputs)
    assert told.row["value"] == (level / base - 1) * 100
    assert told.inputs_match is True
    assert {flag["flag"]: flag["n_inputs"] for flag in told.flags} == {"CANCELLED_NEIGHBOUR": 1, "WINDOW_SPANS_GAP": 0}
    assert all(flag["meaning"] for flag in told.flags)
    assert told.known_at_because.startswith(f"the newest of its inputs ({CPI} 2025-11); the release calendar says")
    assert [(e["release_id"], e["reference_period"], e["event"]) for e in told.releases] == [
        ("cpi", "2025-11", "released"),
        ("cpi", "2025-10", "merged"),
    ]
    assert told.change["kind"] == "first"
    assert "3.012676776 for 2025-09" in told.change["says"]
    payload, calendar = told.payloads
    assert (payload["source"], payload["dataset"], payload["archived"]) == ("bls", "cpi_package", True)
    assert len(archive.read(payload["payload_sha256"])) == payload["bytes"]
    assert (sample_home.root / payload["file"]).is_file()
    assert calendar["note"] == "no payload: the row follows from the release calendar"
    json.dumps(told.as_dict(), default=str)


def test_a_signal_of_a_window_of_days(store: FeatureStore) -> None:
    told = explain(store, VOLATILITY, datetime(2025, 12, 20, tzinfo=UTC), inputs=3)
    assert told.inputs_match is True
    assert told.n_inputs == told.row["n_inputs"] == 132
    assert len(told.inputs) == 6, "a day is listed whole"
    assert told.n_inputs_not_listed == 126
    assert {item["period_start"] for item in told.inputs} == {date(2025, 12, 19)}
    assert all(item["is_new"] for item in told.inputs)
    assert "a documented publication rule" in told.known_at_because
    (payload,) = told.payloads
    assert (payload["dataset"], payload["archived"]) == ("eurofxref_hist", False), "without an archive the manifest tells"


def test_the_inputs_give_the_hash_of_every_kind_of_row(store: FeatureStore) -> None:
    """The lineage is what the models do: three rows of each signal, rows without a value among them."""
    rows = store.rows(
        "SELECT signal_id, period_start, known_at FROM (SELECT *, row_number() OVER (PARTITION BY signal_id, value IS NULL "
        "ORDER BY hash(period_start)) AS place FROM marts.mart_signal_long) WHERE place <= 2 ORDER BY 1, 2"
    )
    frequencies = {row["signal_id"]: row["frequency"] for row in store.rows("SELECT signal_id, frequency FROM internal.signal")}
    # the sample has no thirteen weeks of all parts of net liquidity, no report FR 2420, no assets of banks, too short a history
    # for two pillars, and nothing that a user hands in
    own = {row["signal_id"] for row in store.rows("SELECT DISTINCT signal_id FROM internal.role WHERE signal_id IS NOT NULL")}
    assert len(own) == 16
    absent = set(frequencies) - {row["signal_id"] for row in rows}
    assert own <= absent
    absent -= own
    assert {name for name in absent if name.startswith("equity.")} == {
        name for name in frequencies if name.startswith("equity.")
    } - own
    assert {name for name in absent if not name.startswith(("fx.", "equity."))} == {
        "liquidity.net_liquidity_chg_13w",
        "composite.pillar_credit",
        "composite.pillar_macro",
        "liquidity.reserves_pct_bank_assets",
        "labour.youth_unemployment_rise",
        "credit.equity_divergence",
        "rates.cut_odds",
        "rates.cut_odds_entropy",
        "funding.domestic_bank_share_month",
    }
    assert {name for name in absent if name.startswith("fx.")} == {
        *(f"fx.usd_equity_corr_{days}d" for days in (63, 126, 252)),
        *(f"fx.equity_unhedged_minus_local_{name}_ytd" for name in ("eur", "jpy")),
        *(f"fx.spx_unhedged_{name}_ytd" for name in ("eur", "jpy")),
        "fx.usd_equity_corr_ewma",
        "fx.usd_equity_tail_beta",
        "fx.joint_down_excess_63d",
        "fx.unwind_score_21d",
    }
    recomputed = set()
    for row in rows:
        start = row["period_start"]
        words = {"M": f"{start:%Y-%m}", "Q": f"{start.year}Q{(start.month + 2) // 3}"}
        told = explain(store, row["signal_id"], row["known_at"], words.get(frequencies[row["signal_id"]], start.isoformat()))
        assert told.row["known_at"] == row["known_at"]
        if lineage_of(row["signal_id"]).hashed:  # ty: ignore[unresolved-attribute]
            recomputed.add(row["signal_id"])
            assert told.inputs_match is True, row
        else:
            assert told.inputs_match is None
        if lineage_of(row["signal_id"]).series:  # ty: ignore[unresolved-attribute]
            ends = [one["period_end"] for one in told.inputs]  # the GDP of a share ends a quarter before its sum
            assert any(row["period_start"] <= end <= told.row["period_end"] for end in ends), row
        else:  # made from the calendar, from positions, or from other signals
            assert row["signal_id"] == "quality.release_delay_days" or row["signal_id"].startswith(("credit.", "composite."))
    assert len(recomputed) == 29


def test_no_signal_lacks_lineage(store: FeatureStore, sample_home: Home) -> None:
    """From the newest row of each signal down to bytes that the archive has, or to events of the release calendar."""
    archive = Archive(sample_home.archive)
    newest = store.rows("SELECT signal_id, max(period_start) AS period, max_by(known_at, period_start) AS known_at "
                        "FROM marts.mart_signal_long WHERE value IS NOT NULL OR obs_status = 'Q' GROUP BY 1 ORDER BY 1")  # fmt: skip
    assert len(newest) > 100
    without = []
    for row in newest:
        told = explain(store, row["signal_id"], row["known_at"], archive=archive)
        payloads = [payload for payload in told.payloads if len(payload["payload_sha256"]) == 64]
        if not payloads:
            without.append(row["signal_id"])
        assert all(payload["archived"] for payload in payloads), row["signal_id"]
    # the calendar itself: its events name their sources
    assert without == ["quality.release_delay_days"]
    told = explain(store, "quality.release_delay_days", NOW)
    assert {event["event"] for event in told.releases} == {"released"}
    assert all(event["source"] for event in told.releases)


def test_a_hash_that_other_inputs_gave_is_noticed(store: FeatureStore, monkeypatch: pytest.MonkeyPatch) -> None:
    import undertow.explain

    wrong = replace(lineage_of(INFLATION), series=("bls.CUUR0000SA0L1E",))  # ty: ignore[invalid-argument-type]
    monkeypatch.setattr(undertow.explain, "lineage_of", lambda _: wrong)
    assert explain(store, INFLATION, NOW).inputs_match is False
    monkeypatch.setattr(undertow.explain, "lineage_of", lambda _: None)
    told = explain(store, INFLATION, NOW)
    assert (told.inputs_match, told.inputs, told.n_inputs) == (None, [], 0)


def test_a_gap_says_why(store: FeatureStore) -> None:
    told = explain(store, CPI, datetime(2025, 11, 22, tzinfo=UTC), "2025-10")
    assert (told.row["value"], told.row["obs_status"], told.status) == (None, "L", "not collected")
    assert told.known_at_because.startswith("the release calendar says when the gap was announced: cpi 2025-10 cancelled")
    assert told.releases[0]["reason"] == "Data unavailable due to the 2025 lapse in appropriations"
    newest = explain(store, CPI, datetime(2025, 11, 22, tzinfo=UTC))
    assert newest.row["period_end"] == date(2025, 9, 30)
    assert [(row["period_end"], row["obs_status"]) for row in newest.newer] == [(date(2025, 10, 31), "L")]


SEPTEMBER, OCTOBER = (date(2025, 9, 1), date(2025, 9, 30)), (date(2025, 10, 1), date(2025, 10, 31))


def test_a_revision_and_a_withdrawal(models: Models) -> None:  # noqa: F811
    said = (
        State(SEPTEMBER, datetime(2025, 10, 20), 1.0, ("PRELIMINARY",)),
        State(SEPTEMBER, datetime(2025, 11, 20), 1.25),
        State(OCTOBER, datetime(2025, 11, 20), 2.0),
        State(OCTOBER, datetime(2025, 12, 20), None),
    )
    with scratch() as folder:
        home = Home(Path(folder))
        publish_small(home, models, [Series("test.x", "M", said)])
        with FeatureStore(home=home.root, frame="arrow") as small:
            first = explain(small, "test.x", datetime(2025, 11, 1, tzinfo=UTC), "2025-09")
            assert (first.change["kind"], first.change["says"]) == ("first", "the first row of this period")
            assert first.known_at_because == "the provider's own answer says when it was published"
            revised = explain(small, "test.x", datetime(2025, 12, 1, tzinfo=UTC), "2025-09")
            assert revised.change["kind"] == "revision"
            assert revised.change["says"] == "value 1 to 1.25; flag PRELIMINARY gone; flag REVISED new"
            assert [row["vintage_number"] for row in revised.vintages] == [1, 2]
            gone = explain(small, "test.x", datetime(2026, 1, 1, tzinfo=UTC), "2025-10")
            assert gone.change == {**gone.change, "kind": "withdrawal", "says": "value 2 to none; obs_status A to O"}
            assert explain(small, "test.x", datetime(2026, 1, 1, tzinfo=UTC)).row["value"] == 1.25
            assert revised.payloads[0]["note"] == "not in this archive"


@pytest.mark.parametrize(
    ("text", "first", "last"),
    [
        ("2025", date(2025, 1, 1), date(2025, 12, 31)),
        ("2025Q1", date(2025, 1, 1), date(2025, 3, 31)),
        ("2024q4", date(2024, 10, 1), date(2024, 12, 31)),
        ("2024-02", date(2024, 2, 1), date(2024, 2, 29)),
        ("2025-09-30", date(2025, 9, 30), date(2025, 9, 30)),
    ],
)
def test_periods_as_text(text: str, first: date, last: date) -> None:
    assert parse_period(text) == (first, last)


@pytest.mark.parametrize("text", ["", "25", "2025-13", "2025Q5", "2025-02-30", "2025-9", "last", "2025Q1-02"])
def test_what_is_no_period(text: str) -> None:
    with pytest.raises(UsageError, match="is not a period"):
        parse_period(text)


def test_a_day_stands_for_its_month_and_a_year_for_its_last_month(store: FeatureStore) -> None:
    assert explain(store, CPI, NOW, "2025-09-15").row["period_end"] == date(2025, 9, 30)
    assert explain(store, CPI, NOW, "2024").row["period_end"] == date(2024, 12, 31)
    with pytest.raises(UsageError, match=r"no row of fx.usd_majors_index for 2025-12-25 was known"):
        explain(store, "fx.usd_majors_index", NOW, "2025-12-25")


def test_explain_on_the_command_line(sample_home: Home, tmp_path: Path) -> None:
    done = undertow(sample_home.root, "explain", INFLATION, "--as-of", "2025-12-20")
    assert done.returncode == 0, done.stderr
    for words in (
        "2025-11: 2.73508 percent  as known 2025-12-20T00:00Z",
        "formula    (I_t / I_t-12 - 1) * 100",
        "WINDOW_SPANS_GAP: the window contains a reference period that was never published",
        "because of cpi 2025-11: released 2025-12-18T13:30Z",
        "they give this row's inputs_hash",
        "bls/cpi_package, fetched 2026-09-24T15:29:08Z, packaged, shipped by cpi 2.1.0",
        "https://download.bls.gov/pub/time.series/cu/",
    ):
        assert words in done.stdout, words
    page = tmp_path / "page.txt"
    undertow(sample_home.root, "explain", "ecb.EXR.D.USD.EUR.SP00.A", "--as-of", "2025-04-22", "--output", str(page))
    assert "European Central Bank, release ecb_eurofxref, write_once" in page.read_text()
    (told,) = [json.loads(undertow(sample_home.root, "explain", VOLATILITY, "--inputs", "1", "--format", "json").stdout)]
    assert (told["n_inputs"], len(told["inputs"]), told["inputs_match"]) == (132, 6, True)
    assert told["row"]["known_at"].endswith("Z")


# --- calendar ----------------------------------------------------------------------------------------------------------------


def test_calendar_as_it_stood(sample_home: Home, tmp_path: Path) -> None:
    def statuses(as_of: str, *more: str) -> dict[str, str]:
        done = undertow(sample_home.root, "calendar", "cpi", "--as-of", as_of, "--format", "json", *more)
        assert done.returncode == 0, done.stderr
        return {row["reference_period"]: row["status"] for row in json.loads(done.stdout) if row["component"] == "all"}

    days = ("--from", "2025-10-01", "--to", "2025-12-31")
    assert statuses("2025-11-15", *days) == {"2025-09": "released", "2025-10": "pending", "2025-11": "scheduled"}
    assert statuses("2025-11-22", *days) == {"2025-09": "released", "2025-10": "cancelled", "2025-11": "rescheduled"}
    assert statuses("2025-11-22", *days, "--status", "cancelled", "--status", "pending") == {"2025-10": "cancelled"}
    assert statuses("2025-11-22", "--from", "2025-10-24", "--to", "2025-10-24") == {"2025-09": "released"}

    text = undertow(sample_home.root, "calendar", "cpi", "--as-of", "2025-11-22", *days).stdout
    assert "2025-10-15T12:30Z  2025-10-24T12:30Z  2025-10-24T12:30Z          9" in text
    assert "Data unavailable due to the 2025 lapse" in text
    table = undertow(sample_home.root, "calendar", "cpi", "--as-of", "2025-11-22", *days, "--format", "csv").stdout
    assert [row["delay_days"] for row in csv.DictReader(io.StringIO(table))] == ["9", "", ""]
    target = tmp_path / "calendar.parquet"
    undertow(sample_home.root, "calendar", "--as-of", "2025-11-22", "--format", "parquet", "--output", str(target))
    found = set(pq.read_table(target)["release_id"].to_pylist())
    assert found >= {"cpi", "ecb_eurofxref", "employment_situation", "gdp_advance", "tic_monthly"}


def test_a_calendar_without_rows_says_so(sample_home: Home) -> None:
    done = undertow(sample_home.root, "calendar", "cpi", "--as-of", "2025-11-22", "--from", "2031-01-01")
    assert done.returncode == 0
    assert "no release from 2031-01-01 was in the calendar at 2025-11-22T00:00Z" in " ".join(done.stderr.split())


# --- quality -----------------------------------------------------------------------------------------------------------------


def test_quality_of_a_good_run(store: FeatureStore, sample_home: Home) -> None:
    state = gather(store, sample_home, datetime(2025, 12, 20, tzinfo=UTC))
    summed = {(row["release_id"], row["component"]) for row in state.summary}
    assert summed >= {("cpi", "all"), ("cpi", "nonsurvey"), ("ecb_eurofxref", "all"), ("employment_situation", "household")}
    said = {(row["reference_period"], row["component"]): row["says"] for row in state.releases if row["release_id"] == "cpi"}
    assert said["2025-09", "all"].startswith("9 days late (Lapse in appropriations of 2025")
    assert said["2025-10", "all"].startswith("cancelled; 2,420 series are marked gaps")
    assert state.run is not None
    assert (state.run["error"], state.run["n_failed"], state.checks, state.failed_sources) == (None, 0, [], [])
    assert (state.quarantine, state.reasons) == ([], [])
    flags = {row["flag"]: row for row in state.flags}
    counted = store.rows(
        "SELECT count(*) AS n FROM vintages_as_known('2025-12-20') WHERE list_contains(flags, 'CANCELLED_NEIGHBOUR')"
    )
    assert flags["CANCELLED_NEIGHBOUR"]["n_observations"] == counted[0]["n"] > 0
    assert flags["CANCELLED_NEIGHBOUR"]["meaning"].startswith("the release of an adjacent")


def test_what_is_past_due_is_said(store: FeatureStore, sample_home: Home) -> None:
    state = gather(store, sample_home, datetime(2025, 11, 15, tzinfo=UTC))
    assert {row["reference_period"]: row["says"] for row in state.releases if row["release_id"] == "cpi"}["2025-10"] == (
        "past due, not in this data"
    )
    assert {row["release_id"]: row["n_past_due"] for row in state.summary if row["component"] == "all"}["cpi"] == 1


def test_a_lapse_is_one_incident(store: FeatureStore, sample_home: Home) -> None:
    """While it lasts, afterwards and when all is caught up: one line, and no alarm for what it explains."""

    def said(at: datetime) -> dict[str, str]:
        return {row["lapse_id"]: row["says"] for row in gather(store, sample_home, at).incidents}

    open_still = said(datetime(2025, 10, 20, tzinfo=UTC))
    assert list(open_still) == ["2025-10"]
    assert open_still["2025-10"].startswith("from 2025-10-01, open: ")
    assert "past due" in open_still["2025-10"]
    assert "cancelled" not in open_still["2025-10"]
    assert said(datetime(2025, 9, 30, tzinfo=UTC)) == {}

    state = gather(store, sample_home, datetime(2026, 5, 1, tzinfo=UTC))
    lapses = {row["lapse_id"]: row for row in state.incidents}
    assert set(lapses) == {"2025-10", "2026-01"}
    assert (lapses["2025-10"]["end_date"].isoformat(), lapses["2025-10"]["days_inclusive"]) == ("2025-11-12", 43)
    assert lapses["2025-10"]["n_cancelled"] == 4  # CPI, Employment Situation, GDP advance, state employment
    assert lapses["2025-10"]["n_releases"] > 20
    assert {row["release_id"] for row in state.releases if row["lapse_id"] == "2026-01"} == {
        "ces_benchmark", "cpi", "employment_situation", "jolts",
    }  # fmt: skip
    alarms = {(row["release_id"], row["reference_period"]) for row in state.alarms() if row["lapse_id"]}
    assert alarms == {("cpi", "2025-10"), ("employment_situation", "2025-10")}, "only what has gaps of its own"


@pytest.fixture
def troubled(sample_home: Home, tmp_path: Path) -> Home:
    """The sample's builds, with a last run that went wrong and a quarantine."""
    home = Home(tmp_path / "home")
    home.root.mkdir()
    home.published.symlink_to(sample_home.published)
    report = RunReport(run_id="20991231T000000000000Z", mode="live", started_at="2099-12-31T00:00:00+00:00")
    report.fetched.append(FetchOutcome("bls", "api", "failed", "bls/api: the provider answered 503"))
    report.landed.append(LandOutcome("ecb", "hist", "0" * 64, error="ecb/hist: a column is missing"))
    report.checks += [
        CheckOutcome("fct_observation", "a", passed=True),
        CheckOutcome("fct_observation", "b", passed=False, severity="WARN", details={"why": "a value moved far"}),
        CheckOutcome("mart_fx", "c", passed=False, details={"message": "[bold]not markup[/]"}),
    ]
    report.error = "1 blocking checks failed, nothing is published"
    report.save(home.quality / "runs")
    (home.quality / "runs/99991231T000000000000Z.json").write_text('{"torn')
    for day in range(1, 8):
        folder = home.landing / "bls/quarantine"
        folder.mkdir(parents=True, exist_ok=True)
        row = {"place": f"line {day}", "reason": "not a number", "raw": "x", "payload_sha256": "0" * 64}
        fetched_at = pa.array([datetime(2025, 11, day, tzinfo=UTC)] * 2, pa.timestamp("us", tz="UTC"))
        pq.write_table(pa.Table.from_pylist([row, row]).append_column("fetched_at", fetched_at), folder / f"{day}.parquet")
    return home


def test_quality_of_a_bad_run(store: FeatureStore, troubled: Home) -> None:
    state = gather(store, troubled, datetime(2025, 11, 5, 12, tzinfo=UTC))
    assert state.run is not None
    assert (state.run["mode"], state.run["n_passed"], state.run["n_failed"]) == ("live", 1, 2)
    assert [(check["severity"], check["why"]) for check in state.checks] == [
        ("WARN", "a value moved far"),
        ("ERROR", "[bold]not markup[/]"),
    ]
    assert [row["why"] for row in state.failed_sources] == [
        "bls/api: the provider answered 503",
        "ecb/hist: a column is missing",
    ]
    assert state.quarantine == [{"source": "bls", "n_rows": 10, "newest_at": datetime(2025, 11, 5, tzinfo=UTC)}]
    assert [row["place"] for row in state.reasons] == ["line 5", "line 5", "line 4", "line 4", "line 3"]
    sections = [row["section"] for row in state.findings()]
    assert sections == sorted(sections, key=["incident", "release", "check", "source", "quarantine", "flag"].index)


def test_quality_on_the_command_line(troubled: Home, tmp_path: Path) -> None:
    done = undertow(troubled.root, "quality", "--as-of", "2025-12-20")
    assert done.returncode == 0, done.stderr
    for words in (
        "cpi 2025-10: cancelled; 2,420 series are marked gaps",
        "mode live: 1 checks passed, 2 did not",
        "source  bls/api: bls/api: the provider answered 503",
        "WARN  fct_observation: a value moved far",
        "ERROR  mart_fx: [bold]not markup[/]",
        "bls: 14 rows, the newest fetched 2025-11-07T00:00Z",
        "line 7: not a number",
        "KNOWN_LATE",
    ):
        assert words in done.stdout, words
    target = tmp_path / "quality.parquet"
    undertow(troubled.root, "quality", "--as-of", "2025-12-20", "--format", "parquet", "--output", str(target))
    assert set(pq.read_table(target)["section"].to_pylist()) == {
        "incident", "release", "check", "source", "quarantine", "flag",
    }  # fmt: skip
    table = undertow(troubled.root, "quality", "--as-of", "2025-12-20", "--format", "csv").stdout
    assert {"a value moved far"} <= {row["says"] for row in csv.DictReader(io.StringIO(table))}
    state = json.loads(undertow(troubled.root, "quality", "--as-of", "2025-12-20", "--format", "json").stdout)
    assert set(state) >= {"summary", "releases", "run", "checks", "failed_sources", "quarantine", "reasons", "flags"}


def test_a_home_without_runs_has_no_last_run(store: FeatureStore, tmp_path: Path) -> None:
    state = gather(store, Home(tmp_path), NOW)
    assert (state.run, state.checks, state.failed_sources) == (None, [], [])

"""SDMX out, read back by sdmx1: values, statuses, vintages and periods are those of the build."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import pytest
import sdmx

from tests.integration.commands import call
from undertow.export.sdmx import export_sdmx, time_period
from undertow.instants import parse_instant
from undertow.settings import Home
from undertow.store import FeatureStore
from undertow.vocabulary import ObsStatus

AS_OF = "2025-12-10T19:00:00Z"
SERIES = [
    "bls.CUUR0000SA0",
    "bls.CUUR0000SA0:A",
    "bls.CUUS0000SA0",
    "cftc.tff.020601.lev_money_short",
    "ecb.EXR.D.USD.EUR.SP00.A",
]


@pytest.fixture(scope="module")
def store(sample_home: Home) -> Iterator[FeatureStore]:
    with FeatureStore(home=sample_home.root, frame="arrow") as opened:
        yield opened


@pytest.fixture(scope="module")
def series(store: FeatureStore) -> list[str]:
    """The series above that this sample has, and one of each frequency."""
    rows = store.rows(
        "SELECT any_value(d.series_id ORDER BY d.series_id) AS id FROM marts.dim_series AS d "
        "WHERE d.series_id IN (SELECT series_id FROM marts.fct_observation WHERE known_at <= ?::TIMESTAMPTZ) GROUP BY d.frequency",
        [AS_OF],
    )
    known = {row["series_id"] for row in store.rows("SELECT series_id FROM marts.dim_series")}
    return sorted({row["id"] for row in rows} | known.intersection(SERIES))


def read(folder: Path, flow: str) -> list[dict[str, Any]]:
    """Observations as sdmx1 reads them: the key, the value and the attributes."""
    structure = sdmx.read_sdmx(folder / "structure.xml")
    message = sdmx.read_sdmx(folder / f"{flow.lower()}.csv", structure=structure.dataflow[flow])
    (data,) = message.data
    return [
        {name: value.value for name, value in obs.key.values.items()}
        | {"value": float(obs.value)}
        | {name: value.value for name, value in obs.attached_attribute.items()}
        for obs in data.obs
    ]


def expected(row: dict[str, Any], key: str) -> dict[str, Any]:
    return {
        "FREQ": row["frequency"],
        key: row["id"],
        "TIME_PERIOD": time_period(row["frequency"], row["period_start"], row["period_end"]),
        "value": math.nan if row["value"] is None else row["value"],
        "OBS_STATUS": row["obs_status"],
        "KNOWN_AT": row["known_at"].strftime("%Y-%m-%dT%H:%M:%S")
        + (f".{row['known_at']:%f}" if row["known_at"].microsecond else "")
        + "Z",
        "VINTAGE": str(row["vintage_number"]),
        "FLAGS": ";".join(row["flags"]),
        "CONFIDENCE": "" if row["confidence"] is None else repr(row["confidence"]),
        "UNIT": row["unit"],
        "ORIGIN": row["origin"],
    }


def same(left: list[dict[str, Any]], right: list[dict[str, Any]]) -> bool:
    return [sorted(map(repr, row.items())) for row in left] == [sorted(map(repr, row.items())) for row in right]


def test_observations_come_back(store: FeatureStore, series: list[str], tmp_path: Path) -> None:
    """Every period of a series of each frequency, as it stood: to the bit, missing ones with their status."""
    export_sdmx(store, tmp_path, parse_instant(AS_OF), series)
    rows = store.rows(
        "SELECT d.frequency, v.series_id AS id, v.* EXCLUDE (series_id), NULL AS confidence, d.unit "
        "FROM vintages_as_known(?) AS v JOIN marts.dim_series AS d USING (series_id) "
        "WHERE list_contains(?, v.series_id) ORDER BY v.series_id, v.period_start, v.period_end",
        [AS_OF, series],
    )
    answers = read(tmp_path, "OBSERVATIONS")
    assert same(answers, [expected(row, "SERIES_ID") for row in rows])
    assert len(rows) > 1_000
    told = {(row["SERIES_ID"], row["TIME_PERIOD"]): row for row in answers}
    september, october = told["bls.CUUR0000SA0", "2025-09"], told["bls.CUUR0000SA0", "2025-10"]
    assert (september["value"], september["OBS_STATUS"], september["KNOWN_AT"]) == (324.8, "A", "2025-10-24T12:30:00Z")
    assert math.isnan(october["value"])
    assert october["OBS_STATUS"] in {"L", "M"}  # cancelled, and never collected
    assert {row["OBS_STATUS"] for row in answers} <= {status.value for status in ObsStatus}
    assert len(told) == len(answers)  # a key is a key


def test_signals_come_back(store: FeatureStore, tmp_path: Path) -> None:
    """All signals; the newest period of each that has a value is what ``signals_as_known`` says."""
    export_sdmx(store, tmp_path, parse_instant(AS_OF), signals=store.feature_list("all"))
    answers = read(tmp_path, "SIGNALS")
    newest = {row["SIGNAL_ID"]: row for row in answers if not math.isnan(row["value"])}  # the last of each wins
    served = store.signals_as_known(AS_OF).to_pylist()
    assert {id_: (row["value"], row["OBS_STATUS"], row["CONFIDENCE"]) for id_, row in newest.items()} == {
        row["signal_id"]: (row["value"], row["obs_status"], repr(row["confidence"])) for row in served
    }
    assert len(newest) > 60
    assert len({(row["SIGNAL_ID"], row["TIME_PERIOD"]) for row in answers}) == len(answers) > 10_000


def test_the_structure_says_what_the_data_holds(store: FeatureStore, tmp_path: Path) -> None:
    export_sdmx(store, tmp_path, parse_instant(AS_OF), signals=["inflation.cpi_all_12m"])
    message = sdmx.read_sdmx(tmp_path / "structure.xml")
    assert set(message.dataflow) == {"OBSERVATIONS", "SIGNALS"}
    statuses = {code.id for code in message.codelist["CL_OBS_STATUS"]}
    assert statuses == {status.value for status in ObsStatus}
    for flow, key in (("OBSERVATIONS", "SERIES_ID"), ("SIGNALS", "SIGNAL_ID")):
        structure = message.dataflow[flow].structure
        assert [component.id for component in structure.dimensions] == ["FREQ", key, "TIME_PERIOD"]
        assert [component.id for component in structure.measures] == ["OBS_VALUE"]
        status = structure.attributes.get("OBS_STATUS")
        assert status.local_representation.enumerated.id == "CL_OBS_STATUS"
        for component in (*structure.dimensions, *structure.attributes, *structure.measures):
            assert component.concept_identity.name.localized_default()
    header = (tmp_path / "signals.csv").read_text().splitlines()[0]
    assert header.startswith("STRUCTURE[;],STRUCTURE_ID,ACTION,FREQ,SIGNAL_ID,TIME_PERIOD,OBS_VALUE,OBS_STATUS,")


@pytest.mark.parametrize(
    ("frequency", "start", "end", "says"),
    [
        ("A", "2024-01-01", "2024-12-31", "2024"),
        ("S", "2024-07-01", "2024-12-31", "2024-S2"),
        ("Q", "2024-10-01", "2024-12-31", "2024-Q4"),
        ("M", "2024-02-01", "2024-02-29", "2024-02"),
        ("M", "2024-12-01", "2024-12-31", "2024-12"),
        ("W", "2024-12-30", "2025-01-05", "2025-W01"),
        ("W", "2024-12-29", "2025-01-04", "2024-12-29/P7D"),  # a week from Sunday is no week of ISO 8601
        ("W", "2025-10-07", "2025-10-07", "2025-10-07"),
        ("B", "2024-02-29", "2024-02-29", "2024-02-29"),
        ("B", "2024-02-29", "2024-03-01", "2024-02-29/P2D"),
        ("A", "2023-10-01", "2024-09-30", "2023-10-01/P366D"),  # a fiscal year
        ("Q", "2024-02-01", "2024-04-30", "2024-02-01/P90D"),
    ],
)
def test_periods(frequency: str, start: str, end: str, says: str) -> None:
    assert time_period(frequency, date.fromisoformat(start), date.fromisoformat(end)) == says


def test_the_command(sample_home: Home, tmp_path: Path) -> None:
    arguments = ("export", "sdmx", str(tmp_path / "out"), "--as-of", "2025-12-10 14:00 America/New_York")
    ids = ("--series", "bls.CUUR0000SA0", "--signal", "inflation.cpi_all_12m")
    before = None
    for _ in range(2):
        done = call(sample_home.root, *arguments, *ids, "--format", "json")
        assert done.returncode == 0, done.stderr
        files = {path.name: path.read_bytes() for path in (tmp_path / "out").iterdir()}
        assert before in (None, files)
        before = files
    summary = json.loads(done.stdout)
    assert summary["as_of"] == AS_OF
    assert len(files["observations.csv"].splitlines()) == summary["observations"] + 1 > 1_000
    assert len(files["signals.csv"].splitlines()) == summary["signals"] + 1 > 1_000
    call(sample_home.root, *arguments, "--signal", "inflation.cpi_all_12m")
    assert {path.name for path in (tmp_path / "out").iterdir()} == {"signals.csv", "structure.xml"}
    for wrong, says in {
        (): "name series or signals",
        ("--signal", "inflation.cpi"): "unknown feature 'inflation.cpi'; near it are",
        ("--signal", "bls.CUUR0000SA0"): "bls.CUUR0000SA0 is no signal; name it with --series",
        ("--series", "inflation.cpi_all_12m"): "inflation.cpi_all_12m is no series; name it with --signal",
    }.items():
        done = call(sample_home.root, *arguments, *wrong)
        assert (done.returncode, done.stdout) == (2, "")
        assert says in done.stderr

"""The room of transcribed numbers: values of the files it ships, agreement with the release calendar, and planted faults."""

from __future__ import annotations

import csv
from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from assets.prints.parse import HEADER, parse
from undertow.archive import SHIPPED_URL, Archive, Sighting
from undertow.errors import ParseError
from undertow.fetching import LiveFetcher, SampleFetcher
from undertow.instants import parse_instant
from undertow.landing import land
from undertow.room import Landed, load_room
from undertow.settings import Settings

ROOT = Path(__file__).resolve().parents[3]
FACTS = ROOT.parent / "shared" / "facts"
FIXTURE = ROOT / "tests/fixtures/prints/good_rows_and_one_fault_a_line.csv"
AT = datetime(2026, 10, 9, 4, tzinfo=UTC)


def sighting(dataset: str = "first_prints") -> Sighting:
    return Sighting("prints", dataset, "u", AT, "0" * 64, 1, "packaged")


def read(payload: bytes) -> Landed:
    return parse(payload, sighting(), load_room("prints").catalogue())


def shipped() -> dict[str, Landed]:
    room = load_room("prints").room
    return {
        dataset.name: read((ROOT / "assets/prints" / dataset.shipped.path).read_bytes())
        for dataset in room.datasets
        if dataset.shipped
    }


def vintages(name: str) -> dict[str, list[tuple[float | None, str]]]:
    """Return for each period of a series its values with the day in UTC on which each became known."""
    found: dict[str, list[tuple[float | None, str]]] = {}
    for landed in shipped().values():
        for row in landed.observation.to_pylist():
            if row["series_id"] == name:
                key = f"{row['period_end']:%Y-%m-%d}"
                found.setdefault(key, []).append((row["value"], f"{row['known_at']:%Y-%m-%d}"))
    return found


def test_payrolls_as_printed() -> None:
    changes = vintages("prints.payrolls_change")
    assert changes["2025-06-30"] == [(14.0, "2025-08-01"), (-13.0, "2025-09-05")]
    assert changes["2025-07-31"] == [(73.0, "2025-08-01"), (79.0, "2025-09-05"), (72.0, "2025-11-20")]
    assert changes["2025-08-31"] == [(22.0, "2025-09-05"), (-4.0, "2025-11-20"), (-26.0, "2025-12-16")]
    assert changes["2025-09-30"] == [(119.0, "2025-11-20"), (108.0, "2025-12-16")]
    assert changes["2025-10-31"] == [(-105.0, "2025-12-16"), (-173.0, "2026-01-09")]
    assert vintages("prints.payrolls_level")["2025-11-30"][:3] == [
        (159552.0, "2025-12-16"), (159476.0, "2026-01-09"), (158449.0, "2026-02-11"),
    ]  # fmt: skip


def test_gaps_are_rows_with_the_reason() -> None:
    rows = [r for landed in shipped().values() for r in landed.observation.to_pylist() if r["value"] is None]
    assert {(r["series_id"], r["period_end"], r["obs_status"]) for r in rows} == {
        (f"prints.{name}", date(2025, 10, 31), "L")
        for name in (
            "unemployment_rate", "cpi_all_nsa", "cpi_cs_imputed_different_cell_pct", "cpi_cs_imputed_home_cell_pct",
            "cpi_cs_imputed_carry_forward_pct",
        )
    }  # fmt: skip
    assert {r["footnotes"][0] for r in rows} == {"Data unavailable due to the 2025 lapse in appropriations"}


def test_imputation_shares_are_shares_of_imputations() -> None:
    shares = {period: values[0][0] for period, values in vintages("prints.cpi_cs_imputed_different_cell_pct").items()}
    assert [shares[f"2025-{month}"] for month in ("01-31", "02-28", "04-30", "07-31", "08-31", "09-30", "11-30", "12-31")] == [
        10.0, 9.0, 29.0, 32.0, 36.0, 40.0, 34.0, 40.0,
    ]  # fmt: skip
    assert "2025-06-30" not in shares, "from memory"
    home, carried = vintages("prints.cpi_cs_imputed_home_cell_pct"), vintages("prints.cpi_cs_imputed_carry_forward_pct")
    for period, value in shares.items():
        if period in home and value is not None:
            assert value + home[period][0][0] + carried[period][0][0] == 100
    landed = shipped()["imputation"]
    assert set(landed.observation["known_at_basis"].to_pylist()) == {"first_seen"}, "the calendar gives the instant"
    for row in landed.series.to_pylist():
        assert row["unit"] == "percent of imputations"
        assert row["release_id"] == "cpi"
    words = [row["title"] for part in shipped().values() for row in part.series.to_pylist()]
    assert not any("share of the CPI" in title or "of CPI imputed" in title for title in words)


def test_decided_rates_are_known_before_they_are_in_force() -> None:
    rows = [r for r in shipped()["policy_rates"].observation.to_pylist() if r["period_start"] == date(2025, 12, 10)]
    assert {r["series_id"]: (r["value"], r["period_end"].isoformat(), r["obs_status"]) for r in rows} == {
        "fed.iorb": (3.65, "2025-12-11", "A"),
        "fed.target_lower": (3.50, "2025-12-11", "V"),
        "fed.target_upper": (3.75, "2025-12-11", "V"),
    }
    assert {r["known_at"] for r in rows} == {datetime(2025, 12, 10, 19, tzinfo=UTC)}
    sunday = next(r for r in shipped()["policy_rates"].observation.to_pylist() if r["period_start"] == date(2020, 3, 15))
    assert (sunday["value"], sunday["known_at"]) == (0.10, datetime(2020, 3, 15, 21, tzinfo=UTC))


def test_secondary_evidence_says_so() -> None:
    secondary = {r["series_id"] for r in shipped()["first_prints"].observation.to_pylist() if "SECONDARY_SOURCE" in r["flags"]}
    assert {"prints.eci_3m", "prints.ppi_final_demand_12m", "prints.adp_private_payrolls_change"} <= secondary
    assert not {"prints.payrolls_change", "prints.pce_prices_12m", "prints.tic_net"} & secondary


def test_every_row_agrees_with_the_release_calendar() -> None:
    """What a release printed is known at the instant that the calendar gives it; other rows are marked as bounds."""
    calendar: dict[str, set[str]] = {}
    with (ROOT / "dbt_project/seeds/seed_release_event.csv").open(newline="", encoding="utf-8") as handle:
        for row in csv.DictReader(handle):
            if row["event"] in ("released", "merged", "partial"):
                calendar.setdefault(f"{row['release_id']}:{row['reference_period']}", set()).add(row["event_at"])
    held, strangers = 0, set()
    for path in sorted((ROOT / "assets/prints/data").glob("*.csv")):
        with path.open(newline="", encoding="utf-8") as handle:
            for row in csv.DictReader(handle):
                if row["printed_in"] in calendar and row["known_at"]:
                    assert f"{parse_instant(row['known_at']):%Y-%m-%d %H:%M:%S}" in calendar[row["printed_in"]], row
                    held += 1
                elif row["printed_in"] and row["known_at"]:
                    strangers.add(row["printed_in"])
                elif row["known_at"] and not row["printed_in"]:
                    assert {"KNOWN_LATE", "LOOKAHEAD_RISK"} & set(row["flags"].split(";")) or "2025-06-24" in row["known_at"], (
                        row
                    )
    assert held > 320
    assert {release.split(":")[0] for release in strangers} == {"initial_claims"}, "its weeks follow from a rule"


def test_the_facts_are_carried_over() -> None:
    if not FACTS.is_dir():
        pytest.skip("the table of facts is not beside the project")
    with (FACTS / "first_prints.csv").open(newline="", encoding="utf-8") as handle:
        facts = [row for row in csv.DictReader(handle) if "memory" not in row["source"]]
    have = {
        (f"{r['period_start']:%Y-%m}", None if r["value"] is None else round(r["value"], 3))
        for r in shipped()["first_prints"].observation.to_pylist()
    }
    for row in facts:
        if row["reference_period"][5:6].isdigit() and len(row["reference_period"]) == 7:
            assert (row["reference_period"], None if row["value"] == "-" else float(row["value"])) in have, row
    with (FACTS / "fomc.csv").open(newline="", encoding="utf-8") as handle:
        held = [row for row in csv.DictReader(handle) if row["status"] == "held"]
    rates = shipped()["policy_rates"].observation.to_pylist()
    assert [r["value"] for r in rates if r["series_id"] == "fed.iorb"] == [float(row["iorb_pct"]) for row in held]


def test_good_rows_and_faults() -> None:
    landed = read(FIXTURE.read_bytes())
    rows = landed.observation.to_pylist()
    assert [
        (r["series_id"].split(".")[1], r["value"], r["period_start"].isoformat(), r["period_end"].isoformat()) for r in rows
    ] == [
        ("iorb", 3.65, "2025-12-10", "2025-12-11"),
        ("cpi_all_annual", 321.943, "2025-01-01", "2025-12-31"),
        ("cpi_cs_imputed_different_cell_pct", 40.0, "2025-09-01", "2025-09-30"),
        ("eci_3m", 0.8, "2025-07-01", "2025-09-30"),
        ("initial_claims", 191000.0, "2025-11-23", "2025-11-29"),
        ("payrolls_change", 119.0, "2025-09-01", "2025-09-30"),
        ("payrolls_change", 108.0, "2025-09-01", "2025-09-30"),
        ("unemployment_rate", None, "2025-10-01", "2025-10-31"),
    ]
    assert rows[4]["known_at"] == datetime(2025, 12, 4, 13, 30, tzinfo=UTC)
    assert rows[2]["known_at"] == AT
    assert rows[7]["footnotes"] == ["Never collected", "Source: BLS release"]
    reasons = [(int(place.split()[1]), reason) for place, reason, _ in landed.quarantine]
    assert [number for number, _ in reasons] == list(range(10, 27))
    for (_, reason), words in zip(
        reasons,
        (
            "same instant", "does not know", "not a number", "without a value", "with a value", "month must be", "not a period",
            "no Saturday", "instant", "after the transcription", "ObsStatus", "never stored", "Flag", "source is empty",
            "printed_in", "no release gives it", "3 cells",
        ),
        strict=True,
    ):  # fmt: skip
        assert words in reason, (reason, words)


@pytest.mark.parametrize(
    ("payload", "words"),
    [
        (b"", "header"),
        (b"<html><body>not here</body></html>", "header"),
        (",".join(HEADER[:-1]).encode(), "header"),
        (",".join([*HEADER, "more"]).encode(), "header"),
        (",".join(HEADER).encode() + b"\n", "no usable row"),
        (",".join(HEADER).encode() + b'\n"prints.payrolls', "not CSV"),
        (b"\xff\xfe", "UTF-8"),
    ],
)
def test_another_layout_is_refused(payload: bytes, words: str) -> None:
    with pytest.raises(ParseError, match=words):
        read(payload)


@pytest.mark.parametrize("mode", ["sample", "live"])
def test_the_files_come_with_every_mode_and_count_as_no_provider(mode: str, tmp_path: Path) -> None:
    modules, archive = load_room("prints"), Archive(tmp_path / "archive")
    fetcher = SampleFetcher() if mode == "sample" else LiveFetcher(Settings())
    outcomes = list(fetcher.fetch(modules, archive))
    assert [(o.dataset, o.status, o.origin) for o in outcomes] == [
        (name, "new", "packaged") for name in ("first_prints", "policy_rates", "imputation", "response_rates")
    ]
    assert {o.status for o in fetcher.fetch(modules, archive)} == {"unchanged"}
    assert all(seen.url.startswith(SHIPPED_URL) for seen in archive.first_sightings())
    assert archive.sources() == set(), "a home with nothing else holds nothing of a provider"
    landed = list(land(modules, archive, tmp_path / "landing"))
    assert {o.dataset: o.rows["observation"] for o in landed} == {
        "first_prints": 130, "policy_rates": 213, "imputation": 46, "response_rates": 8,
    }  # fmt: skip
    assert [o.quarantined for o in landed] == [0, 0, 0, 0]

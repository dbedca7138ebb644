"""Pages of the Employment Situation: every value of the nine genuine pages, what a page says in words, and planted faults."""

from __future__ import annotations

import csv
import gzip
from collections import defaultdict
from datetime import UTC, date, datetime
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from assets.bls import sample
from assets.bls.parse import parse
from undertow.archive import Sighting
from undertow.errors import ParseError, PayloadError
from undertow.room import Landed, load_room
from undertow.sniff import check_content

SHARED = Path(__file__).resolve().parents[3].parent / "shared" / "data"
PAGES = SHARED / "bls" / "empsit"
CATALOGUE = load_room("bls").catalogue()
MONTHS = ("2013-09", "2013-10", "2018-12", "2019-01", "2025-08", "2025-09", "2025-11", "2025-12", "2026-01")
GENERATED = sample.page(date(2026, 2, 11), (2026, 1))


def run(payload: bytes) -> Landed:
    fetched_at = datetime(2026, 2, 12, tzinfo=UTC)
    sighting = Sighting("bls", "employment_situation", "u", fetched_at, "0" * 64, len(payload), "replay")
    return parse(payload, sighting, CATALOGUE)


@cache
def genuine(month: str) -> Landed:
    path = PAGES / f"empsit_{month.replace('-', '_')}.htm.gz"
    if not path.exists():
        pytest.skip("the shared genuine pages are not here")
    return run(path.read_bytes())


def cells(landed: Landed) -> dict[tuple[str, str], dict[str, Any]]:
    assert landed.observation is not None
    return {
        (row["series_id"].removeprefix("bls."), f"{row['period_start']:%Y-%m}"): row for row in landed.observation.to_pylist()
    }


def values(landed: Landed, native: str) -> dict[str, float | None]:
    return {month: row["value"] for (series, month), row in cells(landed).items() if series == native}


def printed() -> dict[str, dict[tuple[str, str], float | None]]:
    """What 192 releases printed, by release: payroll levels and unemployment rates, both adjustments."""
    path = SHARED / "bls" / "empsit_vintages_payems_unrate_2010_2026.csv"
    if not path.exists():
        pytest.skip("the shared transcription is not here")
    found: dict[str, dict[tuple[str, str], float | None]] = defaultdict(dict)
    with path.open(newline="") as handle:
        for row in csv.DictReader(handle):
            text = row["value_as_printed"].replace(",", "")
            key = (row["bls_series_id"], row["ref_month"])
            found[row["release_reference_month"]][key] = None if text == "-" else float(text)
    return found


# --- genuine pages -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("month", MONTHS)
def test_every_transcribed_value_of_the_page(month: str) -> None:
    expected = printed()[month]
    assert len(expected) == 17
    found = cells(genuine(month))
    assert {key: found[key]["value"] for key in expected} == expected


@pytest.mark.parametrize(
    ("month", "instant"),
    [
        ("2013-09", "2013-10-22T12:30"),
        ("2013-10", "2013-11-08T13:30"),
        ("2018-12", "2019-01-04T13:30"),
        ("2019-01", "2019-02-01T13:30"),
        ("2025-08", "2025-09-05T12:30"),
        ("2025-09", "2025-11-20T13:30"),
        ("2025-11", "2025-12-16T13:30"),
        ("2025-12", "2026-01-09T13:30"),
        ("2026-01", "2026-02-11T13:30"),
    ],
)
def test_the_embargo_line_dates_everything(month: str, instant: str) -> None:
    rows = cells(genuine(month)).values()
    assert {row["known_at"] for row in rows} == {datetime.fromisoformat(instant).replace(tzinfo=UTC)}
    assert {row["known_at_basis"] for row in rows} == {"provider"}


@pytest.mark.parametrize(
    ("month", "changes", "before"),
    [
        ("2013-09", {"2013-07": 89, "2013-08": 193, "2013-09": 148}, {"2013-07": 104, "2013-08": 169}),
        ("2018-12", {"2018-10": 274, "2018-11": 176, "2018-12": 312}, {"2018-10": 237, "2018-11": 155}),
        ("2019-01", {"2018-11": 196, "2018-12": 222, "2019-01": 304}, {"2018-11": 176, "2018-12": 312}),
        ("2025-08", {"2025-06": -13, "2025-07": 79, "2025-08": 22}, {"2025-06": 14, "2025-07": 73}),
        ("2025-09", {"2025-07": 72, "2025-08": -4, "2025-09": 119}, {"2025-07": 79, "2025-08": 22}),
        # two months at once: September's second print and August's third, of which only the text tells
        ("2025-11", {"2025-08": -26, "2025-09": 108, "2025-10": -105, "2025-11": 64}, {"2025-08": -4, "2025-09": 119}),
        ("2025-12", {"2025-10": -173, "2025-11": 56, "2025-12": 50}, {"2025-10": -105, "2025-11": 64}),
        # the benchmark: a level difference across the two releases would say something else altogether
        ("2026-01", {"2025-11": 41, "2025-12": 48, "2026-01": 130}, {"2025-11": 56, "2025-12": 50}),
    ],
)
def test_changes_and_the_sentence_about_revisions(month: str, changes: dict, before: dict) -> None:
    landed = genuine(month)
    stated = values(landed, "CES0000000001:change")
    assert {one: value for one, value in stated.items() if one in changes} == changes
    assert len(stated) == len(changes) + 1  # and the month a year earlier
    assert values(landed, "CES0000000001:change_before") == before


def test_a_change_is_the_difference_of_the_levels_of_the_same_page() -> None:
    for month in MONTHS:
        levels, changes = values(genuine(month), "CES0000000001"), values(genuine(month), "CES0000000001:change")
        newest = sorted(levels)[-3:]
        for earlier, later in pairwise(newest):
            assert levels[later] - levels[earlier] == changes[later], month  # type: ignore[operator]


def test_only_the_two_newest_months_are_preliminary() -> None:
    found = cells(genuine("2025-12"))
    status = {
        month: (row["obs_status"], row["flags"], row["footnotes"])
        for (native, month), row in found.items()
        if native == "CES0000000001"
    }
    early, final = ("P", ["PRELIMINARY"], ["P: preliminary"]), ("A", [], [])
    assert status == {"2024-12": final, "2025-10": final, "2025-11": early, "2025-12": early}
    assert {found["LNS14000000", month]["obs_status"] for month in ("2025-11", "2025-12")} == {"A"}


def test_october_2025_was_not_collected_and_says_so() -> None:
    for month in ("2025-11", "2025-12", "2026-01"):
        found = cells(genuine(month))
        for native in ("LNS14000000", "LNS13000000", "LNS11000000", "LNS11300000", "LNS12000000", "LNS15000000"):
            row = found[native, "2025-10"]
            assert (row["value"], row["obs_status"]) == (None, "L")
            assert row["footnotes"] == ["Data for October 2025 were not collected due to the federal government shutdown."]
        assert found["CES0000000001", "2025-10" if month != "2026-01" else "2025-11"]["value"] is not None
    assert cells(genuine("2025-11"))["LNU04000000", "2025-10"]["obs_status"] == "L"


def test_household_levels_give_the_unrounded_rate() -> None:
    found = cells(genuine("2025-09"))
    for month, expected in (("2025-09", 4.4398), ("2025-08", 4.3237)):
        people, force = found["LNS13000000", month]["value"], found["LNS11000000", month]["value"]
        assert round(100 * people / force, 4) == expected


def test_december_carries_the_revised_history_of_the_year() -> None:
    rates = values(genuine("2025-12"), "LNS14000000")
    assert rates == {
        "2024-12": 4.1, "2025-01": 4.0, "2025-02": 4.2, "2025-03": 4.2, "2025-04": 4.2, "2025-05": 4.3, "2025-06": 4.1,
        "2025-07": 4.3, "2025-08": 4.3, "2025-09": 4.4, "2025-10": None, "2025-11": 4.5, "2025-12": 4.4,
    }  # fmt: skip
    assert values(genuine("2025-12"), "LNS13000000")["2025-03"] == 7132
    assert len(values(genuine("2025-12"), "LNS15000000")) == 6  # this line is not in it


def test_sectors_hours_earnings_and_rates_of_collection() -> None:
    found = cells(genuine("2025-11"))
    expected = {
        ("CES0500000001", "2025-11"): 136_148, ("CES0500000001:change", "2025-10"): 52, ("CES3000000001", "2025-11"): 12_697,
        ("CES4200000001:change", "2025-09"): 23.4, ("CES9000000001:change", "2025-10"): -157, ("CEU0000000001", "2025-11"): 160_652,
        ("CES0500000003", "2025-11"): 36.86, ("CES0500000011", "2024-11"): 1221.42, ("CES0500000002", "2025-11"): 34.3,
        ("CES_COLLECTION_RATE", "2025-10"): 73.9, ("CES_COLLECTION_RATE", "2025-11"): 73.8, ("LNU09300000", "2025-11"): 64.0,
    }  # fmt: skip
    assert {key: found[key]["value"] for key in expected} == expected
    assert values(genuine("2025-09"), "CES_COLLECTION_RATE") == {"2025-09": 80.2}
    assert values(genuine("2026-01"), "LNU09300000") == {"2026-01": 64.3}


def test_durable_goods_are_those_of_manufacturing() -> None:
    """In 2013 wholesale trade had a line of that name too."""
    found = values(genuine("2013-09"), "CES3100000001")
    assert found["2013-09"] is not None
    assert 7_000 < found["2013-09"] < 8_000


def test_nothing_of_the_genuine_pages_is_lost() -> None:
    lost = {month: [entry[1] for entry in genuine(month).quarantine] for month in MONTHS}
    no_utilities = ["the table has no line 'Utilities'"]
    assert lost == {month: no_utilities if month.startswith("2013") else [] for month in MONTHS}


def test_series_are_described() -> None:
    series = genuine("2025-09").series
    assert series is not None
    by_id = {row["series_id"]: row for row in series.to_pylist()}
    change = by_id["bls.CES0000000001:change"]
    assert change["title"] == "Employees on nonfarm payrolls, total nonfarm, seasonally adjusted, change over the month"
    assert (change["unit"], change["release_id"], change["component"]) == (
        "thousands of persons",
        "employment_situation",
        "establishment",
    )
    rate = by_id["bls.LNS14000000"]
    assert (rate["unit"], rate["decimals"], rate["component"], rate["seasonal_adjustment"]) == ("percent", 1, "household", "SA")
    assert by_id["bls.CES0500000003"]["unit"] == "USD per hour"
    assert by_id["bls.CEU9000000001"]["seasonal_adjustment"] == "NSA"


def test_the_page_and_the_transcription_in_the_manifest_never_contradict_each_other() -> None:
    """The file room brings values of the same series and instants from another hand."""
    path = SHARED / "vintages" / "bls_employment_situation.csv.gz"
    if not path.exists():
        pytest.skip("the shared vintages are not here")
    pages: dict[tuple[str, str, str], float | None] = {}
    for month in MONTHS:
        for (native, period), row in cells(genuine(month)).items():
            pages[f"bls.{native}", f"{period}-01", f"{row['known_at']:%Y-%m-%dT%H:%M:%SZ}"] = row["value"]
    both = 0
    with gzip.open(path, "rt", newline="") as handle:
        for row in csv.DictReader(handle):
            key = (row["series_id"], row["period_start"], row["known_at"])
            if key in pages:
                assert pages[key] == (float(row["value"]) if row["value"] else None), key
                both += 1
    assert both == 9 * 17


# --- generated pages and planted faults ----------------------------------------------------------------------------------


def test_a_generated_page_reads_as_it_was_made() -> None:
    landed = run(GENERATED.encode())
    newest = 2026 * 12
    assert landed.quarantine == []
    assert values(landed, "CES0000000001")["2026-01"] == sample.employees(0, newest, newest)
    assert values(landed, "CES0000000001:change")["2025-12"] == sample._change(0, newest - 1, newest)
    assert values(landed, "CES0000000001:change_before")["2025-12"] == sample._change(0, newest - 1, newest - 1)
    assert run(gzip.compress(GENERATED.encode())).observation == landed.observation


@pytest.mark.parametrize(
    ("fault", "message"),
    [
        (lambda page: page[: page.index('id="ces_table1"') + 3_000], "cut short"),
        (lambda page: page[: page.index('id="ces_table10"')], "no table B-1"),
        (lambda _: "<html><head><title>Access Denied</title></head><body>Access Denied</body></html>", "no embargo line"),
        (lambda page: page.replace("embargoed", "free"), "no embargo line"),
        (lambda page: page.replace("February 11, 2026", "February 31, 2026"), "does not exist"),
        (lambda page: page.replace("THE EMPLOYMENT SITUATION -- JANUARY", "THE EMPLOYMENT SITUATION -- MARCH"), "newest month"),
        (lambda page: page.replace("THE EMPLOYMENT SITUATION", "REAL EARNINGS"), "no headline"),
        (lambda _: "", "no embargo line"),
    ],
)
def test_another_page_is_an_error(fault: Any, message: str) -> None:
    with pytest.raises(ParseError, match=message):
        run(fault(GENERATED).encode())


def test_a_gzip_file_cut_short_is_an_error() -> None:
    packed = gzip.compress(GENERATED.encode())
    with pytest.raises(ParseError, match="cut short"):
        run(packed[: len(packed) // 2])
    check_content(packed, "html")
    with pytest.raises(PayloadError, match="a gzip file of JSON"):
        check_content(gzip.compress(b'{"status": "x"}'), "html")
    with pytest.raises(PayloadError, match="damaged"):
        check_content(b"\x1f\x8b" + b"no deflate stream" * 9, "html")


def test_a_cell_that_is_no_number_goes_to_quarantine_alone() -> None:
    level = f"{sample.employees(0, 2026 * 12, 2026 * 12):,}"
    page = GENERATED.replace(f'<span class="datavalue">{level}</span>', '<span class="datavalue">n.a.</span>', 1)
    landed = run(page.encode())
    ((place, reason, raw),) = landed.quarantine
    assert (place[:35], reason, raw) == ("table B-1, Total nonfarm, Jan. 2026", "the value is not a number", "n.a.")
    assert values(landed, "CES0000000001")["2026-01"] == sample.employees(0, 2026 * 12, 2026 * 12)
    assert "2026-01" not in values(landed, "CEU0000000001")


def test_a_renamed_line_a_new_line_and_a_missing_table_are_reported() -> None:
    renamed = run(GENERATED.replace(">Retail trade<", ">Retailers<").encode())
    assert {entry[1] for entry in renamed.quarantine} == {"the table has no line 'Retail trade'"}
    assert values(renamed, "CES4200000001") == {}
    without = run(GENERATED.replace("cps_empsit_a01", "cps_empsit_new").encode())
    assert [entry[1] for entry in without.quarantine] == ["the page has no such table (cps_empsit_a01)"]


def test_a_doubled_line_counts_once_and_a_contradicting_one_is_reported() -> None:
    start = GENERATED.index('<tr>\n\t<th><p class="sub1">Government')
    row = GENERATED[start : GENERATED.index("</tr>", start) + 6]
    doubled = run(GENERATED.replace(row, row + row, 1).encode())
    assert doubled.quarantine == []
    other = row.replace('"datavalue">', '"datavalue">1', 1)
    assert [entry[1] for entry in run(GENERATED.replace(row, row + other, 1).encode()).quarantine] == [
        "two lines of the table have this name"
    ]


def test_a_sentence_that_contradicts_the_table_is_reported_and_the_table_stands() -> None:
    change = sample._change(0, 2026 * 12 - 1, 2026 * 12)
    landed = run(GENERATED.replace(f"to {change:+,},000", "to +999,000").encode())
    assert [entry[0] for entry in landed.quarantine] == ["text"]
    assert values(landed, "CES0000000001:change")["2025-12"] == change


def test_a_sentence_in_unknown_words_is_reported() -> None:
    landed = run(GENERATED.replace("was revised", "moved").encode())
    assert "cannot be read" in landed.quarantine[0][1]
    assert values(landed, "CES0000000001:change_before") == {}
    silent = run(GENERATED.replace("The change in total", "A change of total").encode())
    assert silent.quarantine == [("text", "the page has no sentence about revisions of total nonfarm payrolls", "")]

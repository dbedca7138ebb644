"""Flat files and API answers of the surveys beside the CPI: units, frequencies, footnotes by survey, and what the files say."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime
from typing import Any

import pyarrow.compute as pc
import pytest

from assets.bls import FLAT_FILES, ROOM, sample
from assets.bls.fetch import HEADLINE, requests
from assets.bls.parse import parse
from assets.bls.sample import payloads
from undertow.archive import Sighting
from undertow.errors import ParseError
from undertow.instants import parse_instant
from undertow.room import Landed, load_room
from undertow.settings import Settings
from undertow.sniff import check_content

MODULES = load_room("bls")
FETCHED_AT = datetime(2026, 3, 1, tzinfo=UTC)
HEADER = "series_id\tyear\tperiod\tvalue\tfootnote_codes\n"


def run(payload: str, dataset: str) -> Landed:
    data = payload.encode()
    sighting = Sighting("bls", dataset, "u", FETCHED_AT, "0" * 64, len(data), "replay")
    return parse(data, sighting, MODULES.catalogue())


def rows(landed: Landed, native: str) -> list[dict[str, Any]]:
    assert landed.observation is not None
    return landed.observation.filter(pc.equal(landed.observation["series_id"], f"bls.{native}")).to_pylist()


def described(landed: Landed, native: str) -> dict[str, Any]:
    assert landed.series is not None
    (row,) = (row for row in landed.series.to_pylist() if row["series_id"] == f"bls.{native}")
    return row


def test_household_gap_by_its_own_code() -> None:
    text = "LNS14000000      \t2025\tM09\t 4.4\t\nLNS14000000      \t2025\tM10\t   -\t9\nLNS14000000      \t2025\tM11\t 4.5\t\n"
    september, october, november = rows(run(HEADER + text, "ln_data"), "LNS14000000")
    assert (september["value"], november["value"]) == (4.4, 4.5)
    assert (october["value"], october["obs_status"]) == (None, "L")
    assert october["footnotes"] == ["9: Data unavailable due to the 2025 lapse in appropriations."]


def test_the_code_of_another_survey_means_nothing_here() -> None:
    (row,) = rows(run(HEADER + "LNS14000000\t2025\tM10\t-\tX\n", "ln_data"), "LNS14000000")
    assert (row["obs_status"], row["footnotes"]) == ("O", ["X"])
    (row,) = rows(run(HEADER + "CES0000000001\t2025\tM10\t-\t9\n", "ce_data"), "CES0000000001")
    assert (row["obs_status"], row["footnotes"]) == ("O", ["9"])


def test_payrolls_have_their_change_inside_the_file() -> None:
    text = "".join(
        f"CES0000000001    \t{year}\tM{month:02d}\t{value:>12}\t{note}\n"
        for year, month, value, note in (
            (2025, 7, 159511, ""), (2025, 8, 159485, ""), (2025, 10, 159420, ""), (2025, 11, 159476, "P"), (2025, 12, 159526, "P"),
        )
    )  # fmt: skip
    landed = run(HEADER + text, "ce_data")
    change = {f"{row['period_start']:%Y-%m}": (row["value"], row["obs_status"]) for row in rows(landed, "CES0000000001:change")}
    # September is not in the file: no difference over two months becomes one over a month
    assert change == {"2025-08": (-26, "A"), "2025-11": (56, "P"), "2025-12": (50, "P")}
    assert described(landed, "CES0000000001:change")["unit"] == "thousands of persons"
    assert described(landed, "CES0000000001")["revision_policy"] == "restated_history"


@pytest.mark.parametrize(
    ("native", "period", "end", "unit", "frequency", "release"),
    [
        ("CES0500000003", "M09", "2025-09-30", "USD per hour", "M", "employment_situation"),
        ("CES0500000002", "M09", "2025-09-30", "hours per week", "M", "employment_situation"),
        ("LNS11000000", "M09", "2025-09-30", "thousands of persons", "M", "employment_situation"),
        ("LNS14000000Q", "Q03", "2025-09-30", "percent", "Q", "employment_situation"),
        ("JTS000000000000000JOL", "M09", "2025-09-30", "thousands", "M", "jolts"),
        ("JTS000000000000000JOR", "M09", "2025-09-30", "percent", "M", "jolts"),
        ("CIU1010000000000A", "Q03", "2025-09-30", "percent change over 12 months", "Q", "employment_cost_index"),
        ("CIS1010000000000Q", "Q03", "2025-09-30", "percent change over 3 months", "Q", "employment_cost_index"),
        ("CIU1010000000000I", "Q03", "2025-09-30", "index", "Q", "employment_cost_index"),
        ("WPSFD4", "M09", "2025-09-30", "index November 2009=100", "M", "ppi"),
        ("PCU221122221122", "M09", "2025-09-30", "index", "M", "ppi"),
        ("EIUIR", "M09", "2025-09-30", "index 2000=100", "M", "import_export_prices"),
    ],
)
def test_unit_frequency_and_release(native: str, period: str, end: str, unit: str, frequency: str, release: str) -> None:
    landed = run(f"{HEADER}{native}\t2025\t{period}\t 3.5\t\n", f"{native[:2].lower()}_data")
    (row,) = rows(landed, native)
    assert (row["value"], row["period_end"]) == (3.5, date.fromisoformat(end))
    found = described(landed, native)
    assert (found["unit"], found["frequency"], found["release_id"]) == (unit, frequency, release)


def test_annual_averages_of_every_spelling_are_series_of_their_own() -> None:
    landed = run(f"{HEADER}LNU04000000\t2024\tM13\t4.0\t\nLNU02034560\t2024\tA01\t17\t\n", "ln_data")
    assert rows(landed, "LNU04000000:A")[0]["period_start"] == date(2024, 1, 1)
    assert rows(landed, "LNU02034560:A")[0]["value"] == 17
    assert described(landed, "LNU04000000:A")["frequency"] == "A"


def test_a_catalogue_file_of_a_survey_with_other_columns() -> None:
    """The columns are those of wp.series and of jt.series, which has no titles."""
    header = "series_id\tgroup_code\titem_code\tseasonal\tbase_date\tseries_title\tfootnote_codes\tbegin_year\tbegin_period\t"
    text = (
        header
        + "end_year\tend_period\nWPUFD4         \tFD\t4\tU\t200911\tPPI Commodity data for Final demand\t\t2009\tM11\t2025\tM12\n"
    )
    found = described(run(text, "wp_series"), "WPUFD4")
    assert (found["title"], found["unit"]) == ("PPI Commodity data for Final demand", "index 200911")
    header = "series_id\tseasonal\tindustry_code\tdataelement_code\tratelevel_code\tfootnote_codes\tbegin_year\tbegin_period\n"
    landed = run(header + "JTS000000000000000JOL\tS\t000000\tJO\tL\t\t2000\tM12\n", "jt_series")
    assert described(landed, "JTS000000000000000JOL")["title"] == "Job openings, total nonfarm, seasonally adjusted"
    header = "series_id\tseasonal\tseries_title\tbegin_year\tbegin_period\n"
    text = header + "CIU1010000000000A\tU\tAll Civilian\t2001\tQ01\nWPUFD4\tU\tstranger\t2009\tM11\nCIU2\tS\tliar\t2001\tQ01\n"
    landed = run(text, "ci_series")
    assert described(landed, "CIU1010000000000A")["frequency"] == "Q"
    assert [entry[0] for entry in landed.quarantine] == ["line 3", "line 4"]
    with pytest.raises(ParseError, match="begins with series_id and has"):
        run("series_id\tseries_title\nWPUFD4\tx\n", "wp_series")


def test_a_footnote_that_changed_its_meaning_stops_the_source() -> None:
    header = "footnote_code\tfootnote_text\n"
    good = run(
        header + "P\tpreliminary\n9\tData unavailable due to the 2025 lapse in appropriations.\n1\tother\n", "ln_footnote"
    )
    assert (good.observation, good.series, good.quarantine) == (None, None, [])
    with pytest.raises(ParseError, match="footnote 9 of LN now reads 'Corrected'"):
        run(header + "9\tCorrected\n", "ln_footnote")
    # the same code in another survey is none of ours
    assert run(header + "9\tCorrected\n", "ce_footnote").quarantine == []


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("<html>Access Denied</html>", "the columns are"),
        (HEADER, "no rows"),
        (HEADER.replace("value", "worth") + "LNS14000000\t2025\tM10\t4.4\t\n", "the columns are"),
        (HEADER + "LNS14000000\t2025\tM09\tx\t\n", "no usable row"),
        (HEADER + "LNS14000000\t2025\tM09\t4.4\t\nLNS14000000\t2025", "cut short"),
    ],
)
def test_another_file_is_an_error(text: str, message: str) -> None:
    with pytest.raises(ParseError, match=message):
        run(text, "ln_data")


def test_a_row_that_cannot_be_read_and_a_new_column_are_reported() -> None:
    text = (
        HEADER.strip()
        + "\tnew\nLNS14000000\t2025\tM09\t4.4\t\tz\nLNS14000000\t2025\tM10\tn/a\t\tz\nLNS14000000\t2025\tM09\t4.4\t\tz\n"
    )
    landed = run(text, "ln_data")
    assert [row["value"] for row in rows(landed, "LNS14000000")] == [4.4]
    assert [entry[0] for entry in landed.quarantine] == ["line 1", "line 3"]


def test_the_api_gives_the_same_of_a_household_gap() -> None:
    note = {"code": "9", "text": "Data unavailable due to the 2025 lapse in appropriations."}
    data = [
        {"year": "2025", "period": "M11", "value": "4.5", "footnotes": [{}]},
        {"year": "2025", "period": "M10", "value": "-", "footnotes": [note]},
    ]
    body = {"status": "REQUEST_SUCCEEDED", "message": [], "Results": {"series": [{"seriesID": "LNS14000000", "data": data}]}}
    assert [(row["value"], row["obs_status"]) for row in rows(run(json.dumps(body), "api_v2"), "LNS14000000")] == [
        (None, "L"),
        (4.5, "A"),
    ]


def test_the_live_mode_asks_for_every_survey() -> None:
    asked = list(requests(Settings(), date(2026, 3, 1)))
    assert [one.dataset for one in asked if one.dataset not in {dataset.name for dataset in ROOM.datasets}] == []
    (api,) = (one for one in asked if one.dataset == "api_v2")
    assert api.json["seriesid"] == list(HEADLINE)
    assert len(HEADLINE) <= 25
    titled = MODULES.catalogue()["series"]
    assert [native for native in HEADLINE if native not in titled] == []
    assert {native[:2].lower() for native in HEADLINE} == set(FLAT_FILES) - {"pc"}
    assert [one.url for one in asked if one.dataset == "ce_data"] == [
        "https://download.bls.gov/pub/time.series/ce/ce.data.01a.CurrentSeasAE"
    ]


def test_page_file_and_vintage_table_tell_one_value_alike() -> None:
    """Else the same number, told at the same instant, would look like a correction."""
    page = sample.page(date(2026, 2, 11), (2026, 1)).encode()
    sighting = Sighting("bls", "employment_situation", "u", FETCHED_AT, "0" * 64, len(page), "live")
    told = [rows(parse(page, sighting, MODULES.catalogue()), "CES0000000001")[-2:]]
    first, second = (row["value"] for row in told[0])
    text = f"{HEADER}CES0000000001\t2025\tM12\t{first:.0f}\tP\nCES0000000001\t2026\tM01\t{second:.0f}\tP\n"
    told.append(rows(run(text, "ce_data"), "CES0000000001"))
    table = sample.vintage_zip({"tri_000000_SA.csv": f"year,month,Dec_25,Jan_26\n2026,1,{first:.0f},{second:.0f}\n"})
    sighting = Sighting("bls", "ces_vintages", "u", FETCHED_AT, "0" * 64, len(table), "live")
    told.append(rows(parse(table, sighting, MODULES.catalogue()), "CES0000000001"))
    states = [
        [
            (row["period_end"], row["value"], row["obs_status"], set(row["flags"]) - {"KNOWN_LATE"}, row["footnotes"])
            for row in source
        ]
        for source in told
    ]
    assert states[0] == states[1] == states[2]
    assert states[0][1] == (date(2026, 1, 31), second, "P", {"PRELIMINARY"}, ["P: preliminary"])


def test_the_sample_is_the_same_each_time_reads_without_loss_and_is_small() -> None:
    landed = {}
    for number, (one, again) in enumerate(zip(payloads(), payloads(), strict=True)):
        assert one == again
        dataset = ROOM.dataset(one.dataset)
        assert dataset is not None
        check_content(one.content, dataset.content)
        fetched_at = parse_instant(one.fetched_at)
        sighting = Sighting("bls", one.dataset, one.url, fetched_at, "0" * 64, len(one.content), "synthetic")
        landed[number, one.dataset] = parse(one.content, sighting, MODULES.catalogue())
    assert [len(one.quarantine) for one in landed.values()] == [0, 0, 0, 0, 0]
    counts = [one.observation.num_rows for one in landed.values() if one.observation is not None]
    assert len(counts) == 5
    assert max(counts) < 500
    openings = rows(landed[4, "api_v2"], "JTS000000000000000JOL")
    assert (len(openings), openings[-1]["obs_status"]) == (24, "P")
    assert rows(landed[4, "api_v2"], "CIU1010000000000A")[0]["period_end"] == date(2024, 3, 31)

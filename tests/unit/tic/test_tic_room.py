"""The TIC room: header rows, missing numbers, breaks, rosters, dead files, and the stream of CSLT."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterable
from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from assets.tic import FILES, ROOM
from assets.tic.fetch import requests
from assets.tic.parse import parse, roster_digest
from assets.tic.sample import COUNTRIES, cslt_json, cslt_zip, history, majors, months, payloads, press_release, table
from tests.landed import checked
from undertow.archive import Sighting
from undertow.errors import ParseError
from undertow.room import Landed, load_room
from undertow.settings import Settings
from undertow.sniff import check_content

ROOT = Path(__file__).parents[3]
FIXTURES = ROOT / "tests" / "fixtures" / "tic"
CATALOGUE = load_room("tic").catalogue()
ARRIVAL = datetime(2026, 10, 31, 12, tzinfo=UTC)


def landed(dataset: str, payload: bytes, fetched_at: datetime = ARRIVAL, url: str = "u") -> Landed:
    return parse(payload, Sighting("tic", dataset, url, fetched_at, "0" * 64, len(payload), "replay"), CATALOGUE)


def fixture(name: str, dataset: str, fetched_at: datetime) -> Landed:
    return landed(dataset, (FIXTURES / name).read_bytes(), fetched_at)


def told(data: Landed, series_id: str) -> dict[str, tuple]:
    """Return value and status of each month of a series."""
    return {
        f"{row['period_end']:%Y-%m}": (row["value"], row["obs_status"])
        for row in checked("observation", data.observation).to_pylist()
        if row["series_id"] == series_id
    }


def title(data: Landed, series_id: str) -> str:
    return next(row["title"] for row in checked("series", data.series).to_pylist() if row["series_id"] == series_id)


# --- tables by country ---------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def table1() -> Landed:
    name = "slt_table1_na_minus_zero_memo_and_unknown_code.txt"
    return fixture(name, "slt_table1", datetime(2023, 4, 18, tzinfo=UTC))


def test_holdings_are_unbroken_and_transactions_begin_with_the_form(table1: Landed) -> None:
    assert told(table1, "tic.slt1.for_lt_total_pos.41408") == {"2023-01": (1005.0, "A"), "2023-02": (1000.0, "A")}
    assert told(table1, "tic.slt1.for_lt_total_net.41408") == {"2023-02": (-20.0, "B")}
    flags = {row["series_id"]: row["flags"] for row in checked("observation", table1.observation).to_pylist()}
    assert flags["tic.slt1.for_lt_total_net.41408"] == ["METHOD_BREAK"]
    assert flags["tic.slt1.for_lt_total_pos.41408"] == []
    assert table1.quarantine == []


def test_minus_zero_is_zero(table1: Landed) -> None:
    value, _ = told(table1, "tic.slt1.for_lt_agcy_net.41408")["2023-02"]
    assert str(value) == "0.0"


def test_a_line_without_any_number_is_no_series(table1: Landed) -> None:
    ids = {row["series_id"] for row in checked("series", table1.series).to_pylist()}
    assert "tic.slt1.for_lt_eqty_pos.84018" in ids
    assert "tic.slt1.for_lt_treas_pos.84018" not in ids
    assert ids == {row["series_id"] for row in checked("observation", table1.observation).to_pylist()}


def test_a_memo_line_has_the_id_of_its_roster(table1: Landed) -> None:
    roster = roster_digest(["Spain", "Austria", "the Netherlands", "Belgium"])
    assert told(table1, f"tic.slt1.for_lt_total_pos.16713_{roster}")["2023-02"] == (500.0, "A")
    payload = (FIXTURES / "slt_table1_na_minus_zero_memo_and_unknown_code.txt").read_bytes()
    grown = landed(
        "slt_table1", payload.replace(b"Austria, Belgium", b"Austria, Belgium, Bulgaria"), datetime(2023, 4, 18, tzinfo=UTC)
    )
    assert told(grown, f"tic.slt1.for_lt_total_pos.16713_{roster}") == {}
    silent = landed("slt_table1", payload.replace(b"Euro area:", b"Region:   "), datetime(2023, 4, 18, tzinfo=UTC))
    assert [reason for _, reason, _ in silent.quarantine] == [
        "the file does not say which countries this line sums; it is left out"
    ]


def test_a_country_line_says_that_custody_is_not_ownership_and_an_unknown_code_is_no_country(table1: Landed) -> None:
    assert title(table1, "tic.slt1.for_lt_treas_pos.41408") == (
        "China, Mainland (country): holdings of US Treasury bonds and notes, as held in custody, which need not be where the owner is"
    )
    assert "(kind not known)" in title(table1, "tic.slt1.for_lt_treas_pos.49123")
    sample = landed("slt_table1", table("slt_table1", COUNTRIES, months(3)))
    assert title(sample, "tic.slt1.for_lt_eqty_pos.10251").startswith("Belgium (country, a custody centre): ")
    assert title(sample, "tic.slt1.for_lt_eqty_pos.99996") == "Grand Total: holdings of US corporate equity"
    abroad = landed("slt_table2", table("slt_table2", COUNTRIES, months(3)))
    assert title(abroad, "tic.slt2.us_lt_eqty_pos.10251") == (
        "Belgium (country, a custody centre): foreign corporate stocks held by US residents"
    )


def test_table_2_has_a_break_by_country_and_none_of_its_total() -> None:
    data = landed("slt_table2", table("slt_table2", COUNTRIES, months(3, date(2023, 3, 1))), datetime(2023, 5, 20, tzinfo=UTC))
    status = {code: told(data, f"tic.slt2.us_lt_eqty_pos.{code}")["2023-02"][1] for code in ("42609", "99996")}
    assert status == {"42609": "B", "99996": "A"}


def test_bills_are_told_on_other_forms_and_have_no_break() -> None:
    data = landed("slt_table3", table("slt_table3", COUNTRIES, months(3, date(2023, 3, 1))), datetime(2023, 5, 20, tzinfo=UTC))
    assert [status for _, status in told(data, "tic.slt3.for_st_treas_net.42609").values()] == ["A", "A", "A"]
    assert [status for _, status in told(data, "tic.slt3.for_treas_net.42609").values()] == ["B", "A"]


def test_the_header_is_found_wherever_it_stands() -> None:
    payload = table("slt_table1", COUNTRIES, months(2))
    lines = payload.split(b"\r\n")
    moved = b"\r\n".join([b"A new notice\t\t", b"", *lines])
    assert checked("observation", landed("slt_table1", moved).observation) == checked(
        "observation", landed("slt_table1", payload).observation
    )
    with pytest.raises(ParseError, match="expected a row of names that begins 'country' once, found it 0 times"):
        landed("slt_table1", b"\r\n".join(line for line in lines if not line.startswith(b"country\t")))


@pytest.mark.parametrize(
    ("old", "new", "complaint"),
    [
        (b"Millions of dollars", b"Billions of dollars", "does not say 'Millions of dollars'"),
        (b"Table 1:", b"Table 2:", "expected one that begins 'Table 1:'"),
        (b"\tfor_lt_eqty_net", b"\tfor_lt_equity_net", "lacks the columns for_lt_eqty_net"),
        (b"\tfor_lt_eqty_net", b"\tfor_lt_eqty_pos", "a hole or a name twice"),
        (b"country\tcountry_code", b"country\tcode", "expected country, country_code, date"),
        (b"\t2026-07\t", b"\t2026-08\t", "has 2026-08 twice"),
    ],
)
def test_another_layout_is_refused(old: bytes, new: bytes, complaint: str) -> None:
    payload = table("slt_table1", COUNTRIES, months(2))
    assert old in payload
    with pytest.raises(ParseError, match=complaint):
        landed("slt_table1", payload.replace(old, new, 1))


def test_cells_and_rows_that_cannot_be_used_are_set_aside() -> None:
    payload = table("slt_table1", {"42609": ("Japan", 13)}, months(3)).decode()
    lines = payload.split("\r\n")
    at = next(place for place, line in enumerate(lines) if line.startswith("Japan\t42609\t2026-08"))
    cells = lines[at].split("\t")
    cells[3], cells[4] = "1,234", ""
    lines[at] = "\t".join(cells)
    lines[at + 1] = lines[at + 1].replace("2026-07", "2026-13")
    lines[at + 2] = lines[at + 2].replace("Japan", "Jupiter")
    lines.insert(at + 3, "Japan\t42609\t2026-12\t" + "\t".join(["1"] * 15))
    lines.insert(at + 4, "Japan\t42609\t2026-05\t1\t2")
    data = landed("slt_table1", "\r\n".join(lines).encode())
    assert [reason for _, reason, _ in data.quarantine] == [
        "'1,234' is neither a number nor n.a.",
        "'' is neither a number nor n.a.",
        "the row has no code of five digits and a month like 2026-05",
        "the code 42609 is 'Japan' in an earlier row",
        "the month had not ended when the file was fetched",
        "the row has not the 18 cells of the header",
    ]
    assert data.quarantine[0][0] == f"line {at + 1}, for_lt_total_pos"
    assert told(data, "tic.slt1.for_lt_total_pos.42609") == {}
    assert list(told(data, "tic.slt1.for_lt_treas_pos.42609")) == ["2026-08"]


def test_a_hole_inside_a_series_is_a_missing_number() -> None:
    lines = table("slt_table1", {"42609": ("Japan", 13)}, months(3)).decode().split("\r\n")
    at = next(place for place, line in enumerate(lines) if line.startswith("Japan\t42609\t2026-07"))
    cells = lines[at].split("\t")
    lines[at] = "\t".join([*cells[:3], "n.a.", *cells[4:]])
    data = landed("slt_table1", "\r\n".join(lines).encode())
    values = told(data, "tic.slt1.for_lt_total_pos.42609")
    assert values["2026-07"] == (None, "O")
    assert values["2026-06"][1] == values["2026-08"][1] == "A"


# --- dead files ----------------------------------------------------------------------------------------------------------


def test_a_dead_address_is_refused_whatever_its_status() -> None:
    payload = (FIXTURES / "mfh_ends_in_january_2023.txt").read_bytes()
    check_content(payload, "text")  # the bytes are what they should be
    with pytest.raises(ParseError, match=r"dead: .* newest period there ended on 2023-01-31, 1246 days before it was fetched"):
        landed("mfh", payload, datetime(2026, 6, 30, 12, tzinfo=UTC))
    with pytest.raises(ParseError, match="this former table is not read"):
        landed("mfh", payload, datetime(2023, 3, 20, tzinfo=UTC))
    with pytest.raises(ParseError, match="has no line"):
        landed("mfh", b"<p>gone</p>")


@pytest.mark.parametrize(
    ("dataset", "payload"),
    [
        ("slt_table1", table("slt_table1", COUNTRIES, months(3, date(2023, 1, 1)))),
        ("slt_table5", majors(months(13, date(2023, 1, 1)))),
        ("npr_history", press_release(months(13, date(2023, 1, 1)))),
        ("cslt", cslt_zip(cslt_json(("for_lt_treas",), ("99996",), months(13, date(2023, 1, 1))))),
        ("mfhhis01", history((2022, 2023))),
    ],
)
def test_each_file_dies_by_its_newest_month(dataset: str, payload: bytes) -> None:
    with pytest.raises(ParseError, match=r"^dead: the address answers, but the newest period there ended on 2023-"):
        landed(dataset, payload, datetime(2026, 9, 16, tzinfo=UTC))
    alive = datetime(2024, 1, 10, tzinfo=UTC) if dataset == "mfhhis01" else datetime(2023, 4, 1, tzinfo=UTC)
    assert checked("observation", landed(dataset, payload, alive).observation).num_rows > 10


def test_the_lapse_of_2025_kills_no_file() -> None:
    data = landed(
        "slt_table1", table("slt_table1", COUNTRIES, months(3, date(2025, 7, 1))), datetime(2025, 11, 18, 20, tzinfo=UTC)
    )
    assert "2025-07" in told(data, "tic.slt1.for_lt_total_pos.99996")


# --- lists of holders ----------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def lists() -> Landed:
    return fixture("mfhhis01_june_twice_and_belgium_with_luxembourg.txt", "mfhhis01", datetime(2004, 6, 1, tzinfo=UTC))


def test_of_a_month_that_stands_twice_the_new_series_counts(lists: Landed) -> None:
    values = told(lists, "tic.mfhhis.united_kingdom")
    assert len(values) == 24
    assert [values[month] for month in ("2002-05", "2002-06", "2002-07", "2003-06")] == [
        (11.0, "A"), (20.0, "B"), (20.0, "A"), (20.0, "A"),
    ]  # fmt: skip


def test_where_no_mark_says_which_series_is_new_the_file_is_refused() -> None:
    payload = (FIXTURES / "mfhhis01_june_twice_and_belgium_with_luxembourg.txt").read_bytes()
    with pytest.raises(ParseError, match="2002-06 stands 2 times, and no mark says which is the new series"):
        landed("mfhhis01", payload.replace(b"Series 7/", b"Series"), datetime(2004, 6, 1, tzinfo=UTC))


def test_names_lose_their_footnotes_and_belgium_had_luxembourg_in_it(lists: Landed) -> None:
    ids = {row["series_id"] for row in checked("series", lists.series).to_pylist()}
    assert {"tic.mfhhis.united_kingdom", "tic.mfhhis.china_mainland", "tic.mfhhis.belgium"} <= ids
    assert told(lists, "tic.mfhhis.belgium_luxembourg") == {f"2002-0{n}": (9.0, "A") for n in range(1, 6)}
    assert sorted(told(lists, "tic.mfhhis.belgium")) == [f"2002-{n:02d}" for n in range(6, 13)]
    assert told(lists, "tic.mfhhis.luxembourg")["2002-05"] == (None, "O")
    notes = {row["period_end"].year: row["footnotes"] for row in checked("observation", lists.observation).to_pylist()
             if row["series_id"] == "tic.mfhhis.united_kingdom"}  # fmt: skip
    assert notes == {2002: ["2/"], 2003: ["2/", "2003 revised March 17, 2004"]}


def test_all_other_belongs_to_its_list(lists: Landed) -> None:
    ids = sorted(row["series_id"] for row in checked("series", lists.series).to_pylist() if "all_other" in row["series_id"])
    assert len(ids) == 2
    one, other = (told(lists, series_id) for series_id in ids)
    assert {month[:4] for month in one} != {month[:4] for month in other}
    short = landed("slt_table5", majors(months(13)))
    longer = landed(
        "slt_table5",
        majors(months(13)).replace(b"\r\nAll Other\t", b"\r\nUtopia\t" + b"\t".join([b"1.0"] * 13) + b"\r\nAll Other\t"),
    )
    ids = [next(row["series_id"] for row in checked("series", data.series).to_pylist() if "all_other" in row["series_id"])
           for data in (short, longer)]  # fmt: skip
    assert ids[0] != ids[1]


def test_the_history_counts_from_the_day_that_it_prints(lists: Landed) -> None:
    row = checked("observation", lists.observation).to_pylist()[0]
    assert (row["known_at"], row["known_at_basis"]) == (datetime(2004, 3, 18, 4, 59, 59, tzinfo=UTC), "provider")
    assert "KNOWN_LATE" in row["flags"]
    payload = (FIXTURES / "mfhhis01_june_twice_and_belgium_with_luxembourg.txt").read_bytes()
    impossible = landed("mfhhis01", payload.replace(b"3/17/2004", b"3/17/2014"), datetime(2004, 6, 1, tzinfo=UTC))
    row = checked("observation", impossible.observation).to_pylist()[0]
    assert (row["known_at"], row["known_at_basis"], row["flags"]) == (datetime(2004, 6, 1, tzinfo=UTC), "first_seen", [])


def test_what_officials_hold_has_one_name_in_all_files() -> None:
    want = {"grand_total", "foreign_official", "foreign_official_bills", "foreign_official_bonds_notes"}
    for dataset, payload in (("slt_table5", majors(months(13))), ("mfhhis01", history((2025,)))):
        ids = {row["series_id"].split(".")[-1] for row in checked("series", landed(dataset, payload).series).to_pylist()}
        assert want <= ids


@pytest.mark.parametrize(
    ("dataset", "payload", "complaint"),
    [
        ("slt_table5", majors(months(13)).replace(b"Country\t2026-08", b"Country\t2026/08"), "'2026/08' is not a month"),
        ("slt_table5", majors(months(13)).replace(b"Country\t2026-08", b"Country\t2026-07"), "a month twice"),
        ("slt_table5", majors(months(13)).replace(b"Grand Total", b"Sum"), "no line Grand Total"),
        ("slt_table5", majors(months(13)).replace(b"Billions", b"Millions"), "does not say 'Billions of dollars'"),
        ("slt_table5", majors(months(13)).replace(b"\r\nJapan\t", b"\r\nBelgium\t"), "Belgium stands twice"),
        ("mfhhis01", history((2025,)).replace(b"\tDec\t", b"\tDez\t"), "column 2 is 'Dez' '2025', no month of a year"),
        (
            "npr_history",
            press_release(months(13)).replace(b"\t31\t32\r", b"\t32\t31\r"),
            "the numbers 1 to 32 once, found it 0",
        ),
        ("npr_history", press_release(months(13)).replace(b"Millions", b"Billions"), "says billions"),
        ("npr_history", press_release(months(13)).replace(b"2026-Aug", b"2026-Jul"), "stands twice"),
        ("slt_table9", b"x", "the room reads"),
    ],
)
def test_planted_faults_of_the_other_files_are_refused(dataset: str, payload: bytes, complaint: str) -> None:
    with pytest.raises(ParseError, match=complaint):
        landed(dataset, payload)


# --- press release and CSLT ----------------------------------------------------------------------------------------------


def test_lines_of_the_press_release_in_millions_with_their_break() -> None:
    data = landed("npr_history", press_release(months(4, date(2023, 4, 1))), datetime(2023, 6, 20, tzinfo=UTC))
    by_line = {line: told(data, f"tic.npr.line_{line:02d}") for line in range(1, 33)}
    for month in by_line[30]:
        assert by_line[21][month][0] + by_line[22][month][0] + by_line[29][month][0] == by_line[30][month][0]
    assert [status for _, status in by_line[30].values()] == ["A", "B", "A", "A"]
    assert [status for _, status in by_line[23].values()] == ["A", "A", "A", "A"]
    assert checked("series", data.series).to_pylist()[0]["unit"] == "millions of US dollars"


def test_cslt_is_read_as_a_stream_and_marks_what_is_estimated() -> None:
    span = months(3, date(2011, 12, 1)) + months(3, date(2023, 3, 1)) + months(2)
    data = landed("cslt", cslt_zip(cslt_json(("for_lt_treas", "for_lt_moon"), ("99996", "12345"), span)))
    assert {row["series_id"] for row in checked("series", data.series).to_pylist()} == {
        f"tic.cslt.for_lt_treas_{what}.99996" for what in ("pos", "net", "valchg")
    }
    assert [status for _, status in told(data, "tic.cslt.for_lt_treas_pos.99996").values()] == [*"EEAAAAAA"]
    assert [status for _, status in told(data, "tic.cslt.for_lt_treas_net.99996").values()] == [*"EEEBAAA"]


def cslt(*entries: object) -> bytes:
    return cslt_zip([json.dumps({"releaseID": "3", "series": list(entries)})])


def entry(observations: object, units: str = "Millions of Dollars", source_id: str = "for_lt_treas_pos_42609") -> dict:
    return {"source_id": source_id, "metadata": {"units": units}, "observations": observations}


def test_faults_inside_cslt_are_set_aside_or_refused() -> None:
    good = [["2026-08-01", "5.0"], ["2026-07-01", "."], ["2026-06-01", "4.0"]]
    data = landed("cslt", cslt(entry([*good, ["2026-05-02", "3"], ["2026-04-01", "x"], ["2026-12-01", "9"], 7])))
    assert told(data, "tic.cslt.for_lt_treas_pos.42609") == {
        "2026-06": (4.0, "A"),
        "2026-07": (None, "O"),
        "2026-08": (5.0, "A"),
    }
    assert len(data.quarantine) == 4
    assert "which need not be where the owner is" in title(data, "tic.cslt.for_lt_treas_pos.42609")
    other = landed("cslt", cslt(entry(good), entry(good, "Billions", "for_lt_treas_pos_99996")))
    assert other.quarantine[0][:2] == ("for_lt_treas_pos_99996", "the unit is 'Billions', expected 'Millions of Dollars'")
    for payload, complaint in (
        (cslt(entry(good), entry(good)), "twice"),
        (cslt(entry([*good, ["2026-08-01", "6.0"]])), "twice, and differently"),
        (cslt(entry(good, source_id="for_lt_moon_net_99996")), "none of the series that we read"),
        (cslt_zip(["<html>gone</html>"]), "no JSON object"),
        (cslt_zip(['{"series": [{"source_id": "for_']), "cut short or malformed"),
        (cslt_zip([json.dumps({"series": [3]})]), "no object"),
        (b"PK\x03\x04rubbish", "cut short or corrupt"),
    ):
        with pytest.raises(ParseError, match=complaint):
            landed("cslt", payload)


# --- the room ------------------------------------------------------------------------------------------------------------


def test_each_file_is_asked_for_once_and_the_dead_one_never() -> None:
    asked = list(requests(Settings(), date(2026, 11, 21)))
    assert [request.dataset for request in asked] == list(FILES)
    assert {dataset.name for dataset in ROOM.datasets} - {request.dataset for request in asked} == {"mfh"}
    assert all(request.url.endswith(FILES[request.dataset]) for request in asked)


def test_no_name_of_a_file_becomes_an_instant() -> None:
    payload = majors(months(13, date(2025, 9, 1)))
    fetched_at = datetime(2025, 11, 18, 22, tzinfo=UTC)
    for url in ("https://example.org/ticrel_20251017.zip", "https://example.org/ticrel_20251118.zip"):
        known = {
            row["known_at"]
            for row in checked("observation", landed("slt_table5", payload, fetched_at, url).observation).to_pylist()
        }
        assert known == {fetched_at}


def test_the_seed_of_holders_is_that_of_the_catalogue() -> None:
    with (ROOT / "dbt_project" / "seeds" / "seed_tic_holder.csv").open(newline="", encoding="utf-8") as handle:
        seed = {row["code"]: (row["holder"], row["kind"], row["is_custody_centre"]) for row in csv.DictReader(handle)}
    catalogue: Iterable = CATALOGUE["holders"].items()
    assert seed == {
        code: (holder["name"], holder["kind"], str(holder.get("custody", False)).lower()) for code, holder in catalogue
    }
    assert {kind for _, kind, _ in seed.values()} == {"country", "region", "world", "sector", "memo", "part"}
    aggregates = ("99990", "99991", "99996", "69995", "79995", "49999", "16713")
    assert not [code for code in aggregates if seed[code][1] == "country"]


def test_samples_are_whole_and_always_the_same() -> None:
    made = {sample.dataset: sample for sample in payloads()}
    assert {sample.dataset: sample.content for sample in payloads()} == {name: one.content for name, one in made.items()}
    assert set(made) == set(FILES)
    for name, sample in made.items():
        check_content(sample.content, ROOM.dataset(name).content)  # ty: ignore[unresolved-attribute]
        data = landed(name, sample.content)
        assert data.quarantine == []
        assert checked("observation", data.observation).num_rows > 100

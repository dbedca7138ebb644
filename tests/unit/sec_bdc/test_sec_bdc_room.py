"""The BDC room: lines of filings from a data set written by hand, from generated ones, and from the genuine table of filings."""

import gzip
import io
import re
import zipfile
from collections import Counter
from collections.abc import Mapping
from datetime import UTC, date, datetime, time
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import duckdb
import pyarrow.parquet as pq
import pytest

from assets.sec_bdc import ROOM
from assets.sec_bdc.fetch import follow, notes, requests
from assets.sec_bdc.parse import parse, parse_file
from assets.sec_bdc.sample import payloads, write_zip
from expectations.bridge import metrics_frame, run_suite
from expectations.sec_bdc import SUITES
from undertow.archive import Archive, Sighting
from undertow.errors import ParseError
from undertow.landing import land, landed_files
from undertow.loans.universe import Universe, universe
from undertow.room import Request, load_room
from undertow.settings import Settings

GENUINE = Path(__file__).resolve().parents[4] / "shared/data/sec/bdc_2025_11/sub.tsv"
FIXTURES = Path(__file__).parents[2] / "fixtures" / "sec_bdc"
FETCHED = datetime(2026, 9, 18, 12, tzinfo=UTC)
HAND = {
    "datasets/sub.tsv": "sub_no_acceptance_and_no_cik.tsv",
    "datasets/num.tsv": "num_one_oddity_a_line.tsv",
    "datasets/txt.tsv": "txt_a_maturity_that_is_no_date.tsv",
    "datasets/tag.tsv": "tag_a_name_of_the_filers_own.tsv",
    "datasets/pre.tsv": "pre_a_balance_sheet.tsv",
    "datasets/cal.tsv": "cal_assets_with_investments.tsv",
    "datasets/non.tsv": "non_an_event_and_a_filing_without_a_day.tsv",
    "soi.tsv": "soi_one_value_differs.tsv",
}


def sighting(dataset: str = "bdc_zip", url: str = "u") -> Sighting:
    return Sighting("sec_bdc", dataset, url, FETCHED, "0" * 64, 1, "replay")


def by_hand(folder: Path, changed: Mapping[str, bytes | None] | None = None) -> Path:
    """Pack the tables written by hand; ``changed`` replaces members, or leaves them out."""
    members: dict[str, bytes | None] = {name: (FIXTURES / file).read_bytes() for name, file in HAND.items()}
    members |= changed or {}
    path = folder / "hand.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            if content is not None:
                archive.writestr(name, content)
    return path


def read(payload: Path, folder: Path) -> tuple[list[dict[str, Any]], list[dict[str, Any]], list[tuple[str, str, str]]]:
    """Return the holdings, the filings and the quarantine of a zip file."""
    scratch = folder / "scratch"
    scratch.mkdir()
    with parse_file(payload, sighting(), load_room("sec_bdc").catalogue(), scratch) as landed:
        tables = [
            landed.connection.execute(f"FROM {name} ORDER BY {landed.tables[name]}").to_arrow_table().to_pylist()
            for name in ("holding", "filing")
        ]
        return tables[0], tables[1], landed.quarantine


def parquet_of_holdings(payload: Path, scratch: Path) -> tuple[Path, list[tuple[str, str, str]]]:
    """Write the holdings of a zip file as Parquet, without provenance; return the file and the quarantine."""
    scratch.mkdir(parents=True, exist_ok=True)
    with parse_file(payload, sighting(), load_room("sec_bdc").catalogue(), scratch) as landed:
        landed.connection.execute(f"COPY holding TO '{scratch / 'holding.parquet'}' (FORMAT parquet)")
        return scratch / "holding.parquet", landed.quarantine


@pytest.fixture(scope="module")
def hand(tmp_path_factory: pytest.TempPathFactory):
    folder = tmp_path_factory.mktemp("hand")
    return read(by_hand(folder), folder)


@pytest.fixture(scope="module")
def lines(hand) -> dict[tuple[str, date], dict[str, Any]]:
    return {(row["raw_identifier"], row["period_end"]): row for row in hand[0]}


QUARTER = date(2025, 9, 30)


# --- lines ---------------------------------------------------------------------------------------------------------------


def test_a_line_has_the_numbers_of_its_axes_and_the_dates_of_the_text_table(lines) -> None:
    row = lines["Example (dba Sample); Two, Inc., First lien", QUARTER]
    assert (row["principal"], row["cost"], row["fair_value"], row["currency"]) == (10e6, 9.9e6, 7.04e6, "USD")
    assert (row["spread_bp"], row["maturity"], row["acquired_on"]) == (575, date(2027, 2, 10), date(2020, 2, 10))
    assert (row["filer"], row["accession"], row["form"]) == ("0001900001", "0001193125-25-000001", "10-Q")
    assert row["known_at"] == datetime(2025, 11, 6, 21, 21, tzinfo=UTC)
    assert (row["known_at_basis"], row["obs_status"], row["flags"]) == ("provider", "A", [])


def test_a_mark_is_taken_in_one_unit_where_there_is_one(lines) -> None:
    euro = lines["Euro Loan SAS, First lien", QUARTER]
    assert (euro["fair_value"], euro["currency"], euro["principal"], euro["principal_currency"]) == (2.3e6, "USD", 2e6, "EUR")
    pound = lines["Pound Loan Ltd, First lien", QUARTER]
    assert (pound["currency"], pound["principal_currency"]) == ("USD", "GBP"), "the models must not divide one by the other"


def test_accrual_is_said_denied_or_not_known(lines) -> None:
    told = {name: row["accrual_status"] for (name, day), row in lines.items() if day == QUARTER}
    assert told["Stopped Paying LLC, Second lien"] == "non_accrual"
    assert told["Pays Well LLC, First lien"] == "accruing"
    assert told["On Status LLC, First lien"] == "non_accrual"
    assert told["Pound Loan Ltd, First lien"] == "non_accrual", "by a tag of the filer's own"
    assert told["Euro Loan SAS, First lien"] is None, "none of it: that does not say that it accrues"
    assert told["Told Twice LLC, First lien"] is None, "the label of the tag denies what its name seems to say"


def test_a_number_told_twice_is_suspect_and_the_smaller_one_stands(lines) -> None:
    row = lines["Told Twice LLC, First lien", QUARTER]
    assert (row["fair_value"], row["flags"]) == (900_000, ["SUSPECT"])


def test_a_rate_in_percent_among_fractions_is_read_and_marked(lines) -> None:
    row = lines["Stopped Paying LLC, Second lien", QUARTER]
    assert (row["spread_bp"], row["flags"]) == (925, ["SUSPECT"])


def test_a_filer_without_identifiers_has_lines_of_its_members(lines) -> None:
    row = lines["AcmeToolsInc, SeniorSecuredLoan", QUARTER]
    assert (row["identifier_basis"], row["fair_value"], row["principal"]) == ("member", 800_000, 800_000)
    assert row["axes"] == ["InvestmentIssuerNameAxis=AcmeToolsIncMember", "InvestmentTypeAxis=SeniorSecuredLoanMember"]


def test_shares_are_no_principal(lines) -> None:
    row = lines["Stock Corp., Common Stock", QUARTER]
    assert (row["shares"], row["principal"], row["principal_currency"]) == (1200, None, None)


def test_comparatives_are_rows_of_their_own_quarter_ten_years_back_too(lines) -> None:
    name = "Example (dba Sample); Two, Inc., First lien"
    before = lines[name, date(2024, 12, 31)]
    assert (before["fair_value"], before["report_period"], before["known_at"]) == (
        9.5e6, QUARTER, datetime(2025, 11, 6, 21, 21, tzinfo=UTC),
    )  # fmt: skip
    assert lines[name, date(2015, 9, 30)]["fair_value"] == 1
    assert (name, date(2026, 12, 31)) not in lines


def test_totals_and_levels_of_the_fund_are_lines_of_another_kind(hand) -> None:
    kinds = {row["line_kind"]: row for row in hand[0] if row["period_end"] == QUARTER and row["line_kind"] != "position"}
    assert sorted(kinds) == ["level_3", "total"]
    assert kinds["total"]["fair_value"] == 13_990_000, "the tag that the catalogue names first counts"
    assert (kinds["level_3"]["fair_value"], kinds["level_3"]["fair_value_level"]) == (13_000_000, 3)


def test_what_cannot_be_used_is_in_quarantine_with_its_place(hand) -> None:
    reasons = Counter(reason for _, reason, _ in hand[2])
    assert reasons == {
        "the CIK is malformed": 1,
        "the date is after the period of the filing": 1,
        "the filing is not in sub.tsv": 1,
        "the value is no number": 1,
        "the date is no date": 1,
        "1 of 2 fair values are not those of num.tsv": 1,
        "num.tsv tells nothing of the filing": 2,
        "the row has another number of cells than the header": 1,
        "the filing has no readable accession number, filer, form, day or period": 1,
    }
    places = [place for place, reason, _ in hand[2] if reason == "the value is no number"]
    assert places == ["num.tsv 0001193125-25-000001 InvestmentOwnedAtFairValue 20250930"]


def test_filings_are_known_when_they_were_accepted_in_new_york(hand) -> None:
    filings = {row["filing_id"]: row for row in hand[1]}
    assert len(filings) == 4
    assert filings["0001193125-25-000001"]["known_at"] == datetime(2025, 11, 6, 21, 21, tzinfo=UTC), "standard time"
    assert filings["0001900002-25-000002"]["known_at"] == datetime(2025, 8, 6, 20, 21, tzinfo=UTC), "daylight saving time"
    amended = filings["0001900002-25-000003"]
    assert (amended["known_at"], amended["flags"]) == (datetime(2025, 9, 2, 4, tzinfo=UTC), ["KNOWN_LATE"])
    assert filings["0001193125-25-000001"]["filer"] == "0001900001", "the accession begins with an agent"


def test_a_filing_says_what_is_shown_of_its_positions(hand) -> None:
    filings = {row["filing_id"]: row for row in hand[1]}
    assert {key: row["positions"] for key, row in filings.items()} == {
        "0001193125-25-000001": "tagged",
        "0001900002-25-000002": "presented",  # its balance sheet has investments, and NUM nothing of it
        "0001900002-25-000003": "none",
        "0001900001-25-000007": "event",
    }
    event = filings["0001900001-25-000007"]
    assert (event["form"], event["filer"], event["report_period"]) == ("8-K", "0001900001", date(2025, 10, 31))
    assert (event["known_at"], event["flags"]) == (datetime(2025, 11, 6, 5, tzinfo=UTC), ["KNOWN_LATE"]), "the end of its day"


def test_a_data_set_without_descriptions_is_read_and_says_so(tmp_path: Path) -> None:
    absent = {f"datasets/{name}.tsv": None for name in ("tag", "pre", "cal", "non")}
    holdings, filings, quarantine = read(by_hand(tmp_path, absent), tmp_path)
    assert len(holdings) == 13
    assert {row["positions"] for row in filings} == {"tagged", None}, "nothing is said of those without a line"
    assert sorted(place for place, reason, _ in quarantine if reason == "the data set lacks the table") == [
        "cal.tsv",
        "non.tsv",
        "pre.tsv",
        "tag.tsv",
    ]


@pytest.mark.parametrize("name", ["tag", "pre", "cal", "non"])
def test_a_description_of_another_layout_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(ParseError, match=f"{name}.tsv lacks the columns"):
        read(by_hand(tmp_path, {f"datasets/{name}.tsv": b"one\ttwo\n1\t2\n"}), tmp_path)


# --- what is wrong with a whole data set ---------------------------------------------------------------------------------


def test_a_soi_without_a_byte_means_that_nothing_was_filed_in_it(tmp_path: Path) -> None:
    holdings, _, quarantine = read(by_hand(tmp_path, {"soi.tsv": b""}), tmp_path)
    assert len(holdings) == 13
    assert not [place for place, _, _ in quarantine if place.startswith("soi.tsv")]


def test_tables_of_headers_alone_are_an_empty_data_set(tmp_path: Path) -> None:
    bare = {name: (FIXTURES / file).read_bytes().split(b"\n")[0] + b"\n" for name, file in HAND.items()} | {"soi.tsv": b""}
    assert read(by_hand(tmp_path, bare), tmp_path) == ([], [], [])


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"datasets/num.tsv": None}, "lacks num.tsv"),
        ({"datasets/num.tsv": b""}, "num.tsv has not a byte"),
        ({"datasets/num.tsv": b"adsh\ttag\tvalue\n"}, "num.tsv lacks the columns ddate, segments, uom"),
        ({"datasets/sub.tsv": b"adsh\tcik\n"}, "sub.tsv lacks the columns"),
    ],
)
def test_a_data_set_of_another_layout_is_refused(tmp_path: Path, changed: dict[str, bytes | None], message: str) -> None:
    with pytest.raises(ParseError, match=message):
        read(by_hand(tmp_path, changed), tmp_path)


def test_a_cut_zip_file_is_refused(tmp_path: Path) -> None:
    path = by_hand(tmp_path)
    path.write_bytes(path.read_bytes()[:-200])
    with pytest.raises(ParseError, match="cut short or corrupt"):
        read(path, tmp_path)


def test_values_under_an_unknown_tag_are_refused_by_name(tmp_path: Path) -> None:
    renamed = (FIXTURES / HAND["datasets/num.tsv"]).read_bytes().replace(b"InvestmentOwnedAtFairValue", b"PositionFairValue")
    with pytest.raises(
        ParseError, match="have no fair value under a tag that we know; the values may be under PositionFairValue"
    ):
        read(by_hand(tmp_path, {"datasets/num.tsv": renamed}), tmp_path)


def test_an_unknown_tag_is_named_with_the_label_that_the_filer_gave_it(tmp_path: Path) -> None:
    renamed = (FIXTURES / HAND["datasets/num.tsv"]).read_bytes().replace(b"InvestmentOwnedAtFairValue", b"PositionFairValue")
    tags = (FIXTURES / HAND["datasets/tag.tsv"]).read_bytes()
    tags += b"PositionFairValue\t0001193125-25-000001\t1\t0\tmonetary\tI\tD\tWhat the position is worth\t\n"
    with pytest.raises(ParseError, match=r"may be under PositionFairValue \(What the position is worth\)"):
        read(by_hand(tmp_path, {"datasets/num.tsv": renamed, "datasets/tag.tsv": tags}), tmp_path)


def test_values_under_an_unknown_label_are_refused_by_name(tmp_path: Path) -> None:
    world = universe(borrowers=5, managers=2)
    write_zip(world, tmp_path / "a.zip", labels=("Fair value of position, closing", "Adjusted cost basis"))
    with pytest.raises(ParseError, match="the label 'Fair value of position, closing' is not in"):
        read(tmp_path / "a.zip", tmp_path)


@pytest.mark.parametrize("label", ['Fair value"; DROP TABLE holding; --', "Fair value'), (SELECT 1) --", 'Fair value ""'])
def test_a_label_is_never_sql(tmp_path: Path, label: str) -> None:
    """The header of the wide table is the provider's text, and a column that looks like a value is counted by its name."""
    write_zip(universe(borrowers=5, managers=2), tmp_path / "a.zip", labels=(label, "Adjusted cost basis"))
    with pytest.raises(ParseError, match=re.escape(f"the label {label!r} is not in assets/sec_bdc/series.yml")):
        read(tmp_path / "a.zip", tmp_path)


@pytest.mark.parametrize("label", ["Investment Owned, Fair Value", "Initial fair value of Investment"])
def test_both_known_labels_are_compared(tmp_path: Path, label: str) -> None:
    write_zip(universe(borrowers=5, managers=2), tmp_path / "a.zip", labels=(label, "Adjusted cost basis"), torn_rows=0)
    assert read(tmp_path / "a.zip", tmp_path)[2] == []


def test_an_edition_without_qtrs_is_read(tmp_path: Path) -> None:
    world = universe(borrowers=5, managers=2)
    write_zip(world, tmp_path / "old.zip", with_qtrs=False, old_comparatives=0, torn_rows=0)
    holdings = read(tmp_path / "old.zip", tmp_path)[0]
    assert len([row for row in holdings if row["line_kind"] == "position"]) == len(world.lines)


# --- generated data sets: nothing is lost, and every trap is there to be caught -------------------------------------------


@pytest.fixture(scope="module")
def world() -> Universe:
    return universe(borrowers=150, managers=9)


@pytest.fixture(scope="module")
def generated(world: Universe, tmp_path_factory: pytest.TempPathFactory):
    folder = tmp_path_factory.mktemp("generated")
    write_zip(world, folder / "a.zip", torn_rows=3, old_comparatives=2)
    return read(folder / "a.zip", folder)


def test_every_generated_line_is_read_with_its_numbers(world: Universe, generated) -> None:
    rows = {(row["accession"], row["period_end"], row["raw_identifier"]): row for row in generated[0]}
    wrong = []
    for line in world.lines:
        row = rows[line.filing.accession, line.day, line.identifier]
        percent = line.filing.fund.in_percent
        expected = (line.fair_value, line.cost, line.principal, line.maturity)
        got = (row["fair_value"], row["cost"], row["principal"], row["maturity"])
        spread = None if line.spread is None else round(line.spread * (100 if percent else 10_000), 6)
        if got != pytest.approx(expected) or (row["spread_bp"] if spread is None else round(row["spread_bp"], 6)) != spread:
            wrong.append((line, row))
    assert wrong == []
    assert len(world.lines) > 2_000
    assert len([row for row in generated[0] if row["line_kind"] == "position"]) == len(world.lines) + 2


def test_rows_with_a_tab_inside_a_value_are_kept_apart(generated) -> None:
    torn = [raw for place, reason, raw in generated[2] if "number of cells" in reason]
    assert len(torn) == 3
    assert all("=A" in raw for raw in torn)
    assert not [row for row in generated[0] if row["raw_identifier"] == "A" or row["fair_value"] == 1]


def test_the_grid_of_a_filer_that_rounds_is_told(world: Universe, generated) -> None:
    grids = {row["filer"]: row["value_grid"] for row in generated[0] if row["period_end"] == row["report_period"]}
    wanted = {f"{fund.cik:010d}" for fund in world.funds if fund.grid >= 100_000 and not fund.in_thousands}
    assert wanted
    assert {filer for filer, grid in grids.items() if grid == 100_000} == wanted


def test_the_planted_traps_are_in_the_world(world: Universe) -> None:
    met = Counter(trap for line in world.lines for trap in line.traps)
    assert not {"undrawn", "commitment_as_principal", "lots", "issuer_total", "alias", "stale_text", "non_accrual"} - set(met)
    assert [filing.form for filing in world.filings if filing.amends] == ["10-Q/A"]


def test_the_sample_is_the_same_every_time_and_lands(tmp_path: Path) -> None:
    first, second = list(payloads()), list(payloads())
    assert [one.content for one in first] == [one.content for one in second]
    assert sum(len(one.content) for one in first) < 64 * 1024
    archive = Archive(tmp_path / "archive")
    for one in first:
        archive.store(
            one.content, source="sec_bdc", dataset=one.dataset, url=one.url, fetched_at=one.fetched_at, origin="synthetic"
        )
    outcomes = list(land(load_room("sec_bdc"), archive, tmp_path / "landing"))
    assert [outcome.error for outcome in outcomes] == [None, None]
    files = [path for path in landed_files(tmp_path / "landing", "sec_bdc", "holding") if path.name != "empty.parquet"]
    table = pq.read_table(files[0])
    assert table.num_rows > 100
    assert set(table["origin"].to_pylist()) == {"synthetic"}
    assert not list((tmp_path / "landing" / "sec_bdc").glob(".scratch-*"))
    assert list(land(load_room("sec_bdc"), archive, tmp_path / "landing")) == [], "what is landed is not landed again"


def test_other_bytes_with_the_same_rows_land_nothing(tmp_path: Path) -> None:
    archive, url = Archive(tmp_path / "archive"), "https://www.sec.gov/files/x/2025q4_bdc.zip"
    whole = by_hand(tmp_path)
    again = io.BytesIO(whole.read_bytes())
    with zipfile.ZipFile(again, "a") as packed:
        packed.writestr("readme.htm", b"another edition")
    for day, content in ((1, whole.read_bytes()), (2, again.getvalue())):
        archive.store(
            content,
            source="sec_bdc",
            dataset="bdc_zip",
            url=url,
            fetched_at=datetime(2026, 10, day, tzinfo=UTC),
            origin="replay",
        )
    outcomes = list(land(load_room("sec_bdc"), archive, tmp_path / "landing"))
    assert [outcome.rows.get("holding", 0) for outcome in outcomes] == [13, 0]


# --- the genuine table of filings ----------------------------------------------------------------------------------------


@pytest.mark.skipif(not GENUINE.is_file(), reason="the genuine payloads are not beside this checkout")
def test_the_genuine_filings_of_november_2025() -> None:
    payload = GENUINE.read_bytes()
    landed = parse(payload, sighting("bdc_sub"), load_room("sec_bdc").catalogue())
    assert landed.filing is not None
    rows = {row["filing_id"]: row for row in landed.filing.to_pylist()}
    assert (len(rows), landed.quarantine) == (160, [])
    barings = rows["0001859919-25-000087"]
    assert barings["known_at"] == datetime(2025, 11, 6, 21, 21, tzinfo=UTC)
    agents = [row for row in rows.values() if row["filing_id"][:10] != row["filer"]]
    assert len(agents) == 106, "most accessions begin with an agent, which is never the filer"
    assert rows["0001193125-25-277953"]["filer"] == "0001578348"
    eastern = [row["known_at"].astimezone(ZoneInfo("America/New_York")).time() for row in rows.values()]
    late = [told for told in eastern if told > time(17, 30)]
    assert len(late) == 15, "accepted after 17:30 in New York, and dated to the next business day by EDGAR"
    assert Counter(row["form"] for row in rows.values()) == {"10-Q": 152, "10-K": 8}


@pytest.mark.skipif(not GENUINE.is_file(), reason="the genuine payloads are not beside this checkout")
def test_the_genuine_events_and_balance_sheets_of_november_2025(tmp_path: Path) -> None:
    """SUB, CAL and NON are the provider's; the tables of facts, of which no genuine bytes exist here, have headers alone."""
    members = {name: (FIXTURES / file).read_bytes().split(b"\n")[0] + b"\n" for name, file in HAND.items()} | {"soi.tsv": b""}
    members["datasets/sub.tsv"] = GENUINE.read_bytes()
    for name in ("cal", "non"):
        members[f"datasets/{name}.tsv"] = gzip.decompress((GENUINE.parent / f"{name}.tsv.gz").read_bytes())
    holdings, filings, quarantine = read(by_hand(tmp_path, members), tmp_path)
    assert holdings == []
    assert Counter((row["form"], row["positions"]) for row in filings) == {
        ("10-Q", "presented"): 143, ("10-Q", "none"): 9, ("10-K", "presented"): 8,
        ("8-K", "event"): 159, ("8-K/A", "event"): 1,
    }  # fmt: skip
    assert {reason for _, reason, _ in quarantine} == {"num.tsv tells nothing of the filing"}
    southwest = next(row for row in filings if row["filing_id"] == "0000017313-25-000145")
    assert (southwest["known_at"], southwest["report_period"]) == (
        datetime(2025, 11, 4, 5, tzinfo=UTC), date(2025, 10, 31),
    )  # fmt: skip


# --- fetching ------------------------------------------------------------------------------------------------------------


def settings(**given: Any) -> Settings:
    return Settings(_env_file=None, **given)  # ty: ignore[unknown-argument]


def test_nothing_is_asked_without_a_contact(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("UNDERTOW_CONTACT", raising=False)
    today = date(2026, 11, 21)
    for contact in (None, "somebody"):
        assert list(requests(settings(contact=contact), today)) == []
        assert "UNDERTOW_CONTACT" in next(iter(notes(settings(contact=contact))))
    asked = list(requests(settings(contact="A Person a.person@example.org"), today))
    assert [one.dataset for one in asked] == ["register", "register", "register", "index"]
    assert [one.url[-8:-4] for one in asked[:3]] == ["2024", "2025", "2026"]
    assert list(notes(settings(contact="A Person a.person@example.org"))) == []


def test_zip_files_are_found_on_the_page_wherever_they_lie() -> None:
    page = (FIXTURES / "index_links_twice_and_elsewhere.html").read_bytes()
    found = list(follow(settings(), Request("index", "u"), page))
    assert [one.url for one in found] == [
        "https://www.sec.gov/files/datastandardsinnovation/data/business-development-company-bdc-data-sets/2026_08_bdc.zip",
        "https://www.sec.gov/files/structureddata/data/business-development-company-bdc-data-sets/2025q4_bdc.zip",
    ]
    assert {one.dataset for one in found} == {"bdc_zip"}
    assert list(follow(settings(), Request("register", "u"), page)) == []
    with pytest.raises(ParseError, match="links no data set"):
        parse(b"<html></html>", sighting("index"), {})


def test_the_distance_between_requests_is_more_than_half_a_second() -> None:
    assert ROOM.min_interval_seconds >= 0.5
    assert ROOM.stops_when_refused


def test_the_register_is_read_with_its_mark_and_its_faults() -> None:
    payload = (FIXTURES / "register_with_bom_a_repeat_and_no_cik.csv").read_bytes()
    landed = parse(payload, sighting("register", "https://www.sec.gov/files/x/business-development-company-2025.csv"), {})
    assert landed.filing is not None
    rows = landed.filing.to_pylist()
    assert [(row["filing_id"], row["filer_name"], row["filed_on"]) for row in rows] == [
        ("register:2025:0001900001:814-00001", "EXAMPLE LENDING, INC.", date(2025, 3, 2)),
        ("register:2025:0001900002:814-00002", "SECOND CAPITAL CORP", date(2025, 11, 6)),
    ]
    assert {row["known_at"] for row in rows} == {FETCHED}
    assert [reason for _, reason, _ in landed.quarantine] == [
        "the row stands twice",
        "the row has no CIK, no name or too many cells",
    ]


def test_a_data_set_that_is_cut_off_between_two_rows_is_warned_of(tmp_path: Path) -> None:
    """Two quarters; in a second edition NUM ends soon after a filing begins, at the end of a row: every row of it is whole."""
    world = universe(borrowers=40, managers=3, quarters=(date(2025, 6, 30), QUARTER))
    torn, lost = world.filings[-3], world.filings[-2]
    write_zip(world, tmp_path / "whole.zip")
    with zipfile.ZipFile(tmp_path / "whole.zip") as archive, zipfile.ZipFile(tmp_path / "cut.zip", "w") as cut:
        for name in archive.namelist():
            rows = archive.read(name).splitlines(keepends=True)
            if name.endswith("num.tsv"):
                begins = next(place for place, row in enumerate(rows) if row.startswith(torn.accession.encode()))
                rows = rows[: begins + 40]
            cut.writestr(name, b"".join(rows))
    suite = next(suite for suite in SUITES if suite.name == "sec_bdc_holding")
    found = {}
    for name in ("whole", "cut"):
        holdings, quarantine = parquet_of_holdings(tmp_path / f"{name}.zip", tmp_path / name)
        table = f"(SELECT *, '{name}' AS payload_sha256, known_at AS fetched_at FROM '{holdings}')"
        with duckdb.connect() as connection:
            frame = metrics_frame(suite, table, connection)
        found[name] = {outcome.name: outcome for outcome in run_suite(suite, frame)}
        quarantined = [place for place, reason, _ in quarantine if reason == "num.tsv tells nothing of the filing"]
        assert (f"sub.tsv {lost.accession}" in quarantined) == (name == "cut")
    (check,) = [one for one in found["whole"] if one.startswith("lines_to_before")]
    assert found["whole"][check].passed
    assert not found["cut"][check].passed
    assert found["cut"][check].severity == "WARN"
    assert {name for name, one in found["cut"].items() if not one.passed and one.severity == "ERROR"} == set()


def test_a_data_set_with_few_rows_beside_the_year_before_is_warned_of(tmp_path: Path) -> None:
    """A quarter, and the same quarter of the next year: whole, and with three of four filings missing."""
    earlier = universe(borrowers=60, managers=6, quarters=(date(2024, 9, 30),))
    later = universe(borrowers=60, managers=6, quarters=(QUARTER,))
    suite, found = next(suite for suite in SUITES if suite.name == "sec_bdc_holding"), {}
    for name, filings in (("whole", later.filings), ("few", later.filings[::4])):
        tables = []
        for label, chosen in (("before", (earlier, earlier.filings)), ("now", (later, filings))):
            scratch = tmp_path / name / label
            scratch.mkdir(parents=True)
            write_zip(chosen[0], scratch / "a.zip", filings=chosen[1], torn_rows=0)
            holdings, _ = parquet_of_holdings(scratch / "a.zip", scratch / "work")
            tables.append(f"SELECT *, '{label}' AS payload_sha256, known_at AS fetched_at FROM '{holdings}'")
        with duckdb.connect() as connection:
            frame = metrics_frame(suite, f"({' UNION ALL '.join(tables)})", connection)
        found[name] = [
            (outcome.passed, outcome.severity)
            for outcome in run_suite(suite, frame)
            if outcome.name.startswith("lines_to_year_before")
        ]
        (ratio,) = frame["lines_to_year_before"].dropna()
        assert ratio == pytest.approx(1, abs=0.1) if name == "whole" else 0.05 < ratio < 0.45
    assert found == {"whole": [(True, "WARN")], "few": [(False, "WARN")]}

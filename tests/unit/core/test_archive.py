"""The archive: what goes in comes out, twice is once, damage is seen, and no secret is written."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
import tempfile
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import quote, quote_plus

import pytest
import zstandard
from hypothesis import given, settings
from hypothesis import strategies as st

from undertow import atomic
from undertow.archive import Archive, Sighting, redact
from undertow.errors import ArchiveError, UsageError

NOON = datetime(2025, 11, 20, 12, 0, 0, 250_000, tzinfo=UTC)
HOUR = timedelta(hours=1)
BODY = b'{"refRates":[{"effectiveDate":"2025-11-20","percentRate":3.91}]}'
SHA = hashlib.sha256(BODY).hexdigest()
URL = "https://markets.example.org/sofr.json?year=2025"


def _store(archive: Archive, payload: bytes = BODY, **changes: Any) -> tuple[Sighting, bool]:
    arguments: dict[str, Any] = {
        "source": "nyfed",
        "dataset": "sofr",
        "url": URL,
        "fetched_at": NOON,
        "origin": "live",
        **changes,
    }
    return archive.store(payload, **arguments)


def _files(root: Path) -> list[str]:
    return sorted(str(path.relative_to(root)) for path in root.rglob("*") if path.is_file())


@pytest.fixture
def archive(tmp_path: Path) -> Archive:
    return Archive(tmp_path / "archive")


def test_layout_and_content(archive: Archive) -> None:
    sighting, is_new = _store(archive, http_status=200, etag='"abc"', last_modified="Thu, 20 Nov 2025 11:00:00 GMT", note="n")
    assert is_new
    assert sighting == Sighting(
        "nyfed", "sofr", URL, NOON, SHA, len(BODY), "live", 200, '"abc"', "Thu, 20 Nov 2025 11:00:00 GMT", None, "n"
    )
    manifest = f"manifest/nyfed/sofr/20251120T120000250000Z-{SHA[:12]}.json"
    assert _files(archive.root) == [manifest, f"payloads/{SHA[:2]}/{SHA}.zst"]
    content = json.loads((archive.root / manifest).read_text())
    assert content["fetched_at"] == "2025-11-20T12:00:00.250000Z"
    assert content["sha256"] == SHA
    frame = (archive.root / "payloads" / SHA[:2] / f"{SHA}.zst").read_bytes()
    assert zstandard.get_frame_parameters(frame).content_size == len(BODY)
    assert archive.read(SHA) == BODY
    assert archive.sightings() == [sighting]
    assert Archive(archive.root).sightings("nyfed", "sofr") == [sighting]
    assert archive.verify() == []


def test_the_same_again_changes_nothing(archive: Archive) -> None:
    first, _ = _store(archive)
    before = {path: (archive.root / path).stat().st_mtime_ns for path in _files(archive.root)}
    again, is_new = _store(archive, note="another note")
    assert again == first
    assert not is_new
    assert {path: (archive.root / path).stat().st_mtime_ns for path in _files(archive.root)} == before


def test_the_same_bytes_later_add_a_sighting_only(archive: Archive) -> None:
    _store(archive)
    later, is_new = _store(archive, fetched_at=NOON + HOUR)
    assert not is_new
    assert [sighting.fetched_at for sighting in archive.sightings()] == [NOON, NOON + HOUR]
    assert len(list((archive.root / "payloads").rglob("*.zst"))) == 1
    assert archive.first_sightings() == [archive.sightings()[0]]
    assert archive.latest("nyfed", "sofr") == later


def test_the_same_bytes_elsewhere(archive: Archive) -> None:
    assert _store(archive)[1]
    assert _store(archive, dataset="effr")[1]  # new to that dataset
    other, is_new = _store(archive, url=URL + "&page=2")  # the same instant, another address
    assert not is_new
    assert _store(archive, url=URL + "&page=2") == (other, False)
    assert {sighting.url for sighting in archive.sightings("nyfed", "sofr")} == {URL, URL + "&page=2"}
    assert len(archive.sightings()) == 3
    assert archive.verify() == []


def test_bytes_with_a_problem_are_kept_and_passed_over(archive: Archive) -> None:
    page = b"<html>maintenance</html>"
    _store(archive)
    bad, is_new = _store(archive, page, fetched_at=NOON + HOUR, problem="expected JSON, got an HTML page", etag='"page"')
    assert is_new
    assert archive.read(bad.sha256) == page
    assert archive.sightings()[-1].problem == "expected JSON, got an HTML page"
    assert [sighting.sha256 for sighting in archive.first_sightings()] == [SHA]
    latest = archive.latest("nyfed", "sofr")
    assert latest is not None
    assert latest.sha256 == SHA


def test_first_sightings_are_the_earliest_whatever_the_order_of_storing(archive: Archive) -> None:
    _store(archive, fetched_at=NOON + HOUR)
    _store(archive, fetched_at=NOON, problem="cut short")
    _store(archive, fetched_at=NOON + HOUR / 2)
    _store(archive, source="bls", dataset="cu", fetched_at=NOON)
    assert [(s.source, s.fetched_at) for s in archive.first_sightings()] == [("bls", NOON), ("nyfed", NOON + HOUR / 2)]
    assert [s.source for s in archive.first_sightings("bls")] == ["bls"]
    assert archive.first_sightings("ecb") == []


def test_latest(archive: Archive) -> None:
    assert archive.latest("nyfed", "sofr") is None
    _store(archive, url="https://x.org/a?api_key=secret1")
    _store(archive, b"[]", url="https://x.org/b", fetched_at=NOON + HOUR)
    found = archive.latest("nyfed", "sofr", "https://x.org/a?api_key=another")
    assert found is not None
    assert found.sha256 == SHA
    newest = archive.latest("nyfed", "sofr")
    assert newest is not None
    assert newest.url == "https://x.org/b"
    assert archive.latest("nyfed", "sofr", "https://x.org/c") is None
    assert archive.latest("nyfed", "effr") is None


def test_unchanged(archive: Archive) -> None:
    first, _ = _store(archive, http_status=200, etag='"1"', last_modified="yesterday", note="first")
    again = archive.record_unchanged(first, NOON + HOUR, etag='"2"')
    assert again.sha256 == SHA
    assert (again.http_status, again.etag, again.last_modified, again.note) == (304, '"2"', "yesterday", None)
    assert archive.sightings() == [first, again]
    assert archive.latest("nyfed", "sofr", URL) == again
    assert archive.record_unchanged(first, NOON + HOUR, etag='"2"') == again
    archive.payload_path(SHA).unlink()
    with pytest.raises(ArchiveError, match="not in the archive"):
        archive.record_unchanged(first, NOON + 2 * HOUR)


def test_naive_instants_are_utc(archive: Archive) -> None:
    sighting, _ = _store(archive, fetched_at=NOON.replace(tzinfo=None))
    assert sighting.fetched_at == NOON
    assert archive.sightings()[0].fetched_at.tzinfo is UTC


def test_damaged_payloads(archive: Archive) -> None:
    _store(archive)
    path = archive.payload_path(SHA)
    whole = path.read_bytes()
    other = zstandard.ZstdCompressor().compress(b"other bytes")
    huge = bytearray(whole)
    huge[5:9] = b"\xff\xff\xff\x7f"
    for damaged in (whole[: len(whole) // 2], whole[:3], b"", other, b"not zstd at all", bytes(huge)):
        path.write_bytes(damaged)
        with pytest.raises(ArchiveError, match=r"torn or damaged"):
            archive.read(SHA)
        assert len(archive.verify()) == 1
        assert SHA in archive.verify()[0]
    _store(archive, fetched_at=NOON + HOUR)  # the provider still has it: the archive heals
    assert archive.read(SHA) == BODY
    path.unlink()
    with pytest.raises(ArchiveError, match=f"holds no payload {SHA}"):
        archive.read(SHA)
    assert len(archive.verify()) == 2  # both sightings name it
    assert all("missing" in problem for problem in archive.verify())


@pytest.mark.parametrize("sha", ["", "../../etc/passwd", "A" * 64, "0" * 63])
def test_what_is_not_a_hash(archive: Archive, sha: str) -> None:
    with pytest.raises(ArchiveError, match="is not a SHA-256 hash"):
        archive.read(sha)


@pytest.mark.parametrize("text", ["", "{", "[]", "null", "{}", '{"source": "nyfed"}', '{"fetched_at": "soon"}', "\x80"])
def test_a_manifest_file_that_cannot_be_read_is_named(archive: Archive, text: str) -> None:
    _store(archive)
    path = archive.root / "manifest" / "nyfed" / "sofr" / "20251121T000000000000Z-000000000000.json"
    path.write_bytes(text.encode("latin-1"))
    for question in (archive.sightings, archive.first_sightings, lambda: archive.latest("nyfed", "sofr")):
        with pytest.raises(ArchiveError, match=path.name):
            question()
    assert [path.name in problem for problem in archive.verify()] == [True]
    assert archive.sightings("bls") == []  # other sources are not concerned


def test_a_manifest_file_that_changes_is_read_again(archive: Archive) -> None:
    _store(archive)
    assert len(archive.sightings()) == 1
    path = next((archive.root / "manifest").rglob("*.json"))
    path.write_text(path.read_text().replace('"bytes": ', '"bytes": 9'))
    assert archive.sightings()[0].bytes != len(BODY)
    assert "says" in archive.verify()[0]


def test_verify_names_what_lies_wrong(archive: Archive) -> None:
    _store(archive)
    manifest = next((archive.root / "manifest").rglob("*.json"))
    (manifest.parent / "20200101T000000000000Z-aaaaaaaaaaaa.json").write_text(manifest.read_text())
    (archive.root / "payloads" / "notes.txt").write_text("hello")
    problems = archive.verify()
    assert len(problems) == 2
    assert "notes.txt is not a payload" in problems[0]
    assert "does not lie where its content says" in problems[1]


def test_leftovers_of_a_killed_run_are_ignored(archive: Archive) -> None:
    _store(archive)
    for folder in ("payloads/" + SHA[:2], "manifest/nyfed/sofr"):
        (archive.root / folder / ".leftover.json.1234.abcd.tmp").write_bytes(b"{")
        (archive.root / folder / ".leftover.json").write_bytes(b"{")
    assert len(archive.sightings()) == 1
    assert len(archive.first_sightings()) == 1
    assert archive.verify() == []


def test_a_kill_between_payload_and_manifest(tmp_path: Path) -> None:
    """The payload is there and nothing names it; the next store of the same bytes finishes the work."""
    code = """
import os, sys
from datetime import datetime, UTC
from pathlib import Path
import undertow.archive as module
module.write_text = lambda *_: os.kill(os.getpid(), 9)
module.Archive(Path(sys.argv[1])).store(sys.argv[2].encode(), source="nyfed", dataset="sofr", url="u",
                                        fetched_at=datetime(2025, 11, 20, tzinfo=UTC), origin="live")
"""
    killed = subprocess.run([sys.executable, "-c", code, str(tmp_path), BODY.decode()], check=False)
    assert killed.returncode == -9
    archive = Archive(tmp_path)
    assert archive.read(SHA) == BODY
    assert archive.sightings() == []
    assert archive.verify() == []
    assert _store(archive)[1]
    assert len(archive.sightings()) == 1


@pytest.mark.parametrize("name", ["", ".", "..", "../x", "a/b", ".hidden", "a b", "a\n"])
def test_names_that_could_leave_the_folder(archive: Archive, name: str) -> None:
    for field in ("source", "dataset"):
        with pytest.raises(UsageError, match="cannot name a source or a dataset"):
            _store(archive, BODY, **{field: name})
    assert not archive.root.exists()


def test_an_empty_archive(archive: Archive) -> None:
    assert archive.sightings() == []
    assert archive.verify() == []
    assert not archive.root.exists()


@settings(max_examples=25, deadline=None)
@given(st.lists(st.binary(max_size=2000), min_size=1, max_size=4))
def test_round_trip(payloads: list[bytes]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        archive = Archive(Path(folder))
        seen: set[bytes] = set()
        for step, payload in enumerate(payloads):
            sighting, is_new = _store(archive, payload, fetched_at=NOON + step * HOUR)
            assert is_new is (payload not in seen)
            seen.add(payload)
            assert archive.read(sighting.sha256) == payload
        assert len(archive.sightings()) == len(payloads)
        assert len(archive.first_sightings()) == len(seen)
        assert archive.verify() == []


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("https://x.org/a?year=2025", "https://x.org/a?year=2025"),
        ("https://x.org/a?api_key=abc&year=2025", "https://x.org/a?api_key=REDACTED&year=2025"),
        ("https://x.org/a?UserID=abc", "https://x.org/a?UserID=REDACTED"),
        ("https://x.org/a?registrationkey=abc&x=1#top", "https://x.org/a?registrationkey=REDACTED&x=1#top"),
        ("https://x.org/a?x=1;access_token=abc", "https://x.org/a?x=1;access_token=REDACTED"),
        ("https://x.org/a?api%5Fkey=abc", "https://x.org/a?api%5Fkey=REDACTED"),
        ("https://x.org/a#access_token=abc", "https://x.org/a#access_token=REDACTED"),
        ("https://x.org/a?next=https%3A%2F%2Fy.org%3Fkey%3Dabc", "https://x.org/a?next=REDACTED"),
        ("https://me:pw@x.org/a@b", "https://x.org/a@b"),
        ("//me@x.org/", "//x.org/"),
        ("https://x.org/a?key=", "https://x.org/a?key=REDACTED"),
        ("https://x.org/a?key", "https://x.org/a?key"),
        ("eurofxref.zip", "eurofxref.zip"),
        ("https://[broken", "https://[broken"),
        ("", ""),
    ],
)
def test_redact(url: str, expected: str) -> None:
    assert redact(url) == expected
    assert redact(expected) == expected


def test_no_secret_is_written(archive: Archive) -> None:
    _store(archive, url="https://me:s3cretpw@x.org/a?API_KEY=s3cretkey&UserID=s3cretuser&year=2025")
    written = b"".join((archive.root / path).read_bytes() for path in _files(archive.root))
    assert b"s3cret" not in written
    assert archive.sightings()[0].url == "https://x.org/a?API_KEY=REDACTED&UserID=REDACTED&year=2025"


secret_names = st.sampled_from(
    [
        "key",
        "api_key",
        "API_KEY",
        "apikey",
        "token",
        "access_token",
        "secret",
        "Password",
        "userid",
        "UserID",
        "registrationkey",
    ]
)
# What could also stand in the rest of the address by chance is not a secret to look for.
secrets = st.text(min_size=6, max_size=30).map(lambda text: "Zq7" + text)


@settings(deadline=None)
@given(secret_names, secrets, secrets, st.sampled_from([quote, quote_plus, lambda text: quote(text, safe="")]))
def test_redact_never_leaks(name: str, secret: str, password: str, encode: Any) -> None:
    try:
        shown, hidden = encode(secret), quote(password, safe="")
    except UnicodeEncodeError:  # lone surrogates cannot stand in an address
        return
    url = f"https://me:{hidden}@x.org/path?year=2025&{name}={shown}&page=2"
    clean = redact(url)
    assert clean == f"https://x.org/path?year=2025&{name}=REDACTED&page=2"
    assert redact(clean) == clean


@settings(deadline=None)
@given(st.text(max_size=80))
def test_redact_takes_any_text(text: str) -> None:
    assert redact(redact(text)) == redact(text)


def test_write_bytes_leaves_the_old_file_when_it_fails(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "a" / "b" / "file.txt"
    atomic.write_text(path, "old\r\n")
    assert path.read_bytes() == b"old\r\n"
    assert path.stat().st_mode & 0o777 == 0o666 & ~_umask()

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space left"):
        atomic.write_bytes(path, b"new")
    assert path.read_bytes() == b"old\r\n"
    assert _files(tmp_path) == ["a/b/file.txt"]


def test_replace_link(tmp_path: Path) -> None:
    for name in ("one", "two", "real"):
        (tmp_path / name).mkdir()
    link = tmp_path / "current"
    atomic.replace_link(link, "one")
    assert link.resolve() == tmp_path / "one"
    atomic.replace_link(link, "two")
    assert link.resolve() == tmp_path / "two"
    with pytest.raises(OSError, match="directory"):
        atomic.replace_link(tmp_path / "real", "one")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["current", "one", "real", "two"]


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask

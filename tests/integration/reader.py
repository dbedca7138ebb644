"""A reader in a process of its own that opens the published build over and over and says what it saw.

``python -m tests.integration.reader <home> <seconds between looks>`` prints one line of JSON for each look, and ends when its
standard input is closed. A build is whole if every table is, row by row, the one that the manifest of that build describes: the
reader works the manifest's digests out anew, from the database and from the Parquet files.
"""

from __future__ import annotations

import json
import select
import subprocess
import sys
import threading
from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import duckdb

DIGEST = (
    "SELECT count(*), coalesce(bit_xor(hash(t)), 0)::VARCHAR || ':' || coalesce(sum(hash(t) % 4294967291), 0)::VARCHAR FROM"
)

Seen = dict[str, Any]  # way, build, problems, gone


def _differences(manifest: dict[str, Any], read: Callable[[str], tuple[int, str]]) -> list[str]:
    """Return the tables that are not those of the manifest."""
    found = {name: read(name) for name in manifest["tables"]}
    told = {name: (table["rows"], table["content"]) for name, table in manifest["tables"].items()}
    return [f"{name}: {found[name]} is not {told[name]}" for name in told if found[name] != told[name]]


def look_at_database(published: Path) -> Seen:
    """Open the database as any program does, by its path through ``current``."""
    connection = duckdb.connect(str(published / "current" / "undertow.duckdb"), read_only=True)
    try:
        connection.execute("SET TimeZone = 'UTC'")
        ((build,),) = connection.execute("SELECT build_id FROM internal.build").fetchall()
        tables = {
            name
            for (name,) in connection.execute("SELECT table_name FROM duckdb_tables() WHERE schema_name = 'marts'").fetchall()
        }
        problems, gone = [], False
        try:
            manifest = json.loads((published / build / "manifest.json").read_text())
        except FileNotFoundError:  # removed since; the open file reads on
            manifest, gone = {"tables": {}}, True
        else:
            problems = [] if tables == set(manifest["tables"]) else [f"the tables are {sorted(tables)}"]
        problems += _differences(manifest, lambda name: connection.execute(f"{DIGEST} marts.{name} AS t").fetchall()[0])
        connection.execute("SELECT count(*) FROM as_known('2030-01-01')").fetchall()
        return {"way": "database", "build": build, "problems": problems, "gone": gone}
    finally:
        connection.close()


def look_at_parquet(published: Path) -> Seen:
    """Follow ``current`` once, then read the manifest and every Parquet file of that build."""
    root = (published / "current").resolve(strict=True)
    try:
        manifest = json.loads((root / "manifest.json").read_text())
        with duckdb.connect(":memory:") as connection:
            connection.execute("SET TimeZone = 'UTC'")
            problems = _differences(
                manifest,
                lambda name: connection.execute(f"{DIGEST} read_parquet('{root}/marts/{name}/*.parquet') AS t").fetchall()[0],
            )
        return {"way": "parquet", "build": manifest["build_id"], "problems": problems, "gone": False}
    except (OSError, duckdb.Error) as error:
        gone = not root.is_dir()  # removed while it was read: nothing mixed was seen
        return {"way": "parquet", "build": root.name, "problems": [] if gone else [str(error)], "gone": gone}


def main(home: str, pause: str) -> None:
    """Look until standard input ends."""
    published = Path(home) / "published"
    ways = (look_at_database, look_at_parquet)
    turn = 0
    while not select.select([sys.stdin], [], [], float(pause))[0]:
        way = ways[turn % len(ways)]
        try:
            seen = way(published)
        except Exception as error:
            seen = {"way": way.__name__, "build": "", "problems": [f"{type(error).__name__}: {error}"], "gone": False}
        print(json.dumps(seen), flush=True)
        turn += 1


class Polls:
    """What a reader has said so far."""

    def __init__(self) -> None:
        self.seen: list[Seen] = []
        self._news = threading.Condition()

    def add(self, line: str) -> None:
        """Take a line of the reader."""
        with self._news:
            self.seen.append(json.loads(line))
            self._news.notify_all()

    def wait_for(self, count: int) -> None:
        """Wait until the reader has looked that often."""
        with self._news:
            assert self._news.wait_for(lambda: len(self.seen) >= count, timeout=60), "the reader says nothing"

    def problems(self) -> list[Seen]:
        """Return the looks at which something was wrong."""
        return [one for one in self.seen if one["problems"]]

    def builds(self, way: str) -> list[str]:
        """Return the builds that were seen whole in one way, each once, in the order of their first look."""
        return list(dict.fromkeys(one["build"] for one in self.seen if one["way"] == way and not one["gone"]))


@contextmanager
def reading(home: Path, pause: float) -> Generator[Polls]:
    """Let a reader look at a home as long as the block runs."""
    command = [sys.executable, "-m", "tests.integration.reader", str(home), str(pause)]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stdin is not None
    polls, lines = Polls(), process.stdout
    listener = threading.Thread(target=lambda: [polls.add(line) for line in lines])
    listener.start()
    try:
        polls.wait_for(2)
        yield polls
    finally:
        process.stdin.close()
        listener.join(timeout=60)
        process.wait(timeout=60)
    assert process.returncode == 0


if __name__ == "__main__":
    main(*sys.argv[1:])

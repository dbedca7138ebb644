"""A reader of an object store in a process of its own: it opens the current build over and over and says what it saw.

``python -m tests.integration.object_reader <address> <cache> <seconds between looks>`` prints one line of JSON for each look, and ends
when its standard input is closed. Every other look begins with an empty cache, so that it downloads. A build is whole if every
table, in the database and in its Parquet file, is the one that the manifest of that build describes.
"""

from __future__ import annotations

import json
import select
import shutil
import subprocess
import sys
import threading
from collections.abc import Generator
from contextlib import contextmanager
from functools import cache
from pathlib import Path

import duckdb

from tests.integration.reader import Polls, Seen
from tests.provider.made_builds import DIGEST
from undertow.objects import ObjectStore
from undertow.remote_builds import open_build

__all__ = ["look_at_store", "reading_store"]


@cache
def _store(url: str) -> ObjectStore:
    """Return the store of an address; opening one costs more than a look at a small build."""
    return ObjectStore(url, retries=3, pause=0.05)


def look_at_store(address: str, folder: Path) -> Seen:
    """Open the current build as ``FeatureStore`` does, and hold all of it against its manifest."""
    build = open_build(address, folder, _store)
    problems = []
    with duckdb.connect(str(build.database), read_only=True) as connection:
        ((stored,),) = connection.execute("SELECT build_id FROM internal.build").fetchall()
        if stored != build.build_id:
            problems.append(f"the database belongs to {stored}")
        for name, table in build.manifest["tables"].items():
            told = (table["rows"], table["content"])
            parquet = build.file(f"marts/{name}/{name}.parquet")
            for source in (f"marts.{name}", f"read_parquet('{parquet}')"):
                found = connection.execute(f"{DIGEST} {source} AS t").fetchall()[0]
                if found != told:
                    problems.append(f"{source}: {found} is not {told}")
    return {"way": "store", "build": build.build_id, "problems": problems, "gone": False}


def main(address: str, folder: str, pause: str) -> None:
    """Look until standard input ends."""
    turn = 0
    while not select.select([sys.stdin], [], [], float(pause))[0]:
        if turn % 2 == 0:
            shutil.rmtree(folder, ignore_errors=True)
        try:
            seen = look_at_store(address, Path(folder))
        except Exception as error:
            seen = {"way": "store", "build": "", "problems": [f"{type(error).__name__}: {error}"], "gone": False}
        print(json.dumps(seen), flush=True)
        turn += 1


@contextmanager
def reading_store(address: str, folder: Path, pause: float) -> Generator[Polls]:
    """Let a reader look at a store as long as the block runs."""
    command = [sys.executable, "-m", "tests.integration.object_reader", address, str(folder), str(pause)]
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

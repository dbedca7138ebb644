"""One clean run over the archive of another home, and what its marts have otherwise.

``python -m tests.soak.clean <home> <clean home>`` prints one line of JSON: for each mart rows only here, rows only there, rows;
the same of what was known at instants spread over the time; and whether the archive is sound. It runs in a process of its own.
"""

from __future__ import annotations

import json
import os
import shutil
import sys
from pathlib import Path
from typing import Any

import duckdb

from orchestration.runner import run
from tests.soak.world import ROOMS
from undertow.archive import Archive
from undertow.landing import prepare
from undertow.publish import current_build
from undertow.room import load_room, room_names
from undertow.settings import Home

__all__ = ["differences", "main"]


def differences(one: Path, other: Path) -> dict[str, dict[str, list[int]]]:
    """Return for each mart that differs: rows only in one, only in the other; of all rows, and of those known at instants."""
    found: dict[str, dict[str, list[int]]] = {}
    with duckdb.connect(":memory:") as connection:
        connection.execute("SET TimeZone = 'UTC'")
        connection.execute(f"ATTACH '{one}' AS one (READ_ONLY); ATTACH '{other}' AS other (READ_ONLY)")
        tables = {
            side: [
                row[0]
                for row in connection.execute(
                    f"SELECT table_name FROM duckdb_tables() WHERE database_name = '{side}' AND schema_name = 'marts' ORDER BY 1"
                ).fetchall()
            ]
            for side in ("one", "other")
        }
        assert tables["one"] == tables["other"]
        instants = connection.execute(
            "SELECT DISTINCT unnest(quantile_disc(known_at, [0.1, 0.25, 0.5, 0.75, 0.9])) FROM one.marts.fct_observation ORDER BY 1"
        ).fetchall()
        for table in tables["one"]:
            columns = {row[0] for row in connection.execute(f"DESCRIBE one.marts.{table}").fetchall()}
            conditions = {"all": "true"}
            if "known_at" in columns:
                conditions |= {str(instant): f"known_at <= TIMESTAMPTZ '{instant}'" for (instant,) in instants}
            for name, condition in conditions.items():
                counts = [
                    connection.execute(
                        f"SELECT count(*) FROM (FROM {a}.marts.{table} WHERE {condition} EXCEPT ALL FROM {b}.marts.{table} "
                        f"WHERE {condition})"
                    ).fetchall()[0][0]
                    for a, b in (("one", "other"), ("other", "one"))
                ]
                rows = connection.execute(f"SELECT count(*) FROM one.marts.{table} WHERE {condition}").fetchall()[0][0]
                found.setdefault(table, {})[name] = [*counts, rows]
    return found


def main(lived: str, clean: str) -> None:
    """Run and compare."""
    out, home, fresh = os.fdopen(os.dup(1), "w"), Home(lived), Home(clean)
    os.dup2(2, 1)
    shutil.rmtree(fresh.root, ignore_errors=True)
    shutil.copytree(home.archive, fresh.archive, copy_function=os.link)
    shutil.copyfile(home.root / "rehearsal", fresh.root / "rehearsal")
    for name in room_names():
        prepare(load_room(name), fresh.landing)
    report = run("live", rooms=ROOMS, fetch=False)
    compared = differences(current_build(home).database, current_build(fresh).database)
    wrong = {table: found for table, found in compared.items() if any(one[0] or one[1] for one in found.values())}
    rows = {table: found["all"][2] for table, found in compared.items()}
    told: dict[str, Any] = {
        "differences": wrong,
        "tables": len(rows),
        "rows": sum(rows.values()),
        "empty": sum(not count for count in rows.values()),
        "views": sum(len(found) for found in compared.values()),
        "archive": Archive(home.archive).verify(),
        "landed": sum(sum(one.rows.values()) for one in report.landed),
        "cpu": round(sum(report.cpu_seconds.values()), 1),
    }
    print(json.dumps(told), file=out, flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])

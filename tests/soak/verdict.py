"""What must be true of a soak, and the record of one.

Each finding is a list of sentences; an empty one is a clean bill. The bounds are stated here and in docs/soak.md.
"""

from __future__ import annotations

import platform
from collections import Counter
from datetime import date
from itertools import pairwise
from statistics import mean
from typing import Any

import duckdb

from tests.soak.driver import Soak
from undertow.archive import Archive
from undertow.incidents import IncidentLog
from undertow.publish import current_build, list_builds, verify

__all__ = ["MEMORY_GROWTH", "record", "slope", "verdict"]

WARM = 6  # commands of a life that are left out: caches fill, and the allocator takes what it needs
MEMORY_GROWTH = 0.12  # by which the mean memory of the last third of a life may be above that of the first
SIGHTING = 1_200  # bytes that an answer costs beyond its payload: one small file
KEPT_BUILDS = 5
PER_PAYLOAD = 40.0  # bytes of landing for each byte of stored payload between two compactions: a whole history is landed anew


def verdict(soak: Soak) -> dict[str, list[str]]:
    """Return what does not hold, by what must hold."""
    return {
        "the published rows are those of one clean run": _same(soak),
        "no payload is lost": _lost(soak),
        "memory is flat": _memory(soak),
        "the disk grows by new information": _disk(soak),
        "every incident that was opened is closed": _incidents(soak),
        "nothing is published twice": _twice(soak),
        "readers see whole builds": [str(look) for look in soak.state["bad_looks"][:5]],
        "every build that is kept is whole": [problem for build in list_builds(soak.home) for problem in verify(build)],
        "the archive is sound": Archive(soak.home.archive).verify()[:5],
        "what was planned has happened": _happened(soak),
    }


def _same(soak: Soak) -> list[str]:
    found = [f"{check['day']}: {check['differences']}" for check in soak.state["checks"] if check["differences"]]
    return found or ([] if soak.state["checks"] else ["it was never held against a clean run"])


def _lost(soak: Soak) -> list[str]:
    """Every body that a provider sent whole is in the archive, but for one that a killed process may have had in its hands."""
    kept = {sighting.sha256 for sighting in Archive(soak.home.archive).sightings()}
    gone = set(soak.state["served"]) - kept
    unexplained = gone - set(soak.state["excused"])
    return (
        [f"{len(unexplained)} of {len(soak.state['served'])} payloads are not in the archive: {sorted(unexplained)[:3]}"]
        if unexplained
        else []
    )


def slope(levels: list[float]) -> float:
    """Return by how much the mean of the last third is above that of the first, as a share."""
    third = max(1, len(levels) // 3)
    return mean(levels[-third:]) / mean(levels[:third]) - 1


def _memory(soak: Soak) -> list[str]:
    found = []
    for life in soak.state["lives"]:
        levels = [rss for rss, _, _ in life["rss"]][WARM:]
        if len(levels) >= 9 and slope(levels) > MEMORY_GROWTH:
            found.append(f"since {life['since']}: {levels[0]:.0f} to {levels[-1]:.0f} MiB in {len(levels)} runs")
    return found


def _disk(soak: Soak) -> list[str]:
    """Each place may hold so much: what was sent, a small file an answer, a bounded number of builds, reports and runs."""
    sizes = soak.state["sizes"]
    if not sizes:
        return ["nothing was measured"]
    last, found = sizes[-1], []
    answers = len(Archive(soak.home.archive).sightings())
    distinct = {sighting.sha256 for sighting in Archive(soak.home.archive).sightings()}
    bounds = {
        "payloads": (len(distinct), None),
        "sightings": (answers, answers * SIGHTING),
        "runs": (20 + 31, None),
        "data docs": (None, 2 * sizes[0]["data docs"][1]),
        "checks": (None, 2 * sizes[0]["checks"][1] + 100_000),
        "dagster": (None, 3 * max(size["dagster"][1] for size in sizes[:3])),
        "published": (None, (KEPT_BUILDS + 1) * max(build_bytes(soak), 1)),
        "landing": (None, PER_PAYLOAD * last["payloads"][1] + 5_000_000),
    }
    for place, (files, size) in bounds.items():
        if files is not None and last[place][0] > files:
            found.append(f"{place} has {last[place][0]} files, more than {files}")
        if size is not None and last[place][1] > size:
            found.append(f"{place} has {last[place][1]:,} bytes, more than {size:,.0f}")
    warehouses = [size["warehouse"][1] for size in sizes]
    if warehouses[-1] > 3 * warehouses[0]:
        found.append(f"the warehouse grew from {warehouses[0]:,} to {warehouses[-1]:,} bytes")
    return found


def build_bytes(soak: Soak) -> int:
    """Return the size of the newest build."""
    return sum(path.stat().st_size for path in current_build(soak.home).path.rglob("*") if path.is_file())


def _incidents(soak: Soak) -> list[str]:
    log = IncidentLog(soak.home.quality)
    if date.fromisoformat(soak.state["next"]) <= soak.plan.last:
        return []  # it goes on
    still = log.open()
    found = [f"{one.says} (since {one.opened_at})" for key, one in still.items() if key not in soak.plan.open_at_end]
    return found + [f"{key} is not open" for key in soak.plan.open_at_end if key not in still]


def _twice(soak: Soak) -> list[str]:
    builds = soak.state["builds"]
    found = [f"{b[1]} has the fingerprint of {a[1]}" for a, b in pairwise(builds) if a[2] == b[2]]
    return found + [f"{name} was published {times} times" for name, times in Counter(b[1] for b in builds).items() if times > 1]


def _happened(soak: Soak) -> list[str]:
    """What the plan holds up to the day that was reached."""
    reached = date.fromisoformat(soak.state["next"])
    found = []
    killed = {kill[0] for kill in soak.state["kills"] if kill[2]}
    found += [
        f"nothing was killed on {day}"
        for day in soak.plan.kills
        if day < reached and day.isoformat() not in killed and day.isoweekday() < 6
    ]
    for name, day in (("parser", soak.plan.parser), ("layout", soak.plan.layout)):
        if day is not None and day < reached and name not in {done for _, done in soak.state["upgrades"]}:
            found.append(f"the upgrade of {name} did not happen")
    if soak.plan.renamed is not None and soak.plan.parser is not None and soak.plan.parser < reached:
        loud = [run for run in soak.state["runs"] if any("expected 'Date'" in told for told in run.get("unread", []))]
        if not loud:
            found.append("nobody said that a column has another name")
    return found


def record(soak: Soak, found: dict[str, list[str]]) -> dict[str, Any]:
    """Return what a soak was and what was measured."""
    state = soak.state
    builds = [run for run in state["runs"] if run["whole"]]
    events = IncidentLog(soak.home.quality).events()
    with duckdb.connect(str(current_build(soak.home).database), read_only=True) as connection:
        rows = connection.execute("SELECT count(*) FROM marts.fct_observation").fetchall()[0][0]
    return {
        "from": soak.plan.first.isoformat(),
        "planned until": soak.plan.last.isoformat(),
        "next day": state["next"],
        "is whole": date.fromisoformat(state["next"]) > soak.plan.last,
        "days between builds": soak.plan.every,
        "seed": soak.plan.seed,
        "python": platform.python_version(),
        "duckdb": duckdb.__version__,
        "wall seconds": round(state["seconds"]),
        "verdict": {name: wrong or "holds" for name, wrong in found.items()},
        "runs": {
            "fetches alone": state["fetches"],
            "fetch and land": sum(not run["whole"] for run in state["runs"]),
            "whole": len(builds),
            "of these with a new build": len(state["builds"]),
            "increments": sum(isinstance(run.get("series_computed"), int) for run in builds),
            "that stopped": [[run["day"], run["error"][:200]] for run in state["runs"] if run.get("error")],
            "CPU seconds of a whole run, mean": round(mean(run["cpu"] for run in builds), 1) if builds else None,
        },
        "periods asked for by the sensor": state["asks"],
        "requests": state["requests"],
        "bodies served": len(state["served"]),
        "excused": len(state["excused"]),
        "faults": dict(Counter(kind for _, _, kind, _ in state["faults"])),
        "days with a lasting fault": sum(lasting for *_, lasting in state["faults"]),
        "kills": state["kills"],
        "upgrades": state["upgrades"],
        "housekeeping (day, tables merged, files removed, runs of Dagster removed)": state["kept"],
        "incidents": dict(Counter(f"{event['event']} {event['key'].split('|')[0]}" for event in events)),
        "alerts": {"posted": len(state["told"]), "refused by the webhook": sum(not taken for _, taken, _ in state["told"])},
        "looks of readers": state["looks"],
        "memory in MiB (since, runs, after the first, after the last, greatest peak)": [
            [life["since"], len(life["rss"]), life["rss"][0][0], life["rss"][-1][0], max(peak for _, peak, _ in life["rss"])]
            for life in state["lives"]
            if life["rss"]
        ],
        "memory after each run, the longest life": max((life["rss"] for life in state["lives"]), key=len, default=[]),
        "disk (files, bytes)": [
            size for number, size in enumerate(state["sizes"]) if number % 4 == 0 or size is state["sizes"][-1]
        ],
        "checks against a clean run": state["checks"],
        "observations published": rows,
        "newest build": current_build(soak.home).build_id,
    }

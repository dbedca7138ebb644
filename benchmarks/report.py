"""The results as a page: what was held to which figure, and a table for each group."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from benchmarks.cases import TARGETS, Target

__all__ = ["disagreements", "write_report"]

_UNITS = {"seconds": "s", "cpu_seconds": "CPU s", "peak_bytes": "GB", "written_bytes": "MB"}
_FACTS = {
    "head_rows": ("rows of the head", 1),
    "head_seconds": ("making the head, s", 1),
    "head_cpu_seconds": ("CPU s", 1),
    "publish_seconds": ("publishing tables, Parquet and head, s", 1),
    "publish_cpu_seconds": ("CPU s", 1),
    "file_bytes": ("the published file, GB", 1e9),
}


def disagreements(results: Mapping[str, Any]) -> list[str]:
    """Return where an engine answered something else than the one it is compared with."""
    return [
        f"{name}: {case['engine']} differs from {case['agreement']['with']} in {case['agreement']['different']:,} rows"
        for name, group in results["groups"].items()
        for case in group.get("cases", ())
        if case["agreement"] and case["agreement"]["different"]
    ]


def write_report(path: Path, results: Mapping[str, Any], picture: str | None) -> None:
    """Write the page."""
    path.write_text("\n".join(_lines(results, picture)) + "\n", encoding="utf-8")


def _lines(results: Mapping[str, Any], picture: str | None) -> Iterator[str]:
    machine = results["machine"]
    yield "# Benchmarks"
    yield ""
    yield "Written by `make bench` from `benchmarks/results.json`; do not edit. [What is measured and how](README.md)"
    yield ""
    yield (
        f"{machine['processor']}, {machine['cores']} cores, {machine['memory_gigabytes']} GB, {machine['system']}. "
        "Medians; wall and CPU seconds are those of the question alone, memory is the peak of the whole process. "
        "Where the load beside the number is above one, other programs ran at the same time: wall time is then too high, and "
        "CPU seconds are the better comparison."
    )
    yield ""
    if picture:
        yield f"![CPU seconds of each engine]({picture})"
        yield ""
    yield from _figures(results)
    for name, group in results["groups"].items():
        if "cases" in group:
            yield from _table(name, group)
    yield from _versions(results)


def _figures(results: Mapping[str, Any]) -> Iterator[str]:
    measured = [(target, value) for target in TARGETS if (value := _value(results, target)) is not None]
    if not measured:
        return
    yield "## Held to a figure"
    yield ""
    yield "| what | at most | measured | |"
    yield "| --- | --- | --- | --- |"
    for target, value in measured:
        title = results["groups"][target.group]["title"]
        unit = _UNITS[target.measure]
        if target.over:
            what, limit, shown = f"{unit}, as a multiple of: {target.over}", f"{target.at_most:g}", f"{value:.2f}"
        elif target.measure == "peak_bytes":
            what, limit, shown = "peak memory", f"{target.at_most / 1e9:g} GB", f"{value / 1e9:.2f} GB"
        elif target.measure == "written_bytes":
            what, limit, shown = "size", f"{target.at_most / 1e6:g} MB", f"{value / 1e6:.2f} MB"
        else:
            what, limit, shown = unit, f"{target.at_most:g} s", f"{value:.2f} s"
        verdict = "met" if value <= target.at_most else "**missed**"
        yield f"| {title}. {target.engine}: {what} | {limit} | {shown} | {verdict} |"
    yield ""


def _value(results: Mapping[str, Any], target: Target) -> float | None:
    """Return what was measured for a target, or None where a part of it was not."""
    cases = {case["engine"]: case for case in results["groups"].get(target.group, {}).get("cases", ())}
    ours, other = cases.get(target.engine), cases.get(target.over or target.engine)
    if not ours or not other or not ours["runs"] or not other["runs"]:
        return None
    return ours[target.measure] / (other[target.measure] if target.over else 1)


def _table(name: str, group: Mapping[str, Any]) -> Iterator[str]:
    yield f"## {group['title']}"
    yield ""
    yield f"{group['question']} Group `{name}`, measured {group['measured_at']}."
    yield ""
    yield "| engine | wall s (fastest to slowest) | CPU s | peak GB | rows/s | runs, load | agrees |"
    yield "| --- | --- | --- | --- | --- | --- | --- |"
    notes = []
    for case in group["cases"]:
        mark = ""
        if case["note"]:
            notes.append(case["note"])
            mark = f" ({len(notes)})"
        if not case["runs"]:
            yield f"| {case['engine']}{mark} | {case['failure']} | | | | | |"
            continue
        if "written_bytes" in case:
            mark += f", {case['written_bytes'] / 1e6:.2f} MB"
        walls = sorted(run["seconds"] for run in case["runs"])
        agreement = case["agreement"]
        agrees = (
            "" if not agreement else "all rows" if not agreement["different"] else f"**{agreement['different']:,} rows differ**"
        )
        speed = f"{case['rows'] / case['seconds']:,.0f}" if case["rows"] >= 1000 else ""
        failure = f"; later: {case['failure']}" if case["failure"] else ""
        yield (
            f"| {case['engine']}{mark} | **{_short(case['seconds'])}** ({_short(walls[0])} to {_short(walls[-1])}){failure} "
            f"| {_short(case['cpu_seconds'])} | {case['peak_bytes'] / 1e9:.2f} | {speed} "
            f"| {len(walls)}, {case['load']:.1f} | {agrees} |"
        )
    yield ""
    yield from (f"({number}) {note}  " for number, note in enumerate(notes, 1))
    if notes:
        yield ""
    facts = [
        f"{words} {value / scale:,.1f}".removesuffix(".0")
        for key, (words, scale) in _FACTS.items()
        if (value := group["facts"].get(key)) is not None
    ]
    if facts:
        yield f"Preparation, once a build and not in the table: {', '.join(facts)}."
        yield ""


def _short(seconds: float) -> str:
    return f"{seconds:.3f}" if seconds < 1 else f"{seconds:.2f}" if seconds < 10 else f"{seconds:.1f}"


def _versions(results: Mapping[str, Any]) -> Iterator[str]:
    environments = results["versions"]
    yield "## Versions"
    yield ""
    yield f"| | {' | '.join('Undertow and DuckDB' if name == 'own' else 'peers' for name in environments)} |"
    yield f"| --- |{' --- |' * len(environments)}"
    for package in dict.fromkeys(name for found in environments.values() for name in found):
        yield f"| {package} | {' | '.join(found.get(package, '') for found in environments.values())} |"

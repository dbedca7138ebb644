"""``python -m benchmarks``: measure, write the table, the numbers and the picture."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import click
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from benchmarks import data
from benchmarks.cases import GROUPS, Sizes
from benchmarks.harness import GIGABYTE, ROOT, Group, Limits, machine, measure, versions
from benchmarks.report import disagreements, write_report

HERE = ROOT / "benchmarks"


@click.command(
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog='Example: make bench BENCH_ARGS="--only asof --only validation --runs 7"',
)
@click.option("--only", multiple=True, type=click.Choice(list(GROUPS)), help="Measure this group; repeat for more.")
@click.option("--runs", default=5, show_default=True, type=click.IntRange(1), help="Runs of each case; medians are reported.")
@click.option("--quick", is_flag=True, help="Small sizes, one run, nothing written unless --out is given: shows that it works.")
@click.option(
    "--peers-python", type=click.Path(path_type=Path), help="Interpreter with the peers; without it they are left out."
)
@click.option("--out", type=click.Path(path_type=Path, file_okay=False), help="Folder of the results.  [default: benchmarks]")
@click.option("--memory", default=10.0, show_default=True, help="Gigabytes after which a case is ended.")
@click.option("--seconds", default=300.0, show_default=True, help="Seconds after which a case is ended.")
@click.option("--patience", default=60.0, show_default=True, help="A case that takes longer, in seconds, is run once.")
def main(
    only: tuple[str, ...],
    runs: int,
    quick: bool,
    peers_python: Path | None,
    out: Path | None,
    memory: float,
    seconds: float,
    patience: float,
) -> None:
    """Measure Undertow next to other tools.

    Made data is kept in the folder that UNDERTOW_BENCH_DATA names, by default under the system's temporary folder. Groups
    that were measured before and are not measured now stay in the results.
    """
    console = Console(stderr=True)
    interpreters = {"own": sys.executable, "peers": str(peers_python) if peers_python and peers_python.exists() else None}
    if interpreters["peers"] is None:
        console.print("the peers' environment is not there; `make bench` makes it. Measuring without them.")
    limits = Limits(int(memory * GIGABYTE), seconds, 1 if quick else runs, patience)
    target = out or (None if quick else HERE)
    results = _earlier(target)
    results["machine"] = machine()
    results["versions"] = {name: versions(python) for name, python in interpreters.items() if python}
    results["memory_limit_bytes"] = limits.memory_bytes
    for name in only or GROUPS:
        group = _made(name, Sizes.quick() if quick else Sizes(), console)
        results["groups"][name] = _measured(group, interpreters, limits, console)
        if target is not None:  # after each group, so that a run that is cut short keeps what it has
            _write(target, results, interpreters["peers"])
    if wrong := disagreements(results):
        raise click.ClickException("engines disagree: " + "; ".join(wrong))


def _earlier(target: Path | None) -> dict[str, Any]:
    """Return earlier results, to which new ones are added."""
    path = target and target / "results.json"
    return json.loads(path.read_text(encoding="utf-8")) if path and path.exists() else {"groups": {}}


def _made(name: str, sizes: Sizes, console: Console) -> Group:
    """Return a group with its data."""
    with console.status(f"making the data of {name} (once)"):
        return GROUPS[name](data.data_folder(), sizes)


def _measured(group: Group, interpreters: dict[str, str | None], limits: Limits, console: Console) -> dict[str, Any]:
    """Measure a group, with a bar."""
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    cases = [case for case in group.cases if interpreters[case.environment]]
    with Progress(*columns, console=console) as progress:
        task = progress.add_task(group.name, total=len(cases) * limits.runs)

        def done(engine: str) -> None:
            progress.update(task, advance=1, description=f"{group.name}: {engine}")

        return measure(group, interpreters, limits, done)


def _write(target: Path, results: dict[str, Any], peers_python: str | None) -> None:
    target.mkdir(parents=True, exist_ok=True)
    ordered = {**results, "groups": {name: results["groups"][name] for name in GROUPS if name in results["groups"]}}
    ordered["groups"] |= {name: group for name, group in results["groups"].items() if name not in GROUPS}
    path = target / "results.json"
    path.write_text(json.dumps(ordered, indent=1) + "\n", encoding="utf-8")
    picture = target / "results.svg"
    if peers_python:  # matplotlib lives there
        command = [peers_python, "-m", "benchmarks.picture", str(path.resolve()), str(picture.resolve())]
        with tempfile.TemporaryDirectory() as folder:
            subprocess.run(command, cwd=ROOT, check=True, env={"MPLCONFIGDIR": folder, "HOME": folder})
    write_report(target / "RESULTS.md", ordered, picture.name if picture.exists() else None)


if __name__ == "__main__":
    main()

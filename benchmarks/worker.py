"""One measurement, in a process of its own: ``python -m benchmarks.worker <module>:<function> <arguments as JSON>``.

The function prepares (imports, reads the questions into memory) and returns the function that is measured. What that one
returns is an Arrow table, or the Parquet files it wrote; ``--answer`` writes it, so that engines can be compared row by row.
It may add a dictionary of what it measured itself, which then counts.
What is printed last is one line of JSON.
This module runs in both environments and imports nothing of Undertow.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import time
from importlib import import_module
from pathlib import Path

import pyarrow.parquet as pq

__all__ = ["main"]


def main() -> None:
    """Prepare, measure, print."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.worker", description=__doc__)
    parser.add_argument("function", help="module:function under benchmarks")
    parser.add_argument("arguments", type=json.loads, help="keyword arguments of the function, as JSON")
    parser.add_argument("--answer", type=Path, help="write the answer to this Parquet file")
    options = parser.parse_args()
    module, _, name = options.function.partition(":")
    begun = time.perf_counter()
    measured = getattr(import_module(f"benchmarks.{module}"), name)(**options.arguments)
    ready = time.perf_counter()
    cpu = _cpu_seconds()
    load = os.getloadavg()[0]
    started = time.perf_counter()
    answer = measured()
    seconds = time.perf_counter() - started
    said = {
        "seconds": seconds,
        "cpu_seconds": _cpu_seconds() - cpu,
        "preparation_seconds": ready - begun,
        "load": load,
        "peak_bytes": _peak_bytes(),
    }
    if isinstance(answer, tuple):
        answer, measured_itself = answer
        said |= measured_itself
    table = pq.ParquetDataset(answer).read() if isinstance(answer, list) else answer
    said["rows"] = table.num_rows
    if options.answer:
        pq.write_table(table, options.answer)
    print(json.dumps(said), flush=True)


def _peak_bytes() -> int:
    """Return the highest resident size, up to now, of this process or of the largest of its children that have ended."""
    children = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * 1024
    for line in Path("/proc/self/status").read_text(encoding="ascii").splitlines():
        if line.startswith("VmHWM:"):
            return max(int(line.split()[1]) * 1024, children)
    raise RuntimeError("this system does not say how much memory a process took")


def _cpu_seconds() -> float:
    """Return the seconds of processor time of this process and of its children that have ended."""
    spent = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(usage.ru_utime + usage.ru_stime for usage in spent)


if __name__ == "__main__":
    main()

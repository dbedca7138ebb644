"""Run by the interpreter of Spark and Sail: build the warehouse of a home on an engine, or ask it some questions; the answer is JSON."""

import json
import sys
from dataclasses import asdict
from pathlib import Path

from orchestration.engines import session
from orchestration.warehouse import Warehouse
from undertow.settings import Home


def build(engine: str, home: Path, database: Path, what: str) -> list[dict[str, object]]:
    """Build with data tests where ``what`` is tested, with unit tests too where it is all, else with models only."""
    results = Warehouse(Home(home), None, database, engine).build(tests=what != "models", unit_tests=what == "all")
    return [asdict(result) for result in results]


def ask(engine: str, folder: Path, queries: Path) -> list[object]:
    """Return what each query gives as text, or the first line of its error."""
    answers: list[object] = []
    with session(engine, folder, "1g") as spark:
        for query in json.loads(queries.read_text(encoding="utf-8")):
            try:
                answers.append([[None if value is None else str(value) for value in row] for row in spark.sql(query).collect()])
            except Exception as error:
                answers.append(f"{type(error).__name__}: {error}".splitlines()[0])
    return answers


if __name__ == "__main__":
    answer = Path(sys.argv[-1])
    if sys.argv[1] == "build":
        found: list[object] = [*build(sys.argv[2], Path(sys.argv[3]), Path(sys.argv[4]), sys.argv[5])]
    else:
        found = ask(sys.argv[2], Path(sys.argv[3]), Path(sys.argv[4]))
    answer.write_text(json.dumps(found), encoding="utf-8")

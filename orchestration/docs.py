"""``python -m orchestration.docs``: dbt's documentation site of the warehouse, as one HTML file in the home.

It holds every model, seed, source, test and exposure, the columns with their descriptions and types, the SQL, and the graph of
what is made from what. It takes the lock of a run, for dbt opens the warehouse.
"""

from __future__ import annotations

import sys
from pathlib import Path

from orchestration.warehouse import Warehouse
from undertow.errors import UndertowError
from undertow.lock import run_lock
from undertow.settings import Home, Settings

__all__ = ["main", "write_docs"]


def write_docs(home: Home) -> Path:
    """Write the site of a home's warehouse; return its path.

    Raises:
        LockedError: a run is going on.
        WarehouseError: there is no warehouse, or dbt failed.
    """
    path = home.quality / "dbt_docs" / "index.html"
    with run_lock(home.ensure().lock):
        Warehouse(home).write_docs(path)
    return path


def main() -> int:
    """Write the site and say where it is."""
    try:
        sys.stdout.write(f"{write_docs(Home(Settings().home))}\n")
    except UndertowError as error:
        sys.stderr.write(f"undertow: {error}\n")
        return error.exit_code
    return 0


if __name__ == "__main__":
    sys.exit(main())

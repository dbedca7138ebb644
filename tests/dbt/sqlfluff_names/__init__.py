"""The names that dbt gives to macros and that sqlfluff's own dbt builtins lack; `.sqlfluff` points here.

Each answers as dbt would on DuckDB, so that what is linted is the SQL that runs.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from jinja2 import pass_context
from jinja2.runtime import Context
from sqlfluff.core.templaters.builtins.dbt import MacroReturn


class _Adapter:
    """Finds the branch of a dispatched macro."""

    @pass_context
    def dispatch(self, context: Context, name: str, package: str | None = None) -> Callable[..., Any]:
        """Return the macro of the DuckDB branch, or of the default one."""
        for branch in ("duckdb", "default"):
            if macro := context.resolve(f"{branch}__{name}"):
                return macro
        raise LookupError(f"no branch of the macro {name} for DuckDB")


def _return(value: Any) -> Any:
    """Give text back where it stands (a macro called by another of its file is not wrapped), anything else as dbt does."""
    if isinstance(value, str):
        return value
    raise MacroReturn(value)


adapter = _Adapter()
globals()["return"] = _return

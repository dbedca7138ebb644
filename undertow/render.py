"""Output of the command line: one table of rows as text, CSV, JSON or Parquet. No logic of the domain lives here."""

from __future__ import annotations

import csv
import io
import json
import math
import sys
from collections.abc import Callable, Mapping, Sequence
from datetime import date, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from rich.console import Console
from rich.table import Table

from undertow.errors import UsageError
from undertow.instants import format_instant

__all__ = ["FORMATS", "console", "instant_text", "number_text", "text_table", "write_json", "write_page", "write_rows"]

FORMATS = ("table", "csv", "json", "parquet")


def console(*, stderr: bool = False) -> Console:
    """Return a console; wide where the output is not a terminal, so that nothing is cut in logs and pipes."""
    stream = sys.stderr if stderr else sys.stdout
    return Console(stderr=stderr, width=None if stream.isatty() else 160, highlight=False, soft_wrap=False)


def instant_text(value: datetime | None) -> str:
    """Return an instant as people read it: minutes, with Z."""
    if value is None:
        return ""
    text = format_instant(value)
    return text[:-4] + "Z" if text.endswith(":00Z") else text


def number_text(value: float | None, decimals: int | None = None) -> str:
    """Return a number with the decimals it is published with, or six significant digits."""
    if value is None or math.isnan(value):
        return "-"
    return f"{value:,.{decimals}f}" if decimals is not None else f"{value:.6g}"


def _plain(value: Any) -> Any:
    """Return a value as JSON-ready data."""
    if isinstance(value, datetime):
        return format_instant(value)
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, float) and math.isnan(value):
        return None
    if isinstance(value, Mapping):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    return value


def _csv_cell(value: Any) -> Any:
    plain = _plain(value)
    if isinstance(plain, list):
        return ";".join(item if isinstance(item, str) else json.dumps(item) for item in plain)
    return "" if plain is None else plain


def write_rows(
    data: pa.Table,
    form: str,
    output: Path | None,
    columns: Sequence[tuple[str, str]] = (),
    text: Sequence[Sequence[str]] = (),
) -> None:
    """Write a table to standard output or a file.

    Args:
        data: the rows, all columns; CSV, JSON and Parquet get these.
        form: one of ``FORMATS``.
        output: a file; None is standard output.
        columns: (heading, justification) of the text table.
        text: the cells of the text table.

    Raises:
        UsageError: Parquet to a terminal.
    """
    if form == "parquet":
        _write_parquet(data, output)
        return
    if form == "json":
        write_json(data.to_pylist(), output)
        return
    if form == "csv":
        sink = io.StringIO()
        writer = csv.writer(sink, lineterminator="\n")
        writer.writerow(data.column_names)
        writer.writerows([_csv_cell(value) for value in row.values()] for row in data.to_pylist())
        _write_text(sink.getvalue(), output)
        return
    write_page(lambda screen: screen.print(text_table(columns, text)), output)


def text_table(columns: Sequence[tuple[str, str]], rows: Sequence[Sequence[str]]) -> Table:
    """Return a table of text cells; ``columns`` are (heading, justification). An id in the first of them is never broken."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    are_ids = not any(" " in row[0] for row in rows)
    for place, (heading, justify) in enumerate(columns):
        table.add_column(heading, justify=justify, overflow="fold", no_wrap=are_ids and place == 0)  # ty: ignore[invalid-argument-type]
    for row in rows:
        table.add_row(*row)
    return table


def write_json(data: Any, output: Path | None) -> None:
    """Write plain data as JSON to standard output or a file; instants and days become text."""
    _write_text(json.dumps(_plain(data), indent=1, ensure_ascii=False) + "\n", output)


def write_page(draw: Callable[[Console], None], output: Path | None) -> None:
    """Let ``draw`` print a page on the terminal, or into a file."""
    if output is None:
        draw(console())
        return
    page = io.StringIO()
    draw(Console(file=page, width=200))
    _write_text(page.getvalue(), output)


def _write_text(body: str, output: Path | None) -> None:
    if output is None:
        sys.stdout.write(body)
    else:
        output.write_text(body, encoding="utf-8")


def _write_parquet(data: pa.Table, output: Path | None) -> None:
    if output is None:
        if sys.stdout.isatty():
            raise UsageError("Parquet is binary: name a file with --output, or redirect the output")
        sink = pa.BufferOutputStream()
        pq.write_table(data, sink, compression="zstd")
        sys.stdout.buffer.write(sink.getvalue().to_pybytes())
        return
    pq.write_table(data, output, compression="zstd")

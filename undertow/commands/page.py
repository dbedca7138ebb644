"""``undertow page``, and what the commands share that can write a page in place of an answer."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from pathlib import Path

import click

from undertow.atomic import write_text
from undertow.commands.options import Instant
from undertow.errors import UsageError
from undertow.render import console

__all__ = ["page", "page_option", "refuse_both", "write_page"]


@click.command()
@click.argument("name", metavar="NAME")
@click.argument("path", type=click.Path(dir_okay=False, path_type=Path), metavar="FILE")
@click.option("--as-of", type=Instant(), default=None, help="Knowledge instant; by default that of the build.")
@click.option("--build", default=None, help="A build id or folder; by default the newest.")
def page(name: str, path: Path, as_of: datetime | None, build: str | None) -> None:
    """Write the page NAME as known at an instant to FILE, one HTML file that needs no network.

    Each published build holds its pages as known when it was published: index, signals, known, calendar, claims, quality,
    radar, crossborder and credit.

    \b
    Example:
      undertow page crossborder abroad.html --as-of 2025-11-18T21:00Z
    """
    from undertow.store import FeatureStore

    with FeatureStore(build, frame="arrow") as store:
        write_page(path, store.page(name, as_of))


def page_option(says: str) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Return the option ``--page``."""
    return click.option("--page", type=click.Path(dir_okay=False, path_type=Path), default=None, help=says)


def refuse_both(page: Path | None, form: str, output: Path | None) -> None:
    """Refuse a question for a page and for an answer in another form.

    Raises:
        UsageError: both were asked for.
    """
    if page is not None and (output is not None or form != "table"):
        raise click.UsageError("--page names the HTML file to write; --format and --output are for the answer as a table")


def write_page(path: Path, page: str) -> None:
    """Write a page, whole or not at all.

    Raises:
        UsageError: there is no such folder, or it cannot be written.
    """
    try:
        write_text(path, page)
    except OSError as error:
        raise UsageError(f"the page cannot be written to {path}: {error.strerror or error}") from None
    console(stderr=True).print(f"written: {path}", soft_wrap=True)

"""Options that several commands share."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime
from pathlib import Path
from typing import Any

import click

from undertow import clock
from undertow.errors import UsageError
from undertow.instants import parse_instant
from undertow.render import FORMATS

__all__ = ["PAGE_FORMATS", "Day", "Instant", "format_option", "now", "reading_options"]

PAGE_FORMATS = ("table", "json")


class Instant(click.ParamType):
    """An instant on the command line."""

    name = "instant"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> datetime:
        """Return the instant, or fail with the sentence that says how to write one."""
        if isinstance(value, datetime):
            return value
        try:
            return parse_instant(value)
        except UsageError as error:
            self.fail(str(error), param, ctx)


class Day(click.ParamType):
    """A day on the command line."""

    name = "date"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> date:
        """Return the day, or fail with the sentence that says how to write one."""
        if isinstance(value, date):
            return value
        try:
            return date.fromisoformat(value)
        except ValueError:
            self.fail(f"{value!r} is not a day; write for example 2025-10-24", param, ctx)


def now() -> datetime:
    """Return the instant that a question without ``--as-of`` is asked at: the clock, in whole seconds."""
    return clock.now().replace(microsecond=0)


def format_option(forms: tuple[str, ...] = FORMATS, of: str = "output") -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Return the option ``--format``."""
    return click.option(
        "--format", "form", type=click.Choice(forms), default="table", show_default=True, help=f"Form of the {of}."
    )


def reading_options(forms: tuple[str, ...] = FORMATS) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Return the options every reading command has."""
    options = [
        click.option(
            "--as-of",
            type=Instant(),
            default=None,
            help="Knowledge instant, UTC unless it says otherwise [default: now].",
        ),
        format_option(forms),
        click.option("--output", type=click.Path(dir_okay=False, path_type=Path), default=None, help="Write to this file."),
        click.option(
            "--build", default=None, help="Build id to read, or the address of an object store [default: the newest]."
        ),
    ]

    def add(command: Callable[..., None]) -> Callable[..., None]:
        for option in reversed(options):
            command = option(command)
        return command

    return add

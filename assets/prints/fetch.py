"""There is nothing to ask for: the files of this room are part of the package."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date

from undertow.room import Request
from undertow.settings import Settings

__all__ = ["requests"]


def requests(settings: Settings, today: date) -> Iterable[Request]:
    """Return no requests; neither argument is used."""
    return ()

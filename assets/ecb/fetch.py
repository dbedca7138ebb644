"""What the live mode asks the ECB for: the whole history and the newest day. Both are keyless."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date

from assets.ecb import DAILY_URL, HIST_URL
from undertow.room import Request
from undertow.settings import Settings

__all__ = ["requests"]


def requests(settings: Settings, today: date) -> Iterator[Request]:
    """Yield the requests of one run.

    Args:
        settings: not used; the files need no key.
        today: not used; the files have one address.
    """
    yield Request("eurofxref_hist", HIST_URL)
    yield Request("eurofxref_daily", DAILY_URL)

"""What the live mode asks the Ministry of Finance for: the history and the file of this month. Both are keyless."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date

from assets.mof import HISTORY_URL, MONTH_URL
from undertow.room import Request
from undertow.settings import Settings

__all__ = ["requests"]


def requests(settings: Settings, today: date) -> Iterator[Request]:
    """Yield the requests of one run.

    Args:
        settings: not used; the files need no key.
        today: not used; the files have one address each.
    """
    yield Request("jgb_curve", HISTORY_URL)
    yield Request("jgb_curve_month", MONTH_URL)

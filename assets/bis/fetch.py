"""What the live mode asks the BIS for: daily nominal rates of two years, and both monthly ones whole. All is keyless."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date

from assets.bis import API_URL
from undertow.room import Request, load_room
from undertow.settings import Settings

__all__ = ["requests"]


def requests(settings: Settings, today: date) -> Iterator[Request]:
    """Yield the requests of one run.

    Args:
        settings: not used; nothing needs a key.
        today: daily rates are asked for from the first day of the year before.
    """
    areas = "+".join(load_room("bis").catalogue()["areas"])
    daily = {"format": "csv", "startPeriod": f"{today.year - 1}-01-01"}
    yield Request("eer_daily", f"{API_URL}D.N.B.{areas}", params=daily)
    yield Request("eer_monthly", f"{API_URL}M.N+R.B.{areas}", params={"format": "csv"})

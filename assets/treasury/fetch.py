"""What the live mode asks the Treasury for: both curves of this year and the one before, keyless.

Two years are enough for every window of the signals at the turn of a year; older years come by replay.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date

from assets.treasury import FEED_URL
from undertow.room import Request
from undertow.settings import Settings

__all__ = ["CURVES", "requests"]

CURVES = {"par_yields": "daily_treasury_yield_curve", "real_yields": "daily_treasury_real_yield_curve"}


def requests(settings: Settings, today: date) -> Iterator[Request]:
    """Yield the requests of one run.

    Args:
        settings: not used; nothing needs a key.
        today: the last year that is asked for.
    """
    for dataset, name in CURVES.items():
        for year in (today.year - 1, today.year):
            yield Request(dataset, FEED_URL, params={"data": name, "field_tdr_date_value": str(year)})

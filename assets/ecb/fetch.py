"""What the live mode asks the ECB for: the whole history, the newest day, and what the Data Portal changed. All is keyless."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta

from assets.ecb import API_URL, DAILY_URL, HIST_URL
from assets.ecb.portal import newest_day
from undertow.room import Request, load_room
from undertow.settings import Settings

__all__ = ["follow", "requests"]


def requests(settings: Settings, today: date) -> Iterator[Request]:
    """Yield the requests of one run.

    Args:
        settings: not used; nothing needs a key.
        today: not used; the files have one address, and the Data Portal says itself which day is its newest.
    """
    yield Request("eurofxref_hist", HIST_URL)
    yield Request("eurofxref_daily", DAILY_URL)
    params = {"format": "csvdata", "detail": "dataonly", "lastNObservations": "1"}
    yield Request("exr_newest", f"{API_URL}D.USD.EUR.SP00.A", params=params)


def follow(settings: Settings, request: Request, payload: bytes) -> Iterator[Request]:
    """Ask for changes once the Data Portal has shown that it answers: then 404 means that there are none.

    Changes since the first of the month before the newest rate: the address stays the same for a month, and runs that are
    weeks apart miss nothing.
    """
    newest = newest_day(payload) if request.dataset == "exr_newest" else None
    if newest is None:
        return
    currencies = load_room("ecb").catalogue()["currencies"]
    quoted = "+".join(sorted(code for code, facts in currencies.items() if "ended" not in facts))
    since = (newest.replace(day=1) - timedelta(days=1)).replace(day=1)
    params = {"format": "csvdata", "includeHistory": "true", "updatedAfter": f"{since.isoformat()}T00:00:00+00:00"}
    yield Request("exr_changes", f"{API_URL}D.{quoted}.EUR.SP00.A", params=params, may_be_absent=True)

"""What the live mode asks the commission for: the files of six years, and the newest reports with the instant of their loading.

Nothing needs a key. A file of a year that is over is asked for conditionally and costs an answer without a body. Older years
come by replay.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import date, timedelta

from assets.cftc import SOCRATA_URL, zip_url
from undertow.room import Request
from undertow.settings import Settings

__all__ = ["PAGE", "WEEKS", "YEARS", "follow", "requests"]

YEARS = 6  # standardised values need five
WEEKS = 60  # that the API is asked for: the files of this year and the last do not say when their reports came
PAGE = 5_000
GROUP = "Interest Rates - U.S. Treasury"


def requests(settings: Settings, today: date) -> Iterator[Request]:
    """Yield the requests of one run.

    Args:
        settings: not used; nothing needs a key.
        today: the newest year, and the end of the weeks that the API is asked for.
    """
    since = today - timedelta(weeks=WEEKS)
    yield Request(
        "tff_socrata",
        SOCRATA_URL,
        params={
            "$select": ":created_at,*",
            "$where": f"commodity_subgroup_name='{GROUP}' AND report_date_as_yyyy_mm_dd>='{since.isoformat()}'",
            "$order": "report_date_as_yyyy_mm_dd,cftc_contract_market_code",
            "$limit": str(PAGE),
            "$offset": "0",
        },
    )
    for year in range(today.year, today.year - YEARS, -1):
        # in the first days of a year its file is not there yet
        yield Request("tff_futures_only", zip_url(year), may_be_absent=year == today.year)


def follow(settings: Settings, request: Request, payload: bytes) -> Iterator[Request]:
    """Yield the next page where this one is full."""
    if request.dataset != "tff_socrata":
        return
    rows = json.loads(payload)
    if isinstance(rows, list) and len(rows) >= PAGE:
        yield replace(request, params={**request.params, "$offset": str(int(request.params["$offset"]) + PAGE)})

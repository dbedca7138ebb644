"""What the live mode asks Fiscal Data for: this year and the one before of what is daily, all of what is small. Keyless.

A page tells whether another one follows. Older years come by replay.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import date

from assets.fiscaldata import API_URL, ENDPOINTS
from undertow.room import Request
from undertow.settings import Settings

__all__ = ["PAGE", "follow", "requests"]

PAGE = 10_000  # more is refused
LAST_PAGE = 100  # nothing that is asked for here has so many


def requests(settings: Settings, today: date) -> Iterator[Request]:
    """Yield the first page of each dataset.

    Args:
        settings: not used; nothing needs a key.
        today: the year before it is where daily data begin.
    """
    since = date(today.year - 1, 1, 1).isoformat()
    filters = {
        "dts_operating_cash_balance": (f"record_date:gte:{since}", "record_date"),
        "mts_table_5": ("line_code_nbr:eq:5694", "record_date"),
        "debt_to_penny": (f"record_date:gte:{since}", "record_date"),
        "auctions_query": (f"issue_date:gte:{since}", "issue_date,cusip"),
        "buybacks_operations": (None, "operation_date"),
    }
    for dataset, (chosen, order) in filters.items():
        params = {"sort": order, "page[number]": "1", "page[size]": str(PAGE)}
        yield Request(dataset, API_URL + ENDPOINTS[dataset], params=params if chosen is None else {"filter": chosen, **params})


def follow(settings: Settings, request: Request, payload: bytes) -> Iterator[Request]:
    """Yield the page after this one, where there is one."""
    answer = json.loads(payload)
    number = int(request.params["page[number]"])
    if isinstance(answer, dict) and (answer.get("links") or {}).get("next") and number < LAST_PAGE:
        yield replace(request, params={**request.params, "page[number]": str(number + 1)})

"""What the live mode asks the New York Fed for. Nothing needs a key.

The newest weeks are asked for at one address each, and the years before in answers that do not change, so a run brings little
that is new. Quarters of operations are asked for again, because who lent to the reverse repo facility is added a quarter late.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta

from assets.nyfed import API_URL, ELASTICITY_URL, RATES
from undertow.room import Request
from undertow.settings import Settings

__all__ = ["DEALER_SERIES", "FIRST_DAYS", "NEWEST", "requests"]

NEWEST = 60  # business days; so many may pass between two runs before a rate is missed
FIRST_DAYS = {"SOFR": "2018-04-02", "TGCR": "2018-04-02", "BGCR": "2018-04-02", "EFFR": "2016-03-01", "OBFR": "2016-03-01"}
SERIES_BREAK = "SBN2024"
DEALER_SERIES = ("PDPOSGST-TOT", "PDSORA-UTSETTOT", "PDSIRRA-UTSETTOT", "PDFTD-USTET")


def requests(settings: Settings, today: date) -> Iterator[Request]:
    """Yield the requests of one run.

    Args:
        settings: not used; nothing needs a key.
        today: the last day that is asked for.
    """
    for name, (market, _) in RATES.items():
        path = f"{API_URL}rates/{market}/{name.lower()}"
        years = {"startDate": FIRST_DAYS[name], "endDate": f"{today.year - 1}-12-31"}
        yield Request(name.lower(), f"{path}/search.json", params=years)
        yield Request(name.lower(), f"{path}/last/{max(NEWEST, _business_days_of(today))}.json")
    yield Request("sofrai", f"{API_URL}rates/secured/sofrai/last/{NEWEST}.json")
    for first, last in _quarters(today):
        period = {"startDate": first.isoformat(), "endDate": last.isoformat()}
        yield Request("repo_operations", f"{API_URL}rp/results/search.json", params=period)
    yield Request("soma_summary", f"{API_URL}soma/summary.json")
    for key in DEALER_SERIES:
        yield Request("primary_dealer", f"{API_URL}pd/get/{SERIES_BREAK}/timeseries/{key}.json")
    yield Request("elasticity", ELASTICITY_URL)


def _business_days_of(today: date) -> int:
    """Return a number of rates that reaches back to the last year's end, the same for half a year."""
    return 140 if today.month <= 6 else 270


def _quarters(today: date) -> Iterator[tuple[date, date]]:
    """Yield the quarters since the beginning of last year, each with its first and last day; the newest ends today."""
    first = date(today.year - 1, 1, 1)
    while first <= today:
        following = date(first.year + first.month // 10, (first.month + 2) % 12 + 1, 1)
        yield first, min(following - timedelta(days=1), today)
        first = following

"""What the live mode asks the New York Fed for. Nothing needs a key.

The newest weeks are asked for at one address each, and the years before in an answer that changes once a month, so a run brings
little that is new. Quarters of operations are asked for again, because who lent to the reverse repo facility is added a quarter
late; older ones come by replay.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta

from assets.nyfed import API_URL, ELASTICITY_URL, FR2420_URL, RATES
from undertow.room import Request
from undertow.settings import Settings

__all__ = ["DEALER_SERIES", "FIRST_DAYS", "NEWEST", "requests"]

NEWEST = 40  # business days, more than the month that is not in the history yet
QUARTERS = 3  # of operations
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
        years = {"startDate": FIRST_DAYS[name], "endDate": (today.replace(day=1) - timedelta(days=1)).isoformat()}
        yield Request(name.lower(), f"{path}/search.json", params=years)
        yield Request(name.lower(), f"{path}/last/{NEWEST}.json")
    yield Request("sofrai", f"{API_URL}rates/secured/sofrai/last/{NEWEST}.json")
    for first, last in list(_quarters(today))[-QUARTERS:]:
        period = {"startDate": first.isoformat(), "endDate": last.isoformat()}
        yield Request("repo_operations", f"{API_URL}rp/results/search.json", params=period)
    yield Request("soma_summary", f"{API_URL}soma/summary.json")
    for key in DEALER_SERIES:
        yield Request("primary_dealer", f"{API_URL}pd/get/{SERIES_BREAK}/timeseries/{key}.json")
    yield Request("elasticity", ELASTICITY_URL)
    for first, _ in list(_quarters(today))[-3:-1]:  # they come about a quarter late
        name = f"{first.year}/FR2420-summary-statistics-q{first.month // 3 + 1}{first.year}.xlsx"
        yield Request("fr2420", FR2420_URL + name, may_be_absent=True)


def _quarters(today: date) -> Iterator[tuple[date, date]]:
    """Yield the quarters since the beginning of last year, each with its first and last day; the newest ends today."""
    first = date(today.year - 1, 1, 1)
    while first <= today:
        following = date(first.year + first.month // 10, (first.month + 2) % 12 + 1, 1)
        yield first, min(following - timedelta(days=1), today)
        first = following

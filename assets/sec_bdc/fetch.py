"""What the live mode asks the SEC for: the index page, each zip file that it links, and the register of three years.

The SEC wants to know who asks, and refuses those who do not say. Without a contact nothing is asked, and the run says so. The
client keeps the distance between requests and waits when it meets 429; after a refusal nothing more is asked in that run.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import date

from assets.sec_bdc import INDEX_URL, REGISTER_URL, SITE
from undertow.room import Request
from undertow.settings import Settings

__all__ = ["follow", "notes", "quarters", "requests"]

REGISTER_YEARS = 3  # one edition alone leaves out filers that are there: their union has them
_LINK = re.compile(r'href\s*=\s*["\'](/files/[^"\'?#]+_bdc\.zip)["\']', re.IGNORECASE)
_PERIOD = re.compile(r"/(\d{4})(?:q([1-4])|_(\d{2}))_bdc\.zip$", re.IGNORECASE)


def notes(settings: Settings) -> Iterator[str]:
    """Say that nothing is asked of the SEC as long as it would not know who asks."""
    if not settings.has_contact:
        yield "sec_bdc: the SEC serves those who name a contact; set UNDERTOW_CONTACT to your name and e-mail to fetch its data"


def requests(settings: Settings, today: date) -> Iterator[Request]:
    """Yield the index page and the register of this year and the two before it, if a contact is set."""
    if not settings.has_contact:
        return
    for year in range(today.year - REGISTER_YEARS + 1, today.year + 1):
        yield Request("register", REGISTER_URL.format(year=year), may_be_absent=True)
    yield Request("index", INDEX_URL)


def follow(settings: Settings, request: Request, payload: bytes) -> Iterator[Request]:
    """Yield the zip files that the index page links, each once, in the order of the page; other answers lead nowhere."""
    if request.dataset != "index":
        return
    for link in dict.fromkeys(_LINK.findall(payload.decode("utf-8", "replace"))):
        yield Request("bdc_zip", SITE + link)


def quarters(page: bytes) -> dict[str, list[Request]]:
    """Return the zip files of each quarter of filing that the index page links: one of a quarter, or up to three of a month."""
    found: dict[str, list[Request]] = {}
    for link in sorted(dict.fromkeys(_LINK.findall(page.decode("utf-8", "replace")))):
        period = _PERIOD.search(link)
        if period:
            year, quarter, month = period.groups()
            found.setdefault(f"{year}q{quarter or (int(month) + 2) // 3}", []).append(Request("bdc_zip", SITE + link))
    return dict(sorted(found.items()))

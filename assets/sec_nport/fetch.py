"""What the live mode asks the SEC for: the index page, and the newest data sets that it links.

Older quarters do not change; `undertow backfill sec_nport` brings them once. Without a contact nothing is asked, and the run
says so.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import date

from assets.sec_nport import INDEX_URL, SITE
from undertow.room import Request
from undertow.settings import Settings

__all__ = ["follow", "notes", "quarters", "requests"]

QUARTERS = 2  # the newest one, and the one before it in case that it is rewritten
_LINK = re.compile(r'href\s*=\s*["\'](/files/[^"\'?#]*?(\d{4})q([1-4])_nport\.zip)["\']', re.IGNORECASE)


def notes(settings: Settings) -> Iterator[str]:
    """Say that nothing is asked of the SEC as long as it would not know who asks."""
    if not settings.has_contact:
        yield "sec_nport: the SEC serves those who name a contact; set UNDERTOW_CONTACT to your name and e-mail"


def requests(settings: Settings, today: date) -> Iterator[Request]:
    """Yield the index page, if a contact is set."""
    if settings.has_contact:
        yield Request("index", INDEX_URL)


def follow(settings: Settings, request: Request, payload: bytes) -> Iterator[Request]:
    """Yield the newest zip files that the index page links; other answers lead nowhere."""
    if request.dataset == "index":
        found = quarters(payload)
        for quarter in sorted(found, reverse=True)[:QUARTERS]:
            yield from found[quarter]


def quarters(page: bytes) -> dict[str, list[Request]]:
    """Return the zip file of each quarter of filing that the index page links, by names such as 2019q4."""
    found = {f"{year}q{quarter}": link for link, year, quarter in _LINK.findall(page.decode("utf-8", "replace"))}
    return {quarter: [Request("nport_zip", SITE + found[quarter])] for quarter in sorted(found)}

"""What the live mode asks the Board for: the history of each release and the table of overdrafts, keyless.

The zips are static files with an ETag, so a release that has not come since the last run costs one short answer.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date

from assets.frb import OVERDRAFTS_URL, RELEASES, release_url
from undertow.room import Request
from undertow.settings import Settings

__all__ = ["requests"]


def requests(settings: Settings, today: date) -> Iterator[Request]:
    """Yield one request for each release, and one for the overdrafts; neither argument is used."""
    for release in RELEASES:
        yield Request(release, release_url(release))
    yield Request("overdrafts", OVERDRAFTS_URL)

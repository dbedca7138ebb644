"""What the live mode asks the department for: the newest news releases, and the report of this year and the one before.

Nothing needs a key. A release that is not there (a lapse, or a Thursday before half past eight) is no fault.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date

from assets.dol import REPORT_URL, release_url
from assets.dol.parse import release_days
from undertow.room import Request
from undertow.settings import Settings

__all__ = ["RELEASES", "requests"]

RELEASES = 4  # so many weeks may pass between two runs before a release is missed; older ones come by replay


def requests(settings: Settings, today: date) -> Iterator[Request]:
    """Yield the requests of one run.

    Args:
        settings: not used; nothing needs a key.
        today: the last day a release may be of, and the last year of the report.
    """
    days = [day for year in (today.year - 1, today.year) for days in release_days(year).values() for day in days]
    for day in sorted(day for day in days if day <= today)[-RELEASES:]:
        yield Request("release", release_url(day.year, day.month, day.day), may_be_absent=True)
    years = {"strtdate": str(today.year - 1), "enddate": str(today.year), "final_yr": str(today.year + 1)}
    yield Request("report", REPORT_URL, form={"level": "us", **years, "filetype": "xml"})

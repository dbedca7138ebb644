"""What the live mode asks the Treasury for: the current tables, the history of holders and of the release, and CSLT. Keyless.

The files have an ETag, so a day without a release costs eight short answers. ``mfh.txt`` is not asked for: it is dead.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date

from assets.tic import BASE_URL, FILES
from undertow.room import Request
from undertow.settings import Settings

__all__ = ["requests"]


def requests(settings: Settings, today: date) -> Iterator[Request]:
    """Yield one request for each file; neither argument is used."""
    for dataset, file in FILES.items():
        yield Request(dataset, BASE_URL + file)

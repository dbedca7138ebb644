"""What the live mode asks the bureau for: the file of each program, and with a key the last years from the API as well.

The files hold every month since the beginning and need no key; the API wants one.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date

from assets.census import API_URL, FILES_URL, PROGRAMS
from undertow.room import Request
from undertow.settings import Settings

__all__ = ["COLUMNS", "YEARS", "requests"]

COLUMNS = ("cell_value", "data_type_code", "time_slot_id", "error_data", "category_code", "seasonally_adj")
YEARS = 3  # that the API is asked for


def requests(settings: Settings, today: date) -> Iterator[Request]:
    """Yield the requests of one run.

    Args:
        settings: ``census_key`` adds the API; the key goes into the query, and is not recorded.
        today: the last year that the API is asked for.
    """
    for program in PROGRAMS:
        yield Request(f"{program.api}_file", FILES_URL, params={"programCode": program.code})
    if settings.census_key is None:
        return
    key = settings.census_key.get_secret_value()
    for program in PROGRAMS:
        columns = (*COLUMNS, "geo_level_code") if program.has_regions else COLUMNS
        params = {"get": ",".join(columns), "time": f"from {today.year - YEARS + 1}"}
        params |= {"for": "us:*"} if program.by_place else {}
        yield Request(program.api, API_URL + program.api, params={**params, "key": key}, secrets=(key,))

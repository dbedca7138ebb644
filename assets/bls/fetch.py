"""What the live mode asks BLS for: the CPI flat files, and the four headline series from the API.

The API answers within seconds of a release, the flat files somewhat later; the files hold every series and the API
four. A registration key moves the API request from v1 to v2, which takes twenty years instead of ten. Nothing needs
the key.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date

from assets.bls import API_V1_URL, API_V2_URL, FLAT_FILES_URL
from undertow.room import Request
from undertow.settings import Settings

__all__ = ["HEADLINE", "requests"]

# All items and all items less food and energy, unadjusted and seasonally adjusted.
HEADLINE = ("CUUR0000SA0", "CUUR0000SA0L1E", "CUSR0000SA0", "CUSR0000SA0L1E")

V1_YEARS = 10  # the most that one query of each version takes
V2_YEARS = 20


def requests(settings: Settings, today: date) -> Iterator[Request]:
    """Yield the requests of one run.

    Args:
        settings: ``bls_key`` chooses v2 of the API; the key goes into the body, which is not recorded.
        today: the last year that the API is asked for.
    """
    yield Request("cu_series", FLAT_FILES_URL + "cu.series")
    yield Request("cu_data", FLAT_FILES_URL + "cu.data.0.Current")
    body: dict[str, object] = {"seriesid": list(HEADLINE), "endyear": str(today.year)}
    if settings.bls_key is None:
        body["startyear"] = str(today.year - V1_YEARS + 1)
        yield Request("api_v2", API_V1_URL, json=body)
        return
    key = settings.bls_key.get_secret_value()
    body |= {"startyear": str(today.year - V2_YEARS + 1), "annualaverage": True, "registrationkey": key}
    yield Request("api_v2", API_V2_URL, json=body, secrets=(key,))

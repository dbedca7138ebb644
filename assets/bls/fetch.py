"""What the live mode asks BLS for: flat files, the headline series of each survey from the API, and the newest news release.

The API answers within seconds of a release, the flat files somewhat later; the files hold every series of a survey, the API
the headline series. The page of the Employment Situation is the only one that dates its values itself. A registration key
moves the API request from v1 to v2, which takes twenty years instead of ten. Nothing needs the key.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date

from assets.bls import API_V1_URL, API_V2_URL, FLAT_FILES, FLAT_FILES_URL, RELEASE_URL, VINTAGES_URL
from undertow.room import Request
from undertow.settings import Settings

__all__ = ["HEADLINE", "requests"]

# One query of v1 takes 25 series.
HEADLINE = (
    # all items and all items less food and energy, unadjusted and seasonally adjusted
    "CUUR0000SA0", "CUUR0000SA0L1E", "CUSR0000SA0", "CUSR0000SA0L1E",
    # payrolls (total, private), hourly earnings
    "CES0000000001", "CES0500000001", "CES0500000003",
    # unemployment rate, unemployed, labour force, participation
    "LNS14000000", "LNS13000000", "LNS11000000", "LNS11300000",
    # unemployment rate of people aged 16 to 24
    "LNS14024887",
    # job openings, level and rate
    "JTS000000000000000JOL", "JTS000000000000000JOR",
    # employment cost of civilian workers, over a year and over a quarter
    "CIU1010000000000A", "CIS1010000000000Q",
    # producer prices of final demand, import prices
    "WPSFD4", "WPUFD4", "EIUIR",
)  # fmt: skip

V1_YEARS = 10  # the most that one query of each version takes
V2_YEARS = 20


def requests(settings: Settings, today: date) -> Iterator[Request]:
    """Yield the requests of one run.

    Args:
        settings: ``bls_key`` chooses v2 of the API; the key goes into the body, which is not recorded.
        today: the last year that the API is asked for.
    """
    yield Request("employment_situation", RELEASE_URL)
    for survey, (_, files) in FLAT_FILES.items():
        for part, name in files.items():
            yield Request(f"{survey}_{part}", f"{FLAT_FILES_URL}{survey}/{name}")
    yield Request("ces_vintages", VINTAGES_URL)
    body: dict[str, object] = {"seriesid": list(HEADLINE), "endyear": str(today.year)}
    if settings.bls_key is None:
        body["startyear"] = str(today.year - V1_YEARS + 1)
        yield Request("api_v2", API_V1_URL, json=body)
        return
    key = settings.bls_key.get_secret_value()
    body |= {"startyear": str(today.year - V2_YEARS + 1), "annualaverage": True, "registrationkey": key}
    yield Request("api_v2", API_V2_URL, json=body, secrets=(key,))

"""What the live mode asks FRED for: nothing without consent, the keyless CSVs with it, and vintages with a key as well.

Vintages take two steps: the days on which a series changed, then windows over them that hold at most 2,000 each. A window
begins on the last vintage date of the one before, so its first rows repeat what that one dates exactly.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from datetime import date

from assets.fred import API_URL, FREDGRAPH_URL
from assets.fred.parse import FIRST_DAY, LAST_DAY, read_page, read_vintage_dates
from undertow.errors import ParseError
from undertow.http import address
from undertow.room import Request
from undertow.settings import Settings

__all__ = ["DAILY", "REVISED", "follow", "is_busy", "notes", "requests", "windows"]

# What the signals speak of and no third party owns. Revised series are wanted with their vintages.
REVISED = (
    "PAYEMS", "UNRATE", "CPIAUCSL", "CPILFESL", "PCEPI", "PCEPILFE", "GDP", "GDPC1", "INDPRO", "JTSJOL", "ICSA", "PPIFIS",
    "WALCL", "WRESBAL", "TREAST", "WSHOMCB",
)  # fmt: skip
# Market rates are hardly ever revised, and each of their days is a vintage: the newest values suffice.
DAILY = (
    "DGS2", "DGS5", "DGS10", "DGS30", "SOFR", "EFFR", "IORB", "RRPONTSYD", "T5YIE", "T10YIE", "DTWEXBGS", "TLAACBW027SBOG",
)  # fmt: skip

MOST_VINTAGES = 2000  # in one request, by the API's own limit
CSV_YEARS = 30


def requests(settings: Settings, today: date) -> Iterator[Request]:
    """Yield the first requests of one run; ``follow`` derives the others from the answers.

    Args:
        settings: nothing is yielded without ``fred_consent``; ``fred_key`` opens the API.
        today: the daily CSVs reach back from here.
    """
    if not settings.fred_consent:
        return
    begin = f"{today.year - CSV_YEARS}-01-01"
    if settings.fred_key is None:
        # One series a request: series of different frequencies in one file would share their dates.
        for native in (*REVISED, *DAILY):
            yield Request("fredgraph_csv", FREDGRAPH_URL, {"id": native, "cosd": begin}, busy=is_busy)
        return
    for native in REVISED:
        yield _api(settings, "series_info", "series", {"series_id": native})
        yield _api(settings, "vintage_dates", "series/vintagedates", {"series_id": native, **_period(FIRST_DAY, LAST_DAY)})
    for native in DAILY:
        yield Request("fredgraph_csv", FREDGRAPH_URL, {"id": native, "cosd": begin}, busy=is_busy)


def follow(settings: Settings, request: Request, payload: bytes) -> Iterator[Request]:
    """Yield what to ask next, seeing an answer: the windows over vintage dates, or the next page.

    An answer that cannot be read leads nowhere here; landing it says why.
    """
    if request.dataset not in ("vintage_dates", "observations"):
        return
    url = address(request)
    native = request.params["series_id"]
    try:
        if request.dataset == "vintage_dates":
            dates, following = read_vintage_dates(payload, url)
        else:
            dates, following = [], read_page(payload, url)
    except ParseError:
        return
    first = int(request.params.get("offset", "0")) == 0
    for start, end in windows(dates, is_first=first, is_last=following is None):
        parameters = {"series_id": native, "output_type": "1", **_period(start, end)}
        yield _api(settings, "observations", "series/observations", parameters)
    if following is not None:
        yield _api(settings, request.dataset, request.url.removeprefix(API_URL), _asked(request) | {"offset": str(following)})


def windows(
    dates: Sequence[date], *, is_first: bool = True, is_last: bool = True, most: int = MOST_VINTAGES
) -> Iterator[tuple[date, date]]:
    """Yield real-time periods that together hold all vintage dates, at most ``most`` of them each.

    Each begins on the vintage date on which the one before it ends. Windows that are full stay as they are when newer
    vintages come, so their answers are the same bytes again.

    Args:
        dates: vintage dates in ascending order.
        is_first: the dates begin with the first of the series, so that the first window is open at its start.
        is_last: they end with the newest, so that the last window is open at its end.
        most: vintage dates in one window, at least 2.
    """
    step = most - 1
    for place in range(0, max(len(dates) - 1, 1 if is_first else 0), step):
        chunk = dates[place : place + most]
        if not chunk:
            return
        start = FIRST_DAY if is_first and place == 0 else chunk[0]
        end = LAST_DAY if is_last and place + most >= len(dates) else chunk[-1]
        yield start, end


def notes(settings: Settings) -> Iterable[str]:
    """Return one line on what is not asked for under these settings, and why."""
    if not settings.fred_consent:
        return (
            "fred: nothing is asked, because its terms of use limit storing its data; "
            "set UNDERTOW_FRED_CONSENT=yes if you may keep it",
        )
    if settings.fred_key is None:
        return ("fred: without UNDERTOW_FRED_KEY the API is not asked, so series come without their vintages",)
    return ()


def is_busy(body: bytes) -> bool:
    """Tell whether a body is FRED's word for too many requests, which can come with status 200."""
    if len(body) > 4096 or b"429" not in body:
        return False
    try:
        said = json.loads(body)
    except ValueError:
        return False
    return isinstance(said, dict) and 429 in (said.get("error_code"), said.get("code"))


def _api(settings: Settings, dataset: str, path: str, parameters: dict[str, str]) -> Request:
    """Return a request to the API, with the key as a secret."""
    assert settings.fred_key is not None  # noqa: S101 (narrowing for the type checker)
    key = settings.fred_key.get_secret_value()
    query = {**parameters, "file_type": "json", "api_key": key}
    return Request(dataset, API_URL + path, query, secrets=(key,), busy=is_busy)


def _asked(request: Request) -> dict[str, str]:
    """Return the parameters of a request without those that every request has."""
    return {name: value for name, value in request.params.items() if name not in ("file_type", "api_key")}


def _period(start: date, end: date) -> dict[str, str]:
    """Return a real-time period as parameters."""
    return {"realtime_start": start.isoformat(), "realtime_end": end.isoformat()}

"""Bureau of Labor Statistics: consumer price indexes, as flat files, as an API and as a packaged database.

**Wire formats.**

* Flat files ``https://download.bls.gov/pub/time.series/cu/``: tab separated, space padded text, names and values to
  be stripped. ``cu.data.*`` has ``series_id, year, period, value, footnote_codes``; ``cu.series`` is the catalogue.
  Footnote texts are in a file of their own (``cu.footnote``); the ones we know are in ``series.yml``.
* Public Data API, v1 (keyless) and v2 (a free key widens it): JSON, ``Results.series[].data[]``, newest first, every
  number a string, ``footnotes: [{}]`` for none. ``Results`` may be an object or a list.
* ``cpi.db``, a SQLite file that the Python package ``cpi`` builds from the flat files: tables ``series`` and
  ``indexes``.

**Official reference.** https://www.bls.gov/developers/api_signature_v2.htm (API),
https://download.bls.gov/pub/time.series/cu/cu.txt (flat files), https://www.bls.gov/cpi/ (the index).

**Licence.** US government work, public domain; BLS asks to be cited.

**Time.** A payload holds the newest revision only and does not say when a value came out, so ``known_at`` is the
fetch (``first_seen``) and the release calendar lifts it later. ``parse.rules`` gives the bound for months that no
calendar lists.

**Traps.**

* October 2025 was never collected. It is a row whose value is ``-`` with footnote X, not an absent row; ``cpi.db``
  leaves such rows out, so there it is absent except for the 285 series that have a value. Nothing is invented for it.
* The code of one footnote differs by survey (X in CU and LA, 9 in LN), and a code alone says nothing: a note is
  matched on survey, code and text.
* Errors come with HTTP 200: ``REQUEST_NOT_PROCESSED`` for a spent daily quota or a bad key, whose message repeats the
  key. Problems with single series come as messages of a successful answer.
* M13, S03 and Q05 are annual averages, S01 and S02 half-year averages. They are series of their own here, ``:A`` and
  ``:S``, or a window over twelve months would take the average for a thirteenth. Only for half-yearly series
  (``CUUS...``) is S01 the series itself.
* NSA indexes are final; seasonally adjusted history is restated each February for five years.
* Browser-like request headers are refused with 403; a plain contact as User-Agent passes.
"""

from __future__ import annotations

from undertow.room import Dataset, Packaged, Room

__all__ = ["API_V1_URL", "API_V2_URL", "FLAT_FILES_URL", "ROOM"]

FLAT_FILES_URL = "https://download.bls.gov/pub/time.series/cu/"
API_V1_URL = "https://api.bls.gov/publicAPI/v1/timeseries/data/"
API_V2_URL = "https://api.bls.gov/publicAPI/v2/timeseries/data/"

ROOM = Room(
    name="bls",
    title="Bureau of Labor Statistics, consumer price indexes",
    datasets=(
        Dataset(
            name="cpi_package",
            title="All CPI-U series since 1913, as the package cpi collected them from the flat files",
            content="sqlite",
            packaged=Packaged(
                distribution="cpi",
                version="2.1.0",
                path="cpi/cpi.db",
                fetched_at="2026-09-24T15:29:08Z",
                url=FLAT_FILES_URL,
            ),
            max_bytes=512 * 1024 * 1024,
        ),
        Dataset(name="cu_data", title="CPI-U values, flat file cu.data.0.Current", content="text"),
        Dataset(name="cu_series", title="CPI-U catalogue, flat file cu.series", content="text"),
        Dataset(
            name="api_v2",
            title="Public Data API, v2 or v1 (same layout)",
            content="json",
            max_bytes=64 * 1024 * 1024,
            moves=True,
        ),
    ),
    parser_version=1,
)

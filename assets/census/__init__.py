"""Census Bureau: economic indicators time series (EITS), from the API and from the files that hold the same numbers.

**Wire formats.**

* API, ``https://api.census.gov/data/timeseries/eits/<dataset>?get=...&time=from+2024``: a JSON array of arrays, row 0 the
  names of the columns, every cell a string. Columns asked for stand there first, predicates after them, and a name may
  stand twice. A row is one value: ``category_code``, ``data_type_code``, ``seasonally_adj`` (yes, no), ``error_data``
  (yes: a sampling error and no value), ``time`` (``2025-10``) and ``cell_value``.
* Files, ``https://www.census.gov/econ_getzippedfile/?programCode=<PROGRAM>``: a zip with ``<PROGRAM>-mf.csv``, which has
  sections under a line with their name: CATEGORIES (``cat_idx,cat_code,cat_desc,cat_indent``), DATA TYPES
  (``dt_idx,dt_code,dt_desc,dt_unit``), ERROR TYPES, GEO LEVELS (``geo_idx,geo_code,geo_desc``), TIME PERIODS
  (``per_idx,per_name``), NOTES, DATA UPDATED ON and DATA (``per_idx,cat_idx,dt_idx,et_idx,geo_idx,is_adj,val``).

Series ids are ``census.<program>.<category>.<data type>.<SA or NSA>`` for both. A payload holds hundreds of series; the
room reads those of ``series.yml``, and a series that is added there with a higher parser version is read from the
archived payloads too.

**Official reference.** https://www.census.gov/data/developers/data-sets/economic-indicators.html,
https://www2.census.gov/data/api-documentation/EITS_API_User_Guide_Dec2020.pdf, https://www.census.gov/econ_datasets/
(files)

**Licence.** US government work, public domain; the bureau asks for attribution, and for the sentence that it does not
endorse what is made with its API.

**Time.** A payload holds the newest figures only and dates none of them. They count from our fetch (``first_seen``), or
from the last release before it where the release calendar is complete. DATA UPDATED ON is an hour or so before the
release, so it is no instant of publication.

**Traps.**

* Since the autumn of 2026 the API answers a request without a key with a redirect to a page in HTML, ``Missing Key``, at
  status 200. The files need no key, so they are what is asked for without one.
* 204 for a period without data; 400 with a sentence for a missing predicate; 500 queries a day for an address without a
  key.
* Missing values are marks in parentheses: (NA) not available, (S) below the standards of publication, (D) withheld, (X)
  not applicable.
* ``time_slot_id`` counts within the answer; it is no month. The month is ``time``.
* Levels at annual rates are categories of their own (ASTARTS, ASOLD, AXXXX); the same word without the A is the plain
  month.
* advm3 is called M3ADV in the files. Its categories are mnemonics (MDM, NXA), no NAICS codes.
* Months are revised with each release, and years every spring.
"""

from __future__ import annotations

from typing import NamedTuple

from undertow.room import Dataset, Room

__all__ = ["API_URL", "FILES_URL", "PROGRAMS", "ROOM", "Program"]

API_URL = "https://api.census.gov/data/timeseries/eits/"
FILES_URL = "https://www.census.gov/econ_getzippedfile/"


class Program(NamedTuple):
    """One survey: its name in the API and in the files, and what the API wants to be told of geography."""

    api: str
    code: str
    title: str
    by_place: bool = False  # the API wants ``for=us:*``
    has_regions: bool = False  # the answer has regions beside the country


PROGRAMS = (
    Program("marts", "MARTS", "Advance monthly sales for retail and food services"),
    Program("advm3", "M3ADV", "Advance report on durable goods", by_place=True),
    Program("m3", "M3", "Manufacturers' shipments, inventories and orders", by_place=True),
    Program("resconst", "RESCONST", "New residential construction", has_regions=True),
    Program("ressales", "RESSALES", "New residential sales", has_regions=True),
    Program("vip", "VIP", "Construction spending"),
    Program("ftd", "FTD", "US international trade in goods and services"),
)

ROOM = Room(
    name="census",
    title="Census Bureau, economic indicators",
    datasets=(
        *(
            Dataset(name=one.api, title=f"{one.title}, API", content="json", max_bytes=64 * 1024 * 1024, moves=True)
            for one in PROGRAMS
        ),
        *(
            Dataset(name=f"{one.api}_file", title=f"{one.title}, file", content="zip", max_bytes=64 * 1024 * 1024)
            for one in PROGRAMS
        ),
    ),
    tables=("observation", "series"),
    parser_version=1,
)

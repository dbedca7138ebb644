"""Bureau of Labor Statistics: prices, payrolls, unemployment, job openings and labour cost, with the vintages BLS keeps.

**Wire formats.**

* Flat files ``https://download.bls.gov/pub/time.series/<survey>/``: tab separated, space padded text, names and values to
  be stripped. ``xx.data.*`` has ``series_id, year, period, value, footnote_codes``; ``xx.series`` is the catalogue, whose
  columns differ by survey; ``xx.footnote`` has the texts of the codes, and is held against those in ``series.yml``.
  Surveys: cu (CPI), ce (payrolls), ln (households), jt (job openings), ci (employment cost), wp and pc (producer prices),
  ei (import and export prices).
* Public Data API, v1 (keyless) and v2 (a free key widens it): JSON, ``Results.series[].data[]``, newest first, every
  number a string, ``footnotes: [{}]`` for none. ``Results`` may be an object or a list.
* ``cpi.db``, a SQLite file that the Python package ``cpi`` builds from the flat files: tables ``series`` and
  ``indexes``.
* Archived pages of the Employment Situation (HTML, or gzip of it): an embargo line, a text with a sentence about the
  revisions, and tables with fixed ids (``cps_empsit_a01``, ``ces_table1``, ``ces_table10``). The keyless vintages.
* ``cesvinall.zip``: a CSV file for each industry with one row a release and one column a month.

**Official reference.** https://www.bls.gov/developers/api_signature_v2.htm (API),
https://download.bls.gov/pub/time.series/cu/cu.txt (flat files), https://www.bls.gov/bls/news-release/empsit.htm (archive of
the Employment Situation), https://www.bls.gov/web/empsit/cesvindata.htm (vintage tables), https://www.bls.gov/cpi/.

**Licence.** US government work, public domain; BLS asks to be cited.

**Time.** A page of the Employment Situation says when it became public (basis ``provider``): what it prints are vintages.
A row of the vintage tables is known by the end of the month after its reference month, a rule that held in all 192 releases
since 2010 but one (basis ``lag_rule``, flagged KNOWN_LATE). Every other payload holds the newest revision only and does not
say when a value came out, so ``known_at`` is the fetch (``first_seen``) and the release calendar lifts it later: write-once
series to their release, all others to the release of the vintage. ``parse.rules`` gives the bound of CPI months that no
calendar lists.

**Series of our own.** ``bls.CES0000000001:change`` is the change over the month in thousands as one release states it (a
page prints it; of other payloads it is the difference of two levels in that payload), and ``...:change_before`` the earlier
estimate as the page's sentence repeats it. The levels of two releases must not be differenced: between them may lie a
benchmark. ``bls.CES_COLLECTION_RATE`` is the collection rate of first estimates, where a page tells it.

**Traps.**

* October 2025 was never collected for the CPI and the household survey. It is a row whose value is ``-``, not an absent
  row; ``cpi.db`` leaves such rows out, so there it is absent except for the 285 series that have a value. Nothing is
  invented for it. Payrolls of October came with November's release.
* ``cesvinall.zip`` has a row for October 2025 although there was no such release: a placeholder with -1 in two cells and
  the values of the next release in all others.
* The code of one footnote differs by survey (X in CU and LA, 9 in LN), and a code alone says nothing: a note is
  matched on survey, code and text.
* Errors come with HTTP 200: ``REQUEST_NOT_PROCESSED`` for a spent daily quota or a bad key, whose message repeats the
  key. Problems with single series come as messages of a successful answer.
* M13, S03, Q05 and A01 are annual averages, S01 and S02 half-year averages. They are series of their own here, ``:A`` and
  ``:S``, or a window over twelve months would take the average for a thirteenth. Only for half-yearly price series
  (``CUUS...``) is S01 the series itself.
* NSA price indexes are final; seasonally adjusted history is restated each February for five years. Producer prices are
  revised for four months.
* Browser-like request headers are refused with 403; a plain contact as User-Agent passes.
"""

from __future__ import annotations

from undertow.room import Dataset, Packaged, Room

__all__ = ["API_V1_URL", "API_V2_URL", "FLAT_FILES", "FLAT_FILES_URL", "RELEASE_URL", "ROOM", "VINTAGES_URL"]

FLAT_FILES_URL = "https://download.bls.gov/pub/time.series/"
RELEASE_URL = "https://www.bls.gov/news.release/empsit.htm"
VINTAGES_URL = "https://www.bls.gov/web/empsit/cesvinall.zip"
API_V1_URL = "https://api.bls.gov/publicAPI/v1/timeseries/data/"
API_V2_URL = "https://api.bls.gov/publicAPI/v2/timeseries/data/"

# Survey: its title, and the files that the live mode asks for. The files of households and of producer prices hold every series
# in hundreds of megabytes, so their headline series come from the API alone; any of their files can be replayed.
FLAT_FILES: dict[str, tuple[str, dict[str, str]]] = {
    "cu": ("CPI-U", {"footnote": "cu.footnote", "series": "cu.series", "data": "cu.data.0.Current"}),
    "ce": ("Payrolls (CES)", {"series": "ce.series", "data": "ce.data.01a.CurrentSeasAE"}),
    "jt": ("Job openings (JOLTS)", {"data": "jt.data.1.AllItems"}),
    "ci": ("Employment Cost Index", {"series": "ci.series", "data": "ci.data.1.AllData"}),
    "ln": ("Household survey (CPS)", {}),
    "wp": ("Producer prices, commodities and final demand", {}),
    "pc": ("Producer prices, industries", {}),
    "ei": ("Import and export prices", {}),
}

ROOM = Room(
    name="bls",
    title="Bureau of Labor Statistics",
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
                url=FLAT_FILES_URL + "cu/",
            ),
            max_bytes=512 * 1024 * 1024,
        ),
        *(
            Dataset(name=f"{survey}_{part}", title=f"{title}, flat file {survey}.{part}", content="text")
            for survey, (title, _) in FLAT_FILES.items()
            for part in ("data", "series", "footnote")
        ),
        Dataset(
            name="api_v2",
            title="Public Data API, v2 or v1 (same layout)",
            content="json",
            max_bytes=64 * 1024 * 1024,
            moves=True,
        ),
        Dataset(
            name="employment_situation",
            title="Employment Situation, pages of the news release",
            content="html",
            max_bytes=32 * 1024 * 1024,
            moves=True,
        ),
        Dataset(
            name="ces_vintages",
            title="Payrolls (CES), all vintages, cesvinall.zip",
            content="zip",
            max_bytes=256 * 1024 * 1024,
        ),
    ),
    parser_version=2,
)

"""Commodity Futures Trading Commission: Traders in Financial Futures, futures only, the contracts on US Treasuries.

**Wire formats.**

* A zip file for each year, ``https://www.cftc.gov/files/dea/history/fut_fin_txt_<yyyy>.zip``, with one member
  ``FinFutYY.txt``: CSV of 87 columns, all contracts, newest report first in each. Cells are padded with spaces
  (``' 1848982'``, ``'CBT '``), and every column of positions ends in ``_All``.
* Socrata, ``https://publicreporting.cftc.gov/resource/gpe5-46if.json``: an array of objects whose values are all text. Here the
  columns end irregularly: ``dealer_positions_long_all``, but ``asset_mgr_positions_long`` and ``lev_money_positions_long``.
  ``:created_at``, the instant at which the row was loaded, has to be selected. A faulty query answers with an object.

Series ids are ``cftc.tff.<contract code>.<measure>``.

**Official reference.** https://www.cftc.gov/MarketReports/CommitmentsofTraders/index.htm,
https://publicreporting.cftc.gov/stories/s/r4w3-av2u

**Licence.** US government work, public domain.

**Time.** A report shows the positions of a Tuesday (of the Monday where Tuesday is a holiday) and comes out at 15:30 Eastern on
the third federal business day after it: on Friday, or on Monday where a holiday lies between. ``:created_at`` says when it
came; a row of a zip file says nothing, so the release calendar dates it (``parse.rules``), or else our fetch.

**Traps.**

* Names change ("UST 10Y NOTE" was "10-YEAR U.S. TREASURY NOTES"): a contract is known by its code.
* A two-year contract has a face of $200,000, the others $100,000.
* During the lapse of 2025 nothing was published from 3 October to 19 November. A schedule for the backlog was announced, and
  was then run ahead of: the zip of 2025 that is stamped 2026-01-02 14:41 holds reports that the schedule has on 13 January. So
  the schedule is an upper bound.
* Rows that were loaded in bulk long after their report have a ``:created_at`` that says nothing of their publication.
* Futures on the yield itself (Micro 10-Year Yield) are in the same group and are no bonds.
* The report exists since July 2010 and was computed back to June 2006; what is older than the first one was not known then.
"""

from __future__ import annotations

from undertow.room import Dataset, Room

__all__ = ["ROOM", "SOCRATA_URL", "zip_url"]

SOCRATA_URL = "https://publicreporting.cftc.gov/resource/gpe5-46if.json"


def zip_url(year: int) -> str:
    """Return the address of the file of a year."""
    return f"https://www.cftc.gov/files/dea/history/fut_fin_txt_{year}.zip"


ROOM = Room(
    name="cftc",
    title="Commodity Futures Trading Commission, Traders in Financial Futures",
    datasets=(
        Dataset(
            name="tff_futures_only", title="All reports of a year, futures only", content="zip", max_bytes=64 * 1024 * 1024
        ),
        Dataset(
            name="tff_socrata",
            title="The newest reports, with the instant at which each was loaded",
            content="json",
            max_bytes=64 * 1024 * 1024,
            moves=True,
        ),
    ),
)

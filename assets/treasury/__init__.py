"""Department of the Treasury: daily par yield curve rates, nominal and real.

**Wire formats.** One year a request, in either of two forms; both are read.

* An Atom feed: each ``<entry>`` has ``<m:properties>`` with ``<d:NEW_DATE>2025-04-09T00:00:00</d:NEW_DATE>`` and one element
  for each maturity, ``<d:BC_2YEAR m:type="Edm.Double">3.91</d:BC_2YEAR>`` (real yields: ``TC_5YEAR``), ``m:null="true"`` where
  there is none.
* A CSV file, newest day first: ``Date,"1 Mo","1.5 Month","2 Mo",...,"30 Yr"`` (real yields: ``"5 YR"``), dates ``04/09/2025``.

Series ids are the feed's own names, ``treasury.par.BC_10YEAR`` and ``treasury.real.TC_10YEAR``, for both forms.

**Official reference.**
https://home.treasury.gov/resource-center/data-chart-center/interest-rates/TextView?type=daily_treasury_yield_curve

**Licence.** US government work, public domain.

**Time.** The curve of a day is published on that day between 15:30 and 18:00 in New York, so 18:00 is taken (basis
``lag_rule``). There is none on days on which the bond market is closed. Days before 2000 are older than what we know the rule
to hold for (LOOKAHEAD_RISK).

**Traps.**

* 2010-10-11, a holiday, has an entry with nothing but ``BC_30YEARDISPLAY`` of zero. That element repeats ``BC_30YEAR`` and is
  not read; the entry goes to quarantine.
* There is no 30-year yield from 2002-02-19 to 2006-02-08. Maturities came later: 2 months in October 2018, 4 months in October
  2022, 1.5 months in February 2025.
* An empty year is a feed without entries and status 200.
* The site answers some programs with 403 or 503 at times.
"""

from __future__ import annotations

from undertow.room import Dataset, Room

__all__ = ["FEED_URL", "ROOM"]

FEED_URL = "https://home.treasury.gov/resource-center/data-chart-center/interest-rates/pages/xml"

ROOM = Room(
    name="treasury",
    title="Department of the Treasury, daily par yield curve rates",
    datasets=(
        Dataset(
            name="par_yields",
            title="Par yield curve rates, one year a payload",
            content="any",
            max_bytes=16 * 1024 * 1024,
            moves=True,
        ),
        Dataset(
            name="real_yields",
            title="Par real yield curve rates, one year a payload",
            content="any",
            max_bytes=16 * 1024 * 1024,
            moves=True,
        ),
    ),
    parser_version=1,
    min_interval_seconds=2.0,
)

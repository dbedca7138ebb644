"""Federal Reserve Bank of New York: reference rates, repo operations, the System Open Market Account, primary dealers.

**Wire formats.** JSON of the Markets API, one envelope for each area, and files of the research and data pages:

==================  ======================================  ==========================================================
dataset             envelope                                what lands (native ids after ``nyfed.``)
==================  ======================================  ==========================================================
``sofr`` to         ``{"refRates": [...]}``, newest first   ``SOFR``, ``TGCR``, ``BGCR``, ``EFFR``, ``OBFR``: the rate;
``obfr``                                                    ``:p1 :p25 :p75 :p99 :volume``; of EFFR the target range
``sofrai``          the same, ``average30day`` to ``index`` ``SOFRAI:...``: averages and index of SOFR
``repo_operations`` ``{"repo": {"operations": [...]}}``     one row a day: ``ON_RRP:...``, ``SRF:...``, ``RP:...``,
                                                            ``RRP:...``
``soma_summary``    ``{"soma": {"summary": [...]}}``        ``SOMA:total`` and its parts, mostly of Wednesdays
``primary_dealer``  ``{"pd": {"timeseries": [...]}}``       the key id of the provider, as ``PDPOSGST-TOT``
``elasticity``      CSV, a column for each percentile       ``RDE`` (the median), ``RDE:p2_5 :p16 :p84 :p97_5``
``fr2420``          workbook, one sheet for each rate       ``FR2420:effr_total :effr_fbo :effr_domestic``
==================  ======================================  ==========================================================

Amounts land in billions of dollars, as the volumes of rates are given; those of primary dealers in millions, as published.
The layouts of the last two are known from other readers of them and from no answer of our own; what differs is refused.

**Official reference.** https://markets.newyorkfed.org/static/docs/markets-api.html (paths and parameters),
https://www.newyorkfed.org/markets/reference-rates (hours of publication, same-day revision, holidays),
https://www.newyorkfed.org/research/reserve-demand-elasticity.

**Licence.** Terms of use of the Federal Reserve Bank of New York: free use with attribution; the reference rates are subject
to its own terms (https://www.newyorkfed.org/markets/reference-rates/terms-of-use).

**Time.**

* Secured rates come out at about 08:00 in New York on the next business day of the calendar ``SOFR``, unsecured ones at about
  09:00 on the next day that the Reserve Banks are open (``FED``). A rate that would have moved by more than a basis point is
  published again at about 14:30 of that day and never afterwards; a row that says so (``revisionIndicator``) counts from then.
* An operation dates itself (``lastUpdated``, New York). A day's sum is known when the last operation in it is; a stamp of a
  later day is an upper bound (KNOWN_LATE). Who lent to the reverse repo facility is added about a quarter later, in the same
  row and without a new stamp, so it counts from our own fetch.
* Holdings of a Wednesday stand in the balance sheet of Thursday, 16:30 (Friday, if Thursday is a holiday). The summary has no
  stamp: it counts from one business day after that, an upper bound (KNOWN_LATE).
* The elasticity is estimated again as a whole with each release, and the file is not dated: it counts from our own fetch. So
  do the quarterly statistics of report FR 2420, which hold data that came late.

**Traps.**

* An answer without rows, ``{"refRates": []}``, has status 200. It is right for a holiday and wrong for a business day: the
  address tells which days were asked for, and the calendar whether a rate was due.
* The rate is the volume-weighted median; percentiles may be equal (2019-09-30: rate and 25th percentile 2.35).
* Absent keys, not nulls, say that a number is missing: ``type=rate`` leaves out the volume, ``type=volume`` all else.
* There are two standing repo operations on every day since 2025-06-26, some days have three: they are summed. Small value
  exercises are ordinary rows that only the free text ``note`` tells apart: on 2024-10-16 reverse repos with them are 272.072
  billion and without 272.028. They land in series of their own.
* Standing repos have two generations of rows: a limit, a minimum bid and results (Multiple Price), and since December 2025
  an offering rate and no limit (Full Allotment).
* ``termCalenderDays`` is spelled so. Amounts of the System Open Market Account are texts in dollars, ``""`` is none, and the
  total does not include the compensation for inflation. As-of days are not all Wednesdays.
* The ids of primary dealer series exist within one series break only. ``*`` is a suppressed value.
"""

from __future__ import annotations

from undertow.room import Dataset, Room

__all__ = ["API_URL", "ELASTICITY_URL", "FR2420_URL", "RATES", "ROOM"]

API_URL = "https://markets.newyorkfed.org/api/"
ELASTICITY_URL = "https://www.newyorkfed.org/medialibrary/research/interactives/data/elasticity/elasticity-data.csv"
FR2420_URL = "https://www.newyorkfed.org/medialibrary/media/markets/rate-revisions/"

# type -> the kind of market in the address, and its title
RATES = {
    "SOFR": ("secured", "Secured Overnight Financing Rate"),
    "TGCR": ("secured", "Tri-Party General Collateral Rate"),
    "BGCR": ("secured", "Broad General Collateral Rate"),
    "EFFR": ("unsecured", "Effective Federal Funds Rate"),
    "OBFR": ("unsecured", "Overnight Bank Funding Rate"),
}

_MB = 1024 * 1024

ROOM = Room(
    name="nyfed",
    title="Federal Reserve Bank of New York, money markets and open market operations",
    datasets=(
        *(
            Dataset(name=name.lower(), title=title, content="json", max_bytes=16 * _MB, moves=True)
            for name, (_, title) in RATES.items()
        ),
        Dataset(name="sofrai", title="Averages and index of SOFR", content="json", max_bytes=16 * _MB, moves=True),
        Dataset(
            name="repo_operations",
            title="Results of repo and reverse repo operations",
            content="json",
            max_bytes=64 * _MB,
            moves=True,
        ),
        Dataset(name="soma_summary", title="Holdings of the System Open Market Account", content="json", max_bytes=16 * _MB),
        Dataset(name="primary_dealer", title="Primary dealer statistics", content="json", max_bytes=32 * _MB),
        Dataset(name="elasticity", title="Reserve demand elasticity", content="csv", max_bytes=4 * _MB),
        Dataset(name="fr2420", title="Summary statistics of report FR 2420, by quarter", content="zip", max_bytes=16 * _MB),
    ),
    parser_version=1,
    min_interval_seconds=0.5,
)

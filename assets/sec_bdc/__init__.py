"""SEC: the data sets of business development companies (BDCs), which tag every loan they hold.

**Wire format.** A zip file for each month or quarter of *filing*, with ``datasets/{sub,num,txt,tag,pre,cal,non}.tsv`` and
``soi.tsv``: UTF-8, tabs, one line a row, no quoting. SUB is a filing; NUM a number, keyed by accession, tag, version, date,
unit and ``segments``; TXT the same for text, where maturities and dates of purchase stand. ``segments`` reads
``Axis(us-gaap/2025)=Member(us-gaap/2025);`` one after the other, and a typed member is free text followed by ``()``:
``InvestmentIdentifierAxis(us-gaap/2025)=Coupa Holdings, LLC, First lien();``. SOI repeats the positions of NUM as a wide table
without units. The register is a CSV file a year.

What is landed: table ``holding`` (a line for each filing, date and set of axes; the totals and levels of the whole fund too)
and table ``filing`` (SUB, and the rows of the register).

**Official reference.** https://www.sec.gov/data-research/sec-markets-data/bdc-data-sets, and ``readme.htm`` inside each zip.

**Licence.** US government work, public domain. Fair access: a User-Agent that names a contact, at most ten requests a second.

**Time.** ``accepted`` is the instant at which EDGAR accepted the filing, in US/Eastern wall time to the minute, and is the
``known_at`` of everything in it (basis ``provider``). Reading it as UTC would date marks four or five hours too early. The data
sets come weeks later: ``fetched_at`` says when.

**Traps.**

* A zip is a window of filing dates, and is rewritten in place; the archive keeps each edition. Addresses move: they are read
  from the index page. A zip may hold a SOI without a byte, which means that nothing was filed, not that nothing is held.
* SOI has no unit, and its documented columns of fair value and cost can be empty while the values stand in columns of other
  names. Marks are made from NUM; SOI is compared with it, and a column of an unknown name that holds the values is refused.
* Dates before the period of the filing are comparatives: restated marks of an old quarter. They are rows of that quarter.
* ``prevrpt`` is 0 everywhere: which filing replaces which is worked out over all files, in the models.
* The accession number begins with whoever sent the filing, often an agent. It is never read as a CIK.
* Some rows have tabs inside a value, and so too many cells. They go to quarantine.
* Some filers have no identifier axis; their positions are the combinations of an issuer and other members.
* Rates are fractions, but for filers that write percent.
* No usable tag says that a loan is not accruing; footnotes and one axis do, for some filers. Silence is no answer.
"""

from __future__ import annotations

from undertow.room import Cost, Dataset, Room

__all__ = ["INDEX_URL", "REGISTER_URL", "ROOM", "SITE"]

SITE = "https://www.sec.gov"
INDEX_URL = f"{SITE}/data-research/sec-markets-data/bdc-data-sets"
REGISTER_URL = (
    f"{SITE}/files/investment/data/other/business-development-company-report/business-development-company-{{year}}.csv"
)

ROOM = Room(
    name="sec_bdc",
    title="SEC, positions of business development companies",
    datasets=(
        Dataset(name="index", title="Page that links the data sets", content="html", max_bytes=8 * 1024 * 1024),
        Dataset(name="bdc_zip", title="BDC data set of one month or quarter", content="zip", on_disk=True),
        Dataset(name="bdc_sub", title="Table of filings alone", content="text", max_bytes=64 * 1024 * 1024),
        Dataset(
            name="register", title="Registered BDCs of one year", content="csv", max_bytes=16 * 1024 * 1024, by_address=True
        ),
    ),
    tables=("holding", "filing"),
    parser_version=2,
    min_interval_seconds=0.6,  # the provider allows ten a second over all machines of an organisation
    stops_when_refused=True,
    recorded_as="sec",
    quarter=Cost(
        first="2022q4",
        read=1_208_769,
        landed=241_502,
        payload_bytes=75_900_000,
        archived_bytes=75_900_000,  # a zip file compresses no further
        landed_bytes=8_600_000,
        scratch_bytes=135_000_000,
        cpu_seconds=8.9,
        memory_bytes=930_000_000,
        measured="2026-11-22 on two cores: a generated file, as large as 2026_08 (python -m benchmarks.quarter)",
    ),
)

"""SEC: portfolios of registered funds (Form N-PORT), of which the loans and the private debt are read.

**Wire formats.** The data set of a quarter of *filing* is a zip file of tab-separated tables with headers in capitals:
SUBMISSION (a filing), REGISTRANT, FUND_REPORTED_INFO (the series), FUND_REPORTED_HOLDING (a position; 900 MB), DEBT_SECURITY
(its terms), and more. Days read ``31-MAR-2026``. A single filing is an XML document in the namespace
``http://www.sec.gov/edgar/nport``; its positions are ``formData/invstOrSecs/invstOrSec``.

What is landed: table ``holding`` (loans of any level and other debt of Level 3, by ``keep`` of the catalogue) and table
``filing``.

**Official reference.** https://www.sec.gov/data-research/sec-markets-data/form-n-port-data-sets, ``nport_readme.htm`` inside
each zip file, and the EDGAR Form N-PORT XML technical specification.

**Licence.** US government work, public domain. Fair access: a User-Agent that names a contact, at most ten requests a second.

**Time.** A filing is public from when it was filed, of which the data set says the day: ``known_at`` is the end of that day in
New York (basis ``provider``, KNOWN_LATE). A document does not say when it was filed (basis ``first_seen``). Funds file within
sixty days of the end of their fiscal quarter, and only the third month is public.

**Traps.**

* ``invstOrSecs`` is a child of ``formData`` and not of ``fundInfo``. Who looks in the wrong place finds a fund without
  positions; a document that names assets and has no position says so in quarantine.
* ``repPdEnd`` and REPORT_ENDING_PERIOD are the end of the fiscal year. The positions are of ``repPdDate``, REPORT_DATE.
* A balance is principal only where its unit is PA. It is in the currency of the instrument; the value is in dollars.
* A document may begin with an empty line, which XML does not allow.
* Every field may be missing. ``N/A`` and ``000000000`` stand for nothing.
* The annual rate is percent or a fraction, by filer.
* BDCs do not file N-PORT: their loans are joined to these by name and terms.
"""

from __future__ import annotations

from undertow.room import Cost, Dataset, Room

__all__ = ["INDEX_URL", "ROOM", "SITE"]

SITE = "https://www.sec.gov"
INDEX_URL = f"{SITE}/data-research/sec-markets-data/form-n-port-data-sets"

ROOM = Room(
    name="sec_nport",
    title="SEC, loans and private debt of registered funds (N-PORT)",
    datasets=(
        Dataset(name="index", title="Page that links the data sets", content="html", max_bytes=8 * 1024 * 1024),
        Dataset(name="nport_zip", title="N-PORT data set of one quarter", content="zip", on_disk=True, max_bytes=1024**3),
        Dataset(name="nport_xml", title="One N-PORT filing", content="xml", max_bytes=256 * 1024 * 1024),
    ),
    tables=("holding", "filing"),
    parser_version=2,
    min_interval_seconds=0.6,  # the provider allows ten a second over all machines of an organisation
    stops_when_refused=True,
    recorded_as="sec",
    quarter=Cost(
        first="2019q4",
        read=5_292_927,
        landed=822_967,
        payload_bytes=440_700_000,
        archived_bytes=440_700_000,  # a zip file compresses no further
        landed_bytes=28_500_000,
        scratch_bytes=1_350_000_000,
        cpu_seconds=17.0,
        memory_bytes=950_000_000,
        measured="2026-11-22 on two cores: a generated quarter, in a file as large as 2026q2 (python -m benchmarks.quarter)",
    ),
)

"""Department of Labor, Employment and Training Administration: weekly claims for unemployment insurance.

**Wire formats.**

* The weekly news release, ``https://oui.doleta.gov/press/<yyyy>/<mmddyy>.pdf``; the name is the day of release. Page one
  has the embargo line and two sentences of figures, a later page the table ``UNEMPLOYMENT INSURANCE DATA FOR REGULAR
  STATE PROGRAMS`` (two or three weeks, adjusted and not), another one a table of about 53 weeks of adjusted figures in
  thousands.
* The national report r539cy, ``https://oui.doleta.gov/unemploy/wkclaims/report.asp``, asked for with a form
  (``level=us``, years, ``filetype=xml``): ``<r539cyNational rundate="7/12/2026">`` with one ``<week>`` for each Saturday
  since 1967, in it ``InitialClaims`` and ``ContinuedClaims`` (``NSA``, ``SF``, ``SA``, ``SA4WK``), ``IUR`` (``NSA``,
  ``SA``) and ``CoveredEmployment``. Numbers have commas, a blank is ``&#160;``.

Series ids are the report's own paths, ``dol.InitialClaims.SA`` and so on, for both formats.

**Official reference.** https://oui.doleta.gov/unemploy/claims.asp (report),
https://oui.doleta.gov/unemploy/claims_arch.asp (releases and their days)

**Licence.** US government work, public domain.

**Time.** A release says when it may be told: 8:30 a.m. Eastern of its day (basis ``provider``). The report dates nothing,
and what it holds has been revised since, so its values count from our fetch (``first_seen``) or from the last release
before it. Releases come on Thursday for the week that ended on the Saturday before, and on Wednesday where Thursday is a
federal holiday (``parse.rules``).

**Traps.**

* A release has two kinds of week: insured unemployment is one week behind initial claims.
* The advance figure of a week is revised a week later, and all adjusted figures of five years each spring. Older weeks of
  the long table may have been told before: their ``known_at`` is an upper bound (KNOWN_LATE).
* From 2025-10-02 to 2025-11-13 there was no release. The weeks of the lapse first stand in the long table of 2025-11-20;
  the report shows them today as if nothing had happened.
* The release of 2025-11-20 gives no level of the previous week in words, and calls it neither revised nor unrevised.
* The text of the PDF breaks words and numbers (``a dvance``, ``2 45,482``), so sentences are read without their spaces.
* A day without a release answers 404, which is an answer and no fault.
* The report lags the release by about three weeks, and weeks to come stand in it with their seasonal factor alone. Asked
  without a form it answers 200 with a sentence of complaint. The files under ``unemploy/csv/`` refuse scripts with 403.
"""

from __future__ import annotations

from undertow.room import Dataset, Room

__all__ = ["REPORT_URL", "ROOM", "release_url"]

REPORT_URL = "https://oui.doleta.gov/unemploy/wkclaims/report.asp"


def release_url(year: int, month: int, day: int) -> str:
    """Return the address of the news release of a day."""
    return f"https://oui.doleta.gov/press/{year}/{month:02d}{day:02d}{year % 100:02d}.pdf"


ROOM = Room(
    name="dol",
    title="Department of Labor, weekly unemployment insurance claims",
    datasets=(
        Dataset(name="release", title="Weekly news release, one PDF a week", content="pdf", max_bytes=16 * 1024 * 1024),
        Dataset(
            name="report",
            title="National report r539cy as XML: the newest figures of each week",
            content="xml",
            max_bytes=16 * 1024 * 1024,
            moves=True,
        ),
    ),
    parser_version=1,
)

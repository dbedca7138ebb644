"""Bureau of Economic Analysis: the release calendar, and headline series of the national and international accounts.

**Wire formats.**

* Calendar as iCalendar (RFC 5545): one ``VEVENT`` a release with ``SUMMARY`` (title, period and estimate in words),
  ``DTSTART`` in UTC, ``DTSTAMP`` (the last change of the row) and ``SEQUENCE`` (how often it was changed). Lines are folded
  in the middle of words, and rows of different age write ``DTSTART;VALUE=DATE-TIME:`` or ``DTSTART:``.
* Calendar as JSON: release name to a list of instants, without periods, and ``file_last_updated`` in New York time.
* Data API: ``BEAAPI.Results.Data[]`` with one object a number. ``DataValue`` is text with thousands separators,
  ``UNIT_MULT`` a power of ten, ``TimePeriod`` ``2026Q2``, ``2026M08`` or ``2026``. ``Notes[]`` of a NIPA table tells the day of
  its last revision.

**Official reference.** https://www.bea.gov/news/schedule (calendar),
https://apps.bea.gov/api/_pdf/bea_web_service_api_user_guide.pdf (API).

**Licence.** US government work, public domain; BEA asks to be cited.

**Time.** A NIPA table says on which day it was last revised, so its values are known by the end of that day in New York
(basis ``provider``, KNOWN_LATE); where the calendar has a release of it on that day, its hour is taken (``calendar``). The
international tables say nothing of the kind: the fetch (``first_seen``), lifted by the calendar to the last release before
it. Every release restates history, so nothing in a payload is known before the vintage it shows.

**Traps.**

* BEA never says that a release is cancelled. A postponed row vanishes from the calendar and returns with another date and a
  higher ``SEQUENCE``. A vanished row means nothing by itself; what changed is found by comparing captures in the models.
* ``DTSTAMP`` is the last change of any kind, also of a title, and a bulk load stamps all rows at once. It is an upper bound
  of when a date was announced (KNOWN_LATE).
* A wrong or broken address answers with an HTML page and HTTP 200.
* Errors of the API come with HTTP 200 too, as ``BEAAPI.Error`` or ``BEAAPI.Results.Error``. The answer repeats the key.
* ``Data`` is an object instead of a list where there is one number; ``IIP`` used to answer without ``Results``.
* No field says which estimate of GDP a value is: the calendar does. In the lapse of 2025 the estimates of the third
  quarter were called Initial (in place of the second) and Updated (in place of the third); the advance was cancelled.
* From 2026 on one release holds transactions and investment position; before, they were two.
* Monthly tables are also revised on days of GDP releases. The day of last revision tells, the release calendar does not.
"""

from __future__ import annotations

from undertow.room import Dataset, Room

__all__ = ["API_URL", "DATES_URL", "ICS_URL", "ROOM"]

ICS_URL = "https://www.bea.gov/news/schedule/ics/online-calendar-subscription.ics"
DATES_URL = "https://apps.bea.gov/API/signup/release_dates.json"
API_URL = "https://apps.bea.gov/api/data"

ROOM = Room(
    name="bea",
    title="Bureau of Economic Analysis, release calendar and headline accounts",
    datasets=(
        Dataset(
            name="release_calendar_ics",
            title="Release calendar of this year and the next, as iCalendar",
            content="text",
            max_bytes=8 * 1024 * 1024,
            moves=True,
        ),
        Dataset(
            name="release_dates_json",
            title="Release instants by name, as JSON",
            content="json",
            max_bytes=8 * 1024 * 1024,
            moves=True,
        ),
        Dataset(name="nipa", title="National accounts, one table a request", content="json", max_bytes=64 * 1024 * 1024),
        Dataset(name="ita", title="International transactions", content="json", max_bytes=64 * 1024 * 1024),
        Dataset(name="iip", title="International investment position", content="json", max_bytes=64 * 1024 * 1024),
    ),
    parser_version=1,
    min_interval_seconds=1.0,
)

"""FRED and ALFRED, Federal Reserve Bank of St. Louis: series of many agencies, republished with their vintages. Opt-in.

**Wire formats.**

* API, JSON: ``series/vintagedates`` (the days on which a series changed), ``series/observations`` with ``output_type=1``
  (for each observation the days between which each value was current, ``realtime_start`` to ``realtime_end``, both
  inclusive), ``series`` (title, unit, frequency). Every number is a string; ``"."`` is a missing one. Errors are HTTP 400
  with ``{"error_code", "error_message"}``; too many requests are a 429 in the status, or in a body with status 200.
* ``fredgraph.csv``, keyless: one column a series, the newest vintage only. The header is ``observation_date,<id>``, in
  older files ``DATE,<id>``; a missing value is an empty cell, in older files ``.``.
* ``alfredgraph.csv``, keyless: one column a vintage, ``<id>_<YYYYMMDD>``: the series as it stood on that day.

**Official reference.** https://fred.stlouisfed.org/docs/api/fred/

**Licence.** The terms of use (https://fred.stlouisfed.org/legal/) are a contract. They limit storing, caching and
archiving, and many series belong to third parties. This project keeps every payload, so the live mode asks for nothing
before the user has set ``UNDERTOW_FRED_CONSENT``; vintages need ``UNDERTOW_FRED_KEY`` too. Replayed files are the user's
own affair. The agencies' own publications are the first choice; a value from here is flagged SECONDARY_SOURCE.

**Time.** A real-time date is a day in US Central time without an hour, so a vintage counts as known from the last second
of that day in New York (basis ``lag_rule``); where the release calendar knows a release of that series on that day,
``int_observation__resolved`` takes its instant. A CSV without vintages is known when it was fetched (``first_seen``),
but for daily rates and weekly statements whose publication rule is documented (``lag`` in ``series.yml``).

**Traps.**

* ``realtime_start`` and ``realtime_end`` of an answer are clipped to the period that was asked for. A row that begins on
  the first day of a window was known by then, perhaps earlier: it is flagged KNOWN_LATE. Windows overlap by one vintage
  date, so that such a row repeats what the window before it dates exactly, and the same value said again is no vintage.
* ``vintage_date`` is a parameter of the CSV only. The API ignores it and sends today's data with status 200. The echoed
  real-time period, units and output type must be those that were asked for.
* An answer of the API does not name its series; the address does.
* At most 2,000 vintage dates lie in a request, and 100,000 rows in an answer.
* A value can be withdrawn: ``"."`` from one day on. Where an interval ends and nothing follows, that is one too.
* Units change: WRESBAL was in billions of dollars, and is in millions since 2025.
* Several series of different frequencies in one CSV share a column of dates; a blank beside a date that is no period of
  a series says nothing of it.
* Two requests a second is what the API bears, whatever its documentation says.
* A release is entered on its day, but history before the archive began was entered later: dates before a series' first
  vintage are known from that first vintage only.
"""

from __future__ import annotations

from undertow.room import Dataset, Room

__all__ = ["ALFREDGRAPH_URL", "API_URL", "FREDGRAPH_URL", "ROOM"]

API_URL = "https://api.stlouisfed.org/fred/"
FREDGRAPH_URL = "https://fred.stlouisfed.org/graph/fredgraph.csv"
ALFREDGRAPH_URL = "https://alfred.stlouisfed.org/graph/alfredgraph.csv"

_MEGABYTE = 1024 * 1024

ROOM = Room(
    name="fred",
    title="FRED and ALFRED, vintages and republished series (opt-in)",
    datasets=(
        Dataset(name="series_info", title="API: title, unit and frequency of one series", content="json", max_bytes=_MEGABYTE),
        Dataset(name="vintage_dates", title="API: days on which one series changed", content="json", max_bytes=_MEGABYTE),
        Dataset(
            name="observations",
            title="API: the values of one series with the days between which they were current",
            content="json",
            max_bytes=64 * _MEGABYTE,
            by_address=True,
        ),
        Dataset(name="fredgraph_csv", title="Newest values of a series, keyless", content="csv", max_bytes=64 * _MEGABYTE),
        Dataset(name="alfredgraph_csv", title="Chosen vintages of a series, keyless", content="csv", max_bytes=64 * _MEGABYTE),
    ),
    tables=("observation", "series"),
    parser_version=1,
    min_interval_seconds=0.6,
)

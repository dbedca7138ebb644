"""Bring your own series: licensed, private or hand-collected data in one small contract.

**Wire format.** CSV (UTF-8, comma, RFC 4180 quotes), the same gzipped, or Parquet; told apart by their first bytes.
One row is one value as it was known from one instant on, so a later row of the same period is a revision, not a
correction in place.

==================  =================================================================================================
column              meaning
==================  =================================================================================================
``series_id``       ``<source>.<native id>``: a lower-case word, a dot, and an id without spaces
``period_start``    first day of the period, ``2025-10-01``
``value``           a number with a decimal point; empty where there is none
``known_at``        when the value became public: ``2025-12-18T13:30Z`` or ``2025-12-18 08:30 America/New_York``; a text
                    without a zone is UTC
``unit``            such as ``percent`` or ``USD millions``; one for each series
``source``          who says so
``licence``         under which terms it may be used; never empty
``period_end``      optional: last day of the period; ``period_start`` by default
``obs_status``      optional: SDMX observation status; by default ``A``, and ``O`` where the value is empty
``flags``           optional: quality flags, separated by semicolons
``title``           optional: ``series_id`` by default
``frequency``       optional: ``D, B, W, M, Q, S, A``; by default what the distance between periods suggests
``decimals``        optional: digits after the point; by default what the values show
``redistribution``  optional, one for each series: ``allowed``, or ``withheld`` from published builds; see below
==================  =================================================================================================

**Official reference.** This page: the contract is ours.

**Licence.** Each row states its own; a file without a licence is refused. A series is republished only where that is
allowed: by ``redistribution``, or by a licence that is on the list of open ones in ``series.yml``. The values of all other
series make signals and are not in a published build (``redistribution`` ``withheld``). Recorded vintages (``vintages``, from
a replay manifest) are of public releases: where they say nothing, nothing is withheld.

**Traps.**

* A value cannot have been known after we hold it: a ``known_at`` later than the fetch goes to quarantine.
* STALE and DELAYED describe a reader's point of view and are never stored, so they are refused here.
* A column that the contract does not know is an error, for a mistyped optional name would otherwise be ignored.
* The series id is taken as it is. Choose a source word of your own unless you mean to add vintages to a series of
  another room. A series that is withheld cannot have the source word of a room: tables of that room's domain show levels.
"""

from __future__ import annotations

from undertow.room import Dataset, Room

__all__ = ["ROOM"]

ROOM = Room(
    name="file",
    title="Bring your own series",
    datasets=(
        Dataset(name="series", title="Series in the bring-your-own contract", content="any"),
        Dataset(name="vintages", title="Recorded vintages in the bring-your-own contract", content="any"),
    ),
    tables=("observation", "series"),
    parser_version=2,
    min_interval_seconds=0.0,
)

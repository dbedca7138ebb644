"""Numbers transcribed from releases: what agencies printed, where no machine-readable source keeps the first print.

First prints around the lapse in appropriations of 2025, the rates the Federal Open Market Committee decided, how the CPI was
imputed and how many answered the surveys. The files are part of this package; every mode but ``file`` reads them.

**Wire format.** CSV (UTF-8, comma), one row for each value as one release printed it:

====================  ==============================================================================================
column                meaning
====================  ==============================================================================================
``series_id``         a series of ``series.yml``
``reference_period``  ``2025-09``, ``2025-Q3``, ``2025``, the Saturday of a week, or a day; two days joined by a slash
                      are the first and the last of the period
``value``             a number; empty where none was printed
``known_at``          when it was printed, with its zone; empty: with the release of ``printed_in``, whose calendar
                      then gives the instant
``printed_in``        ``release_id:reference_period`` of the release that printed it, where it is in the calendar
``obs_status``        SDMX observation status; ``V`` where no source confirms the number, ``F`` a projection
``flags``             quality flags, separated by semicolons: SECONDARY_SOURCE (read in the press and not in the release),
                      KNOWN_LATE (only a bound of ``known_at``), LOOKAHEAD_RISK, PRELIMINARY
``source``            who says so
``footnote``          what else was said of it
====================  ==============================================================================================

**Official reference.** The releases that each row names. A test holds every ``known_at`` against the release calendar.

**Licence.** Facts; those of United States agencies are in the public domain. Single figures of private sources are quoted.

**Traps.**

* A rate decided by the FOMC has the day of the decision as ``period_start`` and the first day in force as ``period_end``:
  it is known before it is in force.
* The imputation shares are shares of imputations by method, and never of the CPI: of the prices that were imputed at all,
  how many took the price of a different cell. The BLS says of its table that it gives no overall rate of imputation.
* The ids begin with ``prints.`` (``fed.`` for decided rates) and not with an agency's own id, so that a transcription never
  competes with data of the agency.
* Nothing from memory is here, except target ranges that agree with the rate on reserves, marked ``V``.
"""

from __future__ import annotations

from undertow.room import Dataset, Room, Shipped

__all__ = ["ROOM"]

_SHIPPED_AT = "2026-10-09T04:00:00Z"  # after the newest source that was read


def _dataset(name: str, title: str) -> Dataset:
    return Dataset(
        name=name,
        title=title,
        content="csv",
        shipped=Shipped(path=f"data/{name}.csv", fetched_at=_SHIPPED_AT),
        max_bytes=4 * 1024 * 1024,
    )


ROOM = Room(
    name="prints",
    title="Numbers transcribed from releases",
    datasets=(
        _dataset("first_prints", "First and revised prints around the lapse in appropriations of 2025"),
        _dataset("policy_rates", "Rates decided by the Federal Open Market Committee since 2018"),
        _dataset("imputation", "How missing prices of the CPI were imputed, as shares of imputations"),
        _dataset("response_rates", "Response and collection rates of surveys"),
    ),
    tables=("observation", "series"),
    parser_version=1,
    min_interval_seconds=0.0,
)

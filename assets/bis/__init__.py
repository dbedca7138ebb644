"""Bank for International Settlements: effective exchange rates of the broad basket.

**Wire format.** SDMX-CSV: one line for each observation with the dimensions ``FREQ,EER_TYPE,EER_BASKET,REF_AREA``, attributes
(``UNIT_MEASURE``, ``TITLE_TS`` and others), ``TIME_PERIOD`` (a day or a month), ``OBS_VALUE`` and ``OBS_STATUS``. Columns are
read by name, and each line says itself which series it is of. No genuine payload was at hand: the tests and the sample are
written in the documented format.

**Official reference.** https://stats.bis.org/api-doc/v2/ (data flow WS_EER)

**Licence.** BIS terms of use: free with attribution.

**Key order.** A request names the dimensions by their order, ``FREQ.EER_TYPE.EER_BASKET.REF_AREA``: taken from requests of
other people's programs, which agree, and never tried by us. Were it another, the answer would be 404, or lines of other
series, which are refused.

**Time.** The answer does not say when a number was published, and no rule was found: known from our fetch on (``first_seen``).
The whole history may be revised, so another value in a later payload is a vintage.

**Traps.**

* Daily rates are nominal only; real ones are monthly, for consumer prices are.
* The broad basket has 64 economies and the narrow one 27; both are called B and N, and N also means nominal.
* The euro area is XM.
* 404 with "No results for query" means that no series has the key.
* An empty cell or ``NaN`` is a missing number.
"""

from __future__ import annotations

from undertow.room import Dataset, Room

__all__ = ["API_URL", "ROOM"]

API_URL = "https://stats.bis.org/api/v2/data/dataflow/BIS/WS_EER/1.0/"

ROOM = Room(
    name="bis",
    title="Bank for International Settlements, effective exchange rates",
    datasets=(
        Dataset(
            name="eer_daily",
            title="Nominal effective exchange rates, broad basket, daily, since the year before",
            content="csv",
            max_bytes=32 * 1024 * 1024,
            moves=True,
        ),
        Dataset(
            name="eer_monthly",
            title="Nominal and real effective exchange rates, broad basket, monthly since 1994",
            content="csv",
            max_bytes=32 * 1024 * 1024,
        ),
    ),
    tables=("observation", "series"),
    parser_version=1,
)

"""What the live mode asks BEA for: both forms of the release calendar, and with a key the headline tables.

The calendar needs no key. The data API does, so without ``UNDERTOW_BEA_KEY`` its requests are not sent.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date

from assets.bea import API_URL, DATES_URL, ICS_URL
from undertow.room import Request
from undertow.settings import Settings

__all__ = ["ITA_INDICATORS", "NIPA_TABLES", "notes", "requests"]

NIPA_TABLES = {"T10101": "Q", "T10105": "Q", "T20600": "M", "T20804": "M"}
ITA_INDICATORS = (
    "BalCurrAcct",
    "BalGdsServ",
    "BalGds",
    "BalServ",
    "BalPrimInc",
    "BalSecInc",
    "BalCapAcct",
    "NetLendBorrFinAcct",
    "StatDisc",
)


def requests(settings: Settings, today: date) -> Iterator[Request]:
    """Yield the requests of one run.

    Args:
        settings: ``bea_key`` lets the data API be asked; the key is a query value that is not recorded.
        today: not used; every table is asked for in full, because each release restates history.
    """
    yield Request("release_calendar_ics", ICS_URL)
    yield Request("release_dates_json", DATES_URL)
    if settings.bea_key is None:
        return
    key = settings.bea_key.get_secret_value()
    # The answer repeats the parameters in capitals, the key among them.
    secrets = tuple(dict.fromkeys((key, key.upper(), key.lower())))
    common = {"UserID": key, "method": "GetData", "ResultFormat": "JSON"}
    for table, frequency in NIPA_TABLES.items():
        asked = {"datasetname": "NIPA", "TableName": table, "Frequency": frequency, "Year": "X"}
        yield Request("nipa", API_URL, params={**asked, **common}, secrets=secrets)
    asked = {
        "datasetname": "ITA",
        "Indicator": ",".join(ITA_INDICATORS),
        "AreaOrCountry": "AllCountries",
        "Frequency": "QSA",
        "Year": "ALL",
    }
    yield Request("ita", API_URL, params={**asked, **common}, secrets=secrets)
    asked = {"datasetname": "IIP", "TypeOfInvestment": "Net", "Component": "Pos", "Frequency": "QNSA", "Year": "ALL"}
    yield Request("iip", API_URL, params={**asked, **common}, secrets=secrets)


def notes(settings: Settings) -> list[str]:
    """Return a sentence on what is not asked for because there is no key; none where there is one."""
    if settings.bea_key is not None:
        return []
    return ["bea: without a key (UNDERTOW_BEA_KEY) only the release calendar is fetched, and no table of the accounts"]

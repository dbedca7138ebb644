"""Treasury, Bureau of the Fiscal Service: the operating cash balance, the deficit, the debt, auctions and buybacks.

**Wire format.** JSON of the Fiscal Data API, ``https://api.fiscaldata.treasury.gov/services/api/fiscal_service/<endpoint>``:
``{"data": [...], "meta": {"count", "total-count", "total-pages", ...}, "links": {"next", ...}}``. Every value is text, and a
missing one is the text ``"null"``. Pages hold at most 10,000 rows; ``links.next`` is null on the last. No match is status 200
with no rows. Endpoints:

* ``v1/accounting/dts/operating_cash_balance``, Daily Treasury Statement, table I, USD millions
* ``v1/accounting/mts/mts_table_5``, Monthly Treasury Statement, line 5694 (surplus +, deficit -), USD
* ``v2/accounting/od/debt_to_penny``, USD
* ``v1/accounting/od/auctions_query`` and ``v1/accounting/od/buybacks_operations``, USD

Series ids are ``fiscaldata.<endpoint>.<row>.<field>``; the balance is ``fiscaldata.dts.operating_cash_balance.tga_closing``.

**Official reference.** https://fiscaldata.treasury.gov/api-documentation/

**Licence.** US government work, public domain.

**Time.** The Daily Treasury Statement comes out at 16:00 Eastern on the next federal business day, the Monthly Treasury
Statement at 14:00 on the eighth of the month after (that of September later), the debt on the next business day. Auctions and
buybacks have their result on their own day. Rows carry no stamp, so these rules (``parse.rules`` for the calendar) or our
fetch date them.

**Traps.**

* On every row of the operating cash balance ``close_today_bal`` is ``"null"``; the closing balance is in ``open_today_bal`` of
  the row ``Treasury General Account (TGA) Closing Balance``. Before April 2022 there is one row of the account with a closing
  balance of its own; what it was called then was not seen in a payload.
* Fields that are left out make the API add up rows that then look alike, so all fields are asked for.
* Amounts have cents: a number that a float cannot give back digit for digit goes to quarantine.
* Rows that are inserted while pages are read move others to the next page, so a row may come twice.
* TIPS and floating rate notes are Notes and Bonds with a mark. The month of an auction is that of its issue date.
* ``prior_fytd_*`` is what the report itself says of the year before, restated; a ratio takes both numbers of one report.
* An auction or an operation without a result yet says ``"null"``, which is an announcement and makes no row.
* Table 1 of the monthly statement mixes months and years to date under one date; it is not read.
"""

from __future__ import annotations

from undertow.room import Dataset, Room

__all__ = ["API_URL", "ENDPOINTS", "ROOM"]

API_URL = "https://api.fiscaldata.treasury.gov/services/api/fiscal_service/"

ENDPOINTS = {
    "dts_operating_cash_balance": "v1/accounting/dts/operating_cash_balance",
    "mts_table_5": "v1/accounting/mts/mts_table_5",
    "debt_to_penny": "v2/accounting/od/debt_to_penny",
    "auctions_query": "v1/accounting/od/auctions_query",
    "buybacks_operations": "v1/accounting/od/buybacks_operations",
}

_TITLES = {
    "dts_operating_cash_balance": "Daily Treasury Statement, operating cash balance, since January of last year",
    "mts_table_5": "Monthly Treasury Statement, surplus or deficit, since 2015",
    "debt_to_penny": "Debt to the Penny, since January of last year",
    "auctions_query": "Auctions of marketable securities, since January of last year",
    "buybacks_operations": "Buyback operations, all",
}

ROOM = Room(
    name="fiscaldata",
    title="Treasury Fiscal Data, cash, deficit, debt, auctions and buybacks",
    datasets=tuple(
        Dataset(name=name, title=title, content="json", max_bytes=128 * 1024 * 1024, moves=True)
        for name, title in _TITLES.items()
    ),
)

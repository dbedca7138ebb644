"""Generated tables of the accounts in the exact wire format, for a first run without a key and without a network.

The numbers are invented; periods, days of revision and fetches follow the real calendar of 2025 and 2026, so the sample shows
how estimates replace each other: the third quarter of 2025 first appears with the Initial Estimate of 23 December 2025 and
changes with the Updated Estimate of 22 January 2026. The release calendar has no sample, because the seeds hold the real one.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from assets.bea import API_URL
from assets.bea.fetch import ITA_INDICATORS
from undertow.room import Sample

__all__ = ["payloads"]


class _Vintage(NamedTuple):
    """One release: the day of the last revision, our fetch, and the newest period as a number of quarters or months."""

    revised: str
    fetched_at: str
    newest: tuple[int, int]
    touched: int = 1  # how many of the newest periods the release gives anew


_FIRST_YEAR = 2023
_GDP = (
    _Vintage("September 25, 2025", "2025-09-25T18:00:00Z", (2025, 2), 10),
    _Vintage("December 23, 2025", "2025-12-23T19:00:00Z", (2025, 3)),
    _Vintage("January 22, 2026", "2026-01-22T19:00:00Z", (2025, 3)),
    _Vintage("February 20, 2026", "2026-02-20T19:00:00Z", (2025, 4)),
)
_INCOME = (
    _Vintage("September 26, 2025", "2025-09-26T18:00:00Z", (2025, 8), 32),
    _Vintage("December 5, 2025", "2025-12-05T19:00:00Z", (2025, 9), 3),
    _Vintage("January 22, 2026", "2026-01-22T19:00:00Z", (2025, 11), 4),
    _Vintage("February 20, 2026", "2026-02-20T19:00:00Z", (2025, 12), 4),
)
_INTERNATIONAL = (
    _Vintage("", "2026-01-17T18:00:00Z", (2025, 3), 11),
    _Vintage("", "2026-03-26T18:00:00Z", (2025, 4), 2),
)

# table: frequency, vintages, and for each line its code, words, unit, multiplier, first value, growth a period, digits
_TABLES: Mapping[str, tuple[str, tuple[_Vintage, ...], str, tuple[tuple[str, str, str, str, float, float, int], ...]]] = {
    "T10101": (
        "Q", _GDP, "Table 1.1.1. Percent Change From Preceding Period in Real Gross Domestic Product",
        (
            ("A191RL", "Gross domestic product", "Percent change, annual rate", "0", 2.0, 0.0, 1),
            ("DPCERL", "Personal consumption expenditures", "Percent change, annual rate", "0", 1.8, 0.0, 1),
        ),
    ),
    "T10105": (
        "Q", _GDP, "Table 1.1.5. Gross Domestic Product",
        (("A191RC", "Gross domestic product", "Level", "6", 27_000_000, 0.011, 0),),
    ),
    "T20600": (
        "M", _INCOME, "Table 2.6. Personal Income and Its Disposition, Monthly",
        (
            ("A065RC", "Personal income", "Level", "6", 23_000_000, 0.004, 0),
            ("A067RC", "Disposable personal income", "Level", "6", 20_000_000, 0.004, 0),
            ("A068RC", "Personal outlays", "Level", "6", 19_000_000, 0.004, 0),
            ("DPCERC", "Personal consumption expenditures", "Level", "6", 18_300_000, 0.004, 0),
            ("A072RC", "Personal saving as a percentage of disposable personal income", "Percent", "0", 4.6, 0.0, 1),
        ),
    ),
    "T20804": (
        "M", _INCOME, "Table 2.8.4. Price Indexes for Personal Consumption Expenditures by Major Type of Product, Monthly",
        (
            ("DPCERG", "Personal consumption expenditures (PCE)", "Level", "0", 119.0, 0.0022, 3),
            ("DPCCRG", "PCE excluding food and energy", "Level", "0", 118.0, 0.0023, 3),
        ),
    ),
}  # fmt: skip
# parts of the international transactions at the start, and what adds up from parts that stand before it
_PARTS = {
    "BalGds": -275_000,
    "BalServ": 75_000,
    "BalPrimInc": 5_000,
    "BalSecInc": -45_000,
    "BalCapAcct": -1_500,
    "StatDisc": 20_000,
}
_TOTALS = {
    "BalGdsServ": ("BalGds", "BalServ"),
    "BalCurrAcct": ("BalGdsServ", "BalPrimInc", "BalSecInc"),
    "NetLendBorrFinAcct": ("BalCurrAcct", "BalCapAcct", "StatDisc"),
}


def payloads() -> Iterator[Sample]:
    """Yield the generated payloads, each table's vintages in the order of their fetches."""
    for table, (frequency, vintages, title, lines) in _TABLES.items():
        asked = f"datasetname=NIPA&TableName={table}&Frequency={frequency}&Year=X"
        for number in range(len(vintages)):
            data = [
                {
                    "TableName": table,
                    "SeriesCode": code,
                    "LineNumber": str(line),
                    "LineDescription": words,
                    "TimePeriod": period,
                    "METRIC_NAME": "Fisher Price Index" if table == "T20804" else "Current Dollars",
                    "CL_UNIT": unit,
                    "UNIT_MULT": multiplier,
                    "DataValue": f"{value:,.{digits}f}",
                    "NoteRef": table,
                }
                for line, (code, words, unit, multiplier, first, growth, digits) in enumerate(lines, 1)
                for period, value in _values(vintages[: number + 1], frequency, first, growth, digits)
            ]
            note = f"{title} - LastRevised: {vintages[number].revised}"
            yield _sample("nipa", asked, data, vintages[number], [{"NoteRef": table, "NoteText": note}])
    for number, vintage in enumerate(_INTERNATIONAL):
        known = _INTERNATIONAL[: number + 1]
        balances = _balances(known)
        transactions = [
            {
                "Indicator": indicator,
                "AreaOrCountry": "AllCountries",
                "Frequency": "QSA",
                "Year": period[:4],
                "TimeSeriesId": f"GENERATED{place}",
                "TimeSeriesDescription": f"{indicator}; quarterly seasonally adjusted",
                "TimePeriod": period,
                "CL_UNIT": "USD",
                "UNIT_MULT": "6",
                "DataValue": str(value),
                "NoteRef": " ",
            }
            for place, indicator in enumerate(ITA_INDICATORS, 1)
            for period, value in balances[indicator].items()
        ]
        asked = f"datasetname=ITA&Indicator={'%2C'.join(ITA_INDICATORS)}&AreaOrCountry=AllCountries&Frequency=QSA&Year=ALL"
        yield _sample("ita", asked, transactions, vintage, [])
        position = [
            {
                "TypeOfInvestment": "Net",
                "Component": "Pos",
                "Frequency": "QNSA",
                "Year": period[:4],
                "TimeSeriesId": "GENERATED",
                "TimeSeriesDescription": "U.S. net international investment position; quarterly not seasonally adjusted",
                "TimePeriod": period,
                "CL_UNIT": "USD",
                "UNIT_MULT": "6",
                "DataValue": str(round(value)),
                "NoteRef": " ",
            }
            for period, value in _values(known, "Q", -19_000_000, 0.02, 0)
        ]
        asked = "datasetname=IIP&TypeOfInvestment=Net&Component=Pos&Frequency=QNSA&Year=ALL"
        yield _sample("iip", asked, position, vintage, [])


def _balances(vintages: tuple[_Vintage, ...]) -> dict[str, dict[str, int]]:
    """Return the international transactions of each period in millions, as the last vintage has them; they add up."""
    found = {
        indicator: {period: round(value) for period, value in _values(vintages, "Q", first, 0.01, 0)}
        for indicator, first in _PARTS.items()
    }
    for total, parts in _TOTALS.items():
        found[total] = {period: sum(found[part][period] for part in parts) for period in found[parts[0]]}
    return found


def _values(
    vintages: tuple[_Vintage, ...], frequency: str, first: float, growth: float, digits: int
) -> Iterator[tuple[str, float]]:
    """Yield period and value from ``_FIRST_YEAR`` to the newest period of the last vintage.

    A value is that of the last vintage that gave its period anew; each vintage shifts it a little, so revisions show.
    """
    a_year = 4 if frequency == "Q" else 12
    count = (vintages[-1].newest[0] - _FIRST_YEAR) * a_year + vintages[-1].newest[1]
    step = max(10.0**-digits, abs(first) * 0.001)
    for place in range(count):
        shift = 0
        for number, vintage in enumerate(vintages):
            last = (vintage.newest[0] - _FIRST_YEAR) * a_year + vintage.newest[1]
            if last - vintage.touched <= place < last:
                shift = number
        year, part = _FIRST_YEAR + place // a_year, place % a_year + 1
        period = f"{year}Q{part}" if frequency == "Q" else f"{year}M{part:02d}"
        wave = (place * 7 % 5 - 2) * step
        yield period, first * (1 + growth) ** place + wave + shift * step


def _sample(dataset: str, asked: str, data: list[dict[str, Any]], vintage: _Vintage, notes: list[dict[str, str]]) -> Sample:
    """Return one answer of the data API."""
    pairs = [pair.split("=") for pair in f"USERID=REDACTED&METHOD=GETDATA&{asked}&RESULTFORMAT=JSON".split("&")]
    answer = {
        "BEAAPI": {
            "Request": {
                "RequestParam": [{"ParameterName": name.upper(), "ParameterValue": word.upper()} for name, word in pairs]
            },
            "Results": {
                "Statistic": "Generated sample",
                "UTCProductionTime": vintage.fetched_at.removesuffix("Z") + ".000",
                "Data": data,
                "Notes": notes,
            },
        }
    }
    return Sample(
        dataset=dataset,
        content=json.dumps(answer, separators=(",", ":")).encode(),
        url=f"{API_URL}?{asked}&UserID=REDACTED&method=GetData&ResultFormat=JSON",
        fetched_at=vintage.fetched_at,
    )

"""A generated sample of the New York Fed's answers: six years of SOFR, months of other rates, weeks of operations and holdings.

The figures are invented: they move like money markets and are no one's. The form is the provider's, down to its spaces: two
operations a day, a small value exercise, both generations of standing repos, a rate change, quarter-ends. The writers serve
the tests too.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Iterable, Iterator, Mapping
from datetime import date, timedelta
from typing import Any

from assets.nyfed import API_URL, ELASTICITY_URL, RATES
from undertow.calendars import business_days, next_business_day
from undertow.room import Sample

__all__ = ["dealers", "elasticity", "holdings", "operation", "operations", "payloads", "rate_row", "rates"]

AT = "2026-10-31T09:00:00Z"
EARLIER_YEARS = (date(2020, 9, 1), date(2025, 8, 29))  # of SOFR: a rank among its past needs five years
LAST_YEAR = (date(2025, 9, 2), date(2025, 12, 31))
NEWEST = (date(2026, 9, 1), date(2026, 10, 29))
LONG_AGO = (date(2008, 9, 8), date(2008, 9, 12))
OPERATIONS = ((date(2025, 10, 27), date(2025, 10, 31)), (date(2026, 10, 19), date(2026, 10, 30)))
EXERCISE = "This operation is a Small Value Exercise (SVE); the daily operation will still take place at its scheduled time."
# from which day on, an invented level of rates in basis points
LEVELS = {
    date(2008, 1, 1): 200, date(2020, 3, 16): 8, date(2021, 6, 17): 13, date(2022, 3, 17): 38, date(2022, 5, 5): 88,
    date(2022, 6, 16): 163, date(2022, 7, 28): 238, date(2022, 9, 22): 313, date(2022, 11, 3): 388, date(2022, 12, 15): 438,
    date(2023, 2, 2): 463, date(2023, 3, 23): 488, date(2023, 5, 4): 513, date(2023, 7, 27): 538, date(2024, 9, 19): 488,
    date(2024, 11, 8): 463, date(2024, 12, 19): 438, date(2025, 9, 18): 418, date(2025, 10, 30): 395, date(2025, 12, 11): 368,
    date(2026, 9, 17): 390,
}  # fmt: skip
OFFSETS = {"SOFR": 2, "TGCR": -1, "BGCR": 0, "EFFR": -4, "OBFR": -5}
VOLUMES = {"SOFR": 3000, "TGCR": 1500, "BGCR": 1600, "EFFR": 90, "OBFR": 190}


def _wave(text: str, spread: int) -> int:
    """Return an invented step for a text, always the same: from ``-spread`` to ``spread``."""
    return zlib.crc32(text.encode()) % (2 * spread + 1) - spread


def rate_row(kind: str, day: date) -> dict[str, Any]:
    """Return one invented row of a reference rate, in the order of the provider's keys."""
    level = next(value for since, value in reversed(LEVELS.items()) if since <= day) + OFFSETS[kind]
    is_quarter_end = next_business_day("SOFR", day).month in (1, 4, 7, 10) and next_business_day("SOFR", day).month != day.month
    middle = level + _wave(f"{kind}{day}", 3) + (12 if is_quarter_end else 0)
    below, above = 1 + _wave(f"{day}{kind}", 1), 4 + _wave(f"{day}", 2)
    points = {"1": middle - below - 4, "25": middle - below, "75": middle + above, "99": middle + above + 6}
    row: dict[str, Any] = {"effectiveDate": day.isoformat(), "type": kind, "percentRate": middle / 100}
    if day >= EARLIER_YEARS[0]:
        row |= {f"percentPercentile{name}": value / 100 for name, value in points.items()}
    if kind == "EFFR":
        floor = level // 25 * 25
        row |= {"targetRateFrom": floor / 100, "targetRateTo": (floor + 25) / 100}
    if day >= EARLIER_YEARS[0]:
        row["volumeInBillions"] = VOLUMES[kind] + _wave(f"volume {kind}{day}", VOLUMES[kind] // 20)
    return {**row, "revisionIndicator": ""}


def rates(rows: Iterable[Mapping[str, Any]]) -> bytes:
    """Return an answer of reference rates as the provider writes it: newest first, two decimals, a space before commas."""
    newest_first = sorted(rows, key=lambda row: row["effectiveDate"], reverse=True)
    return f'{{ "refRates": [ {", ".join(_spaced(row) for row in newest_first)} ] }}'.encode()


def _spaced(row: Mapping[str, Any]) -> str:
    """Return one row in the provider's spacing."""
    cells = [f'"{key}": {f"{value:.2f}" if isinstance(value, float) else json.dumps(value)}' for key, value in row.items()]
    return "{ " + cells[0] + ", " + " ,".join(cells[1:]) + " }"


def operation(
    day: date,
    number: int,
    kind: str,
    method: str,
    hours: tuple[str, str],
    accepted: Mapping[str, int],
    *,
    rate: float,
    note: str = "",
) -> dict[str, Any]:
    """Return one operation with its results: ``accepted`` dollars by type of security, in the generation of its method."""
    total = sum(accepted.values())
    names = {"Fixed Rate": "percentOfferingRate", "Full Allotment": "percentOfferingRate", "Multiple Price": "minimumBidRate"}
    details: list[dict[str, Any]] = []
    for security, amount in accepted.items():
        detail: dict[str, Any] = {"securityType": security, "amtSubmitted": amount, "amtAccepted": amount, names[method]: rate}
        if method == "Multiple Price" and amount:
            detail |= {"percentHighRate": rate, "percentLowRate": rate, "percentStopOutRate": rate}
        if method == "Fixed Rate" and amount:
            detail["percentAwardRate"] = rate
        details.append(detail)
    return {
        "operationId": f"RP {day:%m%d%y} {number}",
        "auctionStatus": "Results",
        "operationDate": day.isoformat(),
        "settlementDate": day.isoformat(),
        "maturityDate": next_business_day("SOFR", day).isoformat(),
        "operationType": kind,
        "operationMethod": method,
        "settlementType": "Same Day",
        "termCalenderDays": (next_business_day("SOFR", day) - day).days,
        "term": "Overnight",
        "releaseTime": hours[0],
        "closeTime": hours[1],
        "note": note,
        "lastUpdated": f"{day} {hours[1]}:{30 + number}",
        **({"operationLimit": 500_000_000_000} if method == "Multiple Price" else {}),
        **({"participatingCpty": 9, "acceptedCpty": 9} if kind == "Reverse Repo" else {}),
        "totalAmtSubmitted": total,
        "totalAmtAccepted": total,
        "details": details,
    }


def operations(rows: Iterable[Mapping[str, Any]]) -> bytes:
    """Return an answer of operations, newest day first."""
    newest_first = sorted(rows, key=lambda row: row["operationDate"], reverse=True)
    return json.dumps({"repo": {"operations": newest_first}}).encode()


def _operations_of(day: date) -> Iterator[dict[str, Any]]:
    """Yield the invented operations of a day: two standing repos and a reverse repo; on one day an exercise before them."""
    method = "Multiple Price" if day.year < 2026 else "Full Allotment"
    rate = 4.25 if day.year < 2026 else 4.0
    if day in (date(2025, 10, 28), date(2026, 10, 21)):
        yield operation(day, 1, "Repo", method, ("10:00", "10:15"), {"Treasury": 7_000_000}, rate=rate, note=EXERCISE)
    for number, hours in ((2, ("08:15", "08:30")), (4, ("13:30", "13:45"))):
        amount = max(_wave(f"srf {day} {number}", 4_000), 0) * 1_000_000
        accepted = {"Treasury": amount, "Agency": 0, "Mortgage-Backed": amount // 4}
        yield operation(day, number, "Repo", method, hours, accepted, rate=rate)
    amount = (9_000 + _wave(f"rrp {day}", 6_000)) * 1_000_000
    yield operation(day, 3, "Reverse Repo", "Fixed Rate", ("12:45", "13:15"), {"Treasury": amount}, rate=rate - 0.5)


def elasticity(days: Iterable[date]) -> bytes:
    """Return invented estimates of the reserve demand elasticity as the file has them."""
    lines = ["Date," + ",".join(f"Elasticity - {name}" for name in (
        "2.5th percentile", "16th percentile", "50th percentile (main)", "84th percentile", "97.5th percentile"
    ))]  # fmt: skip
    for day in days:
        middle = -0.2 + _wave(f"elasticity {day}", 30) / 100
        lines.append(",".join([day.isoformat(), *(f"{middle + step:.4f}" for step in (-0.8, -0.4, 0.0, 0.4, 0.8))]))
    return ("\n".join(lines) + "\n").encode()


def _holdings(day: date) -> dict[str, str]:
    """Return one invented week of holdings: texts in dollars, a total without the compensation for inflation."""
    bills = 200_000_000_000 + _wave(f"bills {day}", 5_000) * 1_000_000
    parts = {"mbs": 2_000_000_000_000, "cmbs": 7_000_000_000, "tips": 300_000_000_000, "notesbonds": 3_500_000_000_000}
    amounts = {**{key: f"{value}.00" if key in ("mbs", "cmbs") else str(value) for key, value in parts.items()}, "frn": ""}
    total = f"{sum(parts.values()) + bills + 2_347_000_000}.00"
    return {
        "asOfDate": day.isoformat(), **amounts, "tipsInflationCompensation": "110000000000.00", "bills": str(bills),
        "agencies": "2347000000", "total": total,
    }  # fmt: skip


def holdings(days: Iterable[date]) -> bytes:
    """Return an answer of invented holdings."""
    return json.dumps({"soma": {"summary": [_holdings(day) for day in days]}}).encode()


def dealers(key: str, days: Iterable[date]) -> bytes:
    """Return an answer of one invented series of primary dealers."""
    positions = [
        {"asofdate": day.isoformat(), "keyid": key, "value": str(350_000 + _wave(f"{key} {day}", 20_000))} for day in days
    ]
    return json.dumps({"pd": {"timeseries": positions}}).encode()


def payloads() -> Iterator[Sample]:
    """Yield the sample, oldest answers first."""
    for name, (market, _) in RATES.items():
        path = f"{API_URL}rates/{market}/{name.lower()}"
        for start, end in (LONG_AGO, EARLIER_YEARS, LAST_YEAR):
            if (name == "EFFR" and start != EARLIER_YEARS[0]) or (name == "SOFR" and start != LONG_AGO[0]):
                days = business_days("FED" if market == "unsecured" else "SOFR", start, end)
                content = rates(rate_row(name, day) for day in days)
                yield Sample(name.lower(), content, f"{path}/search.json?startDate={start}&endDate={end}", AT)
        days = business_days("FED" if market == "unsecured" else "SOFR", *NEWEST)
        yield Sample(name.lower(), rates(rate_row(name, day) for day in days), f"{path}/last/{len(days)}.json", AT)
    for start, end in OPERATIONS:
        content = operations(row for day in business_days("SOFR", start, end) for row in _operations_of(day))
        yield Sample("repo_operations", content, f"{API_URL}rp/results/search.json?startDate={start}&endDate={end}", AT)
    weeks = [date(2026, 9, 2) + timedelta(days=7 * number) for number in range(9)]
    yield Sample("soma_summary", holdings(weeks), f"{API_URL}soma/summary.json", AT)
    key = "PDPOSGST-TOT"
    yield Sample("primary_dealer", dealers(key, weeks[:-1]), f"{API_URL}pd/get/SBN2024/timeseries/{key}.json", AT)
    yield Sample("elasticity", elasticity(weeks[:-3]), ELASTICITY_URL, AT)

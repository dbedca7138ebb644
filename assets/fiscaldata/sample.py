"""Generated answers of Fiscal Data in its exact wire format: auctions of 2008, and all datasets of 2025 and 2026.

The amounts are invented: they move like the government's and are not. The writers serve the tests and the benchmarks too.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Iterator, Mapping, Sequence
from datetime import date, timedelta
from typing import Any

from assets.fiscaldata import API_URL, ENDPOINTS
from undertow.calendars import business_days, day_grid
from undertow.room import Sample

__all__ = ["auction_rows", "buyback_rows", "cash_rows", "debt_rows", "page", "payloads", "statement_rows"]

FEDERAL = "US_FEDERAL"


def _wave(text: str, spread: int) -> int:
    """Return an invented step, always the same: from ``-spread`` to ``spread``."""
    return zlib.crc32(text.encode()) % (2 * spread + 1) - spread


def _dollars(cents: int) -> str:
    """Return an amount as the API writes it."""
    return f"{'-' if cents < 0 else ''}{abs(cents) // 100}.{abs(cents) % 100:02d}"


def page(rows: Sequence[Mapping[str, str]], number: int = 1, size: int = 10_000) -> bytes:
    """Return one page of an answer that holds ``rows`` in all."""
    part = rows[(number - 1) * size : number * size]
    pages = max(1, -(-len(rows) // size))
    link = "&page%5Bnumber%5D={}&page%5Bsize%5D=" + str(size)
    fields = sorted(part[0]) if part else []
    meta = {
        "count": len(part),
        "labels": {name: name for name in fields},
        "dataTypes": dict.fromkeys(fields, "STRING"),
        "dataFormats": dict.fromkeys(fields, "String"),
        "total-count": len(rows),
        "total-pages": pages,
    }
    links = {
        "self": link.format(number), "first": link.format(1), "last": link.format(pages),
        "prev": link.format(number - 1) if number > 1 else None, "next": link.format(number + 1) if number < pages else None,
    }  # fmt: skip
    return json.dumps({"data": list(part), "meta": meta, "links": links}).encode()


def _dated(day: date) -> dict[str, str]:
    """Return the fields in which every row says its date again."""
    fiscal = day.year + (day.month > 9)
    return {
        "record_fiscal_year": str(fiscal), "record_fiscal_quarter": str((day.month + 2) % 12 // 3 + 1),
        "record_calendar_year": str(day.year), "record_calendar_quarter": str((day.month + 2) // 3),
        "record_calendar_month": f"{day.month:02d}", "record_calendar_day": f"{day.day:02d}",
    }  # fmt: skip


def cash_rows(start: date, end: date) -> list[dict[str, str]]:
    """Return table I of the Daily Treasury Statements of some days: four rows a day, which add up."""
    rows, closing = [], 400_000
    for day in business_days(FEDERAL, start, end):
        opening, deposits = closing, 30_000 + _wave(f"in {day}", 20_000)
        withdrawals = 30_000 + _wave(f"out {day}", 20_000) + (opening - 400_000) // 10
        closing = opening + deposits - withdrawals
        named = {
            "Treasury General Account (TGA) Opening Balance": opening,
            "Total TGA Deposits (Table II)": deposits,
            "Total TGA Withdrawals (Table II) (-)": withdrawals,
            "Treasury General Account (TGA) Closing Balance": closing,
        }
        for number, (account, amount) in enumerate(named.items(), 1):
            rows.append(
                {
                    "record_date": day.isoformat(), "account_type": account, "close_today_bal": "null",
                    "open_today_bal": str(amount), "open_month_bal": str(amount), "open_fiscal_year_bal": str(amount),
                    "table_nbr": "I", "table_nm": "Operating Cash Balance", "sub_table_name": "Cash Balance Details",
                    "src_line_nbr": str(number), **_dated(day),
                }
            )  # fmt: skip
    return rows


def statement_rows(start: date, end: date) -> list[dict[str, str]]:
    """Return line 5694 of the Monthly Treasury Statements of some months; a deficit is negative."""

    def month_balance(month: date) -> int:
        return -15_000_000_000_000 - _wave(f"{month:%Y-%m}", 9_000_000_000_000) - (month.year - 2020) * 300_000_000_000

    def to_date(last: date) -> int:
        first = date(last.year - (last.month < 10), 10, 1)
        return sum(month_balance(day) for day in day_grid(first, last, "M"))

    rows = []
    for day in day_grid(start, end, "M"):
        before = (day + timedelta(days=1)).replace(year=day.year - (day.month < 12)) - timedelta(days=1)
        cents = {
            "current_month_net_outly_amt": month_balance(day),
            "current_fytd_net_outly_amt": to_date(day),
            "prior_fytd_net_outly_amt": to_date(before) + 1_234_567,  # restated since
        }
        rows.append(
            {
                "record_date": day.isoformat(), "parent_id": "null", "classification_id": "5694",
                "classification_desc": "Total Surplus (+) or Deficit (-)", "line_code_nbr": "5694", "table_nbr": "5",
                **{name: _dollars(amount) for name, amount in cents.items()},
                **_dated(day),
            }
        )  # fmt: skip
    return rows


def debt_rows(start: date, end: date) -> list[dict[str, str]]:
    """Return the debt of some days, to the penny."""
    rows = []
    for day in business_days(FEDERAL, start, end):
        public = 3_000_000_000_000_012 + (day - date(2025, 1, 1)).days * 700_000_000_037 // 100 + _wave(f"p {day}", 99)
        within = 740_000_000_000_034 + _wave(f"w {day}", 99_999)
        named = {
            "debt_held_public_amt": public, "intragov_hold_amt": within, "tot_pub_debt_out_amt": public + within,
        }  # fmt: skip
        rows.append(
            {
                "record_date": day.isoformat(), **{name: _dollars(cents) for name, cents in named.items()},
                "src_line_nbr": "1", **_dated(day),
            }
        )  # fmt: skip
    return rows


def auction_rows(start: date, end: date) -> list[dict[str, str]]:
    """Return the auctions with issue dates in a span: two bills a week, and a note, a bond, TIPS and a floater a month."""
    rows: list[dict[str, str]] = []

    def add(issue: date, kind: str, term: str, billions: int, **marks: str) -> None:
        key = f"{kind}{term}{issue}"
        accepted = billions * 1_000_000_000 + _wave(key, 40_000) * 100
        rows.append(
            {
                "record_date": issue.isoformat(), "cusip": f"912{zlib.crc32(key.encode()) % 1_000_000:06d}",
                "security_type": kind, "security_term": term, "original_security_term": term, "reopening": "No",
                "cash_management_bill_cmb": "No", "floating_rate": "No", "inflation_index_security": "No",
                "announcemt_date": (issue - timedelta(days=7)).isoformat(), "auction_date": (issue -
                timedelta(days=3)).isoformat(), "issue_date": issue.isoformat(), "offering_amt": str(billions * 1_000_000_000),
                "total_accepted": str(accepted), "soma_accepted": str(billions * 20_000_000), "high_yield": "null",
                **marks,
            }
        )  # fmt: skip

    for day in day_grid(start, end, "D"):
        if day.weekday() == 3:
            add(day, "Bill", "13-Week", 82 + _wave(f"13 {day}", 6))
            add(day, "Bill", "26-Week", 73 + _wave(f"26 {day}", 6))
        if day.day == 15:
            add(day, "Note", "9-Year 10-Month", 39, reopening="Yes", original_security_term="10-Year")
            add(day, "Bond", "30-Year", 23)
        if day.day == 28:
            add(day, "Note", "5-Year", 24, inflation_index_security="Yes")
            add(day, "Note", "5-Year", 70)
            add(day, "Note", "2-Year", 28, floating_rate="Yes")
            add(day, "Bill", "42-Day", 50, cash_management_bill_cmb="Yes")
    return rows


def buyback_rows(start: date, end: date) -> list[dict[str, str]]:
    """Return the buybacks of a span: Tuesdays for liquidity, each fourth Thursday for cash management."""
    rows = []
    for day in day_grid(start, end, "D"):
        kind = {1: "Liquidity Support", 3: "Cash Management" if day.isocalendar().week % 4 == 0 else None}.get(day.weekday())
        if kind is None:
            continue
        most = 2_000_000_000 if kind == "Liquidity Support" else 12_500_000_000
        accepted = most - max(0, _wave(f"{kind} {day}", 900)) * 1_000_000
        rows.append(
            {
                "operation_date": day.isoformat(), "operation_start_time_est": "01:40 PM",
                "operation_close_time_est": "02:00 PM", "settlement_date": (day + timedelta(days=1)).isoformat(),
                "preliminary_ann_pdf": "null", "preliminary_ann_xml": "null", "final_ann_pdf": "null", "final_ann_xml": "null",
                "results_pdf": "null", "results_xml": "null", "special_ann_pdf": "null", "operation_type": kind,
                "security_type": "Nominal Coupons",
                "maturity_bucket": "20Y to 30Y" if kind == "Liquidity Support" else "1Mo to 2Y",
                "nbr_issues_accepted": "10", "total_par_amt_offered": str(most * 9), "par_amt_per_offer": "1000000",
                "max_par_amt_redeemed": str(most), "max_nbr_offers": "100", "nbr_issues_eligible": "36",
                "total_par_amt_accepted": str(accepted),
            }
        )  # fmt: skip
    return rows


def payloads() -> Iterator[Sample]:
    """Yield the payloads of the sample."""
    made: list[tuple[str, str, list[dict[str, Any]]]] = [
        ("auctions_query", "2008-09-30T12:00:00Z", auction_rows(date(2008, 7, 1), date(2008, 9, 30))),
        ("dts_operating_cash_balance", "2025-12-31T12:00:00Z", cash_rows(date(2025, 10, 1), date(2025, 12, 29))),
        ("auctions_query", "2025-12-31T12:00:00Z", auction_rows(date(2025, 9, 1), date(2025, 12, 31))),
        ("buybacks_operations", "2025-12-31T12:00:00Z", buyback_rows(date(2025, 9, 1), date(2025, 12, 30))),
        ("mts_table_5", "2025-12-31T12:00:00Z", statement_rows(date(2023, 10, 1), date(2025, 11, 30))),
        ("dts_operating_cash_balance", "2026-10-31T09:00:00Z", cash_rows(date(2026, 9, 15), date(2026, 10, 29))),
        ("debt_to_penny", "2026-10-31T09:00:00Z", debt_rows(date(2026, 9, 15), date(2026, 10, 29))),
        ("auctions_query", "2026-10-31T09:00:00Z", auction_rows(date(2026, 8, 1), date(2026, 10, 30))),
        ("buybacks_operations", "2026-10-31T09:00:00Z", buyback_rows(date(2025, 9, 1), date(2026, 10, 29))),
        ("mts_table_5", "2026-10-31T09:00:00Z", statement_rows(date(2023, 10, 1), date(2026, 9, 30))),
    ]
    for dataset, fetched_at, rows in made:
        yield Sample(dataset, page(rows), f"{API_URL}{ENDPOINTS[dataset]}?until={fetched_at[:10]}", fetched_at)

"""The Fiscal Data room: the genuine daily statement, generated answers of all datasets, rules of time, paging, and planted faults."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from werkzeug import Response

from assets.fiscaldata import API_URL, ENDPOINTS, ROOM, sample
from assets.fiscaldata.fetch import follow, requests
from assets.fiscaldata.parse import parse, rules
from tests.provider import server
from undertow.archive import Archive, Sighting
from undertow.errors import ParseError
from undertow.fetching import make_fetcher
from undertow.parsing import exact_float
from undertow.room import Landed, load_room
from undertow.settings import Settings

ROOT = Path(__file__).resolve().parents[3]
FIXTURES = ROOT / "tests/fixtures/fiscaldata"
GENUINE = ROOT.parent / "shared/data/fiscaldata"
FETCHED = datetime(2026, 10, 31, 9, tzinfo=UTC)
SETTINGS = Settings()
TGA = "dts.operating_cash_balance.tga_closing"
Rows = list[dict[str, str]]


def read(payload: bytes, dataset: str, fetched_at: datetime = FETCHED) -> Landed:
    sighting = Sighting(ROOM.name, dataset, "u", fetched_at, "0" * 64, len(payload), "replay")
    return parse(payload, sighting, load_room("fiscaldata").catalogue())


def told(landed: Landed) -> dict[tuple[str, str], dict]:
    assert landed.observation is not None
    return {(row["series_id"][11:], row["period_end"].isoformat()): row for row in landed.observation.to_pylist()}


def genuine(name: str) -> bytes:
    if not (GENUINE / name).is_file():
        pytest.skip(f"the genuine payload {name} is not beside this checkout")
    return (GENUINE / name).read_bytes()


def cash(edit: Callable[[Rows], Any] = lambda rows: None) -> bytes:
    rows = sample.cash_rows(date(2025, 7, 1), date(2025, 7, 11))
    edit(rows)
    return sample.page(rows)


# --- the daily statement -----------------------------------------------------------------------------------------------------


def test_the_balance_is_in_the_row_of_the_closing_balance() -> None:
    """The column that is called so holds the text "null" on every row."""
    landed = read(genuine("dts_operating_cash_balance_2025-07-07_2025-07-11.json"), "dts_operating_cash_balance")
    rows = told(landed)
    assert [rows[TGA, f"2025-07-{day:02d}"]["value"] for day in range(7, 12)] == [332_482, 343_047, 311_048, 288_395, 282_363]
    assert rows["dts.operating_cash_balance.tga_opening", "2025-07-07"]["value"] == 313_162
    assert rows["dts.operating_cash_balance.tga_withdrawals", "2025-07-07"]["value"] == 19_382
    friday = rows[TGA, "2025-07-11"]
    assert (friday["known_at"], friday["known_at_basis"]) == (datetime(2025, 7, 14, 20, tzinfo=UTC), "lag_rule")
    assert {row["obs_status"] for row in rows.values()} == {"A"}
    assert {tuple(row["flags"]) for row in rows.values()} == {()}
    assert landed.series is not None
    assert {row["unit"] for row in landed.series.to_pylist()} == {"USD millions"}
    assert landed.quarantine == []


def test_older_labels_have_a_closing_balance_of_their_own() -> None:
    def relabel(rows: Rows) -> None:
        del rows[1:]
        rows[0] |= {"account_type": "Federal Reserve Account", "close_today_bal": "812345", "open_today_bal": "800000"}

    rows = told(read(cash(relabel), "dts_operating_cash_balance"))
    assert {name.rpartition(".")[2]: row["value"] for (name, _), row in rows.items()} == {
        "tga_closing": 812_345,
        "tga_opening": 800_000,
    }


def test_unknown_labels_are_told_and_a_page_without_the_balance_is_refused() -> None:
    one = read(cash(lambda rows: rows[0].update(account_type="Treasury Cash")), "dts_operating_cash_balance")
    assert [(place, raw) for place, _, raw in one.quarantine] == [("row 1", "Treasury Cash")]

    def rename(rows: Rows) -> None:
        for row in rows:
            row["account_type"] = row["account_type"].replace("Closing", "Final")

    with pytest.raises(ParseError, match="have labels changed again"):
        read(cash(rename), "dts_operating_cash_balance")


def test_a_missing_day_is_told_and_a_holiday_is_none() -> None:
    """Independence Day is no missing day, the Tuesday after it is."""
    assert read(cash(), "dts_operating_cash_balance").quarantine == []
    landed = read(
        cash(lambda rows: rows.__setitem__(slice(None), [row for row in rows if row["record_date"] != "2025-07-08"])),
        "dts_operating_cash_balance",
    )
    assert [(place, reason) for place, reason, _ in landed.quarantine] == [
        ("2025-07-08", "there is no statement of this day, which is a federal business day"),
    ]


def test_a_balance_that_does_not_follow_from_its_movements_is_suspect() -> None:
    rows = told(read(cash(lambda rows: rows[3].update(open_today_bal="1")), "dts_operating_cash_balance"))
    assert {day: row["flags"] for (name, day), row in rows.items() if name == TGA and row["flags"]} == {
        "2025-07-01": ["SUSPECT"]
    }


def test_a_value_that_we_saw_before_its_hour_is_known_from_our_fetch() -> None:
    early = datetime(2025, 7, 14, 13, tzinfo=UTC)
    row = told(read(cash(), "dts_operating_cash_balance", early))[TGA, "2025-07-11"]
    assert (row["known_at"], row["known_at_basis"]) == (early, "first_seen")


# --- the other datasets ------------------------------------------------------------------------------------------------------


def test_the_monthly_statement_has_both_years_of_one_report() -> None:
    rows = sample.statement_rows(date(2025, 3, 1), date(2025, 3, 31))
    rows[0] |= {"current_fytd_net_outly_amt": "-1307123456789.01", "prior_fytd_net_outly_amt": "-1065000000000.00"}
    rows.append(dict(rows[0], line_code_nbr="5691", current_fytd_net_outly_amt="3570000000000.00"))
    landed = told(read(sample.page(rows), "mts_table_5"))
    current = landed["mts_table_5.5694.current_fytd_net_outly_amt", "2025-03-31"]
    assert (current["value"], current["period_start"], current["known_at_basis"]) == (
        -1_307_123_456_789.01,
        date(2025, 3, 1),
        "first_seen",
    )
    assert landed["mts_table_5.5694.prior_fytd_net_outly_amt", "2025-03-31"]["value"] == -1_065_000_000_000
    assert {name.split(".")[1] for name, _ in landed} == {"5694"}
    missing = sample.page([dict(rows[0], prior_fytd_net_outly_amt="null", record_date="2025-03-31")])
    assert len(read(missing, "mts_table_5").quarantine) == 1


def test_the_debt_keeps_its_pennies() -> None:
    rows = sample.debt_rows(date(2026, 10, 1), date(2026, 10, 1))
    rows[0] |= {"tot_pub_debt_out_amt": "38123456789012.34", "debt_held_public_amt": "null"}
    landed = told(read(sample.page(rows), "debt_to_penny"))
    row = landed["debt_to_penny.tot_pub_debt_out_amt", "2026-10-01"]
    assert f"{row['value']:.2f}" == "38123456789012.34"
    assert (row["known_at"].isoformat(), row["flags"]) == ("2026-10-03T03:59:59+00:00", ["KNOWN_LATE"])
    assert len(landed) == 2
    rows[0]["tot_pub_debt_out_amt"] = "38123456789012.3456"
    lossy = read(sample.page(rows), "debt_to_penny")
    assert [reason for _, reason, _ in lossy.quarantine] == [
        "fiscaldata.debt_to_penny.tot_pub_debt_out_amt: '38123456789012.3456' has more digits than a float holds",
    ]


@given(st.integers(min_value=-(2**46) * 100, max_value=2**46 * 100))  # 70 trillion dollars; beyond, a float steps over pennies
def test_amounts_in_cents_come_back_digit_for_digit(cents: int) -> None:
    text = f"{'-' if cents < 0 else ''}{abs(cents) // 100}.{abs(cents) % 100:02d}"
    assert f"{exact_float(text):.2f}" == text or cents == 0


@pytest.mark.parametrize("text", ["null", "", "NaN", "Infinity", "1,000", "0x10", "1e999"])
def test_what_is_no_number_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"number|digits"):
        exact_float(text)


def test_auctions_by_class_and_term() -> None:
    rows = sample.auction_rows(date(2025, 10, 15), date(2025, 10, 28))
    landed = told(read(sample.page(rows), "auctions_query"))
    classes = {tuple(name.split(".")[1:3]) for name, _ in landed}
    assert classes == {
        ("bill", "13_week"), ("bill", "26_week"), ("bond", "30_year"), ("note", "9_year_10_month"), ("tips", "5_year"),
        ("note", "5_year"), ("frn", "2_year"), ("cmb", "42_day"),
    }  # fmt: skip
    note = landed["auctions_query.note.9_year_10_month.total_accepted", "2025-10-15"]
    assert (note["period_start"], note["known_at"].isoformat()) == (date(2025, 10, 12), "2025-10-13T03:59:59+00:00")
    assert (note["known_at_basis"], note["flags"]) == ("provider", ["KNOWN_LATE"])


def test_an_auction_without_a_result_makes_no_row() -> None:
    rows = sample.auction_rows(date(2025, 10, 16), date(2025, 10, 16))
    rows[0] |= {"total_accepted": "null", "soma_accepted": "null"}
    landed = read(sample.page(rows), "auctions_query")
    assert {name for name, _ in told(landed)} == {
        "auctions_query.bill.26_week.total_accepted",
        "auctions_query.bill.26_week.soma_accepted",
    }
    assert landed.quarantine == []


def test_the_genuine_row_of_a_buyback() -> None:
    row = json.loads(genuine("buybacks_operations_one_row_2026-08-18.json"))["data"][0]
    landed = told(read(sample.page([row]), "buybacks_operations"))
    stem = "buybacks_operations.liquidity_support.nominal_coupons.20y_to_30y"
    assert {name.removeprefix(f"{stem}."): row["value"] for (name, _), row in landed.items()} == {
        "total_par_amt_accepted": 2_000_000_000,
        "total_par_amt_offered": 19_868_000_000,
        "max_par_amt_redeemed": 2_000_000_000,
    }
    assert {tuple(row["flags"]) for row in landed.values()} == {("KNOWN_LATE",)}
    more = told(read(sample.page([dict(row, total_par_amt_accepted="2000000001")]), "buybacks_operations"))
    assert {tuple(row["flags"]) for row in more.values()} == {("KNOWN_LATE", "SUSPECT")}


# --- the envelope ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("payload", "match"),
    [
        ((FIXTURES / "error_invalid_parameter.json").read_bytes(), "Invalid query parameter"),
        ((FIXTURES / "empty.json").read_bytes(), "the answer is empty"),
        (
            sample.page(sample.cash_rows(date(2025, 7, 1), date(2025, 7, 3)), number=3, size=10),
            "empty although there are 12 rows",
        ),
        (cash().replace(b'"count": 32', b'"count": 33'), "says it has 33 rows and has 32"),
        (cash().replace(b"account_type", b"account"), "no field account_type"),
        (b"<html>", "not JSON"),
        (b"[]", "no object"),
        (b'{"data": [{}]}', "no page of the API"),
    ],
)
def test_another_answer_is_refused(payload: bytes, match: str) -> None:
    with pytest.raises(ParseError, match=match):
        read(payload, "dts_operating_cash_balance")


def test_rows_that_contradict_each_other_and_days_ahead_go_to_quarantine() -> None:
    def spoil(rows: Rows) -> None:
        rows.append(dict(rows[3], open_today_bal="7"))
        rows.append(dict(rows[3]))
        rows.append(dict(rows[7], record_date="2027-01-04"))
        rows.append(dict(rows[7], record_date="2025-02-30"))

    landed = read(cash(spoil), "dts_operating_cash_balance")
    assert (TGA, "2025-07-01") not in told(landed)
    assert (TGA, "2025-07-02") in told(landed)
    reasons = {reason for _, reason, _ in landed.quarantine}
    assert {f"the page has two different rows for fiscaldata.{TGA} on 2025-07-01", "the day is after the fetch"} < reasons
    assert len(landed.quarantine) == 4  # both sides of the dispute, the day ahead, and the day that is none


def test_pages_are_followed_and_a_row_on_two_of_them_says_the_same() -> None:
    first = next(one for one in requests(SETTINGS, date(2026, 11, 21)) if one.dataset == "dts_operating_cash_balance")
    rows = sample.cash_rows(date(2025, 7, 1), date(2025, 7, 11))
    (second,) = follow(SETTINGS, first, sample.page(rows, 1, 20))
    assert second.params["page[number]"] == "2"
    assert second.params["filter"] == first.params["filter"] == "record_date:gte:2025-01-01"
    assert list(follow(SETTINGS, second, sample.page(rows, 2, 20))) == []
    whole = told(read(sample.page(rows), "dts_operating_cash_balance"))
    parts = [told(read(sample.page(rows[a:b]), "dts_operating_cash_balance")) for a, b in ((0, 20), (16, 32))]
    assert parts[0] | parts[1] == whole
    assert {key: parts[0][key] for key in parts[0].keys() & parts[1].keys()} == {
        key: parts[1][key] for key in parts[0].keys() & parts[1].keys()
    }


def test_requests_are_keyless_and_leave_no_field_out() -> None:
    asked = list(requests(SETTINGS, date(2026, 11, 21)))
    assert [one.url for one in asked] == [API_URL + path for path in ENDPOINTS.values()]
    assert not any("fields" in one.params or one.secrets for one in asked)
    assert {one.params["page[size]"] for one in asked} == {"10000"}
    assert [one.params.get("filter") for one in asked] == [
        "record_date:gte:2025-01-01", "line_code_nbr:eq:5694", "record_date:gte:2025-01-01", "issue_date:gte:2025-01-01", None,
    ]  # fmt: skip


# --- the calendar ------------------------------------------------------------------------------------------------------------


def events(year: int, release: str, event: str) -> dict[str, tuple[str, list[str]]]:
    return {
        row["reference_period"]: (f"{row['event_at']:%Y-%m-%dT%H:%M}", row["flags"])
        for row in rules(year).to_pylist()
        if (row["release_id"], row["event"]) == (release, event)
    }


def test_the_daily_statement_comes_on_the_next_business_day() -> None:
    planned = events(2025, "daily_treasury_statement", "scheduled")
    assert planned["2025-07-03"][0] == "2025-07-07T20:00"
    assert planned["2025-11-10"][0] == "2025-11-12T21:00"
    assert planned["2025-12-31"][0] == "2026-01-02T21:00"
    assert not {"2025-07-04", "2025-07-05", "2025-11-11", "2025-12-26"} & set(planned)
    assert len(planned) == 247


def test_the_monthly_statement_comes_on_the_eighth_business_day() -> None:
    released = events(2025, "monthly_treasury_statement", "released")
    assert released["2025-03"] == ("2025-04-10T18:00", [])
    assert released["2025-06"] == ("2025-07-11T18:00", [])
    assert set(released) == {f"2025-{month:02d}" for month in range(1, 9)}, "what came in the lapse is among the facts"
    assert events(2022, "monthly_treasury_statement", "released")["2022-09"] == ("2022-10-31T18:00", ["KNOWN_LATE"])
    assert "2018-12" not in events(2018, "monthly_treasury_statement", "released")
    assert events(2025, "monthly_treasury_statement", "scheduled") == {}, "plans from December 2023 on are among the facts"
    assert len(events(2022, "monthly_treasury_statement", "scheduled")) == 12


# --- a whole fetch -----------------------------------------------------------------------------------------------------------


def test_a_page_that_vanished_is_a_failure_and_the_pages_before_it_stay(tmp_path: Path) -> None:
    """The first page says that there is a second one, and the second is not there."""
    first = sample.page(sample.cash_rows(date(2025, 7, 1), date(2025, 7, 11)), 1, 20)
    served = {one.url.partition("?")[0]: one.content for one in sample.payloads()}
    served[API_URL + ENDPOINTS["dts_operating_cash_balance"]] = first
    with server.provider() as provider:
        provider.files = {
            url.removeprefix("https://"): server.File(body, "application/json", validators=False)
            for url, body in served.items()
        }
        provider.break_with(
            (API_URL + ENDPOINTS["dts_operating_cash_balance"]).removeprefix("https://"),
            lambda provider, request, file: provider.give(request, file),
            lambda provider, request, file: Response(server.HTML, 404, content_type="text/html"),
        )
        settings = Settings(base_urls=json.loads(provider.base_urls()), retries=0)
        archive = Archive(tmp_path)
        outcomes = list(make_fetcher("live", [], settings).fetch(load_room("fiscaldata"), archive))
    told = [(one.dataset, one.status) for one in outcomes]
    assert told[:2] == [("dts_operating_cash_balance", "new"), ("dts_operating_cash_balance", "failed")]
    assert len(told) == 6
    assert [status for _, status in told].count("failed") == 1

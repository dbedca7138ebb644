"""The DOL room: releases as PDF, the national report, the rule of release days, and planted faults.

The releases and the report are written by hand or by the room's own writer, in the department's form. Figures of September 2026 are
those that were published, as far as they are known; the others around them are made up.
"""

from __future__ import annotations

import random
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assets.dol import REPORT_URL, release_url, sample
from assets.dol.fetch import requests
from assets.dol.parse import WITHOUT_RELEASE, parse, release_days, rules
from assets.dol.sample import build_pdf, release_text
from tests.landed import checked
from undertow.archive import Sighting
from undertow.errors import ParseError
from undertow.instants import parse_instant
from undertow.room import Landed, load_room
from undertow.settings import Settings

FIXTURES = Path(__file__).parents[2] / "fixtures" / "dol"
BROKEN = (FIXTURES / "release_words_and_numbers_broken.txt").read_text(encoding="utf-8")
REPORT = (FIXTURES / "report_two_years_apart.xml").read_bytes()
CATALOGUE = load_room("dol").catalogue()
FETCHED_AT = datetime(2026, 9, 28, 22, 0, tzinfo=UTC)
EMBARGO = datetime(2026, 9, 24, 12, 30, tzinfo=UTC)
WEEK = timedelta(days=7)


def run(payload: bytes, dataset: str = "release", url: str = "u", fetched_at: datetime = FETCHED_AT) -> Landed:
    return parse(payload, Sighting("dol", dataset, url, fetched_at, "0" * 64, len(payload), "replay"), CATALOGUE)


def pdf(text: str) -> bytes:
    """Return a PDF with a text, one page."""
    return build_pdf([text.splitlines()])


def told(landed: Landed, series: str) -> dict[str, tuple]:
    """Return week -> value, status and flags of a series."""
    assert landed.observation is not None
    return {
        row["period_end"].isoformat(): (row["value"], row["obs_status"], row["flags"])
        for row in landed.observation.to_pylist()
        if row["series_id"] == f"dol.{series}"
    }


# --- the release ---------------------------------------------------------------------------------------------------------


def test_a_release_with_broken_words_and_numbers() -> None:
    landed = run(pdf(BROKEN), url=release_url(2026, 9, 24))
    assert landed.quarantine == []
    table = checked("observation", landed.observation)
    assert set(table["known_at"].to_pylist()) == {EMBARGO}
    assert set(table["known_at_basis"].to_pylist()) == {"provider"}
    assert told(landed, "InitialClaims.SA") == {
        "2026-08-29": (207_000, "A", ["KNOWN_LATE"]),
        "2026-09-05": (207_000, "A", ["KNOWN_LATE"]),
        "2026-09-12": (198_000, "A", []),
        "2026-09-19": (197_000, "P", ["PRELIMINARY"]),
    }
    assert told(landed, "InitialClaims.SA4WK") == {
        "2026-08-29": (205_500, "A", ["KNOWN_LATE"]),
        "2026-09-05": (205_500, "A", ["KNOWN_LATE"]),
        "2026-09-12": (205_000, "A", []),
        "2026-09-19": (202_250, "P", ["PRELIMINARY"]),
    }
    assert told(landed, "InitialClaims.NSA") == {
        "2026-09-05": (177_695, "A", ["KNOWN_LATE"]),
        "2026-09-12": (153_568, "A", []),
        "2026-09-19": (163_811, "P", ["PRELIMINARY"]),
    }
    # insured unemployment is one week behind, and so is its advance week
    assert told(landed, "ContinuedClaims.SA") == {
        "2026-08-29": (1_774_000, "A", ["KNOWN_LATE"]),
        "2026-09-05": (1_728_000, "A", []),
        "2026-09-12": (1_741_000, "P", ["PRELIMINARY"]),
    }
    assert told(landed, "ContinuedClaims.SA4WK")["2026-09-12"] == (1_754_250, "P", ["PRELIMINARY"])
    assert told(landed, "ContinuedClaims.NSA")["2026-09-05"] == (1_645_902, "A", [])
    assert told(landed, "IUR.SA")["2026-09-12"] == (1.2, "P", ["PRELIMINARY"])
    assert told(landed, "IUR.NSA")["2026-08-29"] == (1.1, "A", ["KNOWN_LATE"])


def test_a_week_is_seven_days_up_to_saturday() -> None:
    observation = run(pdf(BROKEN)).observation
    assert observation is not None
    newest = max(observation.to_pylist(), key=lambda row: row["period_end"])
    assert (newest["period_start"], newest["period_end"]) == (date(2026, 9, 13), date(2026, 9, 19))
    assert all(row["period_end"].isoweekday() == 6 for row in observation.to_pylist())


def test_series_of_a_release() -> None:
    series = {row["series_id"]: row for row in checked("series", run(pdf(BROKEN)).series).to_pylist()}
    assert len(series) == 8
    claims = series["dol.InitialClaims.SA"]
    assert (claims["unit"], claims["frequency"], claims["seasonal_adjustment"]) == ("claims", "W", "SA")
    assert (claims["release_id"], claims["revision_policy"]) == ("initial_claims", "restated_history")
    assert series["dol.ContinuedClaims.SA"]["release_id"] is None  # its week is not the release's


def test_a_release_fetched_before_its_hour_was_known_when_we_had_it() -> None:
    early = EMBARGO - timedelta(minutes=3)
    observation = run(pdf(BROKEN), fetched_at=early).observation
    assert observation is not None
    assert {(row["known_at"], row["known_at_basis"]) for row in observation.to_pylist()} == {(early, "first_seen")}


def test_winter_time_and_the_year_of_a_week_in_december() -> None:
    landed = run(build_pdf(release_text(date(2026, 1, 2), date(2025, 12, 27))))
    assert told(landed, "InitialClaims.SA")["2025-12-27"][1] == "P"
    assert landed.observation is not None
    assert landed.observation["known_at"][0].as_py() == datetime(2026, 1, 2, 13, 30, tzinfo=UTC)


def test_the_release_after_the_lapse_tells_the_weeks_of_the_lapse_for_the_first_time() -> None:
    landed = run(build_pdf(release_text(date(2025, 11, 20), date(2025, 11, 15))))
    claims, stock = told(landed, "InitialClaims.SA"), told(landed, "ContinuedClaims.SA")
    lapse = sorted(week.isoformat() for week in WITHOUT_RELEASE)
    assert (lapse[0], lapse[-1], len(lapse)) == ("2025-09-27", "2025-11-08", 7)
    assert [claims[week][2] for week in lapse] == [[]] * 7
    assert claims["2025-09-20"][2] == []  # revised by this release, for there was none between
    assert claims["2025-09-13"][2] == ["KNOWN_LATE"]
    assert (stock["2025-09-13"][2], stock["2025-09-06"][2]) == ([], ["KNOWN_LATE"])
    assert claims["2025-11-15"][1:] == ("P", ["PRELIMINARY"])


def test_a_release_without_a_level_of_the_week_before_in_words() -> None:
    text = BROKEN.replace(
        "’s revised level. The previous week’s level was revised up by 2,000 from\n196,000 to\n198,000.", "’s level."
    )
    assert text != BROKEN
    landed = run(pdf(text))
    assert landed.quarantine == []
    assert told(landed, "InitialClaims.SA")["2026-09-12"] == (198_000, "A", [])  # from the tables


def test_unrevised_levels_and_older_wordings() -> None:
    lines = [
        "EMBARGOED UNTIL 8:30 A.M. (Eastern) Thursday, Nov. 7, 2002",
        "UNEMPLOYMENT INSURANCE WEEKLY CLAIMS REPORT",
        "In the week ending Nov. 2, the advance figure for seasonally adjusted initial claims was 390,000, a decrease of",
        "20,000 from the previous week's unrevised figure of 410,000. The 4-week moving average was 402,000, an increase of",
        "750 from the previous week's unrevised average of 401,250.",
    ]
    landed = run(build_pdf([lines]))
    assert told(landed, "InitialClaims.SA") == {
        "2002-10-26": (410_000, "A", []),
        "2002-11-02": (390_000, "P", ["PRELIMINARY"]),
    }
    assert told(landed, "InitialClaims.SA4WK")["2002-10-26"] == (401_250, "A", [])
    assert [place for place, _, _ in landed.quarantine] == [
        "sentences",
        "table of regular state programs",
        "table of adjusted figures",
    ]


@settings(max_examples=12, deadline=None)
@given(st.data())
def test_spaces_inside_the_sentences_change_nothing(data: st.DataObject) -> None:
    lines = BROKEN.splitlines()
    for number in range(2, 18):
        place = data.draw(st.integers(1, len(lines[number]) - 1))
        lines[number] = lines[number][:place] + " " + lines[number][place:]
    assert run(build_pdf([lines])).observation == run(pdf(BROKEN)).observation


@pytest.mark.parametrize("day", [date(2025, 9, 25), date(2025, 11, 20), date(2026, 10, 29), date(2025, 12, 24)])
def test_generated_releases_are_read_whole(day: date) -> None:
    week = day - timedelta(days=(day.weekday() + 2) % 7)
    landed = run(build_pdf(release_text(day, week)), fetched_at=datetime(2026, 11, 1, tzinfo=UTC))
    assert landed.quarantine == []
    claims = told(landed, "InitialClaims.SA")
    assert len(claims) == 53
    assert claims[week.isoformat()][0] == 1000 * sample.initial(week, advance=True)
    assert claims[(week - WEEK).isoformat()][0] == 1000 * sample.initial(week - WEEK)
    levels = [claims[(week - number * WEEK).isoformat()][0] for number in range(4)]
    assert told(landed, "InitialClaims.SA4WK")[week.isoformat()][0] == sum(levels) / 4


# --- planted faults of a release -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("EMBARGOED UNTIL", "RELEASED AT", "no embargo line"),
        ("8:30 A.M. (Eastern) Thursday, September 24, 2026", "8:30 A.M. (Eastern) Thursday, September 31, 2026", "impossible"),
        ("8:30 A.M.", "8:75 A.M.", "impossible"),
        ("UNEMPLOYMENT INSURANCE WEEKLY CLAIMS", "JOB OPENINGS", "its title is not in it"),
        ("the a dvance figure", "the figure", "no sentence with the advance figure"),
        ("In the week ending September 19", "In the week ending September 18", "no week before the release"),
        ("In the week ending September 19", "In the week ending August 15", "no week before the release"),
    ],
)
def test_a_document_that_is_no_release_is_refused(old: str, new: str, message: str) -> None:
    assert old in BROKEN
    with pytest.raises(ParseError, match=message):
        run(pdf(BROKEN.replace(old, new)))


def test_a_file_named_for_another_day_is_refused() -> None:
    with pytest.raises(ParseError, match="named for 09-17-26, and its embargo is of 2026-09-24"):
        run(pdf(BROKEN), url=release_url(2026, 9, 17))


@pytest.mark.parametrize(
    "payload",
    [b"", b"<html><body>Not found</body></html>", b"%PDF-1.7\n%%EOF\n", pdf(BROKEN)[:1500], b"%PDF-1.7\n" + b"\0" * 900],
    ids=["empty", "html", "empty pdf", "truncated", "zeros"],
)
def test_bytes_that_are_no_pdf_are_refused(payload: bytes) -> None:
    with pytest.raises(ParseError, match="PDF"):
        run(payload)


def test_a_damaged_pdf_is_refused_or_read_and_never_breaks_anything() -> None:
    rng, whole = random.Random(20251120), build_pdf(release_text(date(2025, 9, 25), date(2025, 9, 20)))
    refused = 0
    for _ in range(40):
        damaged = bytearray(whole)
        for _ in range(rng.randint(1, 4)):
            damaged[rng.randrange(9, len(damaged))] = rng.randrange(256)
        try:
            run(bytes(damaged))
        except ParseError:
            refused += 1
    assert refused > 10
    with pytest.raises(ParseError, match="cannot be read: NotImplementedError"):
        run(whole.replace(b"/FlateDecode", b"/FlateDecade"))


def test_a_pdf_without_text_is_refused() -> None:
    with pytest.raises(ParseError, match="no text"):
        run(build_pdf([[""]]))


def test_a_release_that_contradicts_itself_is_marked() -> None:
    landed = run(
        pdf(BROKEN.replace("Initia l Cla ims (SA) 197,000 198,000 -1,000", "Initial Claims (SA) 199,000 198,000 +1,000"))
    )
    assert told(landed, "InitialClaims.SA")["2026-09-19"] == (197_000, "P", ["PRELIMINARY", "SUSPECT"])
    assert landed.quarantine == [
        ("line 21", "the release contradicts itself", "InitialClaims.SA 2026-09-19: 199000, and 197000 before it")
    ]


@pytest.mark.parametrize(
    ("old", "new", "place", "reason"),
    [
        ("1,741 13 1,754.25 1.2", "1,741 13 n.a. 1.2", "line 34", "the row of the long table cannot be read"),
        ("September 5, 2026 207", "September 6, 2026 207", "line 33", "the row of the long table cannot be read"),
        ("163,811 153,568 +10,243 177,695", "163,811 153,568 +10,244 177,695", "line 22", "does not hold the figures"),
        ("163,811 153,568 +10,243 177,695 180,878", "163,811 n.a. 177,695", "line 22", "does not hold the figures"),
        ("163,811 153,568 +10,243 177,695 180,878", "163,811 153,568 +10,243 177,695", "line 22", "does not hold the figures"),
        ("September 5, 2026 207 0", "Sept ember 5, 2026 2 07 0", "line 33", "the row of the long table cannot be read"),
        ("September 19  September 12 Change September 5", "September 19  September 12 Change", "line 20", "no three weeks"),
    ],
)
def test_a_row_that_cannot_be_read_goes_to_quarantine(old: str, new: str, place: str, reason: str) -> None:
    text = BROKEN.replace(old, new)
    assert text != BROKEN
    landed = run(pdf(text))
    assert [(where, reason in why) for where, why, _ in landed.quarantine] == [(place, True)]
    assert told(landed, "InitialClaims.SA")["2026-09-19"][0] == 197_000


def test_a_row_said_twice_is_one_row() -> None:
    row = "September 12, 2026 198 -9 205 1,741 13 1,754.25 1.2\n"
    doubled = run(pdf(BROKEN.replace(row, row + row)))
    assert doubled.observation == run(pdf(BROKEN)).observation
    assert doubled.quarantine == []


def test_another_dataset_is_refused() -> None:
    with pytest.raises(ParseError, match="release, report"):
        run(b"", "states")


# --- the report ----------------------------------------------------------------------------------------------------------


def test_values_of_a_report() -> None:
    landed = run(REPORT, "report")
    assert landed.quarantine == []
    table = checked("observation", landed.observation)
    assert set(table["known_at_basis"].to_pylist()) == {"first_seen"}
    assert set(table["known_at"].to_pylist()) == {FETCHED_AT}
    assert told(landed, "InitialClaims.SA") == {
        "1967-01-07": (208_000, "A", []),
        "2026-08-15": (207_000, "A", []),
        "2026-08-22": (None, "O", []),  # blank between two figures: missing
        "2026-08-29": (207_000, "A", []),
    }
    assert told(landed, "ContinuedClaims.SA") == {  # blank before the first and after the newest: no row
        "2026-08-15": (1_771_000, "A", []),
        "2026-08-22": (1_775_000, "A", []),
    }
    assert told(landed, "IUR.NSA")["1967-01-07"] == (3.5, "A", [])
    assert "2026-12-26" not in told(landed, "InitialClaims.NSA")


def test_a_report_names_its_series_as_a_release_does() -> None:
    report, release = run(REPORT, "report").series, run(pdf(BROKEN)).series
    assert report is not None
    assert report == release


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        (b"r539cyNational", b"r539cyState", "the root element is r539cyState"),
        (b"</r539cyNational>", b"", "not well-formed"),
        (b"<r539", b"<!DOCTYPE x><r539", "declares a document type"),
        (b"SA4WK", b"SA4", "no InitialClaims.SA4WK, ContinuedClaims.SA4WK"),
        (b"weekEnded", b"week_ended", "no usable week"),
    ],
)
def test_another_layout_of_the_report_is_refused(old: bytes, new: bytes, message: str) -> None:
    with pytest.raises(ParseError, match=message):
        run(REPORT.replace(old, new), "report")


def test_a_sentence_in_place_of_a_report_is_refused() -> None:
    with pytest.raises(ParseError, match="not well-formed"):
        run(b"An attempt to run the report without providing user input was made.", "report")


@pytest.mark.parametrize(
    ("old", "new", "place", "reason"),
    [
        (b"<NSA>171,403</NSA>", b"<NSA>17x,403</NSA>", "week 08/29/2026, InitialClaims.NSA", "not a number"),
        (b"08/22/2026", b"08/21/2026", "week 3", "not a Saturday"),
        (b"<NSA>&#160;</NSA>\n<SF>120.1</SF>", b"<NSA>1</NSA>\n<SF>120.1</SF>", "week 12/26/2026", "after the fetch"),
        (b"<IUR>", b"<Extended><NSA>1</NSA></Extended><IUR>", "Extended.NSA", "not known"),
    ],
)
def test_what_cannot_be_used_of_a_report_goes_to_quarantine(old: bytes, new: bytes, place: str, reason: str) -> None:
    landed = run(REPORT.replace(old, new), "report")
    assert [(where, reason in why) for where, why, _ in landed.quarantine] == [(place, True)]
    assert told(landed, "InitialClaims.SA")["2026-08-29"][0] == 207_000


def test_a_week_given_twice() -> None:
    again = REPORT.replace(b"08/22/2026", b"08/15/2026")
    landed = run(again, "report")
    assert [where for where, _, _ in landed.quarantine] == ["week 08/15/2026"] * 2
    assert "2026-08-15" not in told(landed, "InitialClaims.SA")
    week = REPORT[REPORT.index(b"<week>") : REPORT.index(b"</week>") + 8]
    same = run(REPORT.replace(week, week + week, 1), "report")
    assert same.quarantine == []
    assert same.observation == run(REPORT, "report").observation


# --- the rule of release days --------------------------------------------------------------------------------------------


def test_release_days_and_their_exceptions() -> None:
    """The exceptions are those of the calendar of facts, 2024 to 2026."""
    odd = {
        week.isoformat(): [day.isoformat() for day in days]
        for year in (2024, 2025, 2026)
        for week, days in release_days(year).items()
        if days != (week + timedelta(days=5),)
    }
    assert odd == {
        "2024-06-29": ["2024-07-03"],
        "2024-11-23": ["2024-11-27"],
        "2025-01-04": ["2025-01-09", "2025-01-08"],
        "2025-06-14": ["2025-06-18"],
        "2025-11-22": ["2025-11-26"],
        "2025-12-20": ["2025-12-24"],
        "2025-12-27": ["2025-12-31"],
        "2026-11-21": ["2026-11-25"],
    }
    assert [len(release_days(year)) for year in (2024, 2025, 2026)] == [52, 53, 52]


def test_each_week_has_one_release() -> None:
    weeks = [week for year in range(2024, 2031) for week in release_days(year)]
    assert weeks == [weeks[0] + number * WEEK for number in range(len(weeks))]


def test_rules_schedule_every_week_and_leave_the_lapse_open() -> None:
    events = checked("release_event", rules(2025)).to_pylist()
    scheduled = {row["reference_period"]: row for row in events if row["event"] == "scheduled"}
    released = {row["reference_period"]: row for row in events if row["event"] == "released"}
    assert (len(scheduled), len(released)) == (53, 45)
    assert set(scheduled) - set(released) == {"2025-01-04", *(week.isoformat() for week in WITHOUT_RELEASE)}
    first = scheduled["2025-09-27"]
    assert first["event_at"] == datetime(2025, 10, 2, 12, 30, tzinfo=UTC)
    assert first["announced_at"] == datetime(2025, 1, 1, 5, 0, tzinfo=UTC)
    assert (first["flags"], first["announced_basis"], first["component"]) == (["KNOWN_LATE"], "rule", "all")
    thanksgiving = released["2025-11-22"]
    assert thanksgiving["event_at"] == thanksgiving["announced_at"] == datetime(2025, 11, 26, 13, 30, tzinfo=UTC)
    assert rules(2023).num_rows == 0


def test_rules_do_not_say_that_a_coming_release_came() -> None:
    events = rules(2026).to_pylist()
    assert max(row["reference_period"] for row in events if row["event"] == "released") == "2026-07-25"
    assert max(row["reference_period"] for row in events) == "2026-12-26"


# --- fetch and sample ----------------------------------------------------------------------------------------------------


def test_requests_ask_for_the_newest_releases_and_the_report() -> None:
    *releases, report = requests(Settings(), date(2026, 11, 24))
    assert [request.url for request in releases] == [
        "https://oui.doleta.gov/press/2026/102926.pdf",
        "https://oui.doleta.gov/press/2026/110526.pdf",
        "https://oui.doleta.gov/press/2026/111226.pdf",
        "https://oui.doleta.gov/press/2026/111926.pdf",
    ]
    assert all(request.may_be_absent and request.dataset == "release" for request in releases)
    assert (report.dataset, report.url) == ("report", REPORT_URL)
    assert report.form == {"level": "us", "strtdate": "2025", "enddate": "2026", "final_yr": "2027", "filetype": "xml"}


def test_requests_of_a_holiday_and_of_a_day_of_mourning() -> None:
    wednesday = [request.url for request in requests(Settings(), date(2026, 11, 25))]
    assert release_url(2026, 11, 25) in wednesday
    mourning = [request.url for request in requests(Settings(), date(2025, 1, 9))]
    assert {release_url(2025, 1, 8), release_url(2025, 1, 9)} <= set(mourning)


def test_the_sample_is_always_the_same_and_can_be_read() -> None:
    samples = list(sample.payloads())
    assert samples == list(sample.payloads())
    assert [one.dataset for one in samples] == ["release"] * 9 + ["report"]
    for one in samples:
        landed = run(one.content, one.dataset, one.url, parse_instant(one.fetched_at))
        assert landed.quarantine == []
        checked("observation", landed.observation)
        checked("series", landed.series)

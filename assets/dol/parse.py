"""Weekly claims: the news release and the national report to rows, and the rule of release days as calendar events.

A release is read three ways (sentences, the table of regular programs, the long table); what they say of one week has to agree.
All sentences are read without their spaces, because the PDF's text breaks words and numbers anywhere. Nothing here fetches.
"""

from __future__ import annotations

import io
import logging
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any
from xml.etree import ElementTree

import pyarrow as pa

from undertow.archive import Sighting
from undertow.calendars import at_local, calendar
from undertow.errors import InstantError, ParseError
from undertow.room import Landed
from undertow.safexml import root_of
from undertow.schemas import OBSERVATION, PROVENANCE, RELEASE_EVENT, SERIES
from undertow.vocabulary import Basis, Event, Flag, ObsStatus

__all__ = ["parse", "release_days", "rules"]

Quarantine = list[tuple[str, str, str]]

WASHINGTON = "America/New_York"
PUBLISHED = "08:30"
WEEK = timedelta(days=7)
MAX_PAGES = 40
MAX_TEXT = 2_000_000
MONTHS = (
    "January", "February", "March", "April", "May", "June",
    "July", "August", "September", "October", "November", "December",
)  # fmt: skip

_MONTH = "(" + "|".join([*MONTHS, "Sept", *(name[:3] for name in MONTHS)]) + ")"
_NUMBER = r"(\d{1,3}(?:,\d{3})+)"
_DAY = rf"{_MONTH}\.?(\d{{1,2}})"


def parse(payload: bytes, sighting: Sighting, catalogue: Mapping[str, Any]) -> Landed:
    """Return the figures and the series of one news release or of one national report.

    Raises:
        ParseError: the bytes are no such document, or nothing in it can be used.
    """
    readers = {"release": _release, "report": _report}
    if sighting.dataset not in readers:
        raise ParseError(f"the room dol reads {', '.join(readers)}; it has no parser for {sighting.dataset}")
    return readers[sighting.dataset](payload, sighting, catalogue)


# --- the news release -------------------------------------------------------------------------------------------------


@dataclass
class _Release:
    """What one release says: when it could be told, its two advance weeks, and a figure for each series and week."""

    day: date
    instant: datetime
    initial_week: date
    insured_week: date | None = None
    figures: dict[tuple[str, date], float] = field(default_factory=dict)
    disputed: set[tuple[str, date]] = field(default_factory=set)
    quarantine: Quarantine = field(default_factory=list)

    def say(self, series: str, week: date, value: float, place: str) -> None:
        """Take a figure in; one that contradicts an earlier one goes to quarantine, and the earlier one is marked."""
        told = self.figures.setdefault((series, week), value)
        if told != value:
            self.disputed.add((series, week))
            raw = f"{series} {week.isoformat()}: {value:.15g}, and {told:.15g} before it"
            self.quarantine.append((place, "the release contradicts itself", raw))


def _release(payload: bytes, sighting: Sighting, catalogue: Mapping[str, Any]) -> Landed:
    """Read a news release."""
    text = _text(payload)
    release = _opening(text, sighting)
    _sentences(_squashed(text), release)
    lines = text.splitlines()
    _regular_programs(lines, release, catalogue)
    _long_table(lines, release)
    rows = [
        _released_row(series, week, value, release, sighting.fetched_at) for (series, week), value in release.figures.items()
    ]
    return _landed(rows, release.quarantine, catalogue)


def _text(payload: bytes) -> str:
    """Return the text of a PDF, with plain quotes, dashes and spaces."""
    from pypdf import PdfReader  # imported late: 0.2 s that only this needs

    logging.getLogger("pypdf").setLevel(logging.CRITICAL)  # what is wrong with a file is said by what comes of it
    if not payload.startswith(b"%PDF-"):
        raise ParseError(f"the payload is no PDF; it begins {payload[:20]!r}")
    try:
        reader = PdfReader(io.BytesIO(payload))
        pages = [page.extract_text() for page in reader.pages[:MAX_PAGES]]
    except Exception as error:
        raise ParseError(f"the PDF cannot be read: {type(error).__name__}: {error}") from error
    text = "\n".join(pages)
    if not text.strip():
        raise ParseError("the PDF has no text")
    if len(text) > MAX_TEXT:
        raise ParseError(f"the PDF has {len(text)} characters of text, which no news release has")
    return text.translate({0x2019: "'", 0x2018: "'", 0x2212: "-", 0x2013: "-", 0xA0: " "})


def _squashed(text: str) -> str:
    """Return a text without white space."""
    return re.sub(r"\s+", "", text)


def _opening(text: str, sighting: Sighting) -> _Release:
    """Read the embargo line and the advance week; the name of the file has to agree with the day."""
    squashed = _squashed(text)
    if "UNEMPLOYMENTINSURANCEWEEKLYCLAIMS" not in squashed.upper():
        raise ParseError("the document is not the weekly claims release: its title is not in it")
    line = re.search(rf"EMBARGOEDUNTIL:?(\d{{1,2}}):(\d\d)A\.?M\.?\(?Eastern\)?(?:[A-Z][a-z]+day)?,?{_DAY},(\d{{4}})", squashed)
    if line is None:
        raise ParseError("the release has no embargo line with an hour and a day, so nothing says when it became known")
    hour, minute, month, number, year = line.groups()
    try:
        day = date(int(year), _month(month), int(number))
        instant = at_local(day, f"{int(hour):02d}:{minute}", WASHINGTON)
    except (ValueError, InstantError) as error:
        raise ParseError(f"the embargo line is impossible: {line[0]!r}") from error
    name = re.search(r"/press/\d{4}/(\d\d)(\d\d)(\d\d)\.pdf$", sighting.url)
    if name and name.groups() != (f"{day.month:02d}", f"{day.day:02d}", f"{day.year % 100:02d}"):
        raise ParseError(f"the file is named for {'-'.join(name.groups())}, and its embargo is of {day.isoformat()}")
    advance = re.search(rf"Intheweekending{_DAY},theadvancefigureforseasonallyadjustedinitialclaimswas{_NUMBER}", squashed)
    if advance is None:
        raise ParseError("the release has no sentence with the advance figure of initial claims")
    week = _week(advance[1], advance[2], day)
    if week is None or not timedelta(days=3) <= day - week <= 2 * WEEK:
        raise ParseError(f"the advance week, {advance[1]} {advance[2]}, is no week before the release of {day.isoformat()}")
    return _Release(day, instant, week)


def _sentences(squashed: str, release: _Release) -> None:
    """Read the figures of the two paragraphs of adjusted data, and the first of the unadjusted ones."""
    adjusted, _, unadjusted = squashed.partition("UNADJUSTEDDATA")
    initial, _, insured = adjusted.partition("insuredunemployment")  # what follows is of insured unemployment alone
    _paragraph(
        initial,
        rf"theadvancefigureforseasonallyadjustedinitialclaimswas{_NUMBER}",
        "InitialClaims",
        release.initial_week,
        release,
    )
    if rate := re.match(rf"ratewas(\d+\.\d)percentfortheweekending{_DAY}", insured):
        week = _week(rate[2], rate[3], release.day)
        if week:
            release.insured_week = week
            release.say("IUR.SA", week, float(rate[1]), "sentence on the insured unemployment rate")
    if level := re.search(rf"seasonallyadjustedinsuredunemploymentduringtheweekending{_DAY}was{_NUMBER}", insured):
        week = _week(level[1], level[2], release.day)
        if week:
            release.insured_week = week
            _paragraph(insured[level.start() :], rf"was{_NUMBER}", "ContinuedClaims", week, release)
    if release.insured_week is None:
        release.quarantine.append(("sentences", "no figure of insured unemployment was found", insured[:200]))
    if actual := re.search(
        rf"actualinitialclaimsunderstateprograms,unadjusted,totaled{_NUMBER}intheweekending{_DAY}", unadjusted
    ):
        week = _week(actual[2], actual[3], release.day)
        if week:
            release.say("InitialClaims.NSA", week, _count(actual[1]), "sentence on unadjusted claims")


def _paragraph(text: str, level: str, series: str, week: date, release: _Release) -> None:
    """Read a level and its average over four weeks, and what both were a week before in the same release."""
    place = f"paragraph on {series}"
    if found := re.search(level, text):
        release.say(f"{series}.SA", week, _count(found[1]), place)
    if found := re.search(rf"The4-weekmovingaveragewas{_NUMBER}", text):
        release.say(f"{series}.SA4WK", week, _count(found[1]), place)
    for suffix, noun in (("SA", "(?:level|figure)"), ("SA4WK", "average")):
        before = re.search(
            rf"previousweek's{noun}was(?:revised)?(?:up|down)(?:by)?{_NUMBER.replace('+', '*')}from{_NUMBER}to{_NUMBER}"
            rf"|previousweek's(?:un)?revised{noun}of{_NUMBER}",
            text,
        )
        if before:
            release.say(f"{series}.{suffix}", week - WEEK, _count(before[3] or before[4]), place)


def _regular_programs(lines: list[str], release: _Release, catalogue: Mapping[str, Any]) -> None:
    """Read the table of regular state programs: up to three weeks a row, before and after a column of changes."""
    weeks: list[date] = []
    part = None
    found = set()
    for number, line in enumerate(lines, 1):
        squashed = _squashed(line)
        if squashed.startswith("WEEKENDING") and "Change" in squashed:
            head = squashed.partition("PriorYear")[0]
            told = [_week(month, day, release.day) for month, day in re.findall(rf"{_MONTH}(\d{{1,2}})", head)]
            weeks = [week for week in told if week]
            if len(weeks) != 3 or weeks[1] != weeks[0] - WEEK or weeks[2] != weeks[1] - WEEK:
                release.quarantine.append((f"line {number}", "the head of the table has no three weeks in a row", line))
                weeks = []
            part = "InitialClaims" if part is None else "ContinuedClaims"
            continue
        series = _series_of(squashed, part, catalogue)
        if series is None or not weeks or (series, weeks[0]) in found:
            continue
        found.add((series, weeks[0]))
        levels = _levels(squashed[_label_length(squashed) :], is_rate=series.startswith("IUR"))
        if levels is None:
            release.quarantine.append((f"line {number}", "the row of the table does not hold the figures of three weeks", line))
            continue
        for week, value in zip(weeks, levels, strict=True):
            release.say(series, week, value, f"line {number}")
    if not found:
        release.quarantine.append(("table of regular state programs", "no row of it was found", ""))


def _series_of(squashed: str, part: str | None, catalogue: Mapping[str, Any]) -> str | None:
    """Return the series whose label begins a line of the table, within the part of it that has been reached."""
    if part is None:
        return None
    for series, facts in catalogue["series"].items():
        of_part = series.startswith("InitialClaims") == (part == "InitialClaims")
        if of_part and squashed.startswith(_squashed(facts["in_release"])):
            return series
    return None


def _label_length(squashed: str) -> int:
    """Return where the figures of a row begin: after ``(SA)`` or ``(NSA)``."""
    return squashed.index(")") + 1


def _levels(figures: str, *, is_rate: bool) -> tuple[float, float, float] | None:
    """Return the levels of the three weeks of a row, or None.

    The columns are this week, the week before, the change, two weeks before, and a year before. A change below a thousand has
    no comma and falls out, so the third week is counted from the end.
    """
    if is_rate:
        told = [float(one) for one in re.findall(r"\d\.\d", figures)]
        return (told[0], told[1], told[3]) if len(told) == 5 else None
    texts = re.findall(rf"[+-]?{_NUMBER}", figures)
    signed = [match[0] for match in re.finditer(rf"[+-]?{_NUMBER}", figures)]
    if len(texts) not in (4, 5) or signed[0][0] in "+-" or signed[1][0] in "+-":
        return None
    told = [_count(one) for one in texts]
    change = abs(told[0] - told[1])
    if (told[2] != change) if len(told) == 5 else (change >= 1000):
        return None
    return told[0], told[1], told[-2]


def _long_table(lines: list[str], release: _Release) -> None:
    """Read the table of about a year of adjusted figures, in thousands."""
    row = re.compile(
        rf"\s*{_MONTH}\s+(\d{{1,2}}),\s+(\d{{4}})\s+([\d,]+)\s+[+-]?\d+\s+([\d,]+(?:\.\d+)?)"
        r"(?:\s+([\d,]+)\s+[+-]?\d+\s+([\d,]+(?:\.\d+)?)\s+(\d+\.\d))?\s*"
    )
    begins = re.compile(rf"{_MONTH}\d{{1,2}},\d{{5}}")
    inside, count = False, 0
    for number, line in enumerate(lines, 1):
        squashed = _squashed(line)
        if "SEASONALLYADJUSTEDUSWEEKLYUICLAIMS" in squashed.upper():
            inside = True
        elif "INITIALCLAIMSFILEDDURINGWEEKENDED" in squashed.upper():
            inside = False
        if not inside or not begins.match(squashed):
            continue
        found = row.fullmatch(line)
        week = _date(int(found[3]), _month(found[1]), int(found[2])) if found else None
        if found is None or week is None or week.isoweekday() != 6 or week > release.initial_week:
            release.quarantine.append((f"line {number}", "the row of the long table cannot be read", line))
            continue
        count += 1
        place = f"line {number}"
        release.say("InitialClaims.SA", week, _thousands(found[4]), place)
        release.say("InitialClaims.SA4WK", week, _thousands(found[5]), place)
        if found[6]:
            release.say("ContinuedClaims.SA", week, _thousands(found[6]), place)
            release.say("ContinuedClaims.SA4WK", week, _thousands(found[7]), place)
            release.say("IUR.SA", week, float(found[8]), place)
    if not count:
        release.quarantine.append(("table of adjusted figures", "no row of it was found", ""))


def _released_row(series: str, week: date, value: float, release: _Release, fetched_at: datetime) -> dict[str, Any]:
    """Return one figure of a release as an observation."""
    advance = release.initial_week if series.startswith("InitialClaims") else release.insured_week
    is_advance = week == advance
    flags = [Flag.PRELIMINARY] if is_advance else []
    of_release = week + (release.initial_week - advance) if advance else week  # insured unemployment is a week behind
    if of_release < _release_before(release.initial_week):
        flags.append(Flag.KNOWN_LATE)
    if (series, week) in release.disputed:
        flags.append(Flag.SUSPECT)
    told = release.instant <= fetched_at
    return {
        "series_id": f"dol.{series}",
        "period_start": week - timedelta(days=6),
        "period_end": week,
        "value": value,
        "known_at": release.instant if told else fetched_at,
        "known_at_basis": (Basis.PROVIDER if told else Basis.FIRST_SEEN).value,
        "obs_status": (ObsStatus.PROVISIONAL if is_advance else ObsStatus.NORMAL).value,
        "flags": [flag.value for flag in flags],
        "footnotes": [],
    }


def _release_before(week: date) -> date:
    """Return the advance week of the release before: what it told first is revised now, and older weeks were told by then."""
    earlier = week - WEEK
    while earlier in WITHOUT_RELEASE:
        earlier -= WEEK
    return earlier


# --- the national report ----------------------------------------------------------------------------------------------

READ = ("InitialClaims.NSA", "InitialClaims.SA", "InitialClaims.SA4WK", "ContinuedClaims.NSA", "ContinuedClaims.SA",
        "ContinuedClaims.SA4WK", "IUR.NSA", "IUR.SA")  # fmt: skip
NOT_READ = {"weekEnded", "InitialClaims.SF", "ContinuedClaims.SF", "CoveredEmployment"}  # factors and a base, no claims


def _report(payload: bytes, sighting: Sighting, catalogue: Mapping[str, Any]) -> Landed:
    """Read a national report. Blanks before a series began and after its newest week make no row; others are missing."""
    root = root_of(payload, "the report")
    if root.tag != "r539cyNational":
        raise ParseError(f"the root element is {root.tag}, expected r539cyNational")
    quarantine: Quarantine = []
    weeks = _weeks(root, sighting.fetched_at, quarantine)
    if not weeks:
        raise ParseError("the report has no usable week")
    cells = {path for week in weeks.values() for path in week}
    if lacking := [path for path in READ if path not in cells]:
        raise ParseError(f"the report has no {', '.join(lacking)}")
    quarantine += [(path, "the element is not known, so it is not read", "") for path in sorted(cells - set(READ) - NOT_READ)]
    rows = [row for path in READ for row in _reported_rows(path, weeks, sighting.fetched_at, quarantine)]
    if not rows:
        raise ParseError("the report holds no figure")
    return _landed(rows, quarantine, catalogue)


def _weeks(root: ElementTree.Element, fetched_at: datetime, quarantine: Quarantine) -> dict[date, dict[str, str]]:
    """Return week -> path -> text. A week that is given twice and differs goes to quarantine, both of it."""
    weeks: dict[date, dict[str, str]] = {}
    torn: set[date] = set()
    for place, node in enumerate(root.findall("week"), 1):
        told = (node.findtext("weekEnded") or "").strip()
        parts = re.fullmatch(r"(\d{1,2})/(\d{1,2})/(\d{4})", told, re.ASCII)
        week = _date(int(parts[3]), int(parts[1]), int(parts[2])) if parts else None
        if week is None or week.isoweekday() != 6:
            quarantine.append((f"week {place}", "weekEnded is not a Saturday", told))
            continue
        cells = dict(_cells(node))
        if week > fetched_at.date():
            # only seasonal factors are known of weeks to come
            if any(cells.get(path) for path in READ):
                quarantine.append((f"week {told}", "the week ends after the fetch and has figures", str(cells)))
            continue
        if weeks.setdefault(week, cells) != cells:
            torn.add(week)
            quarantine.append((f"week {told}", "the report has two different rows of this week", str(cells)))
    for week in sorted(torn):
        quarantine.append((f"week {week:%m/%d/%Y}", "the report has two different rows of this week", str(weeks.pop(week))))
    return weeks


def _cells(node: ElementTree.Element) -> Iterator[tuple[str, str]]:
    """Yield the path and the text of each leaf of a week."""
    for child in node:
        if len(child):
            for leaf in child:
                yield f"{child.tag}.{leaf.tag}", (leaf.text or "").strip()
        else:
            yield child.tag, (child.text or "").strip()


def _reported_rows(
    path: str, weeks: Mapping[date, Mapping[str, str]], fetched_at: datetime, quarantine: Quarantine
) -> Iterator[dict[str, Any]]:
    """Yield the observations of one series."""
    number = re.compile(r"\d{1,3}(?:,\d{3})*(?:\.\d+)?|\d+(?:\.\d+)?", re.ASCII)
    told = {week: weeks[week].get(path, "") for week in sorted(weeks)}
    for week, text in told.items():
        if text and not number.fullmatch(text):
            quarantine.append((f"week {week:%m/%d/%Y}, {path}", "the figure is not a number", text))
            told[week] = "?"
    filled = [week for week, text in told.items() if text]
    for week, text in told.items():
        if text == "?" or not filled or not filled[0] <= week <= filled[-1]:
            continue
        yield {
            "series_id": f"dol.{path}",
            "period_start": week - timedelta(days=6),
            "period_end": week,
            "value": float(text.replace(",", "")) if text else None,
            "known_at": fetched_at,
            "known_at_basis": Basis.FIRST_SEEN.value,
            "obs_status": (ObsStatus.NORMAL if text else ObsStatus.MISSING).value,
            "flags": [],
            "footnotes": [],
        }


# --- shared -----------------------------------------------------------------------------------------------------------


def _landed(rows: list[dict[str, Any]], quarantine: Quarantine, catalogue: Mapping[str, Any]) -> Landed:
    """Return the tables of a payload; the series are those it has figures of."""
    rows.sort(key=lambda row: (row["series_id"], row["period_end"]))
    present = {row["series_id"].removeprefix("dol.") for row in rows}
    series = [
        {**catalogue["defaults"], **{name: value for name, value in facts.items() if name != "in_release"}, "component": None}
        | {"series_id": f"dol.{native}"}
        for native, facts in catalogue["series"].items()
        if native in present
    ]
    return Landed(
        observation=pa.Table.from_pylist(rows, schema=_parsed(OBSERVATION)),
        series=pa.Table.from_pylist(series, schema=_parsed(SERIES)),
        quarantine=quarantine,
    )


def _parsed(schema: pa.Schema) -> pa.Schema:
    """Return a landing schema without the columns that the landing writer adds."""
    return pa.schema([column for column in schema if column not in PROVENANCE])


def _month(name: str) -> int:
    """Return the number of a month by its name or its first three letters."""
    return next(number for number, month in enumerate(MONTHS, 1) if month.startswith(name[:3]))


def _date(year: int, month: int, day: int) -> date | None:
    """Return a date, or None where there is none."""
    try:
        return date(year, month, day)
    except ValueError:
        return None


def _week(month: str, day: str, released: date) -> date | None:
    """Return the newest Saturday of that month and day before a release, which gives no year; None where there is none."""
    told = [_date(year, _month(month), int(day)) for year in (released.year, released.year - 1)]
    return next((one for one in told if one and one < released and one.isoweekday() == 6), None)


def _count(text: str) -> float:
    """Return a number with commas."""
    return float(text.replace(",", ""))


def _thousands(text: str) -> float:
    """Return a number of thousands as the number itself, exactly."""
    return float(Decimal(text.replace(",", "")) * 1000)


# --- the rule of release days -------------------------------------------------------------------------------------------

FIRST_YEAR = 2024  # the exceptions of earlier years are not listed
CONFIRMED_UNTIL = date(2026, 7, 30)  # on each day of the rule up to it there is a release, but for the weeks below
# Weeks without a release of their own, told on 2025-11-20. They and the moved ones have their events in the calendar of facts.
WITHOUT_RELEASE = {date(2025, 9, 27) + number * WEEK for number in range(7)}
MOVED = {date(2025, 1, 4)}  # National Day of Mourning: Wednesday in place of Thursday, told ten days before


def release_days(year: int) -> dict[date, tuple[date, ...]]:
    """Return reference week -> the days on which its release may lie, for the releases that the rule puts into ``year``.

    The rule: the Thursday after the week ended, and the Wednesday before where Thursday is a federal holiday. The first day is
    the rule's; a second one stands where the president closed the offices on that Thursday, so the release may come earlier.
    """
    holidays = calendar("US_FEDERAL")
    days = {}
    thursday = date(year, 1, 1) + timedelta(days=(3 - date(year, 1, 1).weekday()) % 7)
    while thursday.year == year or (thursday - timedelta(days=1)).year == year:
        wednesday = thursday - timedelta(days=1)
        if holidays.is_open(thursday):
            told: tuple[date, ...] = (thursday,)
        elif thursday in holidays.ad_hoc:
            told = (thursday, wednesday)
        else:
            told = (wednesday,)
        if told[0].year == year:
            days[thursday - timedelta(days=5)] = told
        thursday += WEEK
    return days


def rules(year: int) -> pa.Table:
    """Return the schedule of the releases of ``year``, and that they came, as far as that is known.

    A schedule of a year counts as known from its 1 January, an upper bound. Weeks without a release and moved ones have the day
    of the rule as schedule only.
    """
    rows: list[dict[str, Any]] = []
    for week, days in (release_days(year) if year >= FIRST_YEAR else {}).items():
        instant = at_local(days[0], PUBLISHED, WASHINGTON)
        event = {
            "release_id": "initial_claims",
            "component": "all",
            "reference_period": week.isoformat(),
            "reference_end": week,
            "event_at": instant,
            "announced_basis": "rule",
            "merged_into": None,
            "reason": None,
        }
        rows.append(
            event
            | {
                "event": Event.SCHEDULED.value,
                "announced_at": at_local(date(year, 1, 1), "00:00", WASHINGTON),
                "flags": [Flag.KNOWN_LATE.value],
                "source": "rule: Thursday at 08:30, or the Wednesday before a Thursday that is a federal holiday",
            }
        )
        if days[0] <= CONFIRMED_UNTIL and week not in WITHOUT_RELEASE and week not in MOVED:
            rows.append(
                event
                | {
                    "event": Event.RELEASED.value,
                    "announced_at": instant,
                    "flags": [],
                    "source": "rule; up to August 2026 oui.doleta.gov has a release of each such day, but the listed ones",
                }
            )
    return pa.Table.from_pylist(rows, schema=_EVENTS)


_EVENTS = _parsed(RELEASE_EVENT)

"""A generated sample of the weekly claims: news releases around the lapse of 2025 and of October 2026, and one report.

The figures are invented: they move like claims and are no one's. The form is the department's: a PDF with the sentences and
tables of a release, and the report's XML. The release writer serves the tests and the benchmarks too.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from assets.dol import REPORT_URL, release_url
from undertow.room import Sample

__all__ = ["ReleaseText", "build_pdf", "initial", "insured", "payloads", "release_text", "report_xml"]

WEEK = timedelta(days=7)
TABLE_WEEKS = 53
RELEASES = (
    date(2025, 9, 11), date(2025, 9, 18), date(2025, 9, 25), date(2025, 11, 20), date(2025, 11, 26), date(2025, 12, 4),
    date(2026, 10, 15), date(2026, 10, 22), date(2026, 10, 29),
)  # fmt: skip
REPORT_AT = "2026-10-31T09:00:00Z"
REPORT_FROM, REPORT_TO = date(2025, 1, 4), date(2026, 10, 10)


def _wave(week: date, spread: int) -> int:
    """Return an invented step for a week, always the same: from ``-spread`` to ``spread``."""
    return zlib.crc32(week.isoformat().encode()) % (2 * spread + 1) - spread


def initial(week: date, *, advance: bool = False) -> int:
    """Return invented initial claims of a week, in thousands; the advance figure is off by some."""
    return 226 + _wave(week, 9) - (_wave(week + WEEK, 2) if advance else 0)


def insured(week: date, *, advance: bool = False) -> int:
    """Return the invented insured unemployment of a week, in thousands."""
    return 1_905 + _wave(week, 40) - (_wave(week + WEEK, 5) if advance else 0)


def _unadjusted(thousands: int, week: date) -> int:
    """Return an invented unadjusted figure for an adjusted one."""
    return thousands * 900 + zlib.crc32(week.isoformat().encode()) % 997


@dataclass(frozen=True)
class _Panel:
    """Levels of the weeks up to the newest one, newest first, in thousands, and their averages over four weeks."""

    weeks: list[date]
    levels: list[int]

    @classmethod
    def of(cls, newest: date, kind: str, count: int) -> _Panel:
        weeks = [newest - number * WEEK for number in range(count)]
        figures = {"initial": initial, "insured": insured}[kind]
        return cls(weeks, [figures(week, advance=number == 0) for number, week in enumerate(weeks)])

    def average(self, place: int) -> float:
        """Return the average of four weeks up to the one at ``place``, in thousands."""
        return sum(self.levels[place : place + 4]) / 4


class ReleaseText(list[list[str]]):
    """The pages of a release, each a list of lines."""

    def replace(self, old: str, new: str) -> ReleaseText:
        """Return the pages with a text replaced in every line; it has to be there."""
        changed = ReleaseText([[line.replace(old, new) for line in page] for page in self])
        if changed == self:
            raise ValueError(f"there is no {old!r} in the release")
        return changed


def release_text(day: date, week: date) -> ReleaseText:
    """Return the text of the release of a day, whose advance week is ``week``, as the department sets it."""
    claims, stock = _Panel.of(week, "initial", TABLE_WEEKS + 4), _Panel.of(week - WEEK, "insured", TABLE_WEEKS + 3)
    return ReleaseText([_front(day, claims, stock), _regular_programs(claims, stock), _long_table(claims, stock)])


def _front(day: date, claims: _Panel, stock: _Panel) -> list[str]:
    """Return the page with the embargo line and the sentences."""
    weekday = f"{day:%A}"
    actual, before = (_unadjusted(claims.levels[place], claims.weeks[place]) for place in (0, 1))
    return [
        "News Release",
        "TRANSMISSION OF MATERIALS IN THIS RELEASE IS EMBARGOED UNTIL",
        f"8:30 A.M. (Eastern) {weekday}, {_named(day)}, {day.year}",
        "UNEMPLOYMENT INSURANCE WEEKLY CLAIMS",
        "SEASONALLY ADJUSTED DATA",
        f"In the week ending {_named(claims.weeks[0])}, the advance figure for seasonally adjusted initial claims was",
        *_sentences(claims, "initial"),
        f"The advance seasonally adjusted insured unemployment rate was {_rate(stock.levels[0])} percent for the week ending",
        f"{_named(stock.weeks[0])}, unchanged from the previous week's unrevised rate. The advance number for seasonally",
        f"adjusted insured unemployment during the week ending {_named(stock.weeks[0])} was",
        *_sentences(stock, "insured"),
        "UNADJUSTED DATA",
        f"The advance number of actual initial claims under state programs, unadjusted, totaled {actual:,} in the week",
        f"ending {_named(claims.weeks[0])}, {_change(actual - before)} from the previous week.",
    ]


def _sentences(panel: _Panel, kind: str) -> list[str]:
    """Return the sentences on a level and its average, and on what they were a week before."""
    first = {"initial": initial, "insured": insured}[kind](panel.weeks[1], advance=True)
    told, revised = panel.levels[1] - first, panel.levels[1] != first
    change = _change((panel.levels[0] - panel.levels[1]) * 1000)
    if revised:
        word = "up" if told > 0 else "down"
        level = [
            f"{panel.levels[0] * 1000:,}, {change} from the previous week's revised",
            f"level. The previous week's level was revised {word} by {abs(told) * 1000:,} from {first * 1000:,} to",
            f"{panel.levels[1] * 1000:,}.",
        ]
    else:
        level = [
            f"{panel.levels[0] * 1000:,}, {change} from the previous week's unrevised",
            f"level of {panel.levels[1] * 1000:,}.",
        ]
    now, before = round(panel.average(0) * 1000), round(panel.average(1) * 1000)
    earlier = round((panel.average(1) - told / 4) * 1000)
    average = [f"The 4-week moving average was {now:,}, {_change(now - before)} from the previous week's"]
    if revised:
        word = "up" if told > 0 else "down"
        average += [
            f"revised average. The previous week's average was revised {word} by {abs(before - earlier):,} from",
            f"{earlier:,} to {before:,}.",
        ]
    else:
        average.append(f"unrevised average of {before:,}.")
    return [*level, *average]


def _regular_programs(claims: _Panel, stock: _Panel) -> list[str]:
    """Return the page with the table of regular state programs."""
    lines = ["UNEMPLOYMENT INSURANCE DATA FOR REGULAR STATE PROGRAMS"]
    for panel, name, note in ((claims, "Initial Claims", "1"), (stock, "Insured Unemployment", "")):
        weeks = [f"{_named(week)}" for week in panel.weeks[:3]]
        lines.append(f"WEEK ENDING {weeks[0]} {weeks[1]} Change {weeks[2]} Prior Year{note}")
        adjusted = [level * 1000 for level in (*panel.levels[:3], panel.levels[52])]
        unadjusted = [_unadjusted(panel.levels[place], panel.weeks[place]) for place in (0, 1, 2, 52)]
        averages = [round(panel.average(place) * 1000) for place in (0, 1, 2, 52)]
        lines.append(_table_row(f"{name} (SA)", adjusted))
        lines.append(_table_row(f"{name} (NSA)", unadjusted))
        lines.append(_table_row("4-Wk Moving Average (SA)", averages))
    for kind, share in (("SA", 1), ("NSA", 0.94)):
        rates = [_rate(stock.levels[place] * share) for place in (0, 1, 2, 52)]
        change = float(rates[0]) - float(rates[1])
        lines.append(f"Insured Unemployment Rate ({kind})2 {rates[0]} {rates[1]} {change:.1f} {rates[2]} {rates[3]}")
    return lines


def _table_row(label: str, levels: Sequence[int]) -> str:
    """Return a row: this week, the week before, the change, two weeks before, a year before."""
    return f"{label} {levels[0]:,} {levels[1]:,} {levels[0] - levels[1]:+,} {levels[2]:,} {levels[3]:,}".replace("+0 ", "0 ")


def _long_table(claims: _Panel, stock: _Panel) -> list[str]:
    """Return the page with a year of adjusted figures in thousands, oldest first; the newest week has no insured yet."""
    lines = ["Seasonally Adjusted US Weekly UI Claims (in thousands)", "Change from 4-Week Change from 4-Week"]
    lines.append("Week Ending Initial Claims Prior Week Average Insured Unemployment Prior Week Average IUR")
    for place in reversed(range(TABLE_WEEKS)):
        week = claims.weeks[place]
        row = f"{_named(week)}, {week.year} {claims.levels[place]} {claims.levels[place] - claims.levels[place + 1]} "
        row += f"{claims.average(place):.2f}"
        if place:
            level = stock.levels[place - 1]
            row += f" {level:,} {level - stock.levels[place]} {stock.average(place - 1):,.2f} {_rate(level)}"
        lines.append(row)
    return lines


def _named(day: date) -> str:
    """Return a day as releases write it: ``September 20``."""
    return f"{day:%B} {day.day}"


def _change(difference: int) -> str:
    """Return a change in words."""
    if not difference:
        return "unchanged"
    return f"{'an increase' if difference > 0 else 'a decrease'} of {abs(difference):,}"


def _rate(thousands: float) -> str:
    """Return an invented insured unemployment rate, in percent."""
    return f"{thousands / 1520:.1f}"


def build_pdf(pages: Sequence[Sequence[str]]) -> bytes:
    """Return a small PDF with these lines of text on its pages; the same lines give the same bytes."""
    objects = [b"<< /Type /Catalog /Pages 2 0 R >>"]
    kids = " ".join(f"{4 + 2 * number} 0 R" for number in range(len(pages)))
    objects.append(f"<< /Type /Pages /Kids [{kids}] /Count {len(pages)} >>".encode())
    objects.append(b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica /Encoding /WinAnsiEncoding >>")
    for number, lines in enumerate(pages):
        shown = "\n".join(f"({line.translate(_ESCAPES)}) Tj T*" for line in lines)
        content = zlib.compress(f"BT /F1 9 Tf 11 TL 54 760 Td\n{shown}\nET".encode("cp1252"), 9)
        objects.append(
            f"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 612 792] /Resources << /Font << /F1 3 0 R >> >> "
            f"/Contents {5 + 2 * number} 0 R >>".encode()
        )
        head = f"<< /Length {len(content)} /Filter /FlateDecode >>\nstream\n".encode()
        objects.append(head + content + b"\nendstream")
    body, places = b"%PDF-1.7\n", []
    for number, one in enumerate(objects, 1):
        places.append(len(body))
        body += f"{number} 0 obj\n".encode() + one + b"\nendobj\n"
    table = "".join(f"{place:010d} 00000 n \n" for place in places)
    end = f"xref\n0 {len(objects) + 1}\n0000000000 65535 f \n{table}trailer\n<< /Size {len(objects) + 1} /Root 1 0 R >>\n"
    return body + end.encode() + f"startxref\n{len(body)}\n%%EOF\n".encode()


_ESCAPES = str.maketrans({"\\": r"\\", "(": r"\(", ")": r"\)"})


def report_xml(first: date, last: date, filled: date) -> bytes:
    """Return a national report of the weeks from ``first`` to ``last``, with figures up to ``filled``, factors for all."""
    lines = ['<?xml version="1.0" encoding="UTF-8"?>', f'<r539cyNational rundate="{last.month}/{last.day}/{last.year}">']
    week = first
    while week <= last:
        told = week <= filled
        claims = [initial(week - number * WEEK) for number in range(4)]
        stock = [insured(week - number * WEEK) for number in range(4)]
        lines += ["<week>", f"<weekEnded>{week:%m/%d/%Y}</weekEnded>"]
        for tag, levels in (("InitialClaims", claims), ("ContinuedClaims", stock)):
            lines.append(f"<{tag}>")
            lines.append(_leaf("NSA", f"{_unadjusted(levels[0], week):,}", told))
            lines.append(f"<SF>{90 + _wave(week, 120) / 10:.1f}</SF>")
            lines.append(_leaf("SA", f"{levels[0] * 1000:,}", told))
            lines.append(_leaf("SA4WK", f"{round(sum(levels) * 250):,}", told))
            lines.append(f"</{tag}>")
        rates = (_rate(stock[0] * 0.94), _rate(stock[0]))
        lines += ["<IUR>", _leaf("NSA", rates[0], told), _leaf("SA", rates[1], told), "</IUR>"]
        lines += [_leaf("CoveredEmployment", "153,547,535", told), "</week>"]
        week += WEEK
    return "\n".join([*lines, "</r539cyNational>", ""]).encode()


def _leaf(tag: str, text: str, told: bool) -> str:
    """Return an element, blank where nothing is told yet."""
    return f"<{tag}>{text if told else '&#160;'}</{tag}>"


def payloads() -> Iterator[Sample]:
    """Yield the releases, each fetched five minutes after it came, and the report."""
    for day in RELEASES:
        week = day - timedelta(days=(day.weekday() + 2) % 7)
        content = build_pdf(release_text(day, week))
        yield Sample("release", content, release_url(day.year, day.month, day.day), f"{day.isoformat()}T13:35:00Z")
    yield Sample("report", report_xml(REPORT_FROM, REPORT_TO + 3 * WEEK, REPORT_TO), REPORT_URL, REPORT_AT)

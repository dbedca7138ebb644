"""The vintage tables of the establishment survey (``cesvinall.zip``): every release's levels of every month, one row a release.

The zip file holds a CSV file for each industry and seasonal adjustment, ``tri_<industry>_<SA or NSA>.csv``, with the columns
``year, month, Jan_39, Feb_39, ...``: a row is the release of that reference month, a column the month that a level describes.
Only what a release changed is a row here. Fetching does not belong here.

A row does not say when its release came out. The instant is a bound by rule: no release of a reference month since 2010 came
later than the last day of the following month, except ``LATE_RELEASES`` (release dates of the Employment Situation, 192
releases). Where the page of the release is landed too, its own instant is earlier and stands.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import date, datetime
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import csv as pacsv

from assets.bls.employment_situation import PRELIMINARY
from undertow.calendars import at_local
from undertow.errors import ParseError
from undertow.safezip import members, read_member
from undertow.schemas import INSTANT
from undertow.vocabulary import Basis, Flag, ObsStatus

__all__ = ["LATE_RELEASES", "read"]

CHECKED_FROM = (2010, 1)
LATE_RELEASES = {(2025, 9): date(2025, 11, 20)}  # lapse in appropriations; reference month -> release day
_MEMBER = re.compile(r"(?:.*/)?tri_(\d{6})_(SA|NSA)\.csv", re.IGNORECASE)
_COLUMN = re.compile(r"(Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)_(\d{2})")
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_PLACEHOLDER = -1.0
_FIRST_YEAR = 1939  # a year of two digits is in the hundred years from here on
_NEWEST = 2  # the newest months of a release are preliminary: the month itself and the one before

Quarantine = list[tuple[str, str, str]]


def read(payload: bytes, fetched_at: datetime, catalogue: Mapping[str, Any]) -> tuple[pa.Table, list[str], Quarantine]:
    """Return the observations, the native ids in them, and what could not be used.

    Args:
        payload: the zip file.
        fetched_at: when it was fetched; a release of a later month cannot be in it.
        catalogue: ``vintages`` lists the industries that are read, ``changes`` the series whose change over the month is
            taken inside each release.

    Raises:
        ParseError: the bytes are not such a zip file, a table in it has another layout, or it holds no industry we read.
    """
    wanted = {code[:6]: code for code in catalogue["vintages"]}
    quarantine: Quarantine = []
    tables: dict[str, pa.Table] = {}
    unread = 0
    for name in sorted(members(payload)):
        found = _MEMBER.fullmatch(name)
        if found is None:
            quarantine.append((name, "the file is no vintage table and not read", ""))
        elif found[1] not in wanted:
            unread += 1
        else:
            native = f"CE{'S' if found[2].upper() == 'SA' else 'U'}{wanted[found[1]]}01"
            levels = _levels(read_member(payload, name), name, fetched_at, quarantine)
            tables[native] = _rows(native, *levels)
            if native in catalogue["changes"]:
                releases, months, values = levels
                step = values[:, 1:] - values[:, :-1]
                tables[f"{native}:change"] = _rows(f"{native}:change", releases, months[1:], step)
    if not tables:
        raise ParseError("the zip file holds no vintage table (tri_<industry>_SA.csv) of an industry that we read")
    if unread:
        quarantine.append(("zip file", f"{unread} tables of industries that the catalogue does not list are not read", ""))
    return pa.concat_tables([tables[native] for native in sorted(tables)]), sorted(tables), quarantine


def _levels(text: bytes, name: str, fetched_at: datetime, quarantine: Quarantine) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the releases and the months of a table (months since 1600), and its levels in thousands, NaN where empty."""
    try:
        table = pacsv.read_csv(
            pa.BufferReader(text),
            convert_options=pacsv.ConvertOptions(
                column_types=dict.fromkeys(_header(text), pa.string()), strings_can_be_null=False
            ),
        )
    except pa.ArrowInvalid as error:
        raise ParseError(f"{name} is not CSV: {error}") from None
    labels = table.column_names
    found = [_COLUMN.fullmatch(label) for label in labels[2:]]
    if [label.casefold() for label in labels[:2]] != ["year", "month"] or not found or None in found:
        raise ParseError(f"the columns of {name} are {labels[:5]}..., expected year, month, Jan_39, ...")
    months = np.array([_label_month(one[1], int(one[2])) for one in found if one])
    if (np.diff(months) != 1).any():
        raise ParseError(f"the months of {name} do not follow each other")
    releases = _months(table, name)
    values = np.column_stack([_numbers(table[label], name, label, releases, quarantine) for label in labels[2:]])
    now = (fetched_at.year - 1600) * 12 + fetched_at.month - 1
    blank = (values == _PLACEHOLDER).any(axis=1)
    for mask, reason in (
        (blank, "the row is a placeholder (-1): there was no such release, and no value of the row is taken"),
        ((releases > now) & ~blank, "the release is of a month after the fetch"),
    ):
        quarantine.extend((f"{name}, row {row + 2}", reason, _shown(releases[row])) for row in np.flatnonzero(mask))
    keep = ~blank & (releases <= now)
    if len(np.unique(releases[keep])) != keep.sum():
        raise ParseError(f"{name} has two rows of one release")
    order = np.argsort(releases[keep], kind="stable")
    return releases[keep][order], months, values[keep][order]


def _header(text: bytes) -> list[str]:
    return text.partition(b"\n")[0].decode("utf-8-sig", "replace").strip().split(",")


def _label_month(name: str, short: int) -> int:
    """Return a column's month: its two digits of the year count from 1939 on."""
    year = 1900 + short if 1900 + short >= _FIRST_YEAR else 2000 + short
    return (year - 1600) * 12 + _MONTHS.index(name)


def _months(table: pa.Table, name: str) -> np.ndarray:
    """Return the reference month of each row."""
    try:
        year, month = (pc.cast(pc.utf8_trim_whitespace(table.column(place)), pa.int64()).to_numpy() for place in (0, 1))
    except pa.ArrowInvalid as error:
        raise ParseError(f"{name} has a row without a year and a month: {error}") from None
    if ((month < 1) | (month > 12) | (year < _FIRST_YEAR) | (year > 2100)).any():
        raise ParseError(f"{name} has a row of an impossible month")
    return (year - 1600) * 12 + month - 1


def _numbers(column: pa.ChunkedArray, name: str, label: str, releases: np.ndarray, quarantine: Quarantine) -> np.ndarray:
    """Return a column as numbers; an empty cell is NaN, any other text goes to quarantine and is NaN."""
    text = pc.utf8_trim_whitespace(column)
    good = pc.match_substring_regex(text, r"\A-?[0-9]+(\.[0-9]+)?\z")
    bad = pc.and_(pc.invert(good), pc.not_equal(text, ""))
    if pc.any(bad).as_py():
        for row in np.flatnonzero(bad.to_numpy()):
            place = f"{name}, release {_shown(releases[row])}, {label}"
            quarantine.append((place, "the value is not a number", text[int(row)].as_py()))
    return pc.cast(pc.if_else(good, text, None), pa.float64()).to_numpy()


def _shown(month: int) -> str:
    return f"{1600 + month // 12}-{month % 12 + 1:02d}"


def _rows(native: str, releases: np.ndarray, months: np.ndarray, values: np.ndarray) -> pa.Table:
    """Return one row for each level that a release gave for the first time or changed, or called final."""
    present = ~np.isnan(values)
    preliminary = (months[None, :] > releases[:, None] - _NEWEST) & present
    before = np.vstack([np.full((1, values.shape[1]), np.nan), values[:-1]])
    was_preliminary = np.vstack([np.zeros((1, values.shape[1]), bool), preliminary[:-1]])
    news = present & ((values != before) | (preliminary != was_preliminary))
    release, month = np.nonzero(news)
    order = np.lexsort((release, month))
    release, month = release[order], month[order]
    bounds = [_bound(int(one)) for one in releases.tolist()]
    first = (months[month] - 370 * 12).astype("datetime64[M]")
    early = preliminary[release, month]
    checked = (releases[release] >= (CHECKED_FROM[0] - 1600) * 12 + CHECKED_FROM[1] - 1).astype(np.int8)
    words = [
        [flag.value for flag in ((Flag.PRELIMINARY,) if is_early else ()) + (limit,)]
        for is_early in (False, True)
        for limit in (Flag.LOOKAHEAD_RISK, Flag.KNOWN_LATE)
    ]
    size = len(month)
    texts = pa.list_(pa.string())
    return pa.table(
        {
            "series_id": pa.repeat(pa.scalar(f"bls.{native}", pa.string()), size),
            "period_start": pa.array(first.astype("datetime64[D]")),
            "period_end": pa.array((first + 1).astype("datetime64[D]") - 1),
            "value": pa.array(values[release, month], pa.float64()),
            "known_at": pa.array(bounds, INSTANT).take(pa.array(release)),
            "known_at_basis": pa.repeat(pa.scalar(Basis.LAG_RULE.value, pa.string()), size),
            "obs_status": pa.array([ObsStatus.NORMAL.value, ObsStatus.PROVISIONAL.value]).take(pa.array(early.astype(np.int8))),
            "flags": pa.array(words, texts).take(pa.array(early.astype(np.int8) * 2 + checked)),
            "footnotes": pa.array([[], [PRELIMINARY]], texts).take(pa.array(early.astype(np.int8))),
        }
    )


def _bound(release: int) -> datetime:
    """Return the instant by which a release was out, by its reference month."""
    year, month = 1600 + release // 12, release % 12 + 1
    following = np.datetime64(f"{year}-{month:02d}", "M") + 2
    last: date = (following.astype("datetime64[D]") - 1).item()
    return at_local(LATE_RELEASES.get((year, month), last), "08:30", "America/New_York")

"""Cubes of Comext in JSON-stat: bytes to rows. Nothing here fetches, and nothing here knows what a figure is used for."""

from __future__ import annotations

import json
import math
import re
from calendar import monthrange
from collections.abc import Iterator, Mapping
from datetime import date, datetime
from typing import Any

from undertow.archive import Sighting
from undertow.errors import InstantError, ParseError
from undertow.instants import parse_instant
from undertow.parsing import Quarantine, landed, observation
from undertow.room import Landed
from undertow.vocabulary import Basis, Flag, ObsStatus

__all__ = ["parse"]

_MONTH = re.compile(r"(\d{4})-(0[1-9]|1[0-2])", re.ASCII)
# Eurostat's flags of cells, as far as they are a status; others stay a footnote
_STATUS = {
    "b": ObsStatus.BREAK,
    "c": ObsStatus.SUPPRESSED,
    "d": ObsStatus.DIFFERENT_DEFINITION,
    "e": ObsStatus.ESTIMATED,
    "p": ObsStatus.PROVISIONAL,
    "u": ObsStatus.LOW_RELIABILITY,
}


class _Cube:
    """One JSON-stat dataset: its dimensions with the codes in their order, and its cells."""

    def __init__(self, payload: bytes) -> None:
        self.told = _document(payload)
        try:
            self.names: list[str] = list(self.told["id"])
            self.sizes: list[int] = [int(size) for size in self.told["size"]]
            self.codes = {name: _ordered(self.told["dimension"][name]["category"]["index"]) for name in self.names}
            self.value = _cells(self.told["value"])
            self.status = _cells(self.told.get("status") or {})
        except (KeyError, TypeError, ValueError) as error:
            raise ParseError(f"the answer is no JSON-stat dataset: {error!r}") from None
        if self.sizes != [len(self.codes[name]) for name in self.names]:
            raise ParseError(f"the sizes {self.sizes} are not the numbers of codes of {', '.join(self.names)}")
        count = math.prod(self.sizes)
        beyond = [place for place in {**self.value, **self.status} if not 0 <= place < count]
        if beyond or (isinstance(self.told["value"], list) and len(self.told["value"]) != count):
            raise ParseError(f"the cube has {count} cells, and the answer has others: it is cut short, or of another layout")

    def place(self, codes: Mapping[str, str]) -> int:
        """Return the place of a cell in row-major order."""
        found = 0
        for name, size in zip(self.names, self.sizes, strict=True):
            found = found * size + self.codes[name].index(codes[name])
        return found


def parse(payload: bytes, sighting: Sighting, catalogue: Mapping[str, Any]) -> Landed:
    """Return the figures and the series of one cube.

    Raises:
        ParseError: the answer is an error of the provider, no such cube, or a cube of something else.
    """
    facts = catalogue["cubes"].get(sighting.dataset)
    if facts is None:
        raise ParseError(f"the room reads {', '.join(catalogue['cubes'])}, not {sighting.dataset}")
    cube = _Cube(payload)
    _demand(cube, facts)
    updated = _updated(cube.told)
    quarantine: Quarantine = []
    months = _months(cube.codes["time"], sighting.fetched_at, quarantine)
    rows: list[dict[str, Any]] = []
    series: list[dict[str, Any]] = []
    for product, words in facts["products"].items():
        for flow, (name, preposition) in facts["flows"].items():
            codes = {**facts["fixed"], "product": product, "flow": flow}
            series_id = _series_id(facts["code"], cube.names, codes)
            told = list(_figures(cube, codes, months, series_id, quarantine))
            rows += [
                observation(
                    series_id, period, value, sighting.fetched_at,
                    instant=updated, basis=Basis.PROVIDER, status=status, flags=[Flag.KNOWN_LATE], footnotes=notes,
                )
                for period, value, status, notes in told
            ]  # fmt: skip
            title = facts["title"].format(flow=name, preposition=preposition, product=words, code=product)
            if told:
                series.append(
                    {**catalogue["defaults"], "series_id": series_id, "title": title, "source_url": facts["source_url"]}
                )
    if all(row["value"] is None for row in rows):
        raise ParseError("the cube has no figure" + (f"; the first: {quarantine[0][1]}" if quarantine else ""))
    return landed(rows, series, quarantine)


def _document(payload: bytes) -> Mapping[str, Any]:
    """Return the JSON object, or raise what the provider says in place of one."""
    if b"EXTRACTION_TOO_BIG" in payload[:4096]:
        raise ParseError("the provider refuses the request as too large (EXTRACTION_TOO_BIG)")
    try:
        told = json.loads(payload)
    except ValueError as error:
        raise ParseError(f"the answer is no JSON: {error}") from None
    if not isinstance(told, dict):
        raise ParseError("the answer is no JSON object")
    for kind, words in (("error", "an error"), ("warning", "no data but a warning")):
        if kind in told and "value" not in told:
            said = told[kind][0] if isinstance(told[kind], list) and told[kind] else told[kind]
            label = said.get("label", said) if isinstance(said, dict) else said
            raise ParseError(f"the provider answers with {words}: {label}")
    return told


def _ordered(index: Mapping[str, int] | list[str]) -> list[str]:
    """Return the codes of a dimension in their order."""
    if isinstance(index, list):
        return index
    codes = sorted(index, key=index.__getitem__)
    if [index[code] for code in codes] != list(range(len(codes))):
        raise ValueError("a dimension has two codes in one place")
    return codes


def _cells(told: Mapping[str, Any] | list[Any]) -> dict[int, Any]:
    """Return place -> what stands there; empty cells are left out."""
    pairs = enumerate(told) if isinstance(told, list) else ((int(place), cell) for place, cell in told.items())
    return {place: cell for place, cell in pairs if cell is not None}


def _demand(cube: _Cube, facts: Mapping[str, Any]) -> None:
    """Raise where the cube is of something else than what was asked for."""
    named = (cube.told.get("extension") or {}).get("id") or facts["code"]
    if named.upper() != facts["code"]:
        raise ParseError(f"the cube is {named}, expected {facts['code']}")
    wanted = {name: {code} for name, code in facts["fixed"].items()}
    wanted |= {"product": set(facts["products"]), "flow": set(facts["flows"])}
    if set(cube.names) != {*wanted, "time"}:
        raise ParseError(f"the dimensions are {', '.join(cube.names)}, expected {', '.join([*wanted, 'time'])}")
    for name, codes in wanted.items():
        if set(cube.codes[name]) != codes:
            raise ParseError(f"the codes of {name} are {sorted(cube.codes[name])}, expected {sorted(codes)}")


def _updated(told: Mapping[str, Any]) -> datetime:
    """Return when the dataset was last changed."""
    try:
        return parse_instant(str(told["updated"]))
    except (KeyError, InstantError):
        raise ParseError(f"the answer does not say when it was updated: {told.get('updated')!r}") from None


def _months(codes: list[str], fetched_at: datetime, quarantine: Quarantine) -> list[tuple[str, tuple[date, date]]]:
    """Return the months of the cube in order; what is no month, or after the fetch, goes to quarantine."""
    found = []
    for code in codes:
        match = _MONTH.fullmatch(code)
        if match is None:
            quarantine.append((f"time {code}", "the period is no month", code))
            continue
        start = date(int(match[1]), int(match[2]), 1)
        if start > fetched_at.date():
            quarantine.append((f"time {code}", "the month is after the fetch", code))
        else:
            found.append((code, (start, start.replace(day=monthrange(start.year, start.month)[1]))))
    return sorted(found)


def _figures(
    cube: _Cube, codes: Mapping[str, str], months: list[tuple[str, tuple[date, date]]], series_id: str, quarantine: Quarantine
) -> Iterator[tuple[tuple[date, date], float | None, ObsStatus, list[str]]]:
    """Yield one series from the first cell of which something is said to the last, the empty ones between them included."""
    places = [(cube.place({**codes, "time": code}), code, period) for code, period in months]
    told = [number for number, (place, _, _) in enumerate(places) if place in cube.value or place in cube.status]
    for place, code, period in places[told[0] : told[-1] + 1] if told else ():
        cell, letters = cube.value.get(place), str(cube.status.get(place, ""))
        notes = [f"flag {letter}" for letter in letters if letter not in _STATUS and letter.isalpha()]
        if cell is None:
            yield period, None, ObsStatus.SUPPRESSED if "c" in letters else ObsStatus.MISSING, notes
        elif isinstance(cell, bool) or not isinstance(cell, int | float) or not math.isfinite(cell) or cell < 0:
            quarantine.append((f"{series_id} {code}", "the figure is no amount", str(cell)))
        else:
            status = next((_STATUS[letter] for letter in letters if letter in _STATUS and letter != "c"), ObsStatus.NORMAL)
            yield period, float(cell), status, notes


def _series_id(code: str, names: list[str], codes: Mapping[str, str]) -> str:
    """Return the id of a series: the dataset and the codes of its dimensions, in the order of the official keys."""
    order = ("freq", "reporter", "partner", "product", "flow", "indicators")
    return ".".join(["eurostat", code, *(codes[name] for name in order if name in names)])

"""What the live mode asks the office for: one answer for each monitor, with the whole history of its series. Keyless."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date

from assets.ofr import API_URL
from undertow.room import Request, load_room
from undertow.settings import Settings

__all__ = ["requests"]


def requests(settings: Settings, today: date) -> Iterator[Request]:
    """Yield the two requests; neither argument is used."""
    catalogue = load_room("ofr").catalogue()
    for dataset, facts in catalogue["datasets"].items():
        wanted = [name for name, series in catalogue["series"].items() if series["dataset"] == dataset]
        yield Request(dataset, API_URL + facts["path"], params={"mnemonics": ",".join(wanted)})

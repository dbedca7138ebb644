"""What the live mode asks Eurostat for: one small cube of Comext, keyless, both flows and all months at once."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from urllib.parse import urlencode

from assets.eurostat import API_URL
from undertow.room import Request, load_room
from undertow.settings import Settings

__all__ = ["is_being_made", "requests"]


def requests(settings: Settings, today: date) -> Iterator[Request]:
    """Yield the one request.

    Args:
        settings: not used; nothing needs a key.
        today: not used; the whole history comes every time, because any month may be revised.
    """
    cube = load_room("eurostat").catalogue()["cubes"]["comext_bec4"]
    query = [
        ("format", "JSON"),
        ("lang", "EN"),
        *((name, code) for name, code in cube["fixed"].items()),
        *(("product", code) for code in cube["products"]),
        *(("flow", code) for code in cube["flows"]),
        ("sinceTimePeriod", cube["since"]),
    ]
    yield Request("comext_bec4", f"{API_URL}{cube['code']}?{urlencode(query)}", busy=is_being_made)


def is_being_made(payload: bytes) -> bool:
    """Tell whether an answer says that the real one is being made."""
    return b"ASYNCHRONOUS_RESPONSE" in payload[:4096]

"""The archive: what providers answered, kept by content hash before anything reads it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True)
class Sighting:
    """One manifest row: these bytes were seen at this address at this instant."""

    source: str
    dataset: str
    url: str  # without secrets
    fetched_at: datetime  # aware, UTC
    sha256: str
    bytes: int
    origin: str
    http_status: int | None = None
    etag: str | None = None
    last_modified: str | None = None
    problem: str | None = None  # why the bytes are kept but not parsed
    note: str | None = None

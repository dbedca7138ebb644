"""The pages of a published build: how long each takes to write, how large it is, and when a browser first paints it.

The first paint is the browser's own: the start of navigation to the first contentful paint, of a file on disk in a new profile.
The observer that tells of it is written into a copy of the page, whose policy is made to allow it.
"""

from __future__ import annotations

import base64
import hashlib
import re
import shutil
import subprocess
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa

__all__ = ["browser", "first_paint", "write"]

Measured = Callable[[], tuple[pa.Table, dict[str, Any]]]

_BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
_OBSERVER = (
    'new PerformanceObserver((list) => list.getEntriesByName("first-contentful-paint").forEach((entry) => '
    'console.log("PAINTED " + entry.startTime))).observe({ type: "paint", buffered: true });'
)


def browser() -> str | None:
    """Return the browser of this machine, if there is one."""
    return next(filter(None, map(shutil.which, _BROWSERS)), None)


def _pages(home: str, names: list[str] | None) -> dict[str, str]:
    """Return pages of the current build of a home, written anew."""
    from undertow.publish import PAGES, current_build
    from undertow.settings import Home

    build = current_build(Home(home))
    connection = duckdb.connect(str(build.database), read_only=True)
    try:
        connection.execute("SET TimeZone = 'UTC'")
        return {name: PAGES[name](connection, build.manifest) for name in names or PAGES}
    finally:
        connection.close()


def write(home: str, names: list[str] | None = None) -> Measured:
    """Write pages, all where none is named."""

    def measured() -> tuple[pa.Table, dict[str, Any]]:
        pages = _pages(home, names)
        sizes = [len(page.encode()) for page in pages.values()]
        return pa.table({"value": sizes}), {"written_bytes": sum(sizes)}

    return measured


def first_paint(home: str, name: str) -> Measured:
    """Open a page in a browser; the seconds are those to its first contentful paint."""
    folder = Path(tempfile.mkdtemp())
    digest = base64.b64encode(hashlib.sha256(_OBSERVER.encode()).digest()).decode()
    page = _pages(home, [name])[name]
    page = re.sub(r"script-src ('none')?", lambda _: f"script-src 'sha256-{digest}' ", page, count=1)
    path = folder / name
    path.write_text(page.replace("<style>", f"<script>{_OBSERVER}</script>\n<style>", 1), encoding="utf-8")
    command = [
        *(str(browser()), "--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking"),
        *(f"--user-data-dir={folder}/profile", "--enable-logging=stderr", "--window-size=1280,1000"),
        *(f"--screenshot={folder}/page.png", path.as_uri()),
    ]

    def measured() -> tuple[pa.Table, dict[str, Any]]:
        ran = subprocess.run(command, capture_output=True, text=True, check=True, timeout=120)
        found = re.search(r"PAINTED ([\d.]+)", ran.stderr)
        if found is None:
            raise RuntimeError(f"the browser did not say when it painted {name}")
        seconds = float(found[1]) / 1000
        shutil.rmtree(folder, ignore_errors=True)
        return pa.table({"value": [seconds]}), {"seconds": seconds}

    return measured

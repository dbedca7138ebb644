"""What pip-audit found, as ``docs/known-holes.md``. ``make audit`` pipes its JSON in; without it nothing is written."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

__all__ = ["PAGE", "page"]

PAGE = Path(__file__).resolve().parents[1] / "docs/known-holes.md"


def page(found: Mapping[str, Any], day: date) -> str:
    """Return the page for what pip-audit says in its JSON (``dependencies`` with ``name``, ``version`` and ``vulns``)."""
    asked = [one for one in found["dependencies"] if "version" in one]
    skipped = [one for one in found["dependencies"] if "skip_reason" in one]
    rows = [
        f"| {one['name']} | {one['version']} | {hole['id']} | {', '.join(hole['fix_versions']) or 'none yet'} |"
        for one in asked
        for hole in one["vulns"]
    ]
    lines = [
        "# Known holes of packages",
        "",
        f"Asked on {day} with `make audit`: {len(asked)} packages, {len(rows)} known holes, {len(skipped)} not judged.",
        "",
    ]
    if rows:
        lines += ["| package | version | hole | mended in |", "| --- | --- | --- | --- |", *sorted(set(rows)), ""]
    lines += [f"- not judged: {one['name']} ({one['skip_reason']})" for one in skipped]
    return "\n".join(lines).rstrip() + "\n"


if __name__ == "__main__":
    try:
        PAGE.write_text(page(json.load(sys.stdin), datetime.now(UTC).date()), encoding="utf-8")
    except (ValueError, KeyError):
        sys.stderr.write("the advisory database did not answer, so nothing is known and nothing was written\n")
        sys.exit(1)
    sys.stdout.write(f"{PAGE}\n")

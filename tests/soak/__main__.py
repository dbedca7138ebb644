"""``python -m tests.soak``: two years of daily operation, resumable; see docs/soak.md.

Ends with exit code 0 when the end of the plan was reached and everything holds, 1 when something does not hold, and 2 when the time
ran out before; the same call then goes on.
"""

from __future__ import annotations

import argparse
import json
from datetime import date
from pathlib import Path

from tests.soak.driver import Plan, Soak
from tests.soak.verdict import record, verdict

# Days of both lapses at which something happens: it is opened, prices come out in it, it ends, the backlog comes.
LAPSES = tuple(
    map(
        date.fromisoformat,
        ("2025-10-03", "2025-10-24", "2025-11-21", "2025-12-18", "2026-02-02", "2026-02-06", "2026-02-13"),
    )
)
KILLS = {
    "2024-11-08": "fetch", "2025-02-21": "models", "2025-10-03": "models", "2025-10-24": "publish", "2025-11-21": "models",
    "2025-12-05": "fetch", "2026-02-06": "publish", "2026-02-20": "land", "2026-03-20": "models",
}  # fmt: skip


def main() -> int:
    """Play."""
    parser = argparse.ArgumentParser(prog="python -m tests.soak", description=__doc__.splitlines()[0])
    parser.add_argument("--root", type=Path, default=Path(".soak"), help="folder of the soak; one that is there is resumed")
    parser.add_argument("--from", dest="first", type=date.fromisoformat, default=date(2024, 11, 1))
    parser.add_argument("--to", dest="last", type=date.fromisoformat, default=date(2026, 10, 30))
    parser.add_argument("--every", type=int, default=56, help="days between two builds, a multiple of 7")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--minutes", type=float, default=None, help="end after so long, to be resumed")
    parser.add_argument(
        "--check", action="store_true", help="then hold what is archived against a clean run, wherever it ended"
    )
    parser.add_argument(
        "--upgrade", action="store_true", help="go on with the code of this checkout, as a user does who installs a release"
    )
    parser.add_argument("--record", type=Path, default=None, help="write what was measured there, as JSON")
    asked = parser.parse_args()
    plan = Plan(
        asked.first,
        asked.last,
        every=asked.every,
        seed=asked.seed,
        extra=LAPSES,
        renamed=date(2025, 3, 3),
        parser=date(2025, 3, 24),
        layout=date(2026, 5, 4),
        kills={date.fromisoformat(day): phase for day, phase in KILLS.items()},
        restarts=(date(2026, 3, 2),),
        checks=(date(2025, 12, 18),),
    )
    soak = Soak(asked.root, plan, say=lambda text: print(text, flush=True))
    if asked.upgrade:
        soak.upgrade()
    ended = soak.play(None if asked.minutes is None else asked.minutes * 60)
    if asked.check and not ended:
        soak.check_now()
    found = verdict(soak)
    if asked.record:
        asked.record.write_text(json.dumps(record(soak, found), indent=1) + "\n", encoding="utf-8")
    for name, wrong in found.items():
        print(f"{'ok  ' if not wrong else 'FAIL'}  {name}" + (f": {wrong}" if wrong else ""))
    if any(found.values()):
        return 1
    return 0 if ended else 2


if __name__ == "__main__":
    raise SystemExit(main())

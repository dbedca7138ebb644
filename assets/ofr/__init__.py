"""Office of Financial Research: the Short-term Funding Monitor (repo) and the Hedge Fund Monitor (Form PF, sponsored repo).

**Wire format.** JSON, ``https://data.financialresearch.gov/v1/series/multifull?mnemonics=A,B`` and the same under ``/hf/v1/``:
``{"MNEMONIC": {"timeseries": {"aggregation": [["2025-01-02", 1.0], ...], "disclosure_edits": [["2025-01-02", null], ...]},
"metadata": {"mnemonic", "description", "schedule": {"last_update": "YYYY-MM-DD HH:MM:SS", ...}, "release", "unit"}}}``.
Amounts are raw dollars. A null value was suppressed where ``disclosure_edits`` has a mark on its day.

Series ids are ``ofr.<mnemonic>``.

**Official reference.** https://www.financialresearch.gov/short-term-funding-monitor/api/,
https://www.financialresearch.gov/hedge-fund-monitor/api/

**Licence.** US government work, public domain.

**Time.** Repo data come out on federal business days at about 15:00 Eastern: of cleared repo for the day before, of tri-party
repo for two days before (basis ``lag_rule``). Everything else is dated by ``schedule.last_update``, the only stamp of a
vintage: all values of a payload were known by then at the latest (KNOWN_LATE). The stamp has no zone and is read as Eastern,
the later reading.

**Traps.**

* Vintages are series of their own: ``-P`` preliminary, ``-F`` final (quarterly), ``-A`` as published elsewhere. A preliminary
  value is not replaced by the final one.
* ``TRI`` and ``TRIV1`` differ in what they count and are never mixed. DVP has no split by collateral and TRI no outstanding
  volume.
* Form PF restates its whole history with every vintage, and comes two to four months after the quarter.
* What was published during the lapse of 2025, and before the rule was documented in 2020, is not verified (LOOKAHEAD_RISK).
"""

from __future__ import annotations

from undertow.room import Dataset, Room

__all__ = ["API_URL", "ROOM"]

API_URL = "https://data.financialresearch.gov/"

ROOM = Room(
    name="ofr",
    title="Office of Financial Research, short-term funding and hedge fund monitors",
    datasets=(
        Dataset(name="stfm", title="Short-term Funding Monitor, repo", content="json", max_bytes=64 * 1024 * 1024),
        Dataset(name="hfm", title="Hedge Fund Monitor, Form PF and sponsored repo", content="json", max_bytes=64 * 1024 * 1024),
    ),
    tables=("observation", "series"),
)

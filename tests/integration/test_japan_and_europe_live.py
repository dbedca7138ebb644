"""Japan's curve and the ECB's Data Portal in live mode, over real sockets: what comes, what does not, and what faults do.

Fetching and landing only; a whole live run with all rooms is in `test_live.py`.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from assets.eurostat.fetch import is_being_made
from tests.provider import payloads, server
from tests.provider.payloads import JAPAN_HISTORY, JAPAN_MONTH, PORTAL, PORTAL_NEWEST
from tests.provider.server import File, Provider
from undertow.archive import Archive
from undertow.fetching import LiveFetcher
from undertow.landing import land, landed_files
from undertow.report import LandOutcome
from undertow.room import load_room
from undertow.settings import Settings

FIXTURES = Path(__file__).parents[1] / "fixtures"


@dataclass
class Desk:
    """A provider, an archive and a landing."""

    provider: Provider
    folder: Path

    def fetch(self, name: str) -> dict[str, tuple[str, str]]:
        """Ask the provider once, without waiting between requests; return dataset -> status and message."""
        self.provider.asked.clear()
        modules = load_room(name)
        modules = replace(modules, room=replace(modules.room, min_interval_seconds=0.0))
        fetcher = LiveFetcher(Settings(contact="Ana Ruiz ana@example.org", retries=0))
        return {one.dataset: (one.status, one.message) for one in fetcher.fetch(modules, Archive(self.folder / "archive"))}

    def land(self, name: str) -> list[LandOutcome]:
        """Land what is in the archive."""
        return list(land(load_room(name), Archive(self.folder / "archive"), self.folder / "landing"))

    def rows(self, name: str, series: str) -> list[tuple]:
        """Return period end, value, basis and status of a series that is landed."""
        return sorted(
            {
                (row["period_end"].isoformat(), row["value"], row["known_at_basis"], row["obs_status"])
                for path in landed_files(self.folder / "landing", name, "observation")
                for row in pq.read_table(path).to_pylist()
                if row["series_id"] == series
            },
            key=str,
        )


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Desk]:
    for name in [name for name in os.environ if "proxy" in name.lower() or name.startswith("UNDERTOW_")]:
        monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)
    with server.provider() as provider:
        payloads.serve_all(provider)
        monkeypatch.setenv("UNDERTOW_BASE_URLS", provider.base_urls())
        yield Desk(provider, tmp_path)


# --- Japan ---------------------------------------------------------------------------------------------------------------


def test_both_files_are_read_and_the_month_moves_into_the_history(desk: Desk) -> None:
    august, september = [date(2025, 8, 28), date(2025, 8, 29)], [date(2025, 9, 1), date(2025, 9, 2)]
    desk.provider.files |= payloads.japan(september)
    assert {dataset: status for dataset, (status, _) in desk.fetch("mof").items()} == {
        "jgb_curve": "new",
        "jgb_curve_month": "new",
    }
    desk.provider.files |= payloads.japan([date(2025, 10, 1)], before=[*august, *september])
    desk.fetch("mof")
    assert {dataset: status for dataset, (status, _) in desk.fetch("mof").items()} == {
        "jgb_curve": "unchanged", "jgb_curve_month": "unchanged",
    }  # fmt: skip
    outcomes = desk.land("mof")
    assert [one.error for one in outcomes if one.error] == []
    assert [note for one in outcomes for note in one.notes] == [], "what left the file of the month is no loss"
    days = [day for day, *_ in desk.rows("mof", "mof.jgb.40Y")]
    assert days == ["2025-08-28", "2025-08-29", "2025-09-01", "2025-09-02", "2025-10-01"]


def test_a_page_in_place_of_the_month_leaves_the_history(desk: Desk) -> None:
    desk.provider.files[JAPAN_MONTH] = File(server.HTML, "text/html")
    found = desk.fetch("mof")
    assert found["jgb_curve"][0] == "new"
    assert found["jgb_curve_month"][0] == "failed"
    assert "expected CSV, got an HTML page" in found["jgb_curve_month"][1]
    desk.land("mof")
    assert [day for day, *_ in desk.rows("mof", "mof.jgb.10Y")] == ["2025-08-28", "2025-08-29"]
    assert [one.status for one in desk.provider.to(JAPAN_HISTORY)] == [200]


# --- the Data Portal -----------------------------------------------------------------------------------------------------


def changes_path() -> str:
    quoted = sorted(code for code, facts in load_room("ecb").catalogue()["currencies"].items() if "ended" not in facts)
    return f"{PORTAL}D.{'+'.join(quoted)}.EUR.SP00.A"


def test_no_changes_is_no_fault(desk: Desk) -> None:
    found = desk.fetch("ecb")
    assert found["exr_newest"][0] == "new"
    assert found["exr_changes"][0] == "skipped"
    assert "there is nothing at" in found["exr_changes"][1]


def test_an_outage_is_one_although_it_says_404_too(desk: Desk) -> None:
    del desk.provider.files[PORTAL_NEWEST]
    found = desk.fetch("ecb")
    assert found["exr_newest"][0] == "failed"
    assert "exr_changes" not in found, "what changed is not asked of a portal that is away"
    assert found["eurofxref_hist"][0] == "new"


def test_a_correction_lands_beside_the_file(desk: Desk) -> None:
    body = (FIXTURES / "ecb/portal_history_with_correction_and_delete.csv").read_bytes()
    older = body.replace(b"2026-10-", b"2025-10-").replace(b"2026-05-", b"2025-05-")
    desk.provider.files[changes_path()] = File(older, "text/csv", validators=False)
    assert desk.fetch("ecb")["exr_changes"][0] == "new"
    assert [one.status for one in desk.provider.to(changes_path())] == [200]
    assert [one.error for one in desk.land("ecb") if one.error] == []
    known = desk.rows("ecb", "ecb.EXR.D.USD.EUR.SP00.A")
    filed = float(payloads.rate("USD", date(2025, 10, 29)))
    assert [row for row in known if row[0] == "2025-10-29"] == [
        ("2025-10-29", filed, "lag_rule", "A"), ("2025-10-29", 1.2, "provider", "A"), ("2025-10-29", 1.25, "provider", "A"),
    ]  # fmt: skip
    assert ("2025-10-30", None, "provider", "O") in desk.rows("ecb", "ecb.EXR.D.JPY.EUR.SP00.A")


def test_a_page_with_status_200_is_no_answer_of_the_portal(desk: Desk) -> None:
    desk.provider.files[changes_path()] = File(server.HTML, "text/html")
    found = desk.fetch("ecb")
    assert found["exr_changes"][0] == "failed"
    assert "got an HTML page" in found["exr_changes"][1]
    assert [one.error for one in desk.land("ecb") if one.error] == []


# --- Comext --------------------------------------------------------------------------------------------------------------


def test_an_answer_in_the_making_is_asked_for_again_and_a_refusal_is_not(desk: Desk) -> None:
    place = "ec.europa.eu/eurostat/api/comext/dissemination/statistics/1.0/data/DS-059328"
    waiting = (FIXTURES / "eurostat/asynchronous.json").read_bytes()
    assert is_being_made(waiting)
    desk.provider.files[place] = File(waiting, "application/json", validators=False)
    ((status, message),) = desk.fetch("eurostat").values()
    assert (status, "it answered 200 with a body that asks to come back later" in message) == ("failed", True)
    fault = b"<S:Fault><faultcode>413</faultcode><faultstring>EXTRACTION_TOO_BIG: filter more</faultstring></S:Fault>"
    desk.provider.files[place] = File(fault, "text/xml", validators=False)
    desk.provider.break_with(place, server.status(413))
    ((status, message),) = desk.fetch("eurostat").values()
    assert (status, "413" in message) == ("failed", True)
    assert len(desk.provider.to(place)) == 1
    desk.provider.mend()
    desk.provider.files[place] = payloads.trade()
    assert [found for found, _ in desk.fetch("eurostat").values()] == ["new"]
    assert [one.error for one in desk.land("eurostat") if one.error] == []
    assert len(desk.rows("eurostat", "eurostat.DS-059328.M.DE.CN.521.2.VALUE_IN_EUROS")) == 20

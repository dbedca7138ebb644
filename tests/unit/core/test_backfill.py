"""Plans and progress of backfills, from made homes; nothing is fetched."""

import json
from datetime import UTC, date, datetime
from pathlib import Path

import pytest
from click.testing import CliRunner

from assets.sec_bdc.fetch import quarters as bdc_quarters
from assets.sec_nport.fetch import quarters as nport_quarters
from undertow.archive import Archive
from undertow.backfill import Quarter, backfill_rooms, day_of, name_of, plan, progress, quarter_names, survey
from undertow.cli import cli
from undertow.errors import UsageError
from undertow.room import load_room
from undertow.settings import Home

FOLDER = "https://www.sec.gov/files/dera/data/form-n-port-data-sets"
PAGE = "".join(f'<a href="/files/dera/data/form-n-port-data-sets/{name}_nport.zip">' for name in ("2025q3", "2025q4", "2026q1"))


@pytest.fixture
def home(tmp_path: Path) -> Home:
    """The page links three quarters: one is landed, one archived; of the third there is an answer with a problem."""
    home = Home(tmp_path).ensure()
    archive = Archive(home.archive)

    def keep(name: str, content: bytes, problem: str | None = None) -> str:
        place = f"{FOLDER}/{name}_nport.zip" if name != "index" else "https://www.sec.gov/x"
        dataset = "nport_zip" if name != "index" else "index"
        kept, _ = archive.store(
            content,
            source="sec_nport", dataset=dataset, url=place, fetched_at=datetime(2026, 11, 1, tzinfo=UTC), origin="live",
            problem=problem,
        )  # fmt: skip
        return kept.sha256

    keep("index", PAGE.encode())
    landed = keep("2025q3", b"a" * 1000)
    keep("2025q4", b"b" * 3000)
    keep("2026q1", b"<html>", "it looks like a page")
    version = load_room("sec_nport").room.parser_version
    mark(home, landed, version, {"holding": 7, "filing": 2})
    return home


def mark(home: Home, sha256: str, version: int, rows: dict[str, int], error: str | None = None) -> None:
    path = home.landing / "sec_nport" / "landed" / f"nport_zip-{sha256}-v{version}.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps({"rows": rows, "error": error}))


def states(home: Home) -> dict[str, str]:
    found, _ = survey(load_room("sec_nport"), home, "2025q2", "2026q1")
    return {quarter.name: quarter.state for quarter in found}


def test_quarters_have_names() -> None:
    assert quarter_names("2019q4", "2026q2")[:2] == ["2019q4", "2020q1"]
    assert len(quarter_names("2019q4", "2026q2")) == 27
    assert quarter_names("2020q2", "2020q1") == []
    assert [name_of(day_of(name)) for name in quarter_names("2024q1", "2025q4")] == quarter_names("2024q1", "2025q4")
    assert [day_of("2019Q4"), name_of(date(2026, 6, 30))] == [date(2019, 10, 1), "2026q2"]
    for wrong in ("2019", "2019q5", "19q4", "0000q1", ""):
        with pytest.raises(UsageError, match="is no quarter; write it as 2019q4"):
            day_of(wrong)


def test_rooms_say_which_files_a_quarter_has() -> None:
    assert backfill_rooms() == ["sec_bdc", "sec_nport"]
    (request,) = nport_quarters(PAGE.encode())["2025q4"]
    assert (request.dataset, request.url) == ("nport_zip", f"{FOLDER}/2025q4_nport.zip")
    page = "".join(f'<a href="/files/x/{name}_bdc.zip">' for name in ("2025q4", "2026_01", "2026_03", "2026_04", "2026_01"))
    found = {name: [one.url.rsplit("/", 1)[1] for one in all_] for name, all_ in bdc_quarters(page.encode()).items()}
    january, march, april = ("2026_01_bdc.zip", "2026_03_bdc.zip", "2026_04_bdc.zip")
    assert found == {"2025q4": ["2025q4_bdc.zip"], "2026q1": [january, march], "2026q2": [april]}


def test_archive_and_landing_say_how_far_a_quarter_is(home: Home) -> None:
    assert states(home) == {"2025q2": "absent", "2025q3": "landed", "2025q4": "archived", "2026q1": "missing"}
    found, by_page = survey(load_room("sec_nport"), home, "2025q2", "2026q1")
    assert by_page
    assert [(one.bytes, one.rows) for one in found] == [(0, 0), (1000, 9), (3000, 0), (0, 0)]
    assert found[0].why == "the provider's page of data sets links no 2025q2"
    sample = {"url": f"{FOLDER}/2026q1_nport.zip", "fetched_at": datetime(2026, 11, 2, tzinfo=UTC), "origin": "synthetic"}
    Archive(home.archive).store(b"made up", source="sec_nport", dataset="nport_zip", **sample)
    assert states(home)["2026q1"] == "missing", "a generated sample is no quarter"
    archived = Archive(home.archive).latest("sec_nport", "nport_zip", f"{FOLDER}/2025q4_nport.zip")
    assert archived is not None
    mark(home, archived.sha256, load_room("sec_nport").room.parser_version - 1, {"holding": 1})
    assert states(home)["2025q4"] == "archived", "another version of the parser has read it"
    mark(home, archived.sha256, load_room("sec_nport").room.parser_version, {}, "torn")
    assert states(home)["2025q4"] == "refused"
    Archive(home.archive).payload_path(archived.sha256).unlink()
    assert states(home)["2025q4"] == "missing", "bytes that are gone are fetched again"


def test_a_plan_counts_what_is_left(home: Home) -> None:
    cost = load_room("sec_nport").room.quarter
    assert cost is not None
    made = plan(load_room("sec_nport"), home, "2025q2", "2026q1", workers=2, megabits=8)
    assert [quarter.name for quarter in made.left] == ["2025q4", "2026q1"]
    assert [quarter.name for quarter in made.to_fetch] == ["2026q1"]
    assert made.payload_bytes == 2000, "the mean of the quarters that are here"
    assert made.fetch_seconds == pytest.approx(0.002)
    assert (made.read_rows, made.landed_rows) == (2 * cost.read, 2 * cost.landed)
    assert made.land_seconds == pytest.approx(cost.cpu_seconds)
    assert made.memory_bytes == 2 * cost.memory_bytes
    assert made.disk_bytes == 2000 + 2 * cost.landed_bytes + 2 * cost.scratch_bytes
    assert made.seconds == pytest.approx(made.land_seconds + made.fetch_seconds / 2)
    with pytest.raises(UsageError, match=r"there is no quarter from 2026q1 to 2025q2"):
        plan(load_room("sec_nport"), home, "2026q1", "2025q2", workers=2)
    with pytest.raises(UsageError, match=r"sec_nport has no 2019q1; its history begins in 2019q4"):
        plan(load_room("sec_nport"), home, "2019q1", "2025q2", workers=2)
    with pytest.raises(UsageError, match=r"ecb has no history in quarters; sec_bdc, sec_nport have"):
        plan(load_room("ecb"), home, "2025q1", "2025q2", workers=2)


def test_nport_from_2019_on_paper(tmp_path: Path) -> None:
    """Nothing is here, so the calendar and the measured quarter say it all: 27 quarters, 143 million positions."""
    made = plan(load_room("sec_nport"), Home(tmp_path), "2019q4", "2026q2", workers=2, megabits=50)
    assert (len(made.left), made.by_page) == (27, False)
    assert 140e6 < made.read_rows < 146e6
    assert 11.5e9 < made.payload_bytes < 12.5e9
    assert made.fetch_seconds == pytest.approx(27 * 440.7e6 * 8 / 50e6)
    assert made.seconds > made.fetch_seconds
    assert not (tmp_path / "archive").exists()


def test_progress_goes_by_what_was_done() -> None:
    home = Home("/nonexistent")
    begun = plan(load_room("sec_nport"), home, "2025q1", "2025q4", workers=2, megabits=100)
    fetch, read = begun.fetch_seconds / 4, begun.land_seconds / 4
    start = progress(begun, begun.quarters, 0.0)
    assert (start.done, start.total, start.share, start.seconds_left) == (0, 4, 0.0, begun.seconds)
    assert start.bytes_left == begun.payload_bytes
    now = [Quarter("2025q1", "landed"), Quarter("2025q2", "archived"), *begun.quarters[2:]]
    at = progress(begun, now, 100.0)
    share = (2 * fetch + read) / (4 * fetch + 4 * read)
    assert (at.done, at.bytes_left) == (1, begun.payload_bytes // 4 * 2)
    assert at.share == pytest.approx(share)
    assert at.seconds_left == pytest.approx(100 * (1 - share) / share)
    over = progress(begun, [Quarter(one.name, "landed") for one in begun.quarters], 300.0)
    assert (over.done, over.share, over.bytes_left, over.seconds_left) == (4, 1.0, 0, 0.0)


def test_the_command_plans_without_a_home_and_refuses_what_is_wrong(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("UNDERTOW_HOME", str(tmp_path / "none"))
    monkeypatch.delenv("UNDERTOW_CONTACT", raising=False)
    monkeypatch.chdir(tmp_path)
    arguments = ["backfill", "sec_nport", "--to", "2026q2", "--workers", "2", "--plan"]
    told = json.loads(CliRunner().invoke(cli, [*arguments, "--format", "json"], catch_exceptions=False).output)
    assert (told["quarters"], told["states"], told["by_page"]) == (27, {"missing": 27}, False)
    text = CliRunner().invoke(cli, arguments, catch_exceptions=False).output
    assert "2019q4 to 2026q2: 27 (27 missing), by the calendar" in text
    assert f"{told['read_rows']:,} rows" in text
    assert not (tmp_path / "none").exists()
    done = CliRunner().invoke(cli, ["backfill", "sec_nport"])
    assert isinstance(done.exception, UsageError)
    assert "set UNDERTOW_CONTACT" in str(done.exception)
    monkeypatch.setenv("UNDERTOW_CONTACT", "Ana Ruiz ana@example.org")
    monkeypatch.setattr("shutil.disk_usage", lambda path: type("Usage", (), {"free": 10**9})())
    done = CliRunner().invoke(cli, ["backfill", "sec_nport"])
    assert "the backfill needs about" in str(done.exception)
    assert not (tmp_path / "none").exists()

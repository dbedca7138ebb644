"""The clock: the world's, or that of a rehearsal, and that the two never write into one home."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from undertow import clock
from undertow.archive import Archive
from undertow.doctor import examine
from undertow.errors import UsageError
from undertow.fetching import LiveFetcher
from undertow.lock import writing
from undertow.room import load_room
from undertow.settings import Home, Settings

THEN = "2025-10-24T12:31:00Z"


def test_without_the_setting_it_is_the_time_of_day(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(clock.VARIABLE, raising=False)
    assert not clock.is_rehearsal()
    assert abs(clock.now() - datetime.now(UTC)) < timedelta(seconds=5)
    assert clock.notes() == []


def test_the_clock_of_a_rehearsal_ticks_on_from_its_instant(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(clock.VARIABLE, THEN)
    first, second = clock.now(), clock.now()
    start = datetime(2025, 10, 24, 12, 31, tzinfo=UTC)
    assert start <= first < second < start + timedelta(seconds=5)
    monkeypatch.setenv(clock.VARIABLE, "2025-12-18 14:00 America/New_York")
    assert timedelta() <= clock.now() - datetime(2025, 12, 18, 19, 0, tzinfo=UTC) < timedelta(seconds=5)
    (note,) = clock.notes()
    assert note.startswith("this is a rehearsal: it is 2025-12-18T19:00:0")


def test_what_is_no_instant_is_refused_by_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(clock.VARIABLE, "yesterday")
    with pytest.raises(UsageError, match=r"the setting UNDERTOW_CLOCK is wrong: .*yesterday"):
        clock.now()


def test_a_file_of_settings_cannot_set_it(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in (clock.VARIABLE, "UNDERTOW_HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(tmp_path)
    (tmp_path / ".env").write_text(f"{clock.VARIABLE}={THEN}\n")
    assert Settings().home == Path("data")
    assert abs(clock.now() - datetime.now(UTC)) < timedelta(seconds=5)


def test_a_rehearsal_never_writes_where_the_world_is_and_the_other_way_round(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    world, play = Home(tmp_path / "world").ensure(), Home(tmp_path / "play").ensure()
    monkeypatch.delenv(clock.VARIABLE, raising=False)
    with writing(world):
        Archive(world.archive).store(b"1", source="ecb", dataset="d", url="u", fetched_at=datetime.now(UTC), origin="live")
    assert not clock.belongs_to_rehearsal(world)
    monkeypatch.setenv(clock.VARIABLE, THEN)
    with pytest.raises(UsageError, match="holds data of the world"), writing(world):
        pass
    for _ in range(2):  # a rehearsal goes on in its own home
        with writing(play):
            Archive(play.archive).store(b"1", source="ecb", dataset="d", url="u", fetched_at=clock.now(), origin="live")
    assert "2025-10-24T12:31:00" in (play.root / "rehearsal").read_text()
    said = {(one.what, one.level): one.says for one in examine(play, Settings()) if one.what == "rehearsal"}
    assert "is the home of a rehearsal" in said[("rehearsal", "warn")]
    monkeypatch.delenv(clock.VARIABLE)
    with pytest.raises(UsageError, match="belongs to a rehearsal"), writing(play):
        pass
    with writing(world):
        pass
    assert not [one for one in examine(world, Settings()) if one.what == "rehearsal"]


def test_a_rehearsal_asks_this_machine_only(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv(clock.VARIABLE, THEN)
    monkeypatch.setenv("UNDERTOW_BASE_URLS", '{"https://www.ecb.europa.eu": "https://mirror.example.org"}')
    with pytest.raises(UsageError, match=r"UNDERTOW_CLOCK is set, so https://www\.ecb\.europa\.eu/.* is not asked"):
        list(LiveFetcher(Settings()).fetch(load_room("ecb"), Archive(tmp_path)))
    assert not list(tmp_path.iterdir())

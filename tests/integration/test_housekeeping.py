"""`undertow compact` and `undertow tidy` on a home with a history: fewer files, the same answers."""

import io
import json
import os
import subprocess
import sys
import zipfile
from datetime import UTC, datetime, timedelta
from pathlib import Path

import duckdb
import pytest

from orchestration.runner import run
from undertow.archive import Archive
from undertow.lock import run_lock
from undertow.publish import Build, current_build
from undertow.settings import Home

CURRENCIES = (
    "USD", "JPY", "BGN", "CZK", "DKK", "GBP", "HUF", "PLN", "RON", "SEK", "CHF", "ISK", "NOK", "TRY", "AUD",
    "BRL", "CAD", "CNY", "HKD", "IDR", "ILS", "INR", "KRW", "MXN", "MYR", "NZD", "PHP", "SGD", "THB", "ZAR",
)  # fmt: skip
DAYS = [day for day in (datetime(2025, 3, 3) + timedelta(days=n) for n in range(30)) if day.weekday() < 5]


def undertow(home: Home, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "undertow", *arguments],
        capture_output=True, text=True, check=False, env={**os.environ, "UNDERTOW_HOME": str(home.root)}, timeout=300,
    )  # fmt: skip


def rates(newest: int, **corrected: float | None) -> bytes:
    """A zipped history of reference rates up to a day; ``USD_3=1.5`` corrects a cell of day 3, None withdraws it."""
    lines = [",".join(("Date", *CURRENCIES)) + ","]
    for number in range(newest, -1, -1):
        cells = []
        for place, code in enumerate(CURRENCIES):
            value = corrected.get(f"{code}_{number}", round(1 + place / 10 + number / 1000, 4))
            cells.append("N/A" if value is None else str(value))
        lines.append(f"{DAYS[number]:%Y-%m-%d},{','.join(cells)},")
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("eurofxref-hist.csv", "\n".join(lines) + "\n")
    return packed.getvalue()


# What each payload says otherwise than the one before: corrections, a withdrawal, a restoration, and a word taken back.
VINTAGES = (
    rates(9),
    rates(10),
    rates(11, USD_3=1.5),
    rates(12, USD_3=1.5, JPY_4=None),
    rates(13, USD_3=1.5),
    rates(14),
    rates(15, SEK_1=1.9, NOK_15=None),
    rates(16, SEK_1=1.9),
    rates(17, SEK_1=1.8),
)


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Home:
    """A home with nine payloads of rates and three of the user's own, landed, modelled and published."""
    home = Home(tmp_path_factory.mktemp("history")).ensure()
    archive = Archive(home.archive)
    for number, payload in enumerate(VINTAGES):
        fetched_at = (DAYS[9 + number] + timedelta(hours=18)).replace(tzinfo=UTC)
        archive.store(payload, source="ecb", dataset="eurofxref_hist", url="u", fetched_at=fetched_at, origin="replay")
    files = []
    for number in range(3):
        path = home.root / f"own{number}.csv"
        values = {month: "" if (number, month) == (1, 2) else f"{month}.{number}" for month in range(1, 4)}  # one is withdrawn
        rows = [f"own.X,2025-0{month}-01,{value},2025-0{month}-28T12:00Z,index,me,CC0-1.0" for month, value in values.items()]
        path.write_text("series_id,period_start,value,known_at,unit,source,licence\n" + "\n".join(rows) + "\n")
        files.append(path)
    before = os.environ.get("UNDERTOW_HOME")
    os.environ["UNDERTOW_HOME"] = str(home.root)
    try:
        assert run("file", files).failed_sources == []
        yield home
    finally:
        if before is None:
            os.environ.pop("UNDERTOW_HOME")
        else:
            os.environ["UNDERTOW_HOME"] = before


def differing_rows(one: Build, other: Build) -> dict[str, int]:
    """For each table, the rows of one build that the other does not have, and the other way round."""
    found = {}
    with duckdb.connect(":memory:") as connection:
        connection.execute(f"ATTACH '{one.database}' AS one (READ_ONLY); ATTACH '{other.database}' AS other (READ_ONLY)")
        for table in one.manifest["tables"]:
            for left, right in (("one", "other"), ("other", "one")):
                query = f"SELECT count(*) FROM (FROM {left}.marts.{table} EXCEPT ALL FROM {right}.marts.{table})"
                found[table] = found.get(table, 0) + connection.execute(query).fetchall()[0][0]
    return found


@pytest.mark.slow
def test_after_compaction_the_warehouse_has_the_same_marts(home: Home) -> None:
    before = current_build(home)
    archived = {path: path.read_bytes() for path in home.archive.rglob("*") if path.is_file()}
    files = set(home.landing.rglob("*.parquet"))

    planned = undertow(home, "compact", "--at-least", "3", "--dry-run", "--format", "json")
    assert planned.returncode == 0, planned.stderr
    assert set(home.landing.rglob("*.parquet")) == files
    done = undertow(home, "compact", "--at-least", "3", "--format", "json")
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    said = json.loads(done.stdout)
    assert said == json.loads(planned.stdout) | {"dry_run": False}
    tables = {f"{table['source']}/{table['table']}": table for table in said["tables"]}
    assert sorted(tables) == ["ecb/observation", "ecb/series", "file/observation", "file/series"]
    rows = tables["ecb/observation"]
    assert (rows["files_before"], rows["rows_before"]) == (9, sum(30 * n for n in range(10, 19)) - 2)  # two cells are N/A
    assert rows["rows_after"] < rows["rows_before"] / 2  # most payloads repeat what the one before said
    assert len(set(home.landing.rglob("*.parquet"))) == len(files) - sum(table["files_before"] - 1 for table in said["tables"])

    assert {path: path.read_bytes() for path in home.archive.rglob("*") if path.is_file()} == archived

    report = run("file", [home.root / "own2.csv"])
    assert report.landed == []  # nothing is landed twice
    after = current_build(home)
    assert report.build["is_new"] is True
    assert after.build_id != before.build_id
    assert set(differing_rows(before, after).values()) == {0}
    assert before.manifest["tables"]["fct_observation"]["rows"] > 540  # with the corrections and the withdrawal
    assert {name: table["content"] for name, table in after.manifest["tables"].items()} == {
        name: table["content"] for name, table in before.manifest["tables"].items()
    }

    again = undertow(home, "compact", "--at-least", "3")
    assert "nothing to merge" in again.stdout
    text = undertow(home, "compact", "--at-least", "2", "--dry-run")
    assert text.returncode == 0
    assert "nothing to merge" in text.stdout


def test_tidy_removes_reports_and_cut_off_builds_and_nothing_else(home: Home) -> None:
    long_ago = (datetime.now(UTC) - timedelta(days=40)).timestamp()
    for name in ("20250101T000000000000Z", "20250201T000000000000Z"):
        published = home.root / "known_by" / name / "published"
        published.mkdir(parents=True)
        (published / "undertow.duckdb").write_bytes(b"x" * 200_000)
    for path in [*(home.root / "known_by/20250101T000000000000Z").rglob("*"), home.root / "known_by/20250101T000000000000Z"]:
        os.utime(path, (long_ago, long_ago))
    for number in range(4):
        (home.quality / f"runs/2020010{number}T000000000000Z.json").write_text("{}")
    kept = {path for folder in (home.archive, home.landing, home.published) for path in folder.rglob("*")}
    reports = sorted((home.quality / "runs").iterdir())

    dry = undertow(home, "tidy", "--reports", str(len(reports) - 3), "--dry-run")
    assert dry.stdout == "would remove 1 cut-off build and 3 run reports, 0.2 MB\n", dry.stderr
    assert sorted((home.quality / "runs").iterdir()) == reports
    done = undertow(home, "tidy", "--reports", str(len(reports) - 3), "--format", "json")
    said = json.loads(done.stdout)
    assert [(row["kind"], Path(row["path"]).name) for row in said["removed"]] == [
        *(("run report", path.name) for path in reports[:3]),
        ("cut-off build", "20250101T000000000000Z"),
    ]
    assert sorted((home.quality / "runs").iterdir()) == reports[3:]
    assert [path.name for path in (home.root / "known_by").iterdir()] == ["20250201T000000000000Z"]
    assert {path for folder in (home.archive, home.landing, home.published) for path in folder.rglob("*")} == kept
    assert undertow(home, "tidy").stdout == "nothing is old enough to be removed\n"


@pytest.mark.parametrize("command", ["compact", "tidy"])
def test_neither_works_beside_a_run(home: Home, command: str) -> None:
    with run_lock(home.lock):
        done = undertow(home, command, "--dry-run")
    assert done.returncode == 4
    assert f"process {os.getpid()}" in done.stderr


@pytest.mark.parametrize(
    ("arguments", "says"),
    [(("compact", "--at-least", "1"), "1 is not in the range"), (("tidy", "--days", "0"), "0 is not in the range")],
)
def test_wrong_requests_get_one_sentence(home: Home, arguments: tuple[str, ...], says: str) -> None:
    done = undertow(home, *arguments)
    assert done.returncode == 2
    assert says in done.stderr

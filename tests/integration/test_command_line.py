"""The command line as a person or a scheduler uses it."""

import csv
import io
import json
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from tests.integration.commands import call as undertow
from undertow.cli import cli
from undertow.publish import current_build
from undertow.settings import Home


def test_known_as_json(sample_home: Home) -> None:
    done = undertow(sample_home.root, "known", "bls.CUUR0000SA0", "--as-of", "2025-11-15T00:00:00Z", "--format", "json")
    assert done.returncode == 0, done.stderr
    (row,) = json.loads(done.stdout)
    assert (row["period_end"], row["value"], row["known_at"]) == ("2025-09-30", 324.8, "2025-10-24T12:30:00Z")
    assert row["later_periods"][0]["status"] == "pending"
    assert row["flags"] == ["DELAYED"]


def test_known_as_text_csv_and_parquet(sample_home: Home, tmp_path: Path) -> None:
    text = undertow(sample_home.root, "known", "bls.CUUR0000SA0", "--as-of", "2025-11-22").stdout
    assert "324.800" in text
    assert "2025-10 cancelled" in text
    assert "Data unavailable due to the 2025 lapse in appropriations" in " ".join(text.split())
    table = undertow(sample_home.root, "known", "bls.CUUR0000SA0", "--as-of", "2025-11-22", "--format", "csv").stdout
    (row,) = csv.DictReader(io.StringIO(table))
    assert (row["series_id"], float(row["value"])) == ("bls.CUUR0000SA0", 324.8)
    target = tmp_path / "known.parquet"
    done = undertow(sample_home.root, "known", "--match", "ecb.EXR.D.*", "--format", "parquet", "--output", str(target))
    assert done.returncode == 0, done.stderr
    assert pq.read_table(target).num_rows == 41


def test_known_of_a_series_that_was_not_known_yet(sample_home: Home) -> None:
    done = undertow(sample_home.root, "known", "bls.CUSR0000SA0", "--as-of", "2025-11-15")
    assert done.returncode == 0
    assert "nothing was known" in done.stderr
    assert "2026-09-11T12:30Z" in done.stderr


def test_known_without_a_series_tells_of_the_headlines(sample_home: Home, tmp_path: Path) -> None:
    moment = ("--as-of", "2025-12-10 14:00 America/New_York")
    rows = json.loads(undertow(sample_home.root, "known", *moment, "--format", "json").stdout)
    assert [row["position"] for row in rows] == sorted(row["position"] for row in rows)
    by_series = {row["series_id"]: row for row in rows}
    assert (by_series["prints.eci_3m"]["value"], by_series["prints.eci_3m"]["known_at"]) == (0.8, "2025-12-10T13:30:00Z")
    (imports,) = [row for row in rows if row["release_id"] == "import_export_prices"]
    assert (imports["series_id"], imports["value"], imports["period_end"]) == (None, None, "2025-09-30")
    assert [later["status"] for later in imports["later_periods"][:2]] == ["scheduled", "scheduled"]
    table = " ".join(undertow(sample_home.root, "known", *moment).stdout.split())
    assert "calendar only" in table
    assert "2025-10 permanent" in table
    page = tmp_path / "one.html"
    done = undertow(sample_home.root, "known", "bls.CUUR0000SA0", "--page", str(page), *moment)
    assert (done.returncode, done.stdout) == (0, "")
    assert f"written: {page}" in done.stderr
    told = page.read_text()
    assert '"asOf":"2025-12-10T19:00:00Z"' in told
    assert '"table":[["Series","' in told
    assert "prints.payrolls_change" not in told


def test_quality_lists_what_a_lapse_moved_when_asked(sample_home: Home) -> None:
    def subjects(*more: str) -> set[str]:
        arguments = ("quality", "--as-of", "2025-12-10T19:00Z", "--days", "120", "--format", "csv", *more)
        found = csv.DictReader(io.StringIO(undertow(sample_home.root, *arguments).stdout))
        return {f"{row['subject']} {row['what']}" for row in found if row["section"] == "release"}

    short, full = subjects(), subjects("--full")
    assert short < full
    assert "employment_cost_index/all 2025-Q3 released" in full - short
    assert "ppi/all 2025-10 merged" in full - short


def test_signals(sample_home: Home) -> None:
    done = undertow(sample_home.root, "signals", "inflation.cpi_all_12m", "--as-of", "2025-12-10T19:00Z", "--format", "json")
    (row,) = json.loads(done.stdout)
    assert round(row["value"], 4) == 3.0127
    assert (row["newer_period_without_value"], row["newer_obs_status"]) == ("2025-10-31", "M")


@pytest.mark.parametrize(
    ("arguments", "says", "code"),
    [
        (("known", "bls.CUUR0000SAO"), "near it are bls.CUUR0000SA0", 2),
        (("known", "bls.CUUR0000SA0", "--as-of", "soon"), "2025-10-24T12:30Z", 2),
        (("known", "--page", "x.html", "--format", "json"), "--page names the HTML file", 2),
        (("known", "--page", "/dev/null/x.html"), "the page cannot be written", 2),
        (("calendar", "--on", "12/10/2025"), "is not a day", 2),
        (("calendar", "--on", "2025-12-10", "--to", "2025-12-11"), "give one or the other", 2),
        (("known", "--match", "nothing*"), "no series matches", 2),
        (("signals", "inflation.nothing"), "unknown signal_id", 2),
        (("explain", "bls.CUUR0000SAO"), "near it are bls.CUUR0000SA0", 2),
        (("explain", "bls.CUUR0000SA0", "--as-of", "1900-01-01"), "its first value became known 1913-03-01", 2),
        (("explain", "bls.CUUR0000SA0", "--period", "2031-01"), "its newest period then was", 2),
        (("explain", "bls.CUUR0000SA0", "--period", "soon"), "is not a period", 2),
        (("explain",), "Missing argument 'ID'", 2),
        (("calendar", "cpj"), "near it are cpi", 2),
        (("calendar", "--from", "2025-13-01"), "is not a day", 2),
        (("calendar", "--status", "lost"), "lost", 2),
        (("quality", "--days", "0"), "0 is not in the range", 2),
        (("run", "--source", "replay"), "needs exactly one --from", 2),
        (("run", "--source", "replay", "--from", "absent.csv"), "there is no replay manifest", 2),
        (("run", "--source", "file", "--from", "absent.csv"), "there is no file", 2),
        (("run", "--source", "moon"), "moon", 2),
        (("known", "bls.CUUR0000SA0", "--build", "nope"), "there is no build", 2),
        (("publish", "--rollback", "nope"), "there is no build", 2),
    ],
)
def test_wrong_requests_get_one_sentence(sample_home: Home, arguments: tuple[str, ...], says: str, code: int) -> None:
    done = undertow(sample_home.root, *arguments)
    assert done.returncode == code, done.stderr
    assert says in done.stderr
    assert "Traceback" not in done.stderr


def test_nothing_published_yet(tmp_path: Path) -> None:
    done = undertow(tmp_path, "known", "bls.CUUR0000SA0")
    assert done.returncode == 2
    assert "run `undertow run` first" in done.stderr


def test_publish_looks_after_builds(sample_home: Home) -> None:
    assert "* 2" in undertow(sample_home.root, "publish", "--list").stdout
    count = len(current_build(sample_home).manifest["tables"])
    assert f"is whole: {count} tables" in undertow(sample_home.root, "publish", "--verify").stdout
    again = undertow(sample_home.root, "publish")
    assert again.returncode == 0, again.stderr
    assert "already published" in again.stdout


def test_doctor(sample_home: Home) -> None:
    done = undertow(sample_home.root, "doctor", "--format", "json")
    assert done.returncode == 0, done.stdout
    findings = {finding["what"]: finding for finding in json.loads(done.stdout)}
    assert findings["published build"]["level"] == "ok"
    assert findings["archive"]["says"].endswith("all hashes match")
    assert findings["source ecb"]["level"] == "ok"


@pytest.mark.parametrize("command", [(), *((name,) for name in cli.commands)], ids=" ".join)
def test_help_has_an_example(sample_home: Home, command: tuple[str, ...]) -> None:
    done = undertow(sample_home.root, *command, "--help")
    assert done.returncode == 0
    assert "Example:" in done.stdout

"""Logs as lines of JSON: their fields, and that no secret comes into one."""

import io
import json
import logging
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from undertow import logs
from undertow.report import CheckOutcome, FetchOutcome, LandOutcome, RunReport

SECRET = 'p1anted "key"/+%\\é'


@pytest.fixture
def stream() -> Iterator[io.StringIO]:
    text = io.StringIO()
    logs.configure("json", [SECRET, "ab"], text)
    yield text
    logs.configure("text")


def lines(stream: io.StringIO) -> list[dict]:
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def test_a_run_is_told_step_by_step(stream: io.StringIO) -> None:
    report = RunReport("20261122T080000Z", "live", "2026-11-22T08:00:00+00:00")
    with logs.in_run(run_id=report.run_id, mode=report.mode):
        with report.step("fetch bls"):
            fetched = [
                FetchOutcome("bls", "cu_data", "new", sha256="ab12", bytes=512),
                FetchOutcome("bls", "cu_series", "failed", "refused"),
            ]
            report.add_fetched("bls", fetched, {"403": 2, "200": 1})
        report.add_landed([LandOutcome("bls", "cu_data", "ab12", {"observation": 7, "series": 2}, quarantined=1)])
        report.add_checks(
            [CheckOutcome("landing/bls", "x", True), CheckOutcome("landing/bls", "y", False, details={"why": "no"})]
        )
        with pytest.raises(RuntimeError), report.step("models"):
            raise RuntimeError
    logging.getLogger("undertow.x").info("outside")
    told = lines(stream)
    assert [(one["event"], one["level"]) for one in told] == [
        ("step began", "info"),
        ("fetched", "info"),
        ("refused", "warning"),
        ("step ended", "info"),
        ("landed", "info"),
        ("no", "error"),
        ("step began", "info"),
        ("step failed", "error"),
        ("outside", "info"),
    ]
    assert {one["run_id"] for one in told[:-1]} == {"20261122T080000Z"}
    assert "run_id" not in told[-1]
    assert {key: told[1][key] for key in ("source", "dataset", "outcome", "bytes")} == {
        "source": "bls", "dataset": "cu_data", "outcome": "new", "bytes": 512,
    }  # fmt: skip
    assert (told[3]["step"], told[3]["seconds"]) == ("fetch bls", report.seconds["fetch bls"])
    assert (told[4]["rows"], told[4]["quarantined"]) == (9, 1)
    assert all(one["at"].endswith("Z") for one in told)
    assert list(told[0])[:4] == ["at", "level", "logger", "event"]
    assert report.requests == {"bls": {"200": 1, "403": 2}}


def test_no_secret_comes_into_a_line(stream: io.StringIO) -> None:
    log = logging.getLogger("undertow.test")
    log.warning("asked %s", f"https://u:{SECRET}@example.org/x")
    log.warning("a param", extra={"url": "https://example.org/data?year=2025&api_key=0123456789", "nested": {"key": [SECRET]}})
    log.warning(f"as JSON {json.dumps(SECRET)} and in an address https://example.org/?q=p1anted%20%22key%22%2F%2B%25%5C%C3%A9")
    try:
        raise ValueError(SECRET)
    except ValueError:
        log.exception("it broke")
    logging.getLogger("some.library").error("said %s", SECRET)
    text = stream.getvalue()
    assert "p1anted" not in text
    assert "0123456789" not in text
    assert "year=2025" in text
    assert "ValueError" in lines(stream)[3]["exception"]
    assert len(lines(stream)) == 5


def test_others_are_heard_from_warnings_on(stream: io.StringIO) -> None:
    other = logging.getLogger("another.library")
    other.setLevel(logging.DEBUG)
    other.info("busy")
    other.warning("odd")
    logging.getLogger("undertow.http").debug("details")
    assert [one["event"] for one in lines(stream)] == ["odd"]


def test_without_it_nothing_is_set_up() -> None:
    logs.configure("json", stream=io.StringIO())
    logs.configure("text")
    assert not logs.is_json()
    assert logging.getLogger("undertow").level == logging.NOTSET


def test_a_run_says_nothing_more_than_before(tmp_path: Path) -> None:
    """People have the summary: what a run logs step by step does not come to standard error by itself, not even warnings."""
    script = (
        "from undertow.report import FetchOutcome, RunReport\n"
        "report = RunReport('r', 'live', '2026-11-22T08:00:00+00:00')\n"
        "with report.step('fetch'): report.add_fetched('bls', [FetchOutcome('bls', 'x', 'failed', 'refused')], {})\n"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, cwd=tmp_path)
    assert (done.stdout, done.stderr) == ("", "")


def test_an_error_of_the_command_is_a_line_too(tmp_path: Path) -> None:
    words = ["run", "--source", "replay", "--from", "nowhere.csv", "--log-format", "json"]
    done = subprocess.run([sys.executable, "-m", "undertow", *words], capture_output=True, text=True, check=False, cwd=tmp_path)
    (line,) = [json.loads(line) for line in done.stderr.splitlines()]
    assert (done.returncode, line["exit_code"], line["level"]) == (2, 2, "error")
    assert line["event"] == "there is no replay manifest nowhere.csv"
    done = subprocess.run(
        [sys.executable, "-m", "undertow", *words[:-2]], capture_output=True, text=True, check=False, cwd=tmp_path
    )
    assert done.stderr == "undertow: there is no replay manifest nowhere.csv\n"

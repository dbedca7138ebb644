"""Data Docs: what the suites found as pages that need no network, one a suite; a broken tool is not bad data."""

import json
import subprocess
import sys
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import duckdb
import pytest

from expectations.bridge import ExpectationToolError, data_docs, run_suites
from expectations.docs import DataDocsError, refresh
from expectations.suite import Expectation, Suite


def suite(name: str, stage: str = "landing") -> Suite:
    return Suite(
        name=name,
        stage=stage,  # ty: ignore[invalid-argument-type]
        asset=(stage, name),
        metrics="SELECT * FROM {rows}",
        expectations=(
            Expectation(
                "ExpectColumnValuesToBeBetween", "no row twice", arguments={"column": "n", "min_value": 0, "max_value": 0}
            ),
            Expectation(
                "ExpectColumnValuesToBeBetween", "a calm day", severity="WARN", arguments={"column": "v", "max_value": 1}
            ),
            Expectation("ExpectColumnValuesToMatchRegex", "ids are plain", arguments={"column": "id", "regex": "^[a-z.]+$"}),
        ),
    )


GOOD = "(VALUES ('a.one', 0, 0.5), ('a.two', 0, 0.25)) AS t (id, n, v)"
CALM = "(VALUES ('a.one', 0, 0.5), ('a.two', 0, 7.5)) AS t (id, n, v)"
BAD = "(VALUES ('a.one', 4, 0.5), ('<img src=x>', 17, 0.25), ('a.two', 0, 0.25)) AS t (id, n, v)"


class Page(HTMLParser):
    """The words of a page, its tables' rows, and what it refers to."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.words: list[str] = []
        self.rows: list[list[str]] = []
        self.links: list[str] = []
        self.tags: set[str] = set()
        self.feed(path.read_text(encoding="utf-8"))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.links += [value or "" for name, value in attrs if name in {"href", "src"}]
        if tag == "tr":
            self.rows.append([])

    def handle_data(self, data: str) -> None:
        if data.strip():
            self.words.append(" ".join(data.split()))
            if self.rows:
                self.rows[-1].append(self.words[-1])

    @property
    def text(self) -> str:
        return " ".join(self.words)


def check(quality: Path, chosen: Suite, rows: str, fingerprint: str = "one") -> None:
    with duckdb.connect(":memory:") as connection:
        run_suites([chosen], {chosen.name: rows}, connection, fingerprint, quality / "checks")


def site(quality: Path, *chosen: Suite) -> dict[str, Page]:
    refresh([quality / "checks"], data_docs(quality), chosen)
    return {path.stem: Page(path) for path in data_docs(quality).glob("*.html")}


def test_a_fault_is_shown_with_its_numbers_and_a_good_table_as_passed(tmp_path: Path) -> None:
    good, calm, bad, idle = suite("good"), suite("calm", "marts"), suite("bad"), suite("idle")
    check(tmp_path, good, GOOD)
    check(tmp_path, calm, CALM)
    check(tmp_path, bad, BAD)
    pages = site(tmp_path, good, calm, bad, idle)
    assert sorted(pages) == ["bad", "calm", "good", "index"]
    table = {row[0]: row[1:6] for row in pages["index"].rows}
    assert table["good"] == ["landing/good", "passed", "3 of 3", "0", "0"]
    assert table["calm"] == ["marts/calm", "warning", "2 of 3", "0", "1"]
    assert table["bad"] == ["landing/bad", "failed", "1 of 3", "2", "0"]
    assert table["idle"][:2] == ["landing/idle", "never ran"]

    assert pages["good"].rows[1][:3] == ["passed", "ERROR", "no row twice"]
    assert "failed" not in pages["good"].words
    assert pages["calm"].rows[1][:3] == ["warning", "WARN", "a calm day"]
    assert ["a.two", "7.5"] in [row[:2] for row in pages["calm"].rows]  # the row at fault, and the number that is
    shown = pages["bad"]
    assert shown.rows[1][:3] == ["failed", "ERROR", "no row twice"]
    assert [row[:2] for row in shown.rows if row and row[0] in {"a.one", "a.two", "<img src=x>"}][:2] == [
        ["<img src=x>", "17"],
        ["a.one", "4"],
    ]
    # and in Great Expectations' own words
    assert "2 unexpected values found. ≈66.67% of 3 total rows." in shown.text
    assert "values must be greater than or equal to 0.0 and less than or equal to 0.0" in shown.text
    assert ["17", "1"] in [row[:2] for row in shown.rows]
    assert ["<img src=x>", "1"] in [row[:2] for row in shown.rows]


def test_pages_need_no_network_and_lead_somewhere(tmp_path: Path) -> None:
    good, bad = suite("good"), suite("bad")
    check(tmp_path, good, GOOD)
    check(tmp_path, bad, BAD)
    folder = data_docs(tmp_path)
    for name, page in site(tmp_path, good, bad).items():
        assert page.tags.isdisjoint({"script", "link", "img", "iframe"}), name
        assert "default-src 'none'" in (folder / f"{name}.html").read_text(encoding="utf-8")
        assert [link for link in page.links if not (folder / link).is_file()] == []
    assert Page(folder / "index.html").links == ["good.html", "bad.html"]
    assert Page(folder / "bad.html").links == ["index.html"]


def test_an_error_of_the_tool_is_shown_as_one_and_not_as_bad_data(tmp_path: Path) -> None:
    chosen = suite("s")
    check(tmp_path, chosen, BAD)
    broken = replace(chosen, metrics="SELECT id, n FROM {rows}")
    with pytest.raises(ExpectationToolError, match="suite s"):
        check(tmp_path, broken, GOOD)
    pages = site(tmp_path, broken)
    assert pages["index"].rows[1][:3] == ["s", "landing/s", "tool error"]
    assert "neither passed nor failed" in pages["s"].text
    assert 'The column "v" in BatchData does not exist' in pages["s"].text
    assert "failed" not in pages["index"].rows[1]
    check(tmp_path, chosen, GOOD)  # an error is not remembered: the suite runs again
    assert site(tmp_path, chosen)["index"].rows[1][2:4] == ["passed", "3 of 3"]


def test_the_last_run_of_each_suite_is_kept_and_nothing_else(tmp_path: Path) -> None:
    old, kept = suite("old"), suite("kept")
    check(tmp_path, old, GOOD)
    for fingerprint, rows in (("one", BAD), ("two", GOOD)):
        check(tmp_path, kept, rows, fingerprint)
        site(tmp_path, old, kept)
    pages = site(tmp_path, kept)
    assert sorted(pages) == ["index", "kept"]
    assert pages["index"].rows[1][2] == "passed"
    assert sorted(path.name for path in data_docs(tmp_path).iterdir()) == ["index.html", "kept.html", "made_of.txt"]


def test_two_memories_make_one_site(tmp_path: Path) -> None:
    """A cut-off build shows its own marts, and the landing of the home it was made from."""
    landing, mart = suite("landed"), suite("mart", "marts")
    check(tmp_path / "home", landing, GOOD)
    check(tmp_path / "home", mart, GOOD)
    check(tmp_path / "cut", mart, BAD)
    refresh([tmp_path / "home/checks", tmp_path / "cut/checks"], tmp_path / "site", [landing, mart])
    assert [row[2] for row in Page(tmp_path / "site/index.html").rows if row[0] in {"landed", "mart"}] == ["passed", "failed"]


def test_a_site_that_is_up_to_date_costs_nothing(tmp_path: Path) -> None:
    from expectations.suite import suites

    real = next(suite for suite in suites() if suite.name == "file_observation")
    assert refresh([tmp_path / "checks"], tmp_path / "data_docs") is None
    rows = "(SELECT 'x.y' AS series_id, {})".format(
        ", ".join(f"0 AS {e.arguments['column']}" for e in real.expectations if e.arguments["column"] != "series_id")
    )
    check(tmp_path, replace(real, metrics="SELECT * FROM {rows}"), rows)
    index = refresh([tmp_path / "checks"], tmp_path / "data_docs")
    assert index == tmp_path / "data_docs/index.html"
    before = {path: path.stat().st_mtime_ns for path in index.parent.iterdir()}
    script = (
        "import sys; from pathlib import Path; from expectations.docs import refresh; "
        "print(refresh([Path(sys.argv[1]) / 'checks'], Path(sys.argv[1]) / 'data_docs')); "
        "print(sorted({'great_expectations', 'dagster', 'pandas'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", script, str(tmp_path)], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines() == [str(index), "[]"]
    assert {path: path.stat().st_mtime_ns for path in index.parent.iterdir()} == before


def test_a_site_that_cannot_be_made_says_so(tmp_path: Path) -> None:
    chosen = suite("s")
    check(tmp_path, chosen, GOOD)
    memory = tmp_path / "checks/s.json"
    said = json.loads(memory.read_text())
    del said["validation"]["results"][0]["expectation_config"]
    memory.write_text(json.dumps(said))
    with pytest.raises(DataDocsError, match="could not be made"):
        refresh([tmp_path / "checks"], data_docs(tmp_path), [chosen])
    check(tmp_path, chosen, GOOD, "two")
    assert site(tmp_path, chosen)["index"].rows[1][2] == "passed"

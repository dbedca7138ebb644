"""The page "what was known": for any instant it shows what the macros say, in a real browser, and needs no network."""

import base64
import hashlib
import html
import json
import random
import re
import subprocess
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb
import pytest

from tests.integration.test_dagster import BROWSER
from undertow.instants import format_instant, parse_instant
from undertow.pages.known import NOTABLE, known_page
from undertow.publish import Build

# What is on the screen for each instant, and what is behind a row that is closed.
PROBE = """
const iso = (seconds) => (seconds === null ? null : isoInstant(seconds));
const text = (node) => (node ? node.textContent : null);
const said = INSTANTS.map((at) => {
  show(readInstant(at));
  const rows = [...document.querySelectorAll("#known tr[data-id]")].map((line) => {
    const period = line.querySelector("time.period");
    const get = (name) => (line.querySelector(name) ? line.querySelector(name).getAttribute("value") : null);
    const known = line.querySelector("time.known");
    return {
      id: line.dataset.id, period_start: (period && period.dataset.start) || null, period_end: period && period.dateTime,
      value: get("data.value"), first_print: get("data.first"), age_days: get("data.age"), known_at: known && known.dateTime,
      flags: [...line.querySelectorAll(".flag")].map((flag) => flag.dataset.flag),
    };
  });
  const behind = tableAsKnown(readInstant(at)).filter((entry) => entry.row).map(({ id, release, row }) => ({
    id: id || release, n_states: row.history.length, basis: row.basis || null, status: row.status || null, origin: row.origin || null,
    n_without: row.nWithout, next_at: iso(row.nextAt), later: row.later.map((e) => [e.period, e.status, iso(e.scheduled), e.reason]),
  }));
  return { at, rows, behind, summary: text(document.getElementById("summary")), unknown: text(document.getElementById("unknown")),
    lapse: document.getElementById("lapse").hidden ? null : text(document.getElementById("lapse")) };
});
const told = document.createElement("pre");
told.id = "told";
told.textContent = JSON.stringify(said);
document.body.append(told);
"""


def shown(page: Path, folder: Path, fragment: str = "") -> str:
    """Return the document as it stands in a browser after its script ran."""
    command = [
        *(str(BROWSER), "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"),
        *(
            "--disable-background-networking",
            "--disable-component-update",
            "--disable-sync",
            f"--user-data-dir={folder}/profile",
        ),
        *("--virtual-time-budget=20000", "--dump-dom", page.as_uri() + fragment),
    ]
    return subprocess.run(command, capture_output=True, text=True, check=True, timeout=120).stdout


def with_probe(page: str, instants: list[str]) -> str:
    """Return the page with a second script, which its policy is made to allow."""
    probe = PROBE.replace("INSTANTS", json.dumps(instants))
    allowed = base64.b64encode(hashlib.sha256(probe.encode()).digest()).decode()
    page = page.replace("script-src ", f"script-src 'sha256-{allowed}' ", 1)
    return page.replace("</body>", f"<script>{probe}</script></body>")


def some_instants(connection: duckdb.DuckDBPyConnection) -> list[str]:
    """Return the notable instants, instants at and just before a release, and any."""
    chance = random.Random(20251210)  # the same instants in each run
    releases = connection.execute(
        "SELECT DISTINCT epoch_us(known_at) FROM marts.fct_observation WHERE series_id LIKE 'prints.%' OR series_id LIKE 'bls.CU%A0' "
        "UNION SELECT DISTINCT epoch_us(known_at) FROM marts.dim_release_calendar WHERE release_id <> 'ecb_eurofxref' ORDER BY 1"
    ).fetchall()
    chosen = [parse_instant(text) for text, _ in NOTABLE]
    for (microseconds,) in chance.sample(releases, 16):
        at = datetime.fromtimestamp(microseconds // 1_000_000, UTC)
        chosen += [at] if chance.random() < 0.5 else [at - timedelta(seconds=1)]
    first = datetime(2013, 1, 1, tzinfo=UTC)
    chosen += [first + timedelta(seconds=chance.randrange(14 * 365 * 86_400)) for _ in range(14)]
    return [format_instant(at) for at in chosen]


def from_sql(connection: duckdb.DuckDBPyConnection, at: str) -> list[dict[str, Any]]:
    rows = connection.execute("SELECT * FROM headline_as_known(?) ORDER BY position", [at]).to_arrow_table().to_pylist()
    return [
        {**row, "id": row["series_id"] or row["release_id"], "later": [list(later.values()) for later in row["later_periods"]]}
        for row in rows
    ]


def as_text(moment: datetime | None) -> str | None:
    """Return an instant as the page has it: a browser's clock knows milliseconds."""
    return None if moment is None else re.sub(r"(\.\d{3})000Z$", r"\1Z", format_instant(moment))


@pytest.fixture(scope="module")
def told(published: duckdb.DuckDBPyConnection, sample_build: Build, tmp_path_factory: pytest.TempPathFactory) -> list[dict]:
    """What the page of the published build says at many instants."""
    folder = tmp_path_factory.mktemp("page")
    page = folder / "known.html"
    page.write_text(with_probe(sample_build.page.read_text(), some_instants(published)))
    found = re.search(r'<pre id="told">(.*?)</pre>', shown(page, folder), re.DOTALL)
    assert found, "the script did not run to its end"
    return json.loads(html.unescape(found[1]))


browser = pytest.mark.skipif(BROWSER is None, reason="no Chromium or Chrome on the PATH")


@browser
def test_the_page_says_what_the_macros_say(published: duckdb.DuckDBPyConnection, told: list[dict]) -> None:
    assert len(told) >= 35
    n_rows = 0
    for page in told:
        rows = from_sql(published, page["at"])
        n_rows += len(rows)
        on_screen = [
            {**row, **{name: None if row[name] is None else float(row[name]) for name in ("value", "first_print", "age_days")}}
            for row in page["rows"]
        ]
        assert on_screen == [
            {
                "id": row["id"],
                "period_start": row["period_start"] and row["period_start"].isoformat(),
                "period_end": row["period_end"] and row["period_end"].isoformat(),
                "value": row["value"],
                "first_print": row["first_print"],
                "age_days": row["age_days"],
                "known_at": as_text(row["known_at"]),
                "flags": row["flags"],
            }
            for row in rows
        ], page["at"]
        assert page["behind"] == [
            {
                "id": row["id"],
                "n_states": 0 if row["n_revisions"] is None else row["n_revisions"] + 1,
                "basis": row["known_at_basis"],
                "status": row["obs_status"],
                "origin": row["origin"],
                "n_without": row["n_releases_without"] or 0,
                "next_at": as_text(row["next_release_at"]),
                "later": [[period, status, as_text(at), reason] for period, status, at, reason in row["later"]],
            }
            for row in rows
        ], page["at"]
    assert n_rows > 400


@browser
def test_the_page_on_the_day_of_the_decision(told: list[dict]) -> None:
    page = next(one for one in told if one["at"] == "2025-12-10T19:00:00Z")
    rows = {row["id"]: row for row in page["rows"]}
    payrolls = rows["prints.payrolls_change"]
    assert (payrolls["period_end"], payrolls["value"], payrolls["flags"]) == ("2025-09-30", "119", ["DELAYED"])
    imports = rows["import_export_prices"]  # only its calendar is known
    assert (imports["period_end"], imports["value"], imports["known_at"]) == ("2025-09-30", None, "2025-12-03T13:30:00Z")
    assert page["lapse"].startswith("The lapse in appropriations of 1 Oct 2025 to 12 Nov 2025 was over")
    before = next(one for one in told if one["at"] == "2025-09-12T00:00:00Z")
    assert before["lapse"] is None


@browser
def test_a_link_opens_at_its_instant(sample_build: Build, tmp_path: Path) -> None:
    there = shown(sample_build.page, tmp_path, "#as-of=2025-12-10%2014:00%20America/New_York&zone=America/New_York")
    assert '<time datetime="2025-12-10T19:00:00Z">10 Dec 2025 14:00</time>' in there
    wrong = shown(sample_build.page, tmp_path, "#as-of=%3Cb%3Esoon")
    assert "&lt;b&gt;soon is not an instant" in wrong


def test_the_page_loads_nothing_and_is_small(sample_build: Build) -> None:
    page = sample_build.page.read_text()
    assert len(page.encode()) < 3_000_000
    assert '<html lang="en">' in page
    assert "default-src 'none'" in page
    assert re.findall(r'(?:src|href)="(?!#)[^"]*"|@import|url\(|fetch\(|XMLHttp', page) == []
    script = re.search(r"<script>(.*)</script>", page, re.DOTALL)
    assert script
    assert base64.b64encode(hashlib.sha256(script[1].encode()).digest()).decode() in page
    data = json.loads(re.search(r'id="data">(.*?)</script>', page, re.DOTALL)[1])  # ty: ignore[not-subscriptable]
    assert "SYNTHETIC" in data["flags"]
    assert '<span class="flag">KNOWN_LATE</span>' in page


def test_texts_of_providers_cannot_end_their_element(published: duckdb.DuckDBPyConnection, sample_build: Build) -> None:
    manifest = {**sample_build.manifest, "build_id": "</script><script>alert(1)</script>"}
    page = known_page(published, manifest)
    assert page.count("<script") == 2
    assert "alert(1)</script>" not in page


def test_sample_rows_are_marked(told: list[dict]) -> None:
    newest = max(told, key=lambda page: page["at"])
    marked = {row["id"] for row in newest["rows"] if "SYNTHETIC" in row["flags"]}
    assert "prints.payrolls_change" not in marked

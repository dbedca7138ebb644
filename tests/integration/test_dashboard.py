"""The dashboard of a build: what its pages show is what SQL says, in a real browser, without network, with keys alone, at any width."""

from __future__ import annotations

import base64
import hashlib
import html
import json
import os
import random
import re
import shutil
import subprocess
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pyarrow.parquet as pq
import pytest

from tests.integration.composite import LAST, with_composite
from tests.integration.test_dagster import BROWSER
from tests.integration.test_pages import as_text
from undertow.instants import format_instant, parse_instant
from undertow.pages.claims import claims_page, evidence_query
from undertow.pages.dashboard import PILLARS, SHOWN, dashboard_page
from undertow.pages.known import NOTABLE
from undertow.pages.quality import home_of, quality_page
from undertow.publish import PAGES, Build
from undertow.settings import Home

browser = pytest.mark.skipif(BROWSER is None, reason="no Chromium or Chrome on the PATH")

NEW = ("index", "signals", "calendar", "claims", "quality")

# A second script of the page: it waits for the first, tells what it finds as JSON, and what went wrong.
FRAME = """
(async () => {
  let said;
  try { if (typeof READY !== "undefined") await READY; said = await (async () => { PROBE })(); } catch (error) { said = { wrong: String(error.stack) }; }
  const told = document.createElement("pre");
  told.id = "told";
  told.textContent = JSON.stringify(said);
  document.body.append(told);
  if (parent !== window) parent.postMessage(told.textContent, "*");
})();
"""
# A window of a browser without a screen is at least 500 pixels wide: in a frame a page is as narrow as it has to be.
OUTER = """<!DOCTYPE html><html><head><meta name="color-scheme" content="light dark"></head><body>
<iframe src="page.html" width="WIDTH" height="1000" style="border:0"></iframe>
<script>addEventListener("message", (event) => {
  const told = document.createElement("pre"); told.id = "told"; told.textContent = event.data; document.body.append(told); });</script>
</body></html>"""


def told(page: str, probe: str, folder: Path, *options: str, fragment: str = "", width: int | None = None) -> Any:
    """Return what a probe finds on a page in a browser; the page must leave no message on the console."""
    code = FRAME.replace("PROBE", probe)
    digest = base64.b64encode(hashlib.sha256(code.encode()).digest()).decode()
    page = re.sub(r"script-src ('none')?", lambda found: f"script-src 'sha256-{digest}' ", page, count=1)
    path = folder / "page.html"
    path.write_text(page.replace("</body>", f"<script>{code}</script></body>"), encoding="utf-8")
    if width is not None:
        path = folder / "outer.html"
        path.write_text(OUTER.replace("WIDTH", str(width)), encoding="utf-8")
    command = [
        *(str(BROWSER), "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"),
        *("--disable-background-networking", "--disable-component-update", "--disable-sync", "--hide-scrollbars"),
        *(f"--user-data-dir={folder}/profile", "--enable-logging=stderr", "--virtual-time-budget=30000"),
        *(*options, "--dump-dom", path.as_uri() + fragment),
    ]
    ran = subprocess.run(command, capture_output=True, text=True, check=True, timeout=180)
    assert [line for line in ran.stderr.splitlines() if "CONSOLE" in line] == []
    found = re.search(r'<pre id="told">(.*?)</pre>', ran.stdout, re.DOTALL)
    assert found, "the script did not run to its end"
    said = json.loads(html.unescape(found[1]))
    assert not (isinstance(said, dict) and "wrong" in said), said
    return said


def whole_seconds(at: datetime | None) -> str | None:
    """Return an instant as the pages have it: the whole second from which on it holds."""
    if at is None:
        return None
    return as_text(at if at.microsecond == 0 else at.replace(microsecond=0) + timedelta(seconds=1))


def some_instants(connection: duckdb.DuckDBPyConnection) -> list[str]:
    """Return notable instants, instants at and just before which something became known, and any."""
    chance = random.Random(20261122)
    query = "SELECT DISTINCT epoch_us(known_at) FROM {} WHERE known_at IS NOT NULL ORDER BY 1"
    chosen = [parse_instant(text) for text, _ in NOTABLE[::3]]
    for table in ("marts.mart_signal_long", "marts.dim_release_calendar"):
        for (microseconds,) in chance.sample(connection.execute(query.format(table)).fetchall(), 4):
            at = datetime.fromtimestamp(-(-microseconds // 1_000_000), UTC)
            chosen += [at, at - timedelta(seconds=1)]
    chosen += [datetime(2012, 1, 1, tzinfo=UTC) + timedelta(seconds=chance.randrange(14 * 365 * 86_400)) for _ in range(3)]
    return [format_instant(at) for at in chosen]


# --- signals -------------------------------------------------------------------------------------------------------------

SIGNALS_PROBE = """
const number = (node) => (node ? node.getAttribute("value") : null);
return INSTANTS.map((at) => {
  show(readInstant(at));
  return [...document.querySelectorAll("#all tr[data-id]")].map((line) => {
    const cells = line.querySelectorAll("td");
    const period = line.querySelector("time.period");
    const newer = line.querySelector(".newer");
    return {
      id: line.dataset.id, start: period.dataset.start, end: period.dateTime, value: number(cells[1].querySelector("data")),
      z: number(cells[2].querySelector("data")), rank: number(cells[3].querySelector("data")), known: line.querySelector("time.known").dateTime,
      confidence: number(cells[5].querySelector("data")), flags: [...line.querySelectorAll(".flag")].map((flag) => flag.dataset.flag),
      newer: newer && [newer.dataset.end, newer.dataset.status], made: line.classList.contains("synthetic"),
    };
  });
});
"""


@browser
def test_the_page_of_signals_says_what_sql_says(
    published: duckdb.DuckDBPyConnection, sample_build: Build, tmp_path: Path
) -> None:
    instants = some_instants(published)
    probe = SIGNALS_PROBE.replace("INSTANTS", json.dumps(instants))
    page = (sample_build.path / "signals.html").read_text()
    n = 0
    for at, rows in zip(instants, told(page, probe, tmp_path), strict=True):
        expected = published.execute("SELECT * FROM signals_as_known(?) ORDER BY signal_id", [at]).to_arrow_table().to_pylist()
        n += len(expected)
        assert sorted(row["id"] for row in rows) == [row["signal_id"] for row in expected], at
        by_id = {row["id"]: row for row in rows}
        for row in expected:
            found = by_id[row["signal_id"]]
            assert np.float32(found["value"]) == np.float32(row["value"])
            for name, value, decimals in (
                ("z", row["z_exp"], 3),
                ("rank", row["rank_exp"], 4),
                ("confidence", row["confidence"], 4),
            ):
                assert (found[name] is None) == (value is None)
                assert value is None or float(found[name]) == pytest.approx(value, abs=0.51 * 10**-decimals)
            newer = row["newer_period_without_value"]
            assert {name: found[name] for name in ("start", "end", "known", "flags", "newer", "made")} == {
                "start": row["period_start"].isoformat(),
                "end": row["period_end"].isoformat(),
                "known": whole_seconds(row["known_at"]),
                "flags": row["flags"],
                "newer": newer and [newer.isoformat(), row["newer_obs_status"]],
                "made": "SYNTHETIC" in row["flags"],
            }
    assert n > 300


HISTORY_PROBE = """
$("numbers").open = true;
const rows = [];
for (let page = 0; page < 200; page++) {
  for (const line of document.querySelectorAll("#states tbody tr")) {
    const cells = line.querySelectorAll("td");
    const number = (cell) => (cell.querySelector("data") ? cell.querySelector("data").getAttribute("value") : null);
    rows.push([line.dataset.end, number(cells[0]), number(cells[1]), Number(cells[2].textContent), cells[3].querySelector("time").dateTime]);
  }
  if ($("older").disabled) break;
  $("older").click();
}
return { rows, paths: [...document.querySelectorAll("#drawing g.line")].map((line) => line.getAttribute("class")),
  lanes: [...document.querySelectorAll("path.lane")].map((lane) => lane.dataset.flag), marks: document.querySelectorAll("circle.mark").length,
  label: document.querySelector("#drawing svg").getAttribute("aria-label"), keys: $("keys").textContent, title: $("title").textContent,
  facts: $("facts").textContent, value: $("signal").value };
"""
HISTORY = """
WITH told AS (SELECT *, row_number() OVER (PARTITION BY period_start ORDER BY known_at) AS n FROM marts.mart_signal_long
    WHERE signal_id = ? AND known_at <= CAST(? AS TIMESTAMPTZ))
SELECT arg_max(period_end, known_at) AS period_end, arg_max(struct_pack(v := value), known_at).v AS value,
    arg_min(value, known_at) FILTER (WHERE value IS NOT NULL) AS first, count(*) AS n, max(known_at) AS known_at,
    arg_max(flags, known_at) AS flags
FROM told GROUP BY period_start ORDER BY period_start DESC
"""


@browser
@pytest.mark.parametrize("at", ["2025-12-20T00:00:00Z", "2026-06-01T00:00:00Z"])
def test_a_history_is_told_as_first_known_and_as_known_now(
    published: duckdb.DuckDBPyConnection, sample_build: Build, tmp_path: Path, at: str
) -> None:
    revised = published.execute(
        "SELECT signal_id FROM marts.mart_signal_long WHERE known_at <= CAST(? AS TIMESTAMPTZ) GROUP BY signal_id "
        "HAVING max(vintage_number) > 1 ORDER BY count(*) FILTER (WHERE vintage_number > 1) DESC LIMIT 1",
        [at],
    ).fetchone()
    assert revised, "no signal of the sample was ever revised"
    signal = revised[0]
    found = told((sample_build.path / "signals.html").read_text(), HISTORY_PROBE, tmp_path, fragment=f"#{signal}&as-of={at}")
    expected = published.execute(HISTORY, [signal, at]).fetchall()
    assert found["value"] == signal
    assert [(end, int(n), known) for end, _, _, n, known in found["rows"]] == [
        (end.isoformat(), n, whole_seconds(known)) for end, _, _, n, known, _ in expected
    ]
    for row, (_, value, first, _, _, _) in zip(found["rows"], expected, strict=True):
        for shown, real in ((row[1], value), (row[2], first)):
            assert (shown is None) == (real is None)
            assert real is None or np.float32(shown) == np.float32(real)
    assert found["paths"] == ["line t1 newest", "line t2 first"]
    assert "as first known" in found["keys"]
    assert "in the table below" in found["label"]
    told_flags = [(value, flags) for _, value, _, _, _, flags in reversed(expected)]
    begin = next(n for n, (value, _) in enumerate(told_flags) if value is not None)  # the chart begins with the first value
    drawn = told_flags[begin:]
    counted = Counter(flag for _, flags in drawn for flag in flags)
    assert set(found["lanes"]) == set(counted)
    rare = {flag for flag, n in counted.items() if n <= 60 and 2 * n < len(drawn)}
    assert found["marks"] == sum(value is not None and not rare.isdisjoint(flags) for value, flags in drawn)
    assert found["marks"] > 0
    assert f"undertow explain {signal} --as-of {at}" in found["facts"]


# --- the calendar --------------------------------------------------------------------------------------------------------

CALENDAR_PROBE = """
const iso = (seconds) => (seconds === null ? null : isoInstant(seconds));
return INSTANTS.map((at) => calendarAsKnown(readInstant(at)).map((row) => [row.release, row.component, row.period, isoDay(row.end), row.status,
  iso(row.original), iso(row.scheduled), iso(row.actual), row.delay, row.merged, row.lapse, row.reason, iso(row.known)]));
"""


@browser
def test_the_calendar_says_what_sql_says(published: duckdb.DuckDBPyConnection, sample_build: Build, tmp_path: Path) -> None:
    instants = some_instants(published)[:9]
    page = (sample_build.path / "calendar.html").read_text()
    found = told(page, CALENDAR_PROBE.replace("INSTANTS", json.dumps(instants)), tmp_path)
    n_behind = 0
    for at, rows in zip(instants, found, strict=True):
        expected = published.execute(
            "SELECT release_id, component, reference_period, reference_end, status, original_at, scheduled_at, actual_at, "
            "delay_days, merged_into, lapse_id, reason, known_at FROM calendar_as_known(?) ORDER BY ALL",
            [at],
        ).fetchall()
        told_so = [
            [*row[:3], row[3].isoformat(), row[4], *map(whole_seconds, row[5:8]), *row[8:12], whole_seconds(row[12])]
            for row in expected
        ]
        n_behind += sum(row[4] == "pending" and row[10] is not None for row in told_so)
        assert sorted(rows, key=repr) == sorted(told_so, key=repr), at
    assert n_behind > 0, "no instant at which a release waited for a lapse"


@browser
def test_the_calendar_of_the_lapse(sample_build: Build, tmp_path: Path) -> None:
    probe = """return [...document.querySelectorAll("#calendar tbody tr")].map((line) => [line.dataset.key, line.querySelector(".chip").textContent]);"""
    page = (sample_build.path / "calendar.html").read_text()
    rows = dict(told(page, probe, tmp_path, fragment="#as-of=2025-12-10T19:00:00Z&kind=unusual"))
    assert rows["cpi|all|2025-10"] == "cancelled"
    assert rows["employment_situation|all|2025-11"] == "rescheduled"
    assert rows["jolts|all|2025-10"] == "released"


# --- the dashboard -------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def composite(sample_build: Build, tmp_path_factory: pytest.TempPathFactory) -> Iterator[duckdb.DuckDBPyConnection]:
    """A published file with a composite that is made by hand."""
    connection = with_composite(tmp_path_factory.mktemp("composite") / "made.duckdb", sample_build.database)
    yield connection
    connection.close()


def rows_of(page: str, attribute: str) -> dict[str, str]:
    """Return the rows of a page by an attribute, as HTML."""
    return dict(re.findall(rf'<tr data-{attribute}="([^"]+)"(.*?)</tr>', page, re.DOTALL))


def values_in(row: str) -> list[float]:
    return [float(value) for value in re.findall(r'<data value="([^"]+)"', row)]


def test_the_composite_with_its_pillars(composite: duckdb.DuckDBPyConnection, sample_build: Build) -> None:
    page = dashboard_page(composite, sample_build.manifest, as_of=datetime(2026, 11, 1, tzinfo=UTC))
    day = (
        composite.execute("SELECT * FROM marts.mart_fragility ORDER BY period_start DESC LIMIT 1")
        .to_arrow_table()
        .to_pylist()[0]
    )
    tiles = dict(re.findall(r'<data data-name="([^"]+)" value="([^"]*)"', page))
    assert {name: float(value) for name, value in tiles.items()} == {
        "CISS-style": day["composite_ciss"],
        "Plain mean": day["composite_mean"],
        "Coverage": 0.8,
        "Confidence": 0.35,
    }
    pillars = rows_of(page, "pillar")
    assert list(pillars) == list(PILLARS)
    assert {name: values_in(row) for name, row in pillars.items()} == {
        name: [] if name == "coupling" else [day[f"pillar_{name}"], day[f"contribution_{name}"]] for name in PILLARS
    }
    total = values_in(re.search(r'<tr class="total">.*?</tr>', page, re.DOTALL)[0])  # ty: ignore[not-subscriptable]
    assert total == [pytest.approx(day["composite_ciss"], abs=1e-12)]
    assert "1 used, 1 stale" in pillars["funding"]
    inputs = rows_of(page, "input")
    assert len(inputs) == 7
    assert 'class="synthetic"' in inputs["rates.move_proxy"]
    assert 'href="signals.html#rates.move_proxy"' in inputs["rates.move_proxy"]


def test_the_composite_says_that_it_is_made_of_generated_data(
    composite: duckdb.DuckDBPyConnection, sample_build: Build
) -> None:
    page = dashboard_page(composite, sample_build.manifest, as_of=datetime(2026, 11, 1, tzinfo=UTC))
    assert "6 of 10 inputs of the newest composite (60 %)" in page
    made, of = composite.execute(
        "SELECT count(*) FILTER (list_contains(flags, 'SYNTHETIC')), count(*) FROM signals_as_known('2026-11-01')"
    ).fetchall()[0]
    assert f"{made} of {of} newest values of signals" in page
    assert "half of the inputs or more are SYNTHETIC" in page
    real = dashboard_page(composite, sample_build.manifest, as_of=datetime(2025, 1, 1, tzinfo=UTC))
    assert "inputs of the newest composite" not in real
    assert "half of the inputs or more are SYNTHETIC" not in real


def test_a_day_without_enough_inputs_has_no_value_and_says_why(
    composite: duckdb.DuckDBPyConnection, sample_build: Build
) -> None:
    thin = composite.execute(
        "SELECT known_at FROM marts.mart_fragility WHERE composite_ciss IS NULL ORDER BY 1 LIMIT 1"
    ).fetchall()
    page = dashboard_page(composite, sample_build.manifest, as_of=thin[0][0])
    assert "inputs with 50 % of the weight had a rank, and it takes 60 %" in page
    assert '<data data-name="CISS-style" value="">none</data>' in page
    before = dashboard_page(composite, sample_build.manifest, as_of=datetime(2020, 1, 1, tzinfo=UTC))
    assert "No day of the composite was known at this instant." in before


def test_the_lines_of_the_composite_break_and_are_a_table_too(
    composite: duckdb.DuckDBPyConnection, sample_build: Build
) -> None:
    page = dashboard_page(composite, sample_build.manifest, as_of=datetime(2026, 11, 1, tzinfo=UTC))
    figure = re.search(r"Composite, last weekday of each week</b>.*?</figure>", page, re.DOTALL)
    assert figure
    paths = re.findall(r'<path d="([^"]+)"', figure[0])
    assert [path.count("M") for path in paths] == [2, 2]  # one gap
    table = re.search(r"<caption>Composite, last weekday of each week</caption>.*?</table>", page, re.DOTALL)
    assert table
    shown = re.findall(r'<th scope="row">([^<]+)</th><td class="n">([^<]+)</td>', table[0])
    expected = composite.execute(
        "SELECT strftime(max(period_start), '%Y-%m-%d'), arg_max(struct_pack(v := composite_ciss), period_start).v "
        "FROM marts.mart_fragility GROUP BY date_trunc('week', period_start) ORDER BY 1 DESC"
    ).fetchall()
    assert shown == [(day, "-" if value is None else f"{value:.3f}") for day, value in expected]
    assert shown[0][0] == LAST


def test_the_newest_values_are_those_of_sql(published: duckdb.DuckDBPyConnection, sample_build: Build) -> None:
    page = (sample_build.path / "index.html").read_text()
    at = format_instant(parse_instant(sample_build.manifest["published_at"]).replace(microsecond=0))
    expected = {
        row["signal_id"]: row
        for row in published.execute("SELECT * FROM signals_as_known(?)", [at]).to_arrow_table().to_pylist()
    }
    shown = rows_of(page, "signal")
    assert list(shown) == [name for name in SHOWN if name in expected]
    assert len(shown) > 15
    for name, row in shown.items():
        one = expected[name]
        assert values_in(row) == [
            value for value in (one["value"], one["z_exp"], one["rank_exp"], one["confidence"]) if value is not None
        ]
        assert re.findall(r"#flag-(\w+)", row) == one["flags"]
        assert ('class="synthetic"' in row) == ("SYNTHETIC" in one["flags"])


def test_every_signal_that_is_shown_exists(published: duckdb.DuckDBPyConnection) -> None:
    known = {name for (name,) in published.execute("SELECT signal_id FROM internal.signal").fetchall()}
    assert set(SHOWN) <= known


# --- claims --------------------------------------------------------------------------------------------------------------


def test_claims_are_told_as_written_and_as_known_now(published: duckdb.DuckDBPyConnection, sample_build: Build) -> None:
    at = datetime(2026, 6, 1, tzinfo=UTC)
    page = claims_page(published, sample_build.manifest, as_of=at)
    expected = published.execute("SELECT * FROM claims_as_known('2026-06-01')").to_arrow_table().to_pylist()
    shown = dict(re.findall(r'data-claim="([^"]+)">(.*?)(?=data-claim=|</section>)', page, re.DOTALL))
    assert set(shown) == {f"{row['claim_id']}/{row['measure']}" for row in expected}
    n_changed = 0
    for row in expected:
        chips = re.findall(r'<span class="chip (\w+)"', shown[f"{row['claim_id']}/{row['measure']}"])
        has_changed = row["measure"] and (row["verdict"], row["value"]) != (row["verdict_as_written"], row["value_as_written"])
        n_changed += has_changed
        assert chips == [row["verdict_as_written"], *([row["verdict"]] if has_changed else [])]
    assert n_changed > 0
    counted = {name: re.findall(r'class="n">(\d+)<', row) for name, row in rows_of(page, "verdict").items()}
    for verdict, (then, now) in counted.items():
        assert int(then) == sum(row["verdict_as_written"] == verdict for row in expected)
        assert int(now) == sum(row["verdict"] == verdict for row in expected)
    assert "No essay was written yet" in claims_page(published, sample_build.manifest, as_of=datetime(2025, 1, 1, tzinfo=UTC))


def test_every_evidence_query_runs_as_printed_and_shows_the_number(
    published: duckdb.DuckDBPyConnection, sample_build: Build
) -> None:
    page = (sample_build.path / "claims.html").read_text()
    queries = [html.unescape(text) for text in re.findall(r"<pre[^>]*>(.*?)</pre>", page, re.DOTALL)]
    measured = published.execute("SELECT count(*) FROM marts.mart_claims_audit WHERE is_as_written AND measure > 0").fetchall()[
        0
    ][0]
    assert len(queries) >= measured > 60
    for query in queries:
        published.execute(query).fetchall()
    seed = Path(__file__).parents[2] / "dbt_project" / "seeds" / "seed_claim_measure.csv"
    levels = published.execute(
        "SELECT a.subject_kind, a.subject, a.period_end, a.value, a.known_at FROM marts.mart_claims_audit AS a INNER JOIN read_csv(?) AS s "
        "ON a.claim_id = s.claim_id AND a.measure = s.measure WHERE a.value IS NOT NULL AND a.subject_kind <> 'release' "
        "AND s.statistic = 'value' AND s.lag_periods = 0 AND s.base_end IS NULL",
        [str(seed)],
    ).fetchall()
    assert len(levels) > 3
    for kind, subject, period_end, value, known_at in levels:
        query = evidence_query({"subject_kind": kind, "subject": subject}, format_instant(known_at), period_end)
        first = published.execute(query).fetchone()
        assert first, query
        assert first[:2] == (period_end, pytest.approx(value))


# --- quality -------------------------------------------------------------------------------------------------------------


def test_the_review_counts_flags_gaps_and_delays(published: duckdb.DuckDBPyConnection, sample_build: Build) -> None:
    page = quality_page(published, sample_build.manifest, as_of=datetime(2025, 12, 20, tzinfo=UTC))
    counted: dict[tuple[str, str], int] = {}
    for source, row in rows_of(page, "source").items():
        for flag, number in re.findall(r'data-flag="(\w+)"><data value="(\d+)"', row):
            counted[source, flag] = int(number)
    expected = published.execute(
        "SELECT split_part(series_id, '.', 1), flag, count(*) FROM (SELECT series_id, unnest(flags) AS flag FROM marts.fct_observation "
        "WHERE known_at <= TIMESTAMPTZ '2025-12-20 00:00:00Z') GROUP BY ALL"
    ).fetchall()
    assert counted == {(source, flag): n for source, flag, n in expected}
    gaps = {key: re.findall(r'class="n">([\d,]+)<', row) for key, row in rows_of(page, "gap").items()}
    missing = published.execute(
        "SELECT split_part(series_id, '.', 1) || '/' || obs_status, count(*), count(DISTINCT series_id) FROM marts.fct_observation "
        "WHERE known_at <= TIMESTAMPTZ '2025-12-20 00:00:00Z' AND value IS NULL GROUP BY 1"
    ).fetchall()
    assert gaps == {key: [f"{n:,}", f"{n_series:,}"] for key, n, n_series in missing}
    assert len(gaps) > 0
    cpi = re.findall(r'class="n[^"]*">(?:<data value="\d+">)?([\d,-]+)<', rows_of(page, "release")["cpi/all"])
    late = published.execute(
        "SELECT count(*) FILTER (delay_days > 0), max(delay_days) FROM (SELECT arg_max(delay_days, known_at) AS delay_days "
        "FROM marts.mart_release_quality WHERE release_id = 'cpi' AND component = 'all' AND known_at <= TIMESTAMPTZ '2025-12-20' "
        "GROUP BY reference_end)"
    ).fetchall()[0]
    assert (int(cpi[3]), int(cpi[4])) == late
    assert 'data-lapse="2025-10"' in page


def test_the_review_links_the_data_docs_of_each_suite(sample_build: Build, sample_home: Home) -> None:
    page = (sample_build.path / "quality.html").read_text()
    suites = {path.stem: json.loads(path.read_text()) for path in (sample_home.quality / "checks").glob("*.json")}
    shown = rows_of(page, "suite")
    assert set(shown) == {name for name, suite in suites.items() if suite["outcomes"]}
    for name, row in shown.items():
        passed = sum(check["passed"] for check in suites[name]["outcomes"])
        assert re.findall(r'class="n[^"]*">([\d,-]+)<', row)[0] == f"{passed:,}"
        link = re.search(r'href="([^"]+)"', row)
        assert link
        assert (sample_build.path / link[1]).resolve().is_file(), link[1]
    assert (sample_build.path / "../../quality/data_docs/index.html").resolve().is_file()


def test_a_failed_check_and_rows_set_aside_are_on_the_page(sample_build: Build, sample_home: Home, tmp_path: Path) -> None:
    home = Home(tmp_path / "home")
    build = home.published / "one"
    build.mkdir(parents=True)
    os.link(sample_build.database, build / "undertow.duckdb")
    shutil.copytree(sample_home.quality / "checks", home.quality / "checks")
    for folder in sample_home.landing.glob("*/quarantine"):
        shutil.copytree(folder, home.landing / folder.parent.name / "quarantine")
    path = home.quality / "checks" / "bls_observation.json"
    suite = json.loads(path.read_text())
    suite["outcomes"][1] |= {"passed": False, "severity": "WARN", "details": {"why": "made to <fail>"}}
    path.write_text(json.dumps(suite))
    (home.quality / "checks" / "torn.json").write_text("{")
    with duckdb.connect(str(build / "undertow.duckdb"), read_only=True) as connection:
        connection.execute("SET TimeZone = 'UTC'")
        found = home_of(connection)
        assert found is not None
        assert found.published.samefile(home.published)
        page = quality_page(connection, sample_build.manifest)
    failed = rows_of(page, "failed")
    assert "made to &lt;fail&gt;" in failed["landing/bls/observation"]
    assert 'class="chip WARN"' in failed["landing/bls/observation"]
    held = {
        folder.parent.name
        for folder in sample_home.landing.glob("*/quarantine")
        if any(pq.read_metadata(path).num_rows for path in folder.glob("*.parquet"))
    }
    assert held
    assert set(rows_of(page, "quarantine")) == held
    lone = tmp_path / "lone.duckdb"
    (build / "undertow.duckdb").rename(lone)
    with duckdb.connect(str(lone), read_only=True) as connection:
        connection.execute("SET TimeZone = 'UTC'")
        assert home_of(connection) is None
        assert "This build lies in no home" in quality_page(connection, sample_build.manifest)


# --- all pages -----------------------------------------------------------------------------------------------------------


def test_pages_of_a_build_are_linked_load_nothing_and_are_small(sample_build: Build) -> None:
    sizes = {name: len((sample_build.path / name).read_bytes()) for name in PAGES}
    assert sum(sizes.values()) < 5_000_000, sizes
    index = (sample_build.path / "index.html").read_text()
    assert set(re.findall(r'href="([a-z]+\.html)"', index)) == set(PAGES)
    for name in NEW:
        page = (sample_build.path / f"{name}.html").read_text()
        assert "default-src 'none'" in page
        assert re.findall(r'\ssrc="[^"]*"|@import|url\(|fetch\(|XMLHttp|https?://(?!www\.w3\.org/2000/svg)', page) == [], name
        assert '<html lang="en">' in page
        for link in re.findall(r'href="([^"#]+)', page):
            assert link in PAGES or link.startswith("../../quality/data_docs/"), link


# What a page needs at any width, light and dark: nothing runs off its side, text is told from its ground, names for all that is used.
FIT_PROBE = """
const wide = document.documentElement.scrollWidth - document.documentElement.clientWidth;
const style = getComputedStyle(document.body);
const light = (colour) => { const [r, g, b] = colour.match(/[\\d.]+/g).slice(0, 3).map((one) => { const c = one / 255; return c <= 0.03928 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4; }); return 0.2126 * r + 0.7152 * g + 0.0722 * b; };
const contrast = (a, b) => (Math.max(light(a), light(b)) + 0.05) / (Math.min(light(a), light(b)) + 0.05);
const quiet = document.querySelector(".quiet");
const nameless = [...document.querySelectorAll("a, button, input, select, summary, svg")].filter((node) => {
  const labelled = node.getAttribute("aria-label") || node.textContent.trim() || (node.labels && node.labels.length);
  return !labelled;
}).map((node) => node.outerHTML.slice(0, 80));
const charts = [...document.querySelectorAll("svg[role=img]")].filter((node) => node.getClientRects().length);
const collisions = charts.flatMap((chart) => {
  const boxes = [...chart.querySelectorAll("text")].map((text) => [text.textContent, text.getBoundingClientRect()]);
  const out = boxes.filter(([, box]) => box.right > chart.getBoundingClientRect().right + 1 || box.left < chart.getBoundingClientRect().left - 1).map(([text]) => `outside: ${text}`);
  for (let a = 0; a < boxes.length; a++) for (let b = a + 1; b < boxes.length; b++) {
    const [one, two] = [boxes[a][1], boxes[b][1]];
    if (one.left < two.right - 1 && two.left < one.right - 1 && one.top < two.bottom - 2 && two.top < one.bottom - 2) out.push(`${boxes[a][0]} on ${boxes[b][0]}`);
  }
  return out;
});
return { wide, paper: style.backgroundColor, contrast: contrast(style.color, style.backgroundColor), quiet: contrast(getComputedStyle(quiet).color, style.backgroundColor),
  nameless, collisions, width: innerWidth, charts: charts.length, tables: document.querySelectorAll("table").length };
"""


@browser
@pytest.mark.parametrize("name", [*NEW, "composite"])
@pytest.mark.parametrize(("width", "dark"), [(1280, False), (390, True)])
def test_a_page_fits(
    sample_build: Build, composite: duckdb.DuckDBPyConnection, tmp_path: Path, name: str, width: int, dark: bool
) -> None:
    if name == "composite":
        page = dashboard_page(composite, sample_build.manifest, as_of=datetime(2026, 11, 1, tzinfo=UTC))
    else:
        page = (sample_build.path / f"{name}.html").read_text()
    options = ["--window-size=1400,1000", *(["--blink-settings=preferredColorScheme=0"] if dark else [])]
    found = told(page, FIT_PROBE, tmp_path, *options, width=width)
    assert found["width"] == width
    assert found["wide"] <= 0
    assert (found["paper"] == "rgb(20, 23, 27)") == dark
    assert found["contrast"] > 7
    assert found["quiet"] > 4.5
    assert found["nameless"] == []
    assert found["collisions"] == []


KEYS_PROBE = """
const order = [...document.querySelectorAll("a[href], button, input, select, summary, [tabindex]")].filter((node) => node.getClientRects().length && !node.disabled);
const unreachable = order.filter((node) => node.tabIndex < 0).map((node) => node.outerHTML.slice(0, 60));
const pointed = [...document.querySelectorAll("[onclick]")].length;
$("cursor").focus();
const outlined = getComputedStyle(document.activeElement).outlineStyle;
const before = $("readout").textContent;
$("cursor").stepDown(3);
$("cursor").dispatchEvent(new Event("input"));
const after = $("readout").textContent;
const spoken = $("cursor").getAttribute("aria-valuetext");
$("signal").value = "fx.realised_vol_21d";
$("signal").dispatchEvent(new Event("change"));
await new Promise((done) => setTimeout(done, 300));
$("measure").value = "rank";
$("measure").dispatchEvent(new Event("change"));
return { unreachable, pointed, outlined, before, after, spoken, n: order.length, title: $("title").textContent, hash: location.hash,
  unit: document.querySelector(".unit-line").textContent, tableRows: document.querySelectorAll("#states tbody tr").length,
  live: [...document.querySelectorAll("[role=status], [aria-live]")].length };
"""


@browser
def test_the_page_of_signals_is_worked_with_keys(sample_build: Build, tmp_path: Path) -> None:
    page = (sample_build.path / "signals.html").read_text()
    found = told(page, KEYS_PROBE, tmp_path, fragment="#fx.usd_majors_index&as-of=2025-11-20T00:00:00Z")
    assert found["unreachable"] == []
    assert found["pointed"] == 0
    assert found["n"] > 40
    assert found["before"] != found["after"]
    assert found["after"].startswith(found["spoken"].split(":")[0])
    assert found["title"] == "Realised volatility of the dollar against six currencies, 21 days"
    assert found["hash"] == "#fx.realised_vol_21d&as-of=2025-11-20T00:00:00Z"
    assert found["unit"] == "share of its past below"
    assert found["tableRows"] == 60
    assert found["live"] >= 3


@browser
def test_a_wrong_link_says_so(sample_build: Build, tmp_path: Path) -> None:
    page = (sample_build.path / "signals.html").read_text()
    probe = """return [$("wrong").hidden, $("wrong").textContent, $("title").textContent];"""
    assert told(page, probe, tmp_path, fragment="#fx.nothing")[:2] == [False, "there is no signal fx.nothing in this build"]
    hidden, says, title = told(page, probe, tmp_path, fragment="#fx.usd_majors_index&as-of=soon")
    assert (hidden, says.split(";")[0]) == (False, "soon is not an instant")
    assert title == "US dollar against six major currencies"


@browser
def test_every_chart_of_the_dashboard_has_its_table(
    composite: duckdb.DuckDBPyConnection, sample_build: Build, tmp_path: Path
) -> None:
    page = dashboard_page(composite, sample_build.manifest, as_of=datetime(2026, 11, 1, tzinfo=UTC))
    probe = """const charts = [...document.querySelectorAll("figure.chart svg")];
    const tables = [...document.querySelectorAll("details.numbers table")];
    return { charts: charts.length, unnamed: charts.filter((chart) => !chart.getAttribute("aria-label")).length,
      heads: tables.map((table) => [...table.querySelectorAll("thead th")].map((head) => head.textContent)),
      rows: tables.map((table) => table.querySelectorAll("tbody tr").length) };"""
    found = told(page, probe, tmp_path)
    assert (found["charts"], found["unnamed"]) == (8, 0)  # three of the composite, and a pillar has no value
    weeks = composite.execute("SELECT count(DISTINCT date_trunc('week', period_start)) FROM marts.mart_fragility").fetchall()[
        0
    ][0]
    assert found["rows"] == [weeks, 261, 7, weeks]
    assert found["heads"][0] == ["day", "CISS-style", "plain mean", "coverage", "confidence"]
    assert len(found["heads"][3]) == 13

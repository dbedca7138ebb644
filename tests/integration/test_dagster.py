"""The orchestrator: definitions that load, checks that aim at assets that exist, and the UI started for real."""

import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from html.parser import HTMLParser
from pathlib import Path

import dagster as dg
import pytest

from orchestration.definitions import JOB, build_definitions, defs
from orchestration.resources import Pipeline
from orchestration.warehouse import PROJECT_DIR
from undertow.publish import current_build
from undertow.settings import Home


@pytest.fixture(scope="module")
def definitions(sample_home: Home) -> dg.Definitions:
    return build_definitions()


def test_every_check_targets_an_existing_asset(definitions: dg.Definitions) -> None:
    graph = definitions.resolve_asset_graph()
    assets = graph.get_all_asset_keys()
    checks = list(graph.asset_check_keys)
    assert len(checks) > 60
    assert [check for check in checks if check.asset_key not in assets] == []


def test_lineage_runs_from_payload_to_published_build(definitions: dg.Definitions) -> None:
    graph = definitions.resolve_asset_graph()
    ancestors: set[dg.AssetKey] = set()
    frontier = {dg.AssetKey(["published", "build"])}
    while frontier:
        parents = {parent for key in frontier for parent in graph.get(key).parent_keys} - ancestors
        ancestors |= parents
        frontier = parents
    for key in (
        ["archive", "bls", "cpi_package"],
        ["archive", "ecb", "eurofxref_hist"],
        ["landing", "bls", "observation"],
        ["landing", "ecb", "release_event"],
        ["staging", "stg_ecb__observation"],
        ["intermediate", "int_observation__head"],
        ["marts", "mart_signal_long"],
    ):
        assert dg.AssetKey(key) in ancestors, key


def test_every_dbt_test_is_a_check_and_says_what_it_tests(definitions: dg.Definitions) -> None:
    manifest = json.loads(Pipeline().warehouse().manifest_path.read_text())
    tests = {node["name"] for node in manifest["nodes"].values() if node["resource_type"] == "test"}
    graph = definitions.resolve_asset_graph()
    checks = {key.name: key.asset_key for key in graph.asset_check_keys}
    assert len(tests) >= 43
    assert tests - checks.keys() == set()
    assert checks["no_row_known_before_its_release"] == dg.AssetKey(["intermediate", "int_observation__flagged"])
    said = {spec.name: spec.description for asset in definitions.assets or [] for spec in asset.check_specs}
    assert said["no_row_known_before_its_release"] == "No observation may be known before the release it came in."
    assert said["unique_rows_mart_fx_period_start__known_at"] == "There is one row for each period_start and known_at."
    assert [name for name, sentence in said.items() if not sentence] == []


def test_assets_say_what_they_are(definitions: dg.Definitions) -> None:
    """A page of the UI has a description, a group and kinds for every asset, and columns of the tables people read."""
    graph = definitions.resolve_asset_graph()
    for key in graph.get_all_asset_keys():
        node = graph.get(key)
        assert node.description, key
        assert node.group_name != "default", key
        assert node.kinds, key
        if key.path[0] in {"landing", "marts"}:
            columns = node.metadata["dagster/column_schema"]
            assert len(columns.columns) > 5, key
            # in angle brackets, words are taken for markup and not shown
            assert [c.name for c in columns.columns if re.search("<[a-z]", c.description or "")] == [], key


def test_the_ui_parses_dbt_anew_after_the_code_has_changed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("UNDERTOW_HOME", str(tmp_path))
    target = Pipeline().warehouse().target
    target.mkdir(parents=True)
    (target / "manifest.json").write_text('{"nodes": {}, "of": "an older version"}')
    (target / "code_version").write_text("older")
    loaded = defs.load_fn()
    assert isinstance(loaded, dg.Definitions)
    assert dg.AssetKey(["marts", "mart_fx"]) in loaded.resolve_asset_graph().get_all_asset_keys()
    assert (target / "code_version").read_text() != "older"


def test_schedules_tick_in_the_zone_of_the_release(definitions: dg.Definitions) -> None:
    schedules = {schedule.name: schedule for schedule in definitions.schedules or []}
    assert {name: (s.cron_schedule, s.execution_timezone) for name, s in schedules.items()} == {
        "after_ecb_fixing": ("15 16 * * 1-5", "Europe/Berlin"),
        "after_us_releases": ("40 8 * * 1-5", "America/New_York"),
        "weekly_housekeeping": ("0 3 * * 0", "UTC"),
    }
    assert {schedule.job_name for schedule in schedules.values()} == {JOB, "housekeeping"}


def test_writers_and_providers_have_pools(definitions: dg.Definitions) -> None:
    pools = {op.name: op.pool for op in definitions.resolve_job_def(JOB).all_node_defs if getattr(op, "pool", None)}
    assert pools["warehouse"] == "warehouse_writer"
    assert pools["published__build"] == "warehouse_writer"
    assert pools["fetch_ecb"] == "provider_ecb"


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def ask(port: int, query: str, **variables: object) -> dict:
    body = json.dumps({"query": query, "variables": variables}).encode()
    request = urllib.request.Request(
        f"http://127.0.0.1:{port}/graphql", data=body, headers={"Content-Type": "application/json"}
    )
    with urllib.request.urlopen(request, timeout=120) as answer:  # launching a run takes a while on a busy machine
        data = json.loads(answer.read())
    assert "errors" not in data, data
    return data["data"]


@pytest.fixture(scope="module")
def port(sample_home: Home, tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    """The port of a running `dagster dev`, whose processes end when they are told to."""
    folder = tmp_path_factory.mktemp("dagster")
    source = Path(__file__).resolve().parents[2] / "orchestration/dagster.yaml"
    (folder / "dagster.yaml").write_text(source.read_text())
    port = free_port()
    binaries = str(Path(sys.executable).parent)
    process = subprocess.Popen(
        [sys.executable, "-m", "dagster", "dev", "-m", "orchestration.definitions", "-h", "127.0.0.1", "-p", str(port)],
        env={
            **os.environ,
            "DAGSTER_HOME": str(folder),
            "UNDERTOW_HOME": str(sample_home.root),
            "DAGSTER_DISABLE_TELEMETRY": "1",
            "PATH": f"{binaries}:{os.environ['PATH']}",
        },
        cwd=source.parents[1],
        start_new_session=True,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        deadline = time.monotonic() + 300
        while not is_up(port):
            assert time.monotonic() < deadline, "the UI did not come up"
            assert process.poll() is None, "dagster dev ended"
            time.sleep(1)
        yield port
    finally:
        os.killpg(process.pid, signal.SIGTERM)
        try:
            process.wait(timeout=30)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait(timeout=10)
    left = ["unknown"]
    deadline = time.monotonic() + 60
    while left and time.monotonic() < deadline:  # daemon and code server finish their turn first
        time.sleep(1)
        left = subprocess.run(["pgrep", "-g", str(process.pid)], capture_output=True, text=True, check=False).stdout.split()
    if left:
        os.killpg(process.pid, signal.SIGKILL)
    assert left == [], "processes of the UI were still alive a minute after they were told to end"


def repositories(port: int) -> list[dict]:
    answer = ask(port, "{ repositoriesOrError { ... on RepositoryConnection { nodes { name location { name } } } } }")
    return answer["repositoriesOrError"].get("nodes") or []


def is_up(port: int) -> bool:
    try:
        return bool(repositories(port))
    except OSError:
        return False


@pytest.fixture(scope="module")
def run_id(port: int, sample_home: Home) -> str:
    """The id of a run of the whole pipeline that was launched in the UI and has ended well."""
    before = current_build(sample_home).build_id
    (node,) = repositories(port)
    selector = {"repositoryName": node["name"], "repositoryLocationName": node["location"]["name"], "jobName": JOB}
    launched = ask(
        port,
        "mutation ($p: ExecutionParams!) { launchRun(executionParams: $p) "
        "{ __typename ... on LaunchRunSuccess { run { runId } } ... on PythonError { message } } }",
        p={"selector": selector, "runConfigData": {}, "mode": "default"},
    )["launchRun"]
    assert launched["__typename"] == "LaunchRunSuccess", launched
    run_id = launched["run"]["runId"]
    deadline = time.monotonic() + 600
    while True:
        status = ask(port, "query ($r: ID!) { runOrError(runId: $r) { ... on Run { status } } }", r=run_id)["runOrError"][
            "status"
        ]
        if status in {"SUCCESS", "FAILURE", "CANCELED"}:
            break
        assert time.monotonic() < deadline, status
        time.sleep(1)
    assert status == "SUCCESS"
    # a run from the UI equals a run from the command line: the same input gives the same build
    assert current_build(sample_home).build_id == before
    return run_id


@pytest.mark.slow
def test_the_ui_runs_the_pipeline(port: int, run_id: str) -> None:
    """`dagster dev`, asked by GraphQL: lineage, schedules, a launched run without a warning, checks' results, row counts."""
    (node,) = repositories(port)
    assets = ask(port, "{ assetNodes { assetKey { path } dependencyKeys { path } } }")["assetNodes"]
    lineage = {"/".join(a["assetKey"]["path"]): ["/".join(d["path"]) for d in a["dependencyKeys"]] for a in assets}
    assert "archive/ecb/eurofxref_hist" in lineage["landing/ecb/observation"]
    assert "marts/mart_signal_long" in lineage["published/build"]
    schedules = ask(
        port,
        "query ($s: RepositorySelector!) { schedulesOrError(repositorySelector: $s) "
        "{ ... on Schedules { results { name executionTimezone } } } }",
        s={"repositoryName": node["name"], "repositoryLocationName": node["location"]["name"]},
    )["schedulesOrError"]["results"]
    assert {s["name"]: s["executionTimezone"] for s in schedules} == {
        "after_ecb_fixing": "Europe/Berlin",
        "after_us_releases": "America/New_York",
        "weekly_housekeeping": "UTC",
    }
    checks = ask(
        port,
        'query { assetChecksOrError: assetNodeOrError(assetKey: {path: ["landing", "ecb", "observation"]}) '
        "{ ... on AssetNode { assetChecksOrError { ... on AssetChecks { checks { name blocking "
        "executionForLatestMaterialization { status } } } } } } }",
    )["assetChecksOrError"]["assetChecksOrError"]["checks"]
    assert len(checks) >= 10
    assert {check["executionForLatestMaterialization"]["status"] for check in checks} == {"SUCCEEDED"}
    events, cursor, has_more = [], None, True
    while has_more:
        said = ask(
            port,
            "query ($r: ID!, $c: String) { logsForRun(runId: $r, afterCursor: $c, limit: 1000) { ... on EventConnection { cursor "
            "hasMore events { __typename ... on MessageEvent { message level } ... on MaterializationEvent { assetKey { path } "
            "metadataEntries { label ... on IntMetadataEntry { intValue } } } } } } }",
            r=run_id,
            c=cursor,
        )["logsForRun"]
        events, cursor, has_more = events + said["events"], said["cursor"], said["hasMore"]
    assert [event["message"] for event in events if event.get("level") in {"WARNING", "ERROR", "CRITICAL"}] == []
    rows = {
        "/".join(event["assetKey"]["path"]): entry["intValue"]
        for event in events
        for entry in event.get("metadataEntries", [])
        if entry["label"] == "dagster/row_count"
    }
    assert rows["landing/ecb/observation"] > 100_000
    assert rows["marts/fct_observation"] > rows["landing/ecb/observation"]
    assert rows["seeds/seed_signal"] == len((PROJECT_DIR / "seeds/seed_signal.csv").read_text().splitlines()) - 1


BROWSER = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable"))), None)


class Words(HTMLParser):
    """The text of a page, without scripts and styles."""

    def __init__(self) -> None:
        super().__init__()
        self.words: list[str] = []
        self.is_code = False

    def handle_starttag(self, tag: str, attrs: object) -> None:
        self.is_code = tag in {"script", "style"}

    def handle_endtag(self, tag: str) -> None:
        self.is_code = False

    def handle_data(self, data: str) -> None:
        if not self.is_code and data.strip():
            self.words.append(data.strip())


def rendered(address: str, profile: Path) -> list[str]:
    """Return the pieces of text that a browser shows at an address."""
    command = [
        *(str(BROWSER), "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"),
        *("--disable-background-networking", "--disable-component-update", "--disable-sync", f"--user-data-dir={profile}"),
        *("--virtual-time-budget=10000", "--window-size=1600,4000", "--dump-dom", address),
    ]
    page = Words()
    page.feed(subprocess.run(command, capture_output=True, text=True, check=True, timeout=120).stdout)
    return page.words


@pytest.mark.slow
@pytest.mark.skipif(BROWSER is None, reason="no Chromium or Chrome on the PATH")
@pytest.mark.usefixtures("run_id")
def test_a_browser_shows_lineage_checks_and_schedules(port: int, tmp_path: Path) -> None:
    wanted = {
        "asset-groups": {"bls", "ecb", "file", "staging", "intermediate", "marts", "published"},
        "assets": {"archive / ecb / eurofxref_hist", "Materialized"},
        "assets/landing/ecb/observation?view=checks": {"Checks (12)", "n_duplicates_is_0", "rows_at_least_1", "Succeeded"},
        "assets/marts/fct_observation?view=checks": {
            *("n_known_before_period_is_0", "Succeeded", "Passed"),
            "known_at_basis is one of provider, calendar, lag_rule or first_seen.",
        },
        "automation": {"after_ecb_fixing", "after_us_releases", "At 04:15 PM"},
    }

    def missing(place: int) -> set[str]:
        address, words = list(wanted.items())[place]
        for attempt in range(3):  # a page that is still loading on a busy machine
            shown = rendered(f"http://127.0.0.1:{port}/{address}", tmp_path / f"{place}-{attempt}")
            lacking = {word for word in words if not any(piece.startswith(word) for piece in shown)}
            if not lacking:
                break
        return lacking | ({"Failed"} & set(shown))

    with ThreadPoolExecutor(2) as pool:
        lacking = zip(wanted, pool.map(missing, range(len(wanted))), strict=True)
        assert {address: words for address, words in lacking if words} == {}

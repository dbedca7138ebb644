"""The orchestrator: definitions that load, checks that aim at assets that exist, and the UI started for real."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import dagster as dg
import pytest

from orchestration.definitions import JOB, build_definitions
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


def test_schedules_tick_in_the_zone_of_the_release(definitions: dg.Definitions) -> None:
    schedules = {schedule.name: schedule for schedule in definitions.schedules or []}
    assert {name: (s.cron_schedule, s.execution_timezone) for name, s in schedules.items()} == {
        "after_ecb_fixing": ("15 16 * * 1-5", "Europe/Berlin"),
        "after_us_releases": ("40 8 * * 1-5", "America/New_York"),
    }
    assert {schedule.job_name for schedule in schedules.values()} == {JOB}


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
    with urllib.request.urlopen(request, timeout=30) as answer:
        data = json.loads(answer.read())
    assert "errors" not in data, data
    return data["data"]


@pytest.mark.slow
def test_the_ui_runs_the_pipeline(sample_home: Home, tmp_path: Path) -> None:
    """`dagster dev`, asked by GraphQL: lineage, schedules, a launched run that succeeds, checks' results; then it ends."""
    before = current_build(sample_home).build_id
    folder = tmp_path / "dagster"
    folder.mkdir()
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
        deadline = time.monotonic() + 120
        while True:
            try:
                repositories = ask(
                    port, "{ repositoriesOrError { ... on RepositoryConnection { nodes { name location { name } } } } }"
                )
                if repositories["repositoriesOrError"].get("nodes"):
                    break
            except OSError:
                pass
            assert time.monotonic() < deadline, "the UI did not come up"
            assert process.poll() is None, "dagster dev ended"
            time.sleep(1)
        (node,) = repositories["repositoriesOrError"]["nodes"]
        selector = {"repositoryName": node["name"], "repositoryLocationName": node["location"]["name"], "jobName": JOB}
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
        }
        launched = ask(
            port,
            "mutation ($p: ExecutionParams!) { launchRun(executionParams: $p) "
            "{ __typename ... on LaunchRunSuccess { run { runId } } ... on PythonError { message } } }",
            p={"selector": selector, "runConfigData": {}, "mode": "default"},
        )["launchRun"]
        assert launched["__typename"] == "LaunchRunSuccess", launched
        run_id = launched["run"]["runId"]
        deadline = time.monotonic() + 240
        while True:
            status = ask(port, "query ($r: ID!) { runOrError(runId: $r) { ... on Run { status } } }", r=run_id)["runOrError"][
                "status"
            ]
            if status in {"SUCCESS", "FAILURE", "CANCELED"}:
                break
            assert time.monotonic() < deadline, status
            time.sleep(1)
        assert status == "SUCCESS"
        checks = ask(
            port,
            'query { assetChecksOrError: assetNodeOrError(assetKey: {path: ["landing", "ecb", "observation"]}) '
            "{ ... on AssetNode { assetChecksOrError { ... on AssetChecks { checks { name blocking "
            "executionForLatestMaterialization { status } } } } } } }",
        )["assetChecksOrError"]["assetChecksOrError"]["checks"]
        assert len(checks) >= 10
        assert {check["executionForLatestMaterialization"]["status"] for check in checks} == {"SUCCEEDED"}
        # a run from the UI equals a run from the command line: the same input gives the same build
        assert current_build(sample_home).build_id == before
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

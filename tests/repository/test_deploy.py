"""The documents of a team's deployment: rendered, held against the formats that they claim to be, and against each other."""

import importlib
import json
import os
import re
import shlex
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
import yaml
from dagster._config import process_config, resolve_to_config_type
from dagster._core.instance.config import dagster_instance_config_schema
from dagster._core.workspace.config_schema import process_workspace_config

from orchestration.backfills import backfill_job, build_backfill_definitions, job_name, quarters_key, quarters_of
from undertow.backfill import backfill_rooms
from undertow.settings import Settings

ROOT = Path(__file__).parents[2]
DEPLOY = ROOT / "deploy"
GIVEN = {"DAGSTER_PG_PASSWORD": "s3cret", "UNDERTOW_CONTACT": "Ana Ruiz ana@example.org"}

# The values that the chart's schema knows (helm/dagster/schema of the Dagster project), as far as ours are used; an entry that is
# None takes anything.
CHART: dict[str, Any] = {
    "global": {"postgresqlSecretName": None},
    "generatePostgresqlPasswordSecret": None,
    "postgresql": {
        "enabled": None, "postgresqlHost": None, "postgresqlUsername": None, "postgresqlDatabase": None, "service": {"port": None},
    },
    "dagster-user-deployments": {
        "enabled": None,
        "enableSubchart": None,
        "deployments": [
            {
                "name": None, "image": {"repository": None, "tag": None, "pullPolicy": None}, "dagsterApiGrpcArgs": None,
                "port": None, "env": None, "envSecrets": [{"name": None}], "volumes": None, "volumeMounts": None,
                "includeConfigInLaunchedRuns": {"enabled": None}, "resources": {"requests": None, "limits": None},
            }
        ],
    },
    "runLauncher": {"type": None, "config": {"k8sRunLauncher": {"imagePullPolicy": None, "envSecrets": [{"name": None}]}}},
    "dagsterWebserver": {
        "replicaCount": None, "image": {"repository": None, "tag": None, "pullPolicy": None}, "service": {"type": None, "port": None},
    },
    "dagsterDaemon": {
        "enabled": None,
        "image": {"repository": None, "tag": None, "pullPolicy": None},
        "runCoordinator": {
            "enabled": None, "type": None, "config": {"queuedRunCoordinator": {"dequeueIntervalSeconds": None}},
        },
        "runMonitoring": {
            "enabled": None, "startTimeoutSeconds": None, "cancelTimeoutSeconds": None, "maxResumeRunAttempts": None,
            "pollIntervalSeconds": None, "freeSlotsAfterRunEndSeconds": None,
        },
        "runRetries": {"enabled": None, "maxRetries": None},
        "sensors": {"useThreads": None, "numWorkers": None},
        "schedules": {"useThreads": None, "numWorkers": None},
    },
    "retention": {"enabled": None, "schedule": {"purgeAfterDays": None}, "sensor": {"purgeAfterDays": None}},
    "telemetry": {"enabled": None},
    "pythonLogs": {"pythonLogLevel": None},
    "additionalInstanceConfig": None,
}  # fmt: skip


def rendered(path: Path, given: dict[str, str]) -> Any:
    """A compose file with its variables put in, as the client does it; a variable that must be set and is not is a KeyError."""

    def value(found: re.Match[str]) -> str:
        name, mark, default = found.groups()
        if name in given:
            return given[name]
        if mark == ":?":
            raise KeyError(f"{name}: {default}")
        return default or ""

    return yaml.safe_load(re.sub(r"\$\{(\w+)(?:(:-|:\?)([^}]*))?\}", value, path.read_text()))


def test_the_instance_is_what_dagster_reads(monkeypatch: pytest.MonkeyPatch) -> None:
    """Dagster's own schema, and the classes that are named; a word too much is refused."""
    config = yaml.safe_load((DEPLOY / "dagster.yaml").read_text())
    schema = resolve_to_config_type(dagster_instance_config_schema())
    assert not process_config(schema, config).success, "the address of the database comes from the environment"
    for name in _needed():
        monkeypatch.setenv(name, "5432")
    assert process_config(schema, config).success
    assert not process_config(schema, config | {"run_queues": {}}).success
    for part in ("run_coordinator", "run_launcher"):
        assert hasattr(importlib.import_module(config[part]["module"]), config[part]["class"])
    assert config["run_monitoring"]["enabled"] is True
    assert config["run_retries"] == {"enabled": True, "max_retries": 2, "retry_on_asset_or_op_failure": True}
    assert config["concurrency"]["pools"] == {"default_limit": 1, "granularity": "op"}


def test_the_workspace_has_two_processes(monkeypatch: pytest.MonkeyPatch) -> None:
    workspace = yaml.safe_load((DEPLOY / "workspace.yaml").read_text())
    servers = [entry["grpc_server"] for entry in workspace["load_from"]]
    for name in (word["env"] for server in servers for word in (server["host"], server["port"])):
        monkeypatch.setenv(name, "4000")
    assert process_workspace_config(workspace).success
    assert [server["location_name"] for server in servers] == ["daily", "backfills"]


def test_the_writer_has_a_pool_and_a_place_in_the_queue() -> None:
    """The limit on the tag means something: the job that writes the warehouse has it, and a backfill has not."""
    from orchestration.definitions import WRITES

    (limit,) = yaml.safe_load((DEPLOY / "dagster.yaml").read_text())["concurrency"]["runs"]["tag_concurrency_limits"]
    assert {limit["key"]: limit["value"]} == WRITES
    assert limit["limit"] == 1
    for room in backfill_rooms():
        job = backfill_job(room)
        assert not set(job.tags) & set(WRITES)
        pools = {op.name: op.pool for op in job.graph.iterate_op_defs()}
        assert pools[f"{room}_fetch"] == f"quarters_{room}"
        assert pools[f"{room}_land"] is None


def test_quarters_are_partitions_and_releases_are_keys() -> None:
    for room, first in {"sec_nport": "2019-10-01", "sec_bdc": "2022-10-01"}.items():
        keys = quarters_of(room).get_partition_keys()
        assert keys[0] == first
        assert keys[1][5:] == "01-01"
        assert len(keys) >= 15
        graph = build_backfill_definitions().resolve_asset_graph()
        assert graph.get(quarters_key(room)).partitions_def == quarters_of(room)
        assert graph.get(quarters_key(room)).backfill_policy == dg.BackfillPolicy.single_run()
        assert job_name(room) in {job.name for job in build_backfill_definitions().jobs or []}


def test_the_compose_file(monkeypatch: pytest.MonkeyPatch) -> None:
    composed = rendered(DEPLOY / "compose.yaml", GIVEN)
    with pytest.raises(KeyError, match=r"DAGSTER_PG_PASSWORD: set it in team\.env"):
        rendered(DEPLOY / "compose.yaml", {})
    services = composed["services"]
    assert set(services) == {"postgres", "daily", "backfills", "daemon", "webserver"}
    # only the UI can be reached from outside of the containers, and from this machine alone
    assert {name: one["ports"] for name, one in services.items() if "ports" in one} == {"webserver": ["127.0.0.1:3000:3000"]}
    assert services["postgres"]["environment"]["POSTGRES_PASSWORD"] == services["daemon"]["environment"]["DAGSTER_PG_PASSWORD"]
    volumes = {volume.split(":")[0] for one in services.values() for volume in one["volumes"]}
    assert volumes == set(composed["volumes"])
    for name, one in services.items():
        assert set(one.get("depends_on", {})) <= set(services), name
        if name != "postgres":
            assert one["security_opt"] == ["no-new-privileges:true"]
    wanted = _needed()
    for name in ("daily", "backfills", "daemon", "webserver"):
        assert wanted <= set(services[name]["environment"]), name
        monkeypatch.setattr(os, "environ", {**os.environ, **services[name]["environment"]})
        settings = Settings()
        assert (str(settings.home), settings.lock_wait_seconds, settings.has_contact) == ("/data", 900, True)
    for name in ("daily", "backfills"):
        command = services[name]["command"]
        assert command[:4] == ["dagster", "api", "grpc", "-m"]
        assert importlib.util.find_spec(command[4]) is not None
        port = services["daemon"]["environment"][f"UNDERTOW_{name.upper()}_PORT"]
        assert command[-1] == services[name]["healthcheck"]["test"][-1] == port
        assert services["daemon"]["environment"][f"UNDERTOW_{name.upper()}_HOST"] == name
    written = (DEPLOY / "team.env.example").read_text()
    assert set(re.findall(r"\$\{(\w+)", (DEPLOY / "compose.yaml").read_text())) == set(
        re.findall(r"^#? ?(\w+)=", written, re.M)
    )


def test_the_compose_file_is_one() -> None:
    """Held against the compose specification, which refuses a key that it does not know."""
    compose_spec = pytest.importorskip("compose_spec", reason="no wheel of compose-spec for this machine")
    composed = rendered(DEPLOY / "compose.yaml", GIVEN)
    known = compose_spec.PyCompose.from_json(json.dumps(composed))
    assert sorted(known.service_names()) == ["backfills", "daemon", "daily", "postgres", "webserver"]
    composed["services"]["daily"]["comand"] = ["x"]
    with pytest.raises(Exception, match="comand"):
        compose_spec.PyCompose.from_json(json.dumps(composed))


def _needed() -> set[str]:
    """The environment variables that the instance and the workspace read."""
    text = (DEPLOY / "dagster.yaml").read_text() + (DEPLOY / "workspace.yaml").read_text()
    return set(re.findall(r"env: (\w+)", text)) | {"DAGSTER_HOME", "UNDERTOW_HOME"}


def test_the_image_holds_what_runs_need() -> None:
    """Every file that is copied exists, and every package of the wheel is copied."""
    lines = [line for line in (DEPLOY / "Dockerfile").read_text().splitlines() if line.startswith("COPY ")]
    copied = {word for line in lines for word in shlex.split(line)[1:-1]}
    assert [name for name in copied if not (ROOT / name).exists()] == []
    assert {"undertow", "assets", "expectations", "orchestration", "dbt_project", "deploy/dagster.yaml"} <= copied
    assert "dagster-postgres==" in (ROOT / "requirements-team.lock").read_text()
    user = [line for line in (DEPLOY / "Dockerfile").read_text().splitlines() if line.startswith("USER ")]
    assert user == ["USER undertow"]


def unknown(values: Any, known: Any, at: str = "") -> list[str]:
    """The places at which values have a name that the chart does not know."""
    if known is None:
        return []
    if isinstance(known, list):
        return [place for one in values for place in unknown(one, known[0], f"{at}[]")]
    wrong = [f"{at}.{name}" for name in values if name not in known]
    return wrong + [
        place for name, value in values.items() if name in known for place in unknown(value, known[name], f"{at}.{name}")
    ]


def test_the_helm_values_say_the_same_as_the_instance() -> None:
    """The names are those of the chart; and what the chart makes dagster.yaml of is read by Dagster and agrees with ours."""
    values = yaml.safe_load((DEPLOY / "helm-values.yaml").read_text())
    assert unknown(values, CHART) == []
    assert unknown({"dagsterDaemon": {"runMonitorin": {}}}, CHART) == [".dagsterDaemon.runMonitorin"]
    ours = yaml.safe_load((DEPLOY / "dagster.yaml").read_text())
    daemon = values["dagsterDaemon"]
    made = {  # as templates/configmap-instance.yaml of the chart does it
        "run_monitoring": {
            re.sub(r"[A-Z]", lambda c: "_" + c[0].lower(), name): one for name, one in daemon["runMonitoring"].items()
        },
        "run_retries": {"enabled": daemon["runRetries"]["enabled"], "max_retries": daemon["runRetries"]["maxRetries"]},
        "retention": {
            name: {"purge_after_days": one["purgeAfterDays"]} for name, one in values["retention"].items() if name != "enabled"
        },
        "telemetry": values["telemetry"],
        "python_logs": {"python_log_level": values["pythonLogs"]["pythonLogLevel"]},
        **values["additionalInstanceConfig"],
    }
    assert process_config(resolve_to_config_type(dagster_instance_config_schema()), made).success
    assert made["concurrency"] == ours["concurrency"]
    assert {name: ours["run_monitoring"][name] for name in made["run_monitoring"] if name != "max_resume_run_attempts"} == {
        name: one for name, one in made["run_monitoring"].items() if name != "max_resume_run_attempts"
    }
    assert made["run_retries"].items() <= ours["run_retries"].items()
    locations = values["dagster-user-deployments"]["deployments"]
    assert [one["name"] for one in locations] == ["daily", "backfills"]
    for one in locations:
        assert importlib.util.find_spec(one["dagsterApiGrpcArgs"][1]) is not None
        assert one["includeConfigInLaunchedRuns"]["enabled"] is True
        assert one["env"]["UNDERTOW_HOME"] == one["volumeMounts"][0]["mountPath"] == "/data"
        assert one["volumes"][0]["name"] == one["volumeMounts"][0]["name"]

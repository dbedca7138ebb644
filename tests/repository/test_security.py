"""What docs/security.md promises of the repository: licences, known holes, the webserver's address, modes of what is made."""

from __future__ import annotations

import re
from datetime import date
from importlib import metadata
from pathlib import Path

import pytest
import yaml

from undertow import known_holes, licences

ROOT = Path(__file__).resolve().parents[2]
SKIPPED = {".git", "data", "__pycache__", "target"}
SERVERS = re.compile(r"dagster(?:-webserver| dev|\", \"dev|', 'dev)\b[^\n`#]*")
HOST = re.compile(r"(?:-h|--host)[\s\"',=]+([\w.:*]+)")


def texts() -> list[tuple[str, str]]:
    """Return the files that say how something is started: make, compose, charts, units, shell, documents."""
    found = []
    for path in sorted(ROOT.rglob("*")):
        parts = path.relative_to(ROOT).parts
        if any(part in SKIPPED or part.startswith(".venv") for part in parts) or not path.is_file():
            continue
        if path.name == "Makefile" or path.suffix in {".yml", ".yaml", ".sh", ".service", ".md", ".toml", ".tpl"}:
            found.append((path.relative_to(ROOT).as_posix(), path.read_text(encoding="utf-8")))
    return found


# --- licences ------------------------------------------------------------------------------------------------------------


def test_every_locked_package_is_listed_with_a_licence_that_fits() -> None:
    listed = licences.listed(licences.PAGE.read_text(encoding="utf-8"))
    assert set(listed) == set(licences.locked()), "run make licences"
    assert {name: says for name, licence in listed.items() if (says := licences.problem(licence))} == {}
    assert len(listed) > 150


def test_the_page_says_what_the_installed_packages_say() -> None:
    listed, here = licences.listed(licences.PAGE.read_text(encoding="utf-8")), licences.installed()
    both = set(listed) & set(here)
    assert len(both) > 100
    # versions differ between environments, and with them the wording; what counts is that what is here may be here
    assert {name: here[name] for name in both if licences.problem(here[name])} == {}


@pytest.mark.parametrize(
    ("licence", "fits"),
    [
        ("MIT", True), ("Apache-2.0", True), ("MPL-2.0 AND MIT", True), ("LGPL-3.0-only", True), ("BSD License", True),
        ("Artistic-1.0-Perl OR GPL-2.0-or-later", True), ("GPL-3.0-only", False), ("AGPL-3.0", False), ("unknown", False), ("", False),
        ("GNU General Public License v3 (GPLv3)", False), ("GNU Lesser General Public License v3 (LGPLv3)", True),
        ("BUSL-1.1", False), ("Other/Proprietary License", False), ("CC-BY-NC-4.0", False), ("GPL-2.0 OR AGPL-3.0", False),
    ],
)  # fmt: skip
def test_what_may_enter(licence: str, fits: bool) -> None:
    assert (licences.problem(licence) is None) is fits


def test_licences_are_read_from_metadata(tmp_path: Path) -> None:
    for name, lines in {
        "one": "License-Expression: MIT OR Apache-2.0",
        "two": "Classifier: License :: OSI Approved :: BSD License\nClassifier: License :: OSI Approved",
        "three": "License: A long text of its own\n that goes on",
        "four": f"License: {'x' * 80}",
    }.items():
        folder = tmp_path / f"{name}-1.0.dist-info"
        folder.mkdir()
        (folder / "METADATA").write_text(f"Metadata-Version: 2.4\nName: {name}\nVersion: 1.0\n{lines}\n")
    told = {one.metadata["Name"]: licences.licence_of(one) for one in metadata.distributions(path=[str(tmp_path)])}
    assert told == {"one": "MIT OR Apache-2.0", "two": "BSD License", "three": "A long text of its own", "four": "unknown"}


# --- known holes ---------------------------------------------------------------------------------------------------------


def test_the_page_of_known_holes_says_what_the_database_said() -> None:
    """The JSON is of the form that pip-audit 2.10 documents."""
    found = {
        "dependencies": [
            {
                "name": "flask",
                "version": "0.5",
                "vulns": [{"id": "PYSEC-2019-179", "fix_versions": ["1.0"], "description": "..."}],
            },
            {"name": "jinja2", "version": "3.0.2", "vulns": []},
            {"name": "ours", "skip_reason": "not on the index"},
        ],
        "fixes": [],
    }
    text = known_holes.page(found, date(2026, 11, 22))
    assert "Asked on 2026-11-22 with `make audit`: 2 packages, 1 known holes, 1 not judged." in text
    assert "| flask | 0.5 | PYSEC-2019-179 | 1.0 |" in text
    assert "- not judged: ours (not on the index)" in text


def test_no_answer_is_no_clean_bill() -> None:
    text = known_holes.PAGE.read_text(encoding="utf-8")
    assert re.search(r"^(Asked on \d{4}-\d\d-\d\d with|Not asked yet:)", text, re.MULTILINE)


# --- the webserver -------------------------------------------------------------------------------------------------------


def faults(name: str, text: str) -> list[str]:
    """Return the commands in a text that would open Dagster's webserver to other machines.

    Inside a container the server listens on all of the container's addresses; then the text has to publish the port to the loopback
    alone, or to keep it inside of the cluster.
    """
    found = []
    is_inside = bool(re.search(r"127\.0\.0\.1:\d+:\d+|ClusterIP", text)) and name.endswith((".yml", ".yaml", ".md", ".tpl"))
    for command in SERVERS.findall(text):
        host = HOST.search(command)
        if host is not None and host[1] not in {"127.0.0.1", "localhost"} and not is_inside:
            found.append(f"{name}: {command.strip()}")
    return found


def published_ports(text: str) -> list[str]:
    """Return the ports that the services of a compose file publish to more than this machine."""
    try:
        documents = list(yaml.safe_load_all(text))
    except yaml.YAMLError:
        return []
    wrong = []
    for document in documents:
        services = document.get("services") if isinstance(document, dict) else None
        for service in (services or {}).values() if isinstance(services, dict) else []:
            for port in service.get("ports", []) if isinstance(service, dict) else []:
                address = port.get("host_ip", "") if isinstance(port, dict) else str(port).rpartition(":")[0].rpartition(":")[0]
                if address not in {"127.0.0.1", "localhost", "[::1]"}:
                    wrong.append(str(port))
    return wrong


def test_the_webserver_is_bound_to_this_machine() -> None:
    commands = [command for _, text in texts() for command in SERVERS.findall(text)]
    assert any("-h 127.0.0.1" in command for command in commands)
    assert [fault for name, text in texts() for fault in faults(name, text)] == []
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    started = [line for line in makefile.splitlines() if "/dagster dev" in line or "dagster-webserver" in line]
    assert started
    assert all("-h 127.0.0.1" in line for line in started)
    assert [
        (name, ports) for name, text in texts() if name.endswith((".yml", ".yaml")) and (ports := published_ports(text))
    ] == []


@pytest.mark.parametrize(
    ("name", "text", "is_fault"),
    [
        ("Makefile", "dagster dev -m x -h 127.0.0.1 -p 3000", False),
        ("Makefile", "dagster dev -m x -h 0.0.0.0 -p 3000", True),
        ("run.sh", "dagster-webserver --host 0.0.0.0", True),
        ("compose.yml", 'command: dagster-webserver -h 0.0.0.0\nports: ["127.0.0.1:3000:3000"]', False),
        ("compose.yml", 'command: dagster-webserver -h 0.0.0.0\nports: ["3000:3000"]', True),
    ],
)
def test_an_open_webserver_is_noticed(name: str, text: str, is_fault: bool) -> None:
    assert bool(faults(name, text)) is is_fault


def test_an_open_port_of_a_compose_file_is_noticed() -> None:
    assert published_ports('services: {web: {ports: ["3000:3000", "0.0.0.0:1:1", "127.0.0.1:3000:3000"]}}') == [
        "3000:3000",
        "0.0.0.0:1:1",
    ]
    assert published_ports("services: {web: {ports: [{published: 80, host_ip: 127.0.0.1}, {published: 81}]}}") == [
        "{'published': 81}"
    ]


def test_the_page_says_how_to_put_a_log_in_before_it() -> None:
    text = (ROOT / "docs/security.md").read_text(encoding="utf-8")
    assert "proxy_pass http://127.0.0.1:3000;" in text
    assert "auth_basic " in text


def test_what_make_dev_makes_belongs_to_its_owner() -> None:
    assert 'umask 077 && mkdir -p "$(DAGSTER_HOME)"' in (ROOT / "Makefile").read_text(encoding="utf-8")

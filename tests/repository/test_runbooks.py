"""Each alert has its runbook and each runbook its alert; the rules name metrics that there are."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from pathlib import Path
from shutil import which
from subprocess import run

import pytest
import yaml

from undertow.incidents import RUNBOOKS, Incident, _alert, _Episode
from undertow.prometheus import HomeCollector
from undertow.settings import Home, Settings

ROOT = Path(__file__).resolve().parents[2]
RULES = ROOT / "docs/monitoring/undertow-alerts.yml"
FOLDER = ROOT / "docs/runbooks"
HEADINGS = ["What it means", "How to look", "What to do", "How to verify"]
OBSERVABILITY = (ROOT / "docs/observability.md").read_text(encoding="utf-8")


def rules() -> list[dict]:
    return [rule for group in yaml.safe_load(RULES.read_text(encoding="utf-8"))["groups"] for rule in group["rules"]]


def metrics() -> set[str]:
    """Return the names of all metrics, as the source of the collector has them."""
    source = (ROOT / "undertow/prometheus.py").read_text(encoding="utf-8")
    families = re.findall(r'(\w+)MetricFamily\(\s*f?"(undertow_\w+)|_gauge\(\s*"(undertow_\w+)', source)
    found = set()
    for kind, family, gauge in families:
        name = family or gauge
        if name == "undertow_composite_":
            found |= {"undertow_composite_value", "undertow_composite_confidence"}
            continue
        found.add(name + {"Counter": "_total", "Info": "_info"}.get(kind, ""))
    return found


def kinds_of_incidents() -> set[str]:
    """Return the kinds that the code opens: the second argument of an ``Incident``."""
    found = set()
    for folder in ("undertow", "orchestration"):
        for path in (ROOT / folder).rglob("*.py"):
            found |= set(re.findall(r'Incident\([^"\n]*(?:f"[^"]*")?[^"\n]*, "(\w+)", ', path.read_text(encoding="utf-8")))
    return found


def test_each_alert_has_a_runbook_and_each_runbook_an_alert() -> None:
    named = {rule["annotations"]["runbook"] for rule in rules()} | set(RUNBOOKS.values())
    assert named == {path.relative_to(ROOT).as_posix() for path in FOLDER.glob("*.md")}
    assert len({rule["alert"] for rule in rules()}) == len(rules())


def test_each_kind_of_incident_has_a_runbook() -> None:
    assert kinds_of_incidents() == set(RUNBOOKS)


@pytest.mark.parametrize("path", sorted(FOLDER.glob("*.md")), ids=lambda path: path.stem)
def test_a_runbook_says_what_to_do_and_which_alert_it_is_of(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert re.findall(r"^## (.+)$", text, re.MULTILINE) == HEADINGS
    assert all(part.strip() for part in re.split(r"^#.*$", text, flags=re.MULTILINE)[1:])
    name = path.relative_to(ROOT).as_posix()
    alerts = [rule["alert"] for rule in rules() if rule["annotations"]["runbook"] == name]
    kinds = [f"`{kind}`" for kind, runbook in RUNBOOKS.items() if runbook == name]
    (said,) = re.findall(r"^Alert: (.+)\.$", text, re.MULTILINE)
    assert set(re.findall(r"Undertow\w+|`\w+`", said)) == {*alerts, *kinds}
    (row,) = [line for line in OBSERVABILITY.splitlines() if f"(runbooks/{path.name})" in line]
    assert all(one in row for one in (*alerts, *kinds))


def test_the_text_of_an_alert_names_its_runbook() -> None:
    for kind, runbook in RUNBOOKS.items():
        told = _alert(datetime(2026, 11, 2, tzinfo=UTC), [(_Episode(Incident(f"{kind}|x", kind, "it is wrong")), "opened")])
        assert told["text"].endswith(f"See {runbook}")
        assert [one["runbook"] for one in told["incidents"]] == [runbook]


@pytest.mark.parametrize("rule", rules(), ids=lambda rule: rule["alert"])
def test_a_rule_asks_for_metrics_that_there_are(rule: dict) -> None:
    asked = set(re.findall(r"undertow_\w+", rule["expr"]))
    assert asked
    assert asked <= metrics()
    assert rule["labels"]["severity"] in {"page", "ticket", "info"}
    assert rule["annotations"]["summary"].endswith(".")


def test_the_page_lists_every_metric() -> None:
    listed = set(
        re.findall(
            r"`(undertow_\w+)`", "\n".join(line for line in OBSERVABILITY.splitlines() if line.startswith("| `undertow_"))
        )
    )
    assert listed == metrics()
    empty = {family.name for family in HomeCollector(Home("nowhere-at-all"), Settings()).collect()}
    assert len(empty) > 5
    assert all(any(name.startswith(one) for name in metrics()) for one in empty)


@pytest.mark.skipif(which("promtool") is None, reason="promtool is not on this machine; it comes with Prometheus")
def test_prometheus_reads_the_rules() -> None:
    checked = run(["promtool", "check", "rules", str(RULES)], capture_output=True, text=True, check=False)
    assert checked.returncode == 0, checked.stdout + checked.stderr

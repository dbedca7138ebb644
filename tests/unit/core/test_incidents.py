"""Incidents and alerts: written once, told once, to a webhook on the loopback that answers as webhooks do."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from pydantic import SecretStr

from tests.provider.server import File, Provider, provider, slow, status
from undertow.channels import Webhook
from undertow.incidents import Incident, IncidentLog

NOW = datetime(2025, 11, 13, 16, 0, tzinfo=UTC)
LATE = Incident(
    "release|cpi|all|2025-10", "release", "cpi 2025-10 was due and has not arrived", {"due_at": "2025-11-13T13:30:00Z"}
)
LAPSE = Incident("lapse|2025-10", "lapse", "the lapse 2025-10 holds back cpi, ppi", {"periods": ["cpi|all|2025-09"]})


@pytest.fixture(scope="module")
def server() -> Iterator[Provider]:
    with provider() as running:
        running.files["alerts/hooks/s3cret"] = File(b"ok")
        yield running


@pytest.fixture
def webhook(server: Provider) -> SecretStr:
    server.mend()
    return SecretStr(server.server.url_for("/alerts/hooks/s3cret"))


def told(server: Provider) -> list[dict]:
    return [json.loads(one.body) for one in server.to("alerts")]


def test_an_incident_is_told_once(server: Provider, webhook: SecretStr, tmp_path: Path) -> None:
    log = IncidentLog(tmp_path, [Webhook(webhook)])
    opened, _ = log.update(NOW, [LATE, LAPSE])
    assert [incident.key for incident in opened] == [LATE.key, LAPSE.key]
    for minutes in range(1, 120, 10):
        assert log.update(NOW + timedelta(minutes=minutes), [LATE, LAPSE]) == ([], {})
    assert told(server) == [
        {
            "source": "undertow",
            "at": "2025-11-13T16:00:00Z",
            "text": "Undertow: cpi 2025-10 was due and has not arrived; the lapse 2025-10 holds back cpi, ppi. "
            "See docs/runbooks/lapse.md, docs/runbooks/release-overdue.md",
            "incidents": [
                {
                    "key": LATE.key,
                    "kind": "release",
                    "says": LATE.says,
                    "details": {"due_at": "2025-11-13T13:30:00Z"},
                    "runbook": "docs/runbooks/release-overdue.md",
                },
                {
                    "key": LAPSE.key,
                    "kind": "lapse",
                    "says": LAPSE.says,
                    "details": {"periods": ["cpi|all|2025-09"]},
                    "runbook": "docs/runbooks/lapse.md",
                },
            ],
            "closed": [],
        }
    ]
    assert {one.headers["content-type"] for one in server.to("alerts")} == {"application/json"}


def test_what_is_over_is_closed_and_may_come_again(server: Provider, webhook: SecretStr, tmp_path: Path) -> None:
    log = IncidentLog(tmp_path, [Webhook(webhook)])
    log.update(NOW, [LATE])
    assert log.update(NOW + timedelta(hours=1), [], {LATE.key: "arrived", "lapse|2013-10": "over"}) == (
        [],
        {LATE.key: "arrived"},
    )
    assert log.open() == {}
    log.update(NOW + timedelta(days=30), [LATE])
    assert [event["event"] for event in log.events()] == ["opened", "told", "closed", "told", "opened", "told"]
    assert [event["of"] for event in log.events() if event["event"] == "told"] == ["opened", "closed", "opened"]
    assert log.events()[2] == {"at": "2025-11-13T17:00:00Z", "event": "closed", "key": LATE.key, "outcome": "arrived"}
    first, over, again = told(server)
    assert first["incidents"] == again["incidents"]
    assert over["text"] == "Undertow: over: cpi 2025-10 was due and has not arrived (arrived)"
    assert over["closed"] == [{"key": LATE.key, "kind": "release", "says": LATE.says, "outcome": "arrived"}]


def test_an_end_is_told_to_those_who_heard_of_the_beginning_and_while_it_is_news(
    server: Provider, webhook: SecretStr, tmp_path: Path
) -> None:
    log = IncidentLog(tmp_path, [Webhook(webhook)])
    server.break_with("alerts", status(500))
    log.update(NOW, [LATE])
    server.mend()
    log.update(NOW + timedelta(minutes=1), [], {LATE.key: "arrived"})  # it was over before anybody could be told
    assert log.update(NOW + timedelta(hours=1), []) == ([], {})
    assert told(server) == []
    log.update(NOW + timedelta(hours=2), [LAPSE])
    server.break_with("alerts", status(500))
    log.update(NOW + timedelta(hours=3), [], {LAPSE.key: "nothing is held back any more"})
    assert log.untold(NOW + timedelta(hours=3)) == {"webhook": 1}
    server.mend()
    log.update(NOW + timedelta(days=2), [])  # too late to be news
    assert told(server) == []
    assert log.untold(NOW + timedelta(days=2)) == {"webhook": 0}
    assert log.open() == {}


def test_the_events_of_older_versions_are_understood(server: Provider, webhook: SecretStr, tmp_path: Path) -> None:
    """They know one channel, and no alert of an end: what the webhook took is not told again, nor ends of long ago."""
    old = [
        {"at": "2025-11-13T16:00:00Z", "event": "opened", "key": LATE.key, "kind": "release", "says": LATE.says, "details": {}},
        {"at": "2025-11-13T16:00:00Z", "event": "told", "key": LATE.key},
        {"at": "2025-11-01T16:00:00Z", "event": "opened", "key": LAPSE.key, "kind": "lapse", "says": LAPSE.says, "details": {}},
        {"at": "2025-11-01T16:00:00Z", "event": "told", "key": LAPSE.key},
        {"at": "2025-11-02T16:00:00Z", "event": "closed", "key": LAPSE.key, "outcome": "over"},
    ]
    (tmp_path / "incidents.jsonl").write_text("".join(json.dumps(event) + "\n" for event in old))
    log = IncidentLog(tmp_path, [Webhook(webhook)])
    assert log.update(NOW + timedelta(days=5), [LATE]) == ([], {})
    assert told(server) == []
    assert log.open()[LATE.key].told_by == {"webhook"}


def test_without_a_webhook_it_is_only_written_down(server: Provider, tmp_path: Path) -> None:
    server.mend()
    IncidentLog(tmp_path).update(NOW, [LATE])
    assert server.asked == []
    (incident,) = IncidentLog(tmp_path).open().values()
    assert (incident.says, incident.opened_at, incident.is_told) == (LATE.says, NOW, False)


def test_a_webhook_that_fails_is_one_sentence_and_tried_again(
    server: Provider, webhook: SecretStr, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    log = IncidentLog(tmp_path, [Webhook(webhook, timeout=0.3)])
    with caplog.at_level(logging.DEBUG):
        server.break_with("alerts", status(500), slow(1.0), status(302, Location="http://127.0.0.1:1/"), status(200))
        for minutes in (0, 5, 15, 30, 45, 60, 75):
            log.update(NOW + timedelta(minutes=minutes), [LATE])
    said = [record.getMessage() for record in caplog.records if record.name.startswith("undertow")]
    assert said == [
        "the alert was not taken: the webhook answered 500",
        "the alert was not taken: the webhook gave no answer within 0.3 seconds",
        "the alert was not taken: the webhook answered 302",
    ]
    assert "s3cret" not in caplog.text
    assert [event["event"] for event in log.events()] == ["opened", "untold", "untold", "untold", "told"]


def test_a_webhook_that_is_not_there(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    log = IncidentLog(tmp_path, [Webhook(SecretStr("http://127.0.0.1:1/hooks/s3cret"))])
    with caplog.at_level(logging.DEBUG):
        log.update(NOW, [LATE])
    assert [r.getMessage() for r in caplog.records if r.name.startswith("undertow")] == [
        "the alert was not taken: the webhook cannot be reached (ConnectError)"
    ]
    assert "s3cret" not in caplog.text


def test_a_line_that_a_crash_cut_short_hides_no_other(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    log = IncidentLog(tmp_path)
    log.update(NOW, [LATE])
    with log.path.open("a") as file:
        file.write('{"at": "2025-11-13T16:')
    log.update(NOW, [LAPSE])
    assert set(log.open()) == {LATE.key, LAPSE.key}
    assert "has a line that cannot be read" in caplog.text


def test_a_full_disk_is_a_warning(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    (tmp_path / "quality").write_text("a file where a folder should be")
    assert IncidentLog(tmp_path / "quality").update(NOW, [LATE]) == ([], {})
    assert "incidents could not be written" in caplog.text

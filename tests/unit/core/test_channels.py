"""Alerts by mail, taken by a real mail server on the loopback."""

from __future__ import annotations

import logging
import socket
import ssl
import subprocess
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path
from shutil import which
from typing import Any

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult, Envelope, LoginPassword
from pydantic import SecretStr

from undertow.channels import Mail, Webhook, channels
from undertow.incidents import Incident, IncidentLog
from undertow.settings import Settings

NOW = datetime(2025, 11, 13, 16, 0, tzinfo=UTC)
LATE = Incident("release|cpi|all|2025-10", "release", "cpi 2025-10 was due and has not arrived", {})
LAPSE = Incident("lapse|2025-10", "lapse", "the lapse 2025-10 holds back cpi, ppi", {})
PASSWORD = "p1anted-password"


class Post:
    """What the server took, and what it should say instead."""

    def __init__(self) -> None:
        self.taken: list[EmailMessage] = []
        self.to: list[list[str]] = []
        self.answers: list[str] = []

    async def handle_DATA(self, server: Any, session: Any, envelope: Envelope) -> str:
        if self.answers and (answer := self.answers.pop(0)):
            return answer
        assert isinstance(envelope.content, bytes)
        message = message_from_bytes(envelope.content, policy=policy.default)
        assert isinstance(message, EmailMessage)
        self.taken.append(message)
        self.to.append(list(envelope.rcpt_tos))
        return "250 taken"


def authenticate(server: Any, session: Any, envelope: Any, mechanism: str, login: Any) -> AuthResult:
    assert isinstance(login, LoginPassword)
    return AuthResult(success=login.login == b"undertow" and login.password == PASSWORD.encode(), handled=False)


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    if which("openssl") is None:
        pytest.skip("openssl is not installed; it makes the certificate of the server")
    folder = tmp_path_factory.mktemp("tls")
    certificate, key = folder / "cert.pem", folder / "key.pem"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=127.0.0.1",
         "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", str(key), "-out", str(certificate)],
        check=True, capture_output=True,
    )  # fmt: skip
    return certificate, key


def free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


def serve(post: Post, **options: Any) -> Iterator[Controller]:
    controller = Controller(post, hostname="127.0.0.1", port=free_port(), **options)
    controller.start()
    try:
        yield controller
    finally:
        controller.stop()


@pytest.fixture
def post() -> Post:
    return Post()


@pytest.fixture
def plain(post: Post) -> Iterator[Controller]:
    yield from serve(post)


@pytest.fixture
def secured(post: Post, certificate: tuple[Path, Path]) -> Iterator[Controller]:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(*certificate)
    yield from serve(post, tls_context=context, require_starttls=True, authenticator=authenticate, auth_required=True)


def mail(server: Controller, **changes: Any) -> Mail:
    given = {"security": "none", "timeout": 3.0, **changes}
    return Mail(("desk@example.org", "night@example.org"), "undertow@example.org", "127.0.0.1", server.port, **given)


def trusting(certificate: tuple[Path, Path]) -> ssl.SSLContext:
    return ssl.create_default_context(cafile=str(certificate[0]))


def test_an_incident_is_mailed_when_it_opens_and_when_it_ends(post: Post, plain: Controller, tmp_path: Path) -> None:
    log = IncidentLog(tmp_path, [mail(plain)])
    log.update(NOW, [LATE, LAPSE])
    for minutes in range(1, 60, 10):
        log.update(NOW + timedelta(minutes=minutes), [LATE, LAPSE])
    log.update(NOW + timedelta(hours=2), [LAPSE], {LATE.key: "arrived"})
    log.update(NOW + timedelta(hours=3), [LAPSE])
    opened, over = post.taken
    assert opened["Subject"].startswith("Undertow: cpi 2025-10 was due and has not arrived; the lapse 2025-10")
    assert (opened["From"], opened["To"]) == ("undertow@example.org", "desk@example.org, night@example.org")
    assert opened["Auto-Submitted"] == "auto-generated"
    assert opened["Date"] is not None
    body = opened.get_content().replace("\r\n", "\n")
    assert "- cpi 2025-10 was due and has not arrived\n  key: release|cpi|all|2025-10\n" in body
    assert "runbook: docs/runbooks/lapse.md" in body
    assert over["Subject"] == "Undertow: over: cpi 2025-10 was due and has not arrived (arrived)"
    assert "outcome: arrived" in over.get_content()
    assert post.to == [["desk@example.org", "night@example.org"]] * 2


def test_a_text_of_the_world_adds_no_header(post: Post, plain: Controller, tmp_path: Path) -> None:
    nasty = Incident("run|daily|x", "run", "it broke\r\nBcc: everyone@example.org\r\n\r\n<b>hello</b>", {})
    IncidentLog(tmp_path, [mail(plain)]).update(NOW, [nasty])
    (message,) = post.taken
    assert message["Bcc"] is None
    assert message.get_content_type() == "text/plain"
    assert post.to == [["desk@example.org", "night@example.org"]]


def test_starttls_and_a_password(post: Post, secured: Controller, certificate: tuple[Path, Path], tmp_path: Path) -> None:
    one = mail(secured, security="starttls", user="undertow", password=SecretStr(PASSWORD), context=trusting(certificate))
    IncidentLog(tmp_path, [one]).update(NOW, [LATE])
    assert len(post.taken) == 1
    assert PASSWORD not in repr(one)


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"user": "undertow", "password": SecretStr("wrong-" + PASSWORD)}, "does not take UNDERTOW_SMTP_USER (535)"),
        ({"context": None, "user": "undertow", "password": SecretStr(PASSWORD)}, "cannot be used (SSLCertVerificationError)"),
        ({"security": "none"}, "answered 530"),
        ({"security": "tls"}, "cannot be used (SSLError)"),
    ],
)
def test_what_a_server_does_not_take_is_one_sentence(
    changes: dict[str, Any], says: str, secured: Controller, certificate: tuple[Path, Path], tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:  # fmt: skip
    one = mail(secured, **{"security": "starttls", "context": trusting(certificate), **changes})
    with caplog.at_level(logging.DEBUG):
        opened, _ = IncidentLog(tmp_path, [one]).update(NOW, [LATE])
    assert [incident.key for incident in opened] == [LATE.key]
    (said,) = [record.getMessage() for record in caplog.records if record.name.startswith("undertow")]
    assert said.startswith("the alert was not taken: the mail server")
    assert said.endswith(says)
    assert PASSWORD not in caplog.text + (tmp_path / "incidents.jsonl").read_text()


def test_a_failure_is_tried_again_and_reported(
    post: Post, plain: Controller, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """While one channel fails, the other is told once; neither hears anything twice."""

    class Other:
        name = "other"
        heard: list[str] = []  # noqa: RUF012

        def tell(self, alert: Any) -> str | None:
            self.heard.append(alert["text"])
            return None

    other = Other()
    log = IncidentLog(tmp_path, [mail(plain), other])
    post.answers = ["451 later", "552 no", ""]
    for minutes in (0, 5, 15, 30, 45):
        log.update(NOW + timedelta(minutes=minutes), [LATE])
        if minutes == 5:
            assert log.untold(NOW) == {"mail": 1, "other": 0}
    assert [(e["event"], e.get("by"), e.get("of")) for e in log.events()] == [
        ("opened", None, None), ("untold", "mail", "opened"), ("told", "other", "opened"),
        ("untold", "mail", "opened"), ("told", "mail", "opened"),
    ]  # fmt: skip
    assert (len(post.taken), len(other.heard)) == (1, 1)
    assert log.untold(NOW) == {"mail": 0, "other": 0}
    said = [record.getMessage() for record in caplog.records if record.name == "undertow.incidents"]
    assert said == [f"the alert was not taken: the mail server answered {code}" for code in (451, 552)]


def test_a_server_that_is_not_there_or_says_nothing(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        for port in (free_port(), silent.getsockname()[1]):
            one = Mail(("desk@example.org",), "undertow@example.org", "127.0.0.1", port, "none", timeout=0.3)
            IncidentLog(tmp_path / str(port), [one]).update(NOW, [LATE])
    assert [record.getMessage() for record in caplog.records] == [
        "the alert was not taken: the mail server cannot be used (ConnectionRefusedError)",
        "the alert was not taken: the mail server gave no answer within 0.3 seconds, or hung up",
    ]


def test_channels_follow_from_the_settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert channels(Settings()) == []
    monkeypatch.setenv("UNDERTOW_ALERT_WEBHOOK", "https://hooks.example.org/x")
    monkeypatch.setenv("UNDERTOW_ALERT_EMAIL", "a@example.org, b@example.org")
    monkeypatch.setenv("UNDERTOW_SMTP_PORT", "2525")
    webhook, post = channels(Settings())
    assert isinstance(webhook, Webhook)
    assert isinstance(post, Mail)
    assert (post.to, post.sender) == (("a@example.org", "b@example.org"), "a@example.org")
    assert (post.host, post.port, post.security) == ("localhost", 2525, "starttls")

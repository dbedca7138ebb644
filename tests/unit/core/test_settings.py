"""Settings: secrets from files, what is refused, and what the folders of a home are open to."""

import os
from datetime import UTC, datetime
from pathlib import Path

import pytest
from pydantic import SecretStr

from undertow.channels import Webhook
from undertow.doctor import _privacy, _watching
from undertow.errors import UsageError
from undertow.incidents import Incident, IncidentLog
from undertow.settings import Home, Settings

SECRETS = ("bls_key", "fred_key", "bea_key", "census_key", "alert_webhook", "smtp_password", "openlineage_key")


@pytest.fixture(autouse=True)
def no_settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in list(os.environ):
        if name.startswith("UNDERTOW_"):
            monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)


def secret_file(folder: Path, text: str, mode: int = 0o600) -> Path:
    path = folder / "secret"
    path.write_text(text)
    path.chmod(mode)
    return path


def test_these_are_all_the_secrets(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in SECRETS:
        monkeypatch.setenv(f"UNDERTOW_{name.upper()}", f"https://planted.example.org/{name}")
    settings = Settings()
    assert sorted(settings.secrets) == sorted(f"https://planted.example.org/{name}" for name in SECRETS)
    shown = repr(settings) + str(settings) + settings.model_dump_json()
    assert "planted" not in shown


@pytest.mark.parametrize("name", SECRETS)
@pytest.mark.parametrize("place", ["environment", ".env"])
def test_every_secret_may_stand_in_a_file(name: str, place: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = secret_file(tmp_path, "https://hooks.example.org/s3cret\n")
    if place == ".env":
        (tmp_path / ".env").write_text(f"UNDERTOW_{name.upper()}_FILE={path}\n")
    else:
        monkeypatch.setenv(f"UNDERTOW_{name.upper()}_FILE", str(path))
    assert getattr(Settings(), name).get_secret_value() == "https://hooks.example.org/s3cret"


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620, 0o660, 0o644, 0o666])
def test_a_file_that_others_may_open_is_refused(mode: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("UNDERTOW_BEA_KEY_FILE", str(secret_file(tmp_path, "planted-secret", mode)))
    with pytest.raises(UsageError, match=rf"UNDERTOW_BEA_KEY_FILE is open to others than its owner \(mode {mode:o}\)") as said:
        Settings()
    assert "planted" not in str(said.value)


@pytest.mark.parametrize("mode", [0o600, 0o400])
def test_a_file_that_is_the_owners_alone_is_read(mode: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "link").symlink_to(secret_file(tmp_path, "  planted-secret \n", mode))  # as orchestrators mount secrets
    monkeypatch.setenv("UNDERTOW_BEA_KEY_FILE", str(tmp_path / "link"))
    key = Settings().bea_key
    assert key is not None
    assert key.get_secret_value() == "planted-secret"


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda path: None, "cannot be read: No such file"),
        (lambda path: path.mkdir(mode=0o700), "is no plain file"),
        (lambda path: os.mkfifo(path, 0o600), "is no plain file"),
        (lambda path: secret_file(path.parent, ""), "does not hold one line"),
        (lambda path: secret_file(path.parent, "one\ntwo\n"), "does not hold one line"),
        (lambda path: secret_file(path.parent, "x" * 70_000), "does not hold one line"),
    ],
)
def test_what_is_no_secret_is_refused(make, message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make(tmp_path / "secret")
    monkeypatch.setenv("UNDERTOW_BEA_KEY_FILE", str(tmp_path / "secret"))
    with pytest.raises(UsageError, match=message):
        Settings()


def test_a_secret_has_one_place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("UNDERTOW_BEA_KEY_FILE", str(secret_file(tmp_path, "planted-secret")))
    monkeypatch.setenv("UNDERTOW_BEA_KEY", "another")
    with pytest.raises(UsageError, match="UNDERTOW_BEA_KEY and UNDERTOW_BEA_KEY_FILE are both set"):
        Settings()


@pytest.mark.parametrize(
    ("variables", "message"),
    [
        ({"SMTP_PASSWORD": "planted", "SMTP_SECURITY": "none", "SMTP_HOST": "mail.example.org"}, "in the clear"),
        ({"OPENLINEAGE_KEY": "planted", "OPENLINEAGE_URL": "http://lineage.example.org"}, "in the clear"),
        ({"OPENLINEAGE_URL": "https://me:planted@lineage.example.org"}, "have no query and no user"),
        ({"OPENLINEAGE_URL": "https://lineage.example.org?key=planted"}, "have no query and no user"),
        ({"ALERT_EMAIL": "desk@example.org\r\nBcc: planted@example.org"}, "must be an e-mail address"),
        ({"METRICS_FILE": "metrics/planted.txt"}, "end in .prom"),
        ({"ALERT_WEBHOOK": "ftp://planted"}, "must begin with http"),
        ({"HOME_MODE": "077"}, "UNDERTOW_HOME_MODE is wrong"),
    ],
)
def test_unsafe_settings_are_refused(variables: dict[str, str], message: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in variables.items():
        monkeypatch.setenv(f"UNDERTOW_{name}", value)
    with pytest.raises(UsageError, match=message) as said:
        Settings()
    assert "planted" not in str(said.value)


def test_a_password_goes_to_a_server_of_this_machine_in_the_clear(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {"SMTP_PASSWORD": "x", "SMTP_SECURITY": "none", "SMTP_HOST": "127.0.0.1"}.items():
        monkeypatch.setenv(f"UNDERTOW_{name}", value)
    assert Settings().smtp_security == "none"


def modes(home: Home) -> dict[str, int]:
    folders = (home.root, home.archive, home.landing, home.warehouse, home.quality, home.published)
    return {folder.name: folder.stat().st_mode & 0o777 for folder in folders}


@pytest.mark.parametrize("umask", [0o022, 0o077, 0o000])
def test_a_home_belongs_to_its_owner(umask: int, tmp_path: Path) -> None:
    before = os.umask(umask)
    try:
        home = Home(tmp_path / "home").ensure()
        assert set(modes(home).values()) == {0o700}
        shared = modes(Home(tmp_path / "shared", Settings(home_mode="755").home_bits).ensure())  # ty: ignore[unknown-argument]
    finally:
        os.umask(before)
    assert {name for name, mode in shared.items() if mode == 0o755} == {"shared", "published"}
    assert {name for name, mode in shared.items() if mode == 0o700} == {"archive", "landing", "warehouse", "quality"}


def test_folders_that_are_there_keep_their_modes(tmp_path: Path) -> None:
    (tmp_path / "archive").mkdir(mode=0o750)
    (tmp_path / "archive").chmod(0o750)
    tmp_path.chmod(0o755)
    home = Home(tmp_path).ensure()
    assert (home.root.stat().st_mode & 0o777, home.archive.stat().st_mode & 0o777) == (0o755, 0o750)


def test_the_doctor_looks_at_modes_and_channels(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    home = Home(tmp_path / "home").ensure()
    (tmp_path / ".env").write_text("UNDERTOW_BLS_KEY=planted\n")
    (tmp_path / ".env").chmod(0o600)

    def found() -> dict[str, list[tuple[str, str]]]:
        told: dict[str, list[tuple[str, str]]] = {}
        for one in [*_privacy(home, Settings()), *_watching(home, Settings())]:
            told.setdefault(one.what, []).append((one.level, one.says))
        return told

    assert found() == {
        "privacy": [("ok", "archive, landing, warehouse and quality are closed to others")],
        "alerts": [("ok", "written down and told to nobody")],
    }
    (tmp_path / ".env").chmod(0o644)
    for folder in (home.root, home.warehouse):
        folder.chmod(0o755)
    log = IncidentLog(home.quality, [Webhook(SecretStr("http://127.0.0.1:1/planted"))])
    log.update(datetime.now(UTC), [Incident("run|daily|x", "run", "it broke")])
    for name, value in {
        "ALERT_WEBHOOK": "http://127.0.0.1:1/planted",
        "ALERT_EMAIL": "desk@example.org",
        "METRICS_FILE": str(tmp_path / "nowhere/undertow.prom"),
        "OPENLINEAGE_FILE": str(tmp_path / "events.jsonl"),
    }.items():
        monkeypatch.setenv(f"UNDERTOW_{name}", value)
    told = found()
    assert [level for level, _ in told["privacy"]] == ["warn", "warn"]
    assert "may enter warehouse" in told["privacy"][0][1]
    assert told["alerts"] == [("warn", "webhook has not taken 1 alerts; see docs/runbooks/alert-untold.md")]
    assert told["metrics"][0][0] == "warn"
    assert told["lineage"][0][0] == "ok"
    assert "planted" not in str(told)

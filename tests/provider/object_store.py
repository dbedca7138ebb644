"""A real S3-compatible server on loopback: moto's, behind a handler that counts requests, and can fail or cut their answers.

Requests are carried out one at a time: moto looks at a condition and writes in two steps, which a real store does in one.
"""

from __future__ import annotations

import io
import os
import re
import socket
import struct
import threading
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from moto.moto_server.werkzeug_app import DomainDispatcherApplication, MotoRequestHandler, create_backend_app
from werkzeug.serving import ThreadedWSGIServer
from werkzeug.test import run_wsgi_app

__all__ = ["BUCKET", "Asked", "Fault", "ObjectServer", "object_server"]

BUCKET = "macro-bucket"


@dataclass(frozen=True)
class Asked:
    """A request that came: its place among all, its method, the object (or the listing), its condition and who sent it."""

    number: int
    method: str
    key: str
    condition: str = ""
    who: str = ""

    def __str__(self) -> str:
        return f"{self.method} {self.key}{self.condition}"


@dataclass(frozen=True)
class Fault:
    """What happens to a request instead of its answer.

    ``status`` and ``code`` answer at once. ``reset`` breaks the connection, ``cut`` sends half of the answer, ``late`` waits so many
    seconds first. ``carries_out``: the request is carried out all the same, only its answer is lost.
    """

    status: int = 0
    code: str = ""
    reset: bool = False
    cut: bool = False
    late: float = 0.0
    carries_out: bool = False


class ObjectServer:
    """The server: what it was asked, and what it shall do."""

    def __init__(self) -> None:
        self.asked: list[Asked] = []
        self.fault: Callable[[Asked], Fault | None] = lambda _: None
        self.after: Callable[[Asked], None] = lambda _: None  # called when a request was carried out, before its answer goes
        self.ignores_conditions = False
        self._one_at_a_time = threading.Lock()
        self._app = DomainDispatcherApplication(create_backend_app)
        self._server = ThreadedWSGIServer("127.0.0.1", 0, self._app, handler=type("Handler", (_Handler,), {"owner": self}))
        self._server.daemon_threads = True
        self.endpoint = f"http://127.0.0.1:{self._server.server_port}"
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        self._thread.start()
        self.call("PUT", f"/{BUCKET}")

    def environment(self, who: str = "somebody") -> dict[str, str]:
        """Return the settings with which a client finds this server; no profile or other address of the machine counts."""
        return {
            "AWS_ENDPOINT_URL": self.endpoint,
            "AWS_ACCESS_KEY_ID": who,
            "AWS_SECRET_ACCESS_KEY": "only-a-test",
            "AWS_DEFAULT_REGION": "us-east-1",
            "AWS_EC2_METADATA_DISABLED": "true",
            "AWS_CONFIG_FILE": os.devnull,
            "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        }

    def url(self, prefix: str = "") -> str:
        """Return the address of a store on this server."""
        return f"s3://{BUCKET}/{prefix}".rstrip("/")

    def call(self, method: str, path: str, body: bytes = b"") -> tuple[int, bytes]:
        """Ask the server past counting and faults."""
        environ = {
            "REQUEST_METHOD": method, "PATH_INFO": path.partition("?")[0], "QUERY_STRING": path.partition("?")[2],
            "SERVER_NAME": "127.0.0.1", "SERVER_PORT": "80", "HTTP_HOST": "s3.amazonaws.com", "RAW_URI": path,
            "HTTP_AUTHORIZATION": "AWS4-HMAC-SHA256 Credential=test/20260101/us-east-1/s3/aws4_request",
            "wsgi.url_scheme": "http", "wsgi.input": io.BytesIO(body), "CONTENT_LENGTH": str(len(body)),
            "CONTENT_TYPE": "application/octet-stream", "SERVER_PROTOCOL": "HTTP/1.1", "wsgi.errors": io.StringIO(),
            "wsgi.multithread": True, "wsgi.multiprocess": False, "wsgi.run_once": False, "wsgi.version": (1, 0),
        }  # fmt: skip
        with self._one_at_a_time:
            answer, status, _ = run_wsgi_app(self._app, environ, buffered=True)
        return int(status.split()[0]), b"".join(answer)

    def get(self, key: str) -> bytes:
        """Return an object past counting and faults."""
        status, body = self.call("GET", f"/{BUCKET}/{key}")
        assert status == 200, (key, body)
        return body

    def put(self, key: str, body: bytes) -> None:
        """Write an object past counting and faults."""
        assert self.call("PUT", f"/{BUCKET}/{key}", body)[0] == 200

    def delete(self, key: str) -> None:
        """Remove an object past counting and faults."""
        assert self.call("DELETE", f"/{BUCKET}/{key}")[0] in (200, 204)

    def forget(self) -> None:
        """Forget what was asked, and let everything be sound again."""
        self.asked.clear()
        self.fault, self.after = (lambda _: None), (lambda _: None)
        self.ignores_conditions = False

    def stop(self) -> None:
        """Stop."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(10)

    def carry_out(self, environ: dict[str, Any], asked: Asked) -> tuple[str, list[tuple[str, str]], bytes]:
        """Let moto answer."""
        with self._one_at_a_time:
            answer, status, headers = run_wsgi_app(self._app, environ, buffered=True)
            body = b"".join(answer)
            self.after(asked)
        return status, list(headers), body

    def took(self, method: str, key: str, condition: str, who: str) -> Asked:
        """Write down that a request came."""
        with self._one_at_a_time:
            self.asked.append(Asked(len(self.asked) + 1, method, key, condition, who))
            return self.asked[-1]


class _Handler(MotoRequestHandler):
    """One connection of a client."""

    owner: ObjectServer
    protocol_version = "HTTP/1.1"

    def run_wsgi(self) -> None:
        environ = self.make_environ()
        if environ.pop("wsgi.input_terminated", False):
            body = environ["wsgi.input"].read()
        else:
            wanted = int(self.headers.get("Content-Length") or 0)
            body = self.rfile.read(wanted)
            if len(body) < wanted:  # the client died while it sent
                self.close_connection = True
                return
        environ["wsgi.input"], environ["CONTENT_LENGTH"] = io.BytesIO(body), str(len(body))
        environ.pop("HTTP_TRANSFER_ENCODING", None)
        condition = "".join(
            f" {name}"
            for name, key in (("if-none-match", "HTTP_IF_NONE_MATCH"), ("if-match", "HTTP_IF_MATCH"))
            if key in environ
        )
        if self.owner.ignores_conditions and self.command == "PUT":
            environ.pop("HTTP_IF_NONE_MATCH", None)
            environ.pop("HTTP_IF_MATCH", None)
        key = re.sub(rf"^/{BUCKET}/?", "", self.path.partition("?")[0]) or "?" + self.path.partition("?")[2]
        who = re.search(r"Credential=([^/]+)/", self.headers.get("Authorization", ""))
        asked = self.owner.took(self.command, key, condition, who[1] if who else "")
        fault = self.owner.fault(asked)
        if fault is None:
            self._answer(*self.owner.carry_out(environ, asked))
            return
        if fault.late:
            time.sleep(fault.late)
        status, headers, content = (
            self.owner.carry_out(environ, asked) if fault.carries_out or fault.cut or not (fault.status or fault.reset)
            else ("500 Error", [], b"")
        )  # fmt: skip
        if fault.status:
            said = f"<?xml version='1.0'?><Error><Code>{fault.code}</Code><Message>{fault.code}, as planted</Message></Error>"
            self._answer(f"{fault.status} Planted", [("Content-Type", "application/xml")], said.encode())
        elif fault.reset:
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self.connection.close()
            self.close_connection = True
        elif fault.cut:
            self._answer(status, headers, content, cut=True)
        else:
            self._answer(status, headers, content)

    def _answer(self, status: str, headers: list[tuple[str, str]], content: bytes, *, cut: bool = False) -> None:
        number, _, words = status.partition(" ")
        lines = [f"HTTP/1.1 {number} {words}"]
        lines += [f"{name}: {value}" for name, value in headers if name.lower() not in ("content-length", "connection")]
        is_head = self.command == "HEAD"
        length = next((value for name, value in headers if name.lower() == "content-length"), None) if is_head else None
        lines.append(f"Content-Length: {length if length is not None else len(content)}")
        sent = b"" if is_head else content[: len(content) // 2] if cut else content
        try:
            self.wfile.write("\r\n".join([*lines, "", ""]).encode("latin-1") + sent)
            self.wfile.flush()
        except OSError:  # the client is gone
            self.close_connection = True
        if cut:
            self.close_connection = True

    def log(self, type: str, message: str, *args: Any) -> None:
        """Say nothing."""


@contextmanager
def object_server() -> Generator[ObjectServer]:
    """Run a server as long as the block lasts."""
    server = ObjectServer()
    try:
        yield server
    finally:
        server.stop()

"""A server on 127.0.0.1 that plays every provider at once, with their headers and manners, and with planted faults.

Real sockets and no patched client: ``Provider.base_urls()`` is a value for ``UNDERTOW_BASE_URLS``, which sends what would go to
``https://www.ecb.europa.eu/...`` to ``http://127.0.0.1:<port>/www.ecb.europa.eu/...``. A file is served with an ETag and a
Last-Modified, a conditional request is answered with 304, text is compressed for who accepts it, and BLS refuses whoever does
not say who asks, as its own servers do. What the files hold is in ``payloads``.
"""

from __future__ import annotations

import gzip
import hashlib
import json
import re
import socket
import threading
import time
from collections.abc import Callable, Generator, Iterable
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

from pytest_httpserver import HTTPServer
from werkzeug import Request, Response
from werkzeug.serving import WSGIRequestHandler

__all__ = ["Asked", "Fault", "File", "Provider", "provider"]

HOSTS = (
    "www.ecb.europa.eu",
    "download.bls.gov",
    "api.bls.gov",
    "www.bls.gov",
    "oui.doleta.gov",
    "www.census.gov",
    "api.census.gov",
    "api.stlouisfed.org",
    "fred.stlouisfed.org",
    "www.bea.gov",
    "apps.bea.gov",
    "markets.newyorkfed.org",
    "www.newyorkfed.org",
    "www.cftc.gov",
    "publicreporting.cftc.gov",
    "api.fiscaldata.treasury.gov",
    "data.financialresearch.gov",
    "www.federalreserve.gov",
    "home.treasury.gov",
    "data-api.ecb.europa.eu",
    "www.mof.go.jp",
    "ec.europa.eu",
    "stats.bis.org",
    "ticdata.treasury.gov",
    "www.sec.gov",
)
WANT_A_CONTACT = ("download.bls.gov", "api.bls.gov", "www.bls.gov")  # behind Akamai: 403 for an agent without an address
HTML = b"<!DOCTYPE html>\n<html><head><title>Service unavailable</title></head><body>We will be back shortly.</body></html>\n"
FORBIDDEN = b"<HTML><HEAD>\n<TITLE>Access Denied</TITLE>\n</HEAD><BODY>\n<H1>Access Denied</H1>\n</BODY></HTML>\n"

Fault = Callable[["Provider", Request, "File"], Response]
"""What a server does instead of answering: it gets the file that it should have sent."""


@dataclass
class File:
    """A file as the provider has it. The ETag follows from the body, so another body is news to who has the old one."""

    body: bytes
    kind: str = "application/octet-stream"
    changed: datetime = datetime(2025, 12, 18, 13, 30, tzinfo=UTC)
    validators: bool = True  # whether it has an ETag and a Last-Modified; what an API computes has none

    @property
    def etag(self) -> str:
        """The entity tag, strong, as the providers give it."""
        return f'"{hashlib.sha256(self.body).hexdigest()[:16]}"'

    def headers(self) -> dict[str, str]:
        """Return the headers that go with the body."""
        common = {"Content-Type": self.kind, "Cache-Control": "max-age=0"}
        if not self.validators:
            return common
        return {**common, "ETag": self.etag, "Last-Modified": format_datetime(self.changed, usegmt=True)}


@dataclass(frozen=True)
class Asked:
    """One request as the server saw it, and the status it gave."""

    at: float  # monotonic seconds
    host: str
    path: str
    method: str
    headers: dict[str, str]
    body: bytes
    status: int


@dataclass
class Provider:
    """The server: what it serves, how it misbehaves, and what it was asked."""

    server: HTTPServer
    files: dict[str, File] = field(default_factory=dict)  # host/path -> file
    answers: dict[str, Callable[[Request], File]] = field(default_factory=dict)  # host/path -> a program, like the BLS API
    faults: dict[str, list[Fault]] = field(default_factory=dict)  # host/path or host -> what to do; the last one stays
    asked: list[Asked] = field(default_factory=list)
    clock_ahead: timedelta = timedelta()  # what the Date of its answers is ahead of the time
    _mutex: threading.Lock = field(default_factory=threading.Lock)

    def __post_init__(self) -> None:
        self.server.expect_request(re.compile(".*")).respond_with_handler(self._handle)

    def base_urls(self) -> str:
        """Return the value of ``UNDERTOW_BASE_URLS`` that leads here."""
        return json.dumps({f"https://{host}": self.server.url_for(f"/{host}") for host in HOSTS})

    def environment(self, **changes: str) -> dict[str, str]:
        """Return the settings under which a live run comes here and is soon done; ``retries`` and so on change them."""
        settings = {
            "base_urls": self.base_urls(),
            "contact": "Ana Ruiz ana@example.org",
            "retries": "1",
            "timeout_seconds": "10",
            **changes,
        }
        return {f"UNDERTOW_{name.upper()}": value for name, value in settings.items()}

    def break_with(self, place: str, *faults: Fault) -> None:
        """Answer the next requests for a file or a host with faults, one after the other; the last one stays."""
        self.faults[place] = list(faults)

    def mend(self) -> None:
        """Take all faults away and forget what was asked."""
        self.faults.clear()
        self.asked.clear()
        self.clock_ahead = timedelta()

    def to(self, place: str) -> list[Asked]:
        """Return what was asked of a host, or for a file."""
        return [one for one in self.asked if place in (one.host, one.host + one.path)]

    def _handle(self, request: Request) -> Response:
        began = time.monotonic()
        host, _, rest = request.path.lstrip("/").partition("/")
        path = "/" + rest
        response = self._answer(request, host, path)
        with self._mutex:
            headers = {name.lower(): value for name, value in request.headers.items()}
            self.asked.append(Asked(began, host, path, request.method, headers, request.get_data(), response.status_code))
        return response

    def _answer(self, request: Request, host: str, path: str) -> Response:
        if host in WANT_A_CONTACT and "@" not in request.headers.get("User-Agent", ""):
            return Response(FORBIDDEN, 403, content_type="text/html")
        program = self.answers.get(host + path)
        file = program(request) if program else self.files.get(host + path)
        if file is None:
            return Response(HTML, 404, content_type="text/html")
        fault = self._next_fault(host + path, host)
        return fault(self, request, file) if fault else self.give(request, file)

    def _next_fault(self, *places: str) -> Fault | None:
        with self._mutex:
            for place in places:
                waiting = self.faults.get(place)
                if waiting:
                    return waiting.pop(0) if len(waiting) > 1 else waiting[0]
        return None

    def give(self, request: Request, file: File) -> Response:
        """Answer as the provider does when nothing is wrong."""
        headers = file.headers()
        if file.validators and request.method == "GET" and _is_known(request, file):
            return Response(b"", 304, {name: headers[name] for name in ("ETag", "Last-Modified")})
        body = file.body
        if "gzip" in request.headers.get("Accept-Encoding", "") and file.kind.startswith(("text/", "application/json")):
            body, headers["Content-Encoding"], headers["Vary"] = gzip.compress(body, mtime=0), "gzip", "Accept-Encoding"
        return Response(body, 200, headers)


def _is_known(request: Request, file: File) -> bool:
    """Tell whether the one who asks has the file already; If-None-Match goes before If-Modified-Since (RFC 9110)."""
    if request.headers.get("If-None-Match"):
        return file.etag in request.headers["If-None-Match"]
    since = request.if_modified_since
    return since is not None and file.changed <= since


@contextmanager
def provider() -> Generator[Provider]:
    """Start a provider on a free port and stop it afterwards."""
    with HTTPServer(host="127.0.0.1", port=0, threaded=True) as server:
        provider = Provider(server)

        class Handler(WSGIRequestHandler):
            """Says what a provider's server says of itself, by the provider's clock, and writes no log."""

            def version_string(self) -> str:
                return "Apache"

            def date_time_string(self, timestamp: float | None = None) -> str:
                return format_datetime(datetime.now(UTC) + provider.clock_ahead, usegmt=True)

            def log(self, type: str, message: str, *args: object) -> None:
                pass

        assert server.server is not None
        server.server.RequestHandlerClass = Handler
        yield provider


# --- faults --------------------------------------------------------------------------------------------------------------


def as_usual(provider: Provider, request: Request, file: File) -> Response:
    """No fault: the end of a row of faults after which all is well."""
    return provider.give(request, file)


def page(provider: Provider, request: Request, file: File) -> Response:
    """A page in HTML with status 200 and an ETag."""
    return provider.give(request, File(HTML, "text/html; charset=utf-8"))


def instead(body: bytes) -> Fault:
    """Another body than the file's, with everything else as usual."""
    return lambda provider, request, file: provider.give(request, File(body, file.kind, file.changed, file.validators))


def status(code: int, body: bytes = b"", **headers: str) -> Fault:
    """A status without a file, such as 500; ``Retry_After="2"`` gives the header Retry-After."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return lambda provider, request, file: Response(body, code, named, content_type="text/plain")


def moved(to: str, code: int = 302) -> Fault:
    """A redirect to a path on this server (``/host/path``) or to a whole address."""
    return lambda provider, request, file: Response(b"", code, {"Location": to})


def too_many(provider: Provider, request: Request, file: File) -> Response:
    """429 without a hint when to come back."""
    return Response(b"", 429)


def cut_short(provider: Provider, request: Request, file: File) -> Response:
    """Half of the body under the length of the whole."""
    whole = file.body
    # A generator keeps werkzeug from setting the length; the connection closes when it ends.
    return Response(_pieces(whole[: len(whole) // 2]), 200, {"Content-Length": str(len(whole)), "Connection": "close"})


def dropped(provider: Provider, request: Request, file: File) -> Response:
    """The connection is closed before an answer."""
    line: socket.socket = request.environ["werkzeug.socket"]
    line.shutdown(socket.SHUT_RD)
    raise ConnectionResetError("as planned")  # werkzeug lets go of the connection


def slow(seconds: float) -> Fault:
    """An answer that comes too late."""

    def answer(provider: Provider, request: Request, file: File) -> Response:
        time.sleep(seconds)
        return provider.give(request, file)

    return answer


def oversize(length: int) -> Fault:
    """A body of that many bytes, without a word of its length."""
    return lambda provider, request, file: Response(_pieces(b"0" * length), 200, {"Connection": "close"})


def _pieces(body: bytes) -> Iterable[bytes]:
    for place in range(0, len(body), 65_536):
        yield body[place : place + 65_536]

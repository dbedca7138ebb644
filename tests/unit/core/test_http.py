"""The HTTP client against real sockets: patience, politeness, caps, and secrets that stay inside. No test waits."""

from __future__ import annotations

import gzip
import logging
import random
import socket
import threading
import traceback
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import quote, quote_plus

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pytest_httpserver import HTTPServer
from werkzeug import Request as WireRequest
from werkzeug import Response

import undertow
from undertow.archive import Sighting
from undertow.errors import AbsentError, FetchError, PayloadError, UsageError
from undertow.http import Answer, HttpClient, address
from undertow.room import Request
from undertow.sniff import check_content

NOW = datetime(2025, 11, 20, 12, 0, tzinfo=UTC)
SECRET = "s3cr3t/Key+42 &x"  # characters that each library encodes in its own way
JSON = b'{"refRates": [{"percentRate": 3.91}]}'


class Time:
    """A clock that moves only when someone sleeps."""

    def __init__(self) -> None:
        self.slept: list[float] = []
        self.elapsed = 1000.0

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.elapsed += seconds

    def clock(self) -> float:
        return self.elapsed

    def now(self) -> datetime:
        return NOW + timedelta(seconds=self.elapsed - 1000.0)


@pytest.fixture(autouse=True)
def _no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "all_proxy"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def timing() -> Time:
    return Time()


@pytest.fixture
def make(timing: Time) -> Iterator[Callable[..., HttpClient]]:
    made: list[HttpClient] = []

    def build(**changes: Any) -> HttpClient:
        arguments: dict[str, Any] = {
            "timeout": 5.0,
            "min_interval": 0.0,
            "sleep": timing.sleep,
            "clock": timing.clock,
            "now": timing.now,
        }
        client = HttpClient(**{**arguments, **changes})
        made.append(client)
        return client

    yield build
    for client in made:
        client.close()


@pytest.fixture
def client(make: Callable[..., HttpClient]) -> HttpClient:
    return make()


@contextmanager
def raw_server(*answers: bytes) -> Generator[tuple[str, list[bytes]]]:
    """A server that sends the given bytes, one answer a connection; it yields its address and what it got."""
    heard: list[bytes] = []
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(10)

        def serve() -> None:
            for answer in answers:
                connection, _ = listener.accept()
                with connection:
                    heard.append(connection.recv(65_536))
                    connection.sendall(answer)

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{listener.getsockname()[1]}", heard
        thread.join(10)


def _sighting(url: str, **changes: Any) -> Sighting:
    return Sighting("s", "d", url, NOW, "0" * 64, 1, "live", **changes)


def _everything(error: BaseException) -> str:
    """All that a log, a crash report or a debugger's summary would show of an exception."""
    shown = ["".join(traceback.format_exception(error))]
    todo: list[BaseException | None] = [error]
    while todo:
        one = todo.pop()
        if one is not None:
            shown += [str(one), repr(one), repr(one.args), repr(vars(one))]
            todo += [one.__cause__, one.__context__]
            assert not isinstance(one, httpx.HTTPError | httpx.InvalidURL | httpx.StreamError)
    return "\n".join(shown)


def _shows_secret(text: str, secret: str = SECRET) -> bool:
    forms = {secret, quote(secret), quote(secret, safe=""), quote_plus(secret), secret.replace(" ", "%20")}
    return any(form in text for form in forms)


def test_a_plain_answer(httpserver: HTTPServer, client: HttpClient) -> None:
    def answer(request: WireRequest) -> Response:
        assert request.headers["User-Agent"] == f"undertow/{undertow.__version__}"
        assert request.headers["Accept"].startswith("application/json")
        assert request.query_string == b"type=rate&startDate=2025-11-20&note=a+b"
        return Response(JSON, headers={"ETag": '"abc"', "Last-Modified": "Thu, 20 Nov 2025 11:00:00 GMT", "Set-Cookie": "a=b"})

    httpserver.expect_request("/sofr.json").respond_with_handler(answer)
    request = Request("sofr", httpserver.url_for("/sofr.json?type=rate"), params={"startDate": "2025-11-20", "note": "a b"})
    got = client.get(request, content="json")
    assert (got.status, got.body) == (200, JSON)
    assert (got.etag, got.last_modified) == ('"abc"', "Thu, 20 Nov 2025 11:00:00 GMT")
    assert got.url == httpserver.url_for("/sofr.json?type=rate&startDate=2025-11-20&note=a+b") == address(request)
    assert "set-cookie" not in got.headers
    assert "3.91" not in repr(got)


def test_contact_and_own_headers(httpserver: HTTPServer, make: Callable[..., HttpClient]) -> None:
    httpserver.expect_request("/x").respond_with_handler(
        lambda request: Response(request.headers["User-Agent"] + "|" + request.headers["Accept"])
    )
    got = make(contact="Ana Ruiz ana@example.org").get(Request("x", httpserver.url_for("/x"), headers={"Accept": "text/plain"}))
    assert got.body == f"undertow/{undertow.__version__} (Ana Ruiz ana@example.org)|text/plain".encode()
    for contact in ("José", "a\r\nX-Evil: 1"):
        with pytest.raises(UsageError, match="UNDERTOW_CONTACT"):
            make(contact=contact)


def test_post(httpserver: HTTPServer, client: HttpClient) -> None:
    body = {"seriesid": ["CUUR0000SA0"], "registrationkey": SECRET}
    httpserver.expect_request("/api", method="POST", json=body).respond_with_data(JSON)
    request = Request("api", httpserver.url_for("/api"), json=body, secrets=(SECRET,))
    assert client.get(request, content="json", previous=_sighting(request.url, etag='"1"')).body == JSON


def test_post_of_a_form(httpserver: HTTPServer, client: HttpClient) -> None:
    def answer(asked: WireRequest) -> Response:
        return Response(f"{asked.content_type}|{dict(asked.form)}|{'If-None-Match' in asked.headers}")

    httpserver.expect_request("/report.asp", method="POST").respond_with_handler(answer)
    request = Request("report", httpserver.url_for("/report.asp"), form={"level": "us", "note": "a & b"})
    said = client.get(request, previous=_sighting(request.url, etag='"1"')).body
    assert said == b"application/x-www-form-urlencoded|{'level': 'us', 'note': 'a & b'}|False"


@pytest.mark.parametrize("status", [204, 404, 410])
def test_nothing_there_is_told_apart_from_other_refusals(httpserver: HTTPServer, client: HttpClient, status: int) -> None:
    httpserver.expect_request("/x").respond_with_data("", status=status)
    with pytest.raises(AbsentError, match=f"nothing .*status {status}"):
        client.get(Request("x", httpserver.url_for("/x")))
    httpserver.expect_request("/y").respond_with_data("", status=400)
    with pytest.raises(FetchError) as caught:
        client.get(Request("y", httpserver.url_for("/y")))
    assert not isinstance(caught.value, AbsentError)


def test_429_with_retry_after_then_200(httpserver: HTTPServer, client: HttpClient, timing: Time) -> None:
    httpserver.expect_ordered_request("/x").respond_with_data("slow down", status=429, headers={"Retry-After": "7"})
    httpserver.expect_ordered_request("/x").respond_with_data(JSON)
    assert client.get(Request("x", httpserver.url_for("/x"))).body == JSON
    assert timing.slept == [7.0]
    httpserver.check_assertions()


def test_a_body_that_asks_to_come_back_later(httpserver: HTTPServer, client: HttpClient, timing: Time) -> None:
    """Some providers say 429 in the body of an answer with status 200; the room knows how theirs says it."""
    busy = b'{"error_code":429}'
    httpserver.expect_ordered_request("/x").respond_with_data(busy, headers={"Retry-After": "7"})
    httpserver.expect_ordered_request("/x").respond_with_data(JSON)
    request = Request("x", httpserver.url_for("/x"), busy=lambda body: body == busy)
    assert client.get(request).body == JSON
    assert timing.slept == [7.0]
    httpserver.clear()
    httpserver.expect_request("/x").respond_with_data(busy)
    with pytest.raises(
        FetchError, match="still failed after 6 tries: it answered 200 with a body that asks to come back later"
    ):
        client.get(request)
    assert client.get(Request("x", httpserver.url_for("/x"))).body == busy


def test_retry_after_as_a_date(httpserver: HTTPServer, client: HttpClient, timing: Time) -> None:
    date = {"Retry-After": "Thu, 20 Nov 2025 12:00:42 GMT"}
    httpserver.expect_ordered_request("/x").respond_with_data("", status=503, headers=date)
    httpserver.expect_ordered_request("/x").respond_with_data("", status=503, headers=date)  # by then it is past
    httpserver.expect_ordered_request("/x").respond_with_data(JSON)
    assert client.get(Request("x", httpserver.url_for("/x"))).body == JSON
    assert timing.slept[0] == 42.0
    assert 0 <= timing.slept[1] <= 2


@pytest.mark.parametrize("value", ["3600", "Thu, 20 Nov 2025 13:00:00 GMT"])
def test_retry_after_that_is_too_long(httpserver: HTTPServer, client: HttpClient, timing: Time, value: str) -> None:
    httpserver.expect_request("/x").respond_with_data("", status=429, headers={"Retry-After": value})
    with pytest.raises(FetchError, match="answered 429 and asks to come back after 2025-11-20T13:00:00Z"):
        client.get(Request("x", httpserver.url_for("/x")))
    assert timing.slept == []
    assert len(httpserver.log) == 1


@pytest.mark.parametrize("value", ["soon", "0", "-5", "Thu, 20 Nov 1999 13:00:00 GMT", ""])
def test_retry_after_that_says_nothing(httpserver: HTTPServer, client: HttpClient, timing: Time, value: str) -> None:
    httpserver.expect_ordered_request("/x").respond_with_data("", status=429, headers={"Retry-After": value})
    httpserver.expect_ordered_request("/x").respond_with_data(JSON)
    assert client.get(Request("x", httpserver.url_for("/x"))).body == JSON
    assert len(timing.slept) == 1
    assert 0 <= timing.slept[0] <= 1


@pytest.mark.parametrize("status", [500, 502, 503, 504])
def test_5xx_then_200(httpserver: HTTPServer, client: HttpClient, timing: Time, status: int) -> None:
    httpserver.expect_ordered_request("/x").respond_with_data("oops", status=status)
    httpserver.expect_ordered_request("/x").respond_with_data(JSON)
    assert client.get(Request("x", httpserver.url_for("/x"))).body == JSON
    assert len(timing.slept) == 1


def test_backoff_grows_with_full_jitter_and_ends(httpserver: HTTPServer, make: Callable[..., HttpClient], timing: Time) -> None:
    random.seed(7)
    httpserver.expect_request("/x").respond_with_data("oops", status=500)
    with pytest.raises(FetchError, match=r"/x still failed after 9 tries: it answered 500$"):
        make(retries=8).get(Request("x", httpserver.url_for("/x")))
    assert len(httpserver.log) == 9
    assert len(timing.slept) == 8
    for attempt, seconds in enumerate(timing.slept):
        assert 0 <= seconds <= min(2**attempt, 60)
    assert len(set(timing.slept)) == 8


def test_no_retries(httpserver: HTTPServer, make: Callable[..., HttpClient], timing: Time) -> None:
    httpserver.expect_request("/x").respond_with_data("oops", status=500)
    with pytest.raises(FetchError, match="after 1 tries"):
        make(retries=0).get(Request("x", httpserver.url_for("/x")))
    assert timing.slept == []


def test_unchanged(httpserver: HTTPServer, client: HttpClient) -> None:
    def answer(request: WireRequest) -> Response:
        if request.headers.get("If-None-Match") == '"abc"':
            assert request.headers["If-Modified-Since"] == "Thu, 20 Nov 2025 11:00:00 GMT"
            return Response(status=304, headers={"ETag": '"abc"'})
        return Response(JSON)

    httpserver.expect_request("/x").respond_with_handler(answer)
    request = Request("x", httpserver.url_for("/x"), params={"api_key": SECRET}, secrets=(SECRET,))
    known = {"etag": '"abc"', "last_modified": "Thu, 20 Nov 2025 11:00:00 GMT"}
    got = client.get(request, previous=_sighting(address(request), **known))
    assert (got.status, got.body, got.etag) == (304, None, '"abc"')
    # An answer of another address, and one without a validator, say nothing about this one.
    assert client.get(request, previous=_sighting(httpserver.url_for("/y"), **known)).body == JSON
    assert client.get(request, previous=_sighting(address(request))).body == JSON
    assert client.get(request, previous=_sighting(address(request), etag='"é"')).body == JSON


def test_unchanged_that_nobody_asked_for(httpserver: HTTPServer, client: HttpClient) -> None:
    httpserver.expect_request("/x").respond_with_data("", status=304)
    with pytest.raises(FetchError, match="answered 304, which is not a usable answer"):
        client.get(Request("x", httpserver.url_for("/x")))


def test_an_html_page_at_200_is_kept_and_then_refused(httpserver: HTTPServer, client: HttpClient) -> None:
    page = b"<!DOCTYPE html><title>Site under maintenance</title>"
    httpserver.expect_request("/x").respond_with_data(page, content_type="application/json")
    got = client.get(Request("x", httpserver.url_for("/x")), content="json")
    assert got.body == page  # the archive keeps it
    with pytest.raises(PayloadError, match="expected JSON, got an HTML page"):
        check_content(got.body, "json")


OK = b"HTTP/1.1 200 OK\r\n"


@pytest.mark.parametrize(
    ("broken", "words"),
    [
        (OK + b"Content-Length: 100\r\n\r\n" + JSON, "cut short after 37 bytes"),
        (OK + b"Transfer-Encoding: chunked\r\n\r\n25\r\n" + JSON + b"\r\n", "cut short after 37 bytes"),
        (OK + b"Content-Encoding: gzip\r\nConnection: close\r\n\r\n" + gzip.compress(JSON, mtime=0)[:-9], "cut short after"),
        (OK + b"Content-Encoding: gzip\r\nContent-Length: 5\r\n\r\nhello", "corrupt after 5 bytes"),
        (b"", "RemoteProtocolError"),
        (b"nonsense\r\n\r\n", "RemoteProtocolError"),
    ],
)
def test_a_body_cut_short_is_asked_for_again(client: HttpClient, timing: Time, broken: bytes, words: str) -> None:
    whole = OK + b"Content-Length: 37\r\n\r\n" + JSON
    with raw_server(broken, whole) as (url, heard):
        assert client.get(Request("x", url)).body == JSON
        assert len(heard) == 2
    with raw_server(*[broken] * 6) as (url, heard), pytest.raises(FetchError, match=words) as caught:
        client.get(Request("x", url))
    assert len(heard) == 6
    assert len(timing.slept) == 6
    assert "still failed after 6 tries" in str(caught.value)
    _everything(caught.value)


def test_no_one_listens(make: Callable[..., HttpClient], timing: Time) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    with pytest.raises(FetchError, match="still failed after 3 tries: ConnectError") as caught:
        make(retries=2).get(Request("x", f"http://127.0.0.1:{port}/x", params={"api_key": SECRET}))
    assert len(timing.slept) == 2
    assert not _shows_secret(_everything(caught.value))


def test_a_server_that_says_nothing(make: Callable[..., HttpClient]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener, pytest.raises(FetchError, match="ReadTimeout"):
        make(retries=1, timeout=0.05).get(Request("x", f"http://127.0.0.1:{listener.getsockname()[1]}/x"))


def test_an_answer_that_trickles_in_for_ever(make: Callable[..., HttpClient], timing: Time) -> None:
    def clock() -> float:
        timing.elapsed += 100
        return timing.elapsed

    with (
        raw_server(OK + b"Content-Length: 37\r\n\r\n" + JSON) as (url, _),
        pytest.raises(FetchError, match="took longer than 50 seconds"),
    ):
        make(retries=0, total_timeout=50.0, clock=clock).get(Request("x", url))


def test_compressed_answers(httpserver: HTTPServer, client: HttpClient) -> None:
    long = JSON * 100_000
    for body, packed in {
        JSON: gzip.compress(JSON, mtime=0),
        JSON + JSON: gzip.compress(JSON) + gzip.compress(JSON) + b"\0\0\0",
        long: gzip.compress(long),
    }.items():
        httpserver.expect_oneshot_request("/x", headers={"Accept-Encoding": "gzip"}).respond_with_data(
            packed, headers={"Content-Encoding": "gzip"}
        )
        assert client.get(Request("x", httpserver.url_for("/x"))).body == body
    httpserver.expect_oneshot_request("/x").respond_with_data(b"x", headers={"Content-Encoding": "br"})
    with pytest.raises(FetchError, match="the encoding br, which was not asked for"):
        client.get(Request("x", httpserver.url_for("/x")))


def test_too_large(httpserver: HTTPServer, client: HttpClient, timing: Time) -> None:
    request = Request("x", httpserver.url_for("/x"))
    httpserver.expect_oneshot_request("/x").respond_with_data(b"x" * 1001)
    with pytest.raises(PayloadError, match="larger than 1000 bytes"):
        client.get(request, max_bytes=1000)
    httpserver.expect_oneshot_request("/x").respond_with_data(b"x" * 1000)
    got = client.get(request, max_bytes=1000)
    assert got.body == b"x" * 1000
    bomb = gzip.compress(b"0" * 10_000_000)
    httpserver.expect_oneshot_request("/x").respond_with_data(bomb, headers={"Content-Encoding": "gzip"})
    with pytest.raises(PayloadError, match="larger than 100000 bytes"):
        client.get(request, max_bytes=100_000)
    chunked = OK + b"Transfer-Encoding: chunked\r\n\r\n7d0\r\n" + b"x" * 2000 + b"\r\n0\r\n\r\n"
    with raw_server(chunked) as (url, _), pytest.raises(PayloadError, match="larger than 1000 bytes"):
        client.get(Request("x", url), max_bytes=1000)
    assert timing.slept == []


def test_redirects(httpserver: HTTPServer, client: HttpClient) -> None:
    httpserver.expect_request("/a").respond_with_data("", status=302, headers={"Location": "/b?token=fresh-one"})
    httpserver.expect_request("/b", query_string="token=fresh-one").respond_with_data(
        "", status=301, headers={"Location": httpserver.url_for("/c")}
    )
    httpserver.expect_request("/c").respond_with_data(JSON)
    got = client.get(Request("x", httpserver.url_for("/a")))
    assert got.body == JSON
    assert got.url == httpserver.url_for("/a")


def test_redirects_that_lead_nowhere(httpserver: HTTPServer, client: HttpClient, timing: Time) -> None:
    httpserver.expect_request("/loop").respond_with_data("", status=302, headers={"Location": "/loop"})
    with pytest.raises(FetchError, match="/loop redirects more than 5 times"):
        client.get(Request("x", httpserver.url_for("/loop")))
    assert len(httpserver.log) == 6
    httpserver.expect_request("/bare").respond_with_data("", status=302)
    with pytest.raises(FetchError, match="without a place to go on to"):
        client.get(Request("x", httpserver.url_for("/bare")))
    httpserver.expect_request("/file").respond_with_data("", status=302, headers={"Location": "ftp://x.org/?key=hidden1"})
    with pytest.raises(FetchError, match=r"ftp://x.org/\?key=REDACTED cannot be asked for"):
        client.get(Request("x", httpserver.url_for("/file")))
    assert timing.slept == []


def test_a_redirect_to_another_host_does_not_take_secret_headers_along(client: HttpClient) -> None:
    with raw_server(OK + b"Content-Length: 37\r\n\r\n" + JSON) as (there, heard_there):
        away = b"HTTP/1.1 302 Found\r\nContent-Length: 0\r\nLocation: " + there.encode() + b"/next\r\n\r\n"
        with raw_server(away) as (here, heard_here):
            headers = {"X-Api-Key": "abcdef-secret", "Authorization": "Bearer abcdef", "X-Plain": "yes"}
            assert client.get(Request("x", here, headers=headers)).body == JSON
    assert b"abcdef-secret" in heard_here[0]
    assert b"abcdef" not in heard_there[0]
    assert b"yes" in heard_there[0]


def test_a_redirect_from_https_to_http_is_refused(make: Callable[..., HttpClient]) -> None:
    transport = httpx.MockTransport(lambda _: httpx.Response(302, headers={"Location": "http://x.org/?key=hidden1"}))
    with pytest.raises(FetchError, match="redirects from https to http, which anyone"):
        make(transport=transport).get(Request("x", "https://x.org/"))


@pytest.mark.parametrize(
    ("status", "words"),
    [
        (400, r"answered 400, which is not a usable answer: \{\"error\": \"no such series\"\}"),
        (401, "wants a key, or another one"),
        (403, "set UNDERTOW_CONTACT to your name and e-mail"),
        (404, "there is nothing at http"),
        (206, "answered 206, which is not a usable answer"),
        (501, "answered 501, which is not a usable answer"),
    ],
)
def test_refusals_are_not_tried_again(
    httpserver: HTTPServer, client: HttpClient, timing: Time, status: int, words: str
) -> None:
    httpserver.expect_request("/x").respond_with_data('{"error": "no such series"}\n', status=status)
    with pytest.raises(FetchError, match=words) as caught:
        client.get(Request("x", httpserver.url_for("/x")))
    assert str(status) in str(caught.value)
    assert timing.slept == []
    assert len(httpserver.log) == 1


def test_403_with_a_contact(httpserver: HTTPServer, make: Callable[..., HttpClient]) -> None:
    httpserver.expect_request("/x").respond_with_data("", status=403)
    with pytest.raises(FetchError, match="the contact in the User-Agent did not help"):
        make(contact="ana@example.org").get(Request("x", httpserver.url_for("/x")))


def test_an_error_page_is_not_quoted(httpserver: HTTPServer, client: HttpClient) -> None:
    httpserver.expect_request("/x").respond_with_data("<html>long page</html>", status=400)
    with pytest.raises(FetchError, match=r"answered 400, which is not a usable answer$"):
        client.get(Request("x", httpserver.url_for("/x")))


@pytest.mark.parametrize("url", ["ftp://x.org/a", "x.org/a", "https://", "https://x.org:abc/", "https://[::/", "\x00"])
def test_addresses_that_are_none(client: HttpClient, url: str) -> None:
    with pytest.raises(FetchError, match="its address or a header is malformed") as caught:
        client.get(Request("x", url, params={"api_key": SECRET}))
    assert not _shows_secret(_everything(caught.value))


def test_a_header_that_cannot_be_sent(httpserver: HTTPServer, client: HttpClient) -> None:
    for value in (SECRET + "é", SECRET + "\r\n"):
        with pytest.raises(FetchError, match="its address or a header is malformed") as caught:
            client.get(Request("x", httpserver.url_for("/x"), headers={"X-Api-Key": value}))
        assert not _shows_secret(_everything(caught.value))


def test_distance_between_requests_to_one_host(httpserver: HTTPServer, make: Callable[..., HttpClient], timing: Time) -> None:
    httpserver.expect_request("/x").respond_with_data(JSON)
    client, url = make(min_interval=2.5), httpserver.url_for("/x")
    client.get(Request("x", url))
    assert timing.slept == []
    client.get(Request("x", url))
    assert timing.slept == [2.5]
    timing.elapsed += 1.0
    client.get(Request("x", url))
    assert timing.slept == [2.5, 1.5]
    timing.elapsed += 60.0
    client.get(Request("x", url))
    assert timing.slept == [2.5, 1.5]
    client.get(Request("x", url.replace("localhost", "127.0.0.1")))  # another host does not wait
    assert timing.slept == [2.5, 1.5]


ANSWERS: dict[str, dict[str, Any]] = {
    "200": {
        "status": 200,
        "response_data": JSON,
        "headers": {"X-Echo": SECRET, "Link": f"<https://x.org/?api_key={SECRET}>"},
    },
    "400": {"status": 400, "response_data": f'{{"error": "bad key {SECRET}"}}'},
    "401": {"status": 401},
    "403": {"status": 403},
    "404": {"status": 404},
    "429": {"status": 429, "headers": {"Retry-After": "9999"}},
    "500": {"status": 500},
    "redirect": {"status": 302, "headers": {"Location": "/x?api_key=" + quote_plus(SECRET)}},
    "large": {"status": 200, "response_data": b"x" * 5000},
}


@pytest.mark.parametrize("where", ["params", "url", "path", "header", "json", "userinfo"])
@pytest.mark.parametrize("kind", ANSWERS)
def test_a_secret_is_never_shown(
    httpserver: HTTPServer, make: Callable[..., HttpClient], caplog: pytest.LogCaptureFixture, kind: str, where: str
) -> None:
    caplog.set_level(logging.DEBUG)
    for name in ("httpx", "httpcore", "undertow.http"):
        caplog.set_level(logging.DEBUG, logger=name)
    client = make(retries=1)
    for name in ("httpx", "httpcore.http11"):  # someone turns the loggers up after the client was made
        logging.getLogger(name).setLevel(logging.DEBUG)
    httpserver.expect_request("/x").respond_with_data(**ANSWERS[kind])
    httpserver.expect_request("/x/" + SECRET).respond_with_data(**ANSWERS[kind])
    url = httpserver.url_for("/x")
    given: dict[str, Any] = {}
    if where == "params":
        given = {"params": {"api_key": SECRET, "x": "1"}}
    elif where == "url":
        url += "?x=1&UserID=" + quote(SECRET, safe="")
    elif where == "path":
        url, given = url + "/" + quote(SECRET, safe=""), {"secrets": (SECRET,)}
    elif where == "header":
        given = {"headers": {"X-Api-Key": SECRET}}
    elif where == "json":
        given = {"json": {"registrationkey": SECRET}}
    else:
        url = url.replace("://", f"://me:{quote(SECRET, safe='')}@")
    answered = False
    try:
        got = client.get(Request("x", url, **given), max_bytes=1000)  # ty: ignore[invalid-argument-type]
        answered = True
        shown = repr(got) + repr(got.headers) + got.url
        assert "REDACTED" in got.headers["x-echo"] or where == "userinfo"
    except FetchError as error:
        shown = _everything(error)
    assert answered is (kind == "200")
    logged = [record for record in caplog.records if record.name != "werkzeug"]  # the server, too, is in this process
    assert {record.name for record in logged} <= {"undertow.http"}
    assert logged or kind not in ("200", "500")
    assert not _shows_secret("\n".join(record.getMessage() for record in logged))
    assert not _shows_secret(shown)
    assert not _shows_secret(repr(client) + repr(vars(client)))


def test_a_broken_redirect_does_not_show_its_address(make: Callable[..., HttpClient]) -> None:
    odd = b"HTTP/1.1 302 Found\r\nContent-Length: 0\r\nLocation: http://x.org:9x/" + quote(SECRET).encode() + b"\r\n\r\n"
    with raw_server(odd) as (url, _), pytest.raises(FetchError, match="RemoteProtocolError") as caught:
        make(retries=0).get(Request("x", url, params={"api_key": SECRET}))
    assert not _shows_secret(_everything(caught.value))


@settings(deadline=None)
@given(st.text(min_size=6, max_size=24).map(lambda text: "Zq7" + text), st.sampled_from([quote, quote_plus, str]))
def test_the_address_never_shows_a_secret(secret: str, encode: Callable[[str], str]) -> None:
    try:
        shown = encode(secret)
        shown.encode()
    except UnicodeEncodeError:  # a lone surrogate cannot stand in an address
        return
    for request in (
        Request("x", f"https://x.org/{shown}/data", secrets=(secret,)),
        Request("x", f"https://x.org/data?series=1&note={shown}", secrets=(secret,)),
        Request("x", "https://x.org/data", params={"note": secret}, secrets=(secret,)),
        Request("x", "https://x.org/data", params={"api_key": secret}),
    ):
        assert not _shows_secret(address(request), secret)
        assert "Zq7" not in address(request)


def test_answers_can_be_told_apart() -> None:
    assert Answer(200, b"x", None, None, "u", {}) != Answer(200, b"y", None, None, "u", {})


def test_many_threads_keep_their_distance(httpserver: HTTPServer, make: Callable[..., HttpClient]) -> None:
    httpserver.expect_request("/x").respond_with_data(JSON)
    slept: list[float] = []
    client = make(min_interval=1.0, sleep=slept.append, clock=lambda: 0.0)
    threads = [threading.Thread(target=client.get, args=(Request("x", httpserver.url_for("/x")),)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(10)
    assert sorted(slept) == [1.0, 2.0, 3.0]

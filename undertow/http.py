"""The HTTP client: one polite, patient way to ask a provider, that never lets a secret out.

It retries what may pass (429, 5xx, broken connections), honours ``Retry-After``, keeps a distance between requests to
one host, asks conditionally where an earlier answer is known, and reads no more than it was told to. Whether the bytes
are what was asked for is judged after they are archived (``undertow.sniff``); no provider's ways belong here.

Secrets: exceptions of httpx hold the request with its address, so none of them leaves this module, not even as the
context of another exception, and the loggers of httpx and httpcore, which write addresses, are kept quiet.
"""

from __future__ import annotations

import logging
import re
import threading
import time
import zlib
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote_plus, urlencode

import httpx
import tenacity

import undertow
from undertow import clock as time_of_day
from undertow.archive import REDACTED, Sighting, is_secret_name, redact
from undertow.errors import AbsentError, FetchError, PayloadError, RefusedError, UsageError
from undertow.instants import format_instant
from undertow.sniff import looks_like

if TYPE_CHECKING:
    from types import TracebackType

    from undertow.room import Content, Request

__all__ = ["Answer", "HttpClient", "address", "quieten", "without_secrets"]

logger = logging.getLogger("undertow.http")

LONGEST_RETRY_AFTER = 120.0  # seconds; a provider that asks for more is left alone
LONGEST_BACKOFF = 60.0
MAX_REDIRECTS = 5
_RETRIED = frozenset({429, 500, 502, 503, 504})
_ABSENT = frozenset({204, 404, 410})
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_CHUNK = 64 * 1024
_ACCEPT: dict[str, str] = {
    "json": "application/json, */*;q=0.5",
    "csv": "text/csv, */*;q=0.5",
    "xml": "application/xml, text/xml, */*;q=0.5",
}
_LOGGERS = ("httpx", "httpcore", "httpcore.connection", "httpcore.http11", "httpcore.http2", "httpcore.proxy")


@dataclass(frozen=True)
class Answer:
    """What a provider answered. ``body`` is None where it said that its earlier answer still stands (304)."""

    status: int
    body: bytes | None = field(repr=False)
    etag: str | None
    last_modified: str | None
    url: str  # the address that was asked for, without secrets
    headers: dict[str, str]  # names in lower case, without cookies and secrets


class _Again(Exception):
    """A failure that may pass. ``wait`` is what the provider asked for, in seconds; ``refused``: it says we ask too often."""

    def __init__(self, message: str, wait: float | None = None, *, refused: bool = False) -> None:
        super().__init__(message)
        self.wait = wait
        self.refused = refused


def address(request: Request) -> str:
    """Return the address of a request with its parameters and without secrets, as ``Answer.url`` will have it."""
    return _Scrubber(request).address(_full_url(request))


class HttpClient:
    """Asks providers. Use it as a context manager; threads may share it."""

    def __init__(
        self,
        *,
        contact: str | None = None,
        timeout: float = 60.0,
        retries: int = 5,
        min_interval: float = 1.0,
        total_timeout: float = 1800.0,
        sleep: Callable[[float], None] = time.sleep,
        clock: Callable[[], float] = time.monotonic,
        now: Callable[[], datetime] = time_of_day.now,
        transport: httpx.BaseTransport | None = None,
    ) -> None:
        """Set the client up; nothing is sent.

        Args:
            contact: name and e-mail for the User-Agent.
            timeout: seconds to connect, and to wait for the next bytes.
            retries: how often a request is repeated after the first try.
            min_interval: least seconds between the starts of two requests to one host.
            total_timeout: seconds after which an answer that still trickles in is given up.
            sleep: how to wait; tests give one that does not.
            clock: a steady clock in seconds, for intervals.
            now: the time of day, for a ``Retry-After`` that is a date.
            transport: instead of the network, for tests.

        Raises:
            UsageError: the contact cannot stand in a header.
        """
        if contact is not None and not re.fullmatch(r"[ -~]*", contact):
            raise UsageError("UNDERTOW_CONTACT may hold printable ASCII characters only: a name and an e-mail")
        self._contact = (contact or "").strip()
        agent = f"undertow/{undertow.__version__}" + (f" ({self._contact})" if self._contact else "")
        self._retries = retries
        self._min_interval = min_interval
        self._total_timeout = total_timeout
        self._sleep = sleep
        self._clock = clock
        self._now = now
        self._next_start: dict[str, float] = {}
        self._mutex = threading.Lock()
        self.answered: Counter[str] = Counter()  # status of each answer, or "none" where none came -> how often
        quieten()
        self._client = httpx.Client(
            timeout=httpx.Timeout(connect=timeout, read=timeout, write=timeout, pool=timeout),
            # gzip only: it is undone here, where a stream that was cut short is noticed
            headers={"User-Agent": agent, "Accept-Encoding": "gzip"},
            follow_redirects=False,  # followed in _exchange, one by one, under the same rules as a first request
            transport=transport,
        )

    def __enter__(self) -> HttpClient:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"HttpClient(contact={self._contact!r}, retries={self._retries}, min_interval={self._min_interval})"

    def close(self) -> None:
        """Close the connections."""
        self._client.close()

    def get(
        self,
        request: Request,
        *,
        content: Content = "any",
        max_bytes: int = 512 * 1024 * 1024,
        previous: Sighting | None = None,
    ) -> Answer:
        """Send a request (a POST when it has ``json`` or ``form``) and return the provider's answer.

        The body is not judged here: archive it, then ``check_content``.

        Args:
            request: what to ask.
            content: what the answer should be; it says so in the Accept header.
            max_bytes: greatest size of the body, after decompression.
            previous: the newest sighting; if it is of the same address, the request says that only a newer answer is
                wanted.

        Raises:
            PayloadError: the body is larger than ``max_bytes``.
            AbsentError: the provider has nothing there (404, 410, 204).
            RefusedError: it refused (403), or still answered 429 after the retries.
            FetchError: the provider refused, or still failed after the retries; or the request cannot be sent.
        """
        scrub = _Scrubber(request)
        url = scrub.address(_full_url(request))
        headers = {"Accept": _ACCEPT.get(content, "*/*"), **request.headers}
        if previous is not None and request.json is None and request.form is None and previous.url == url:
            if previous.etag and previous.etag.isascii():
                headers["If-None-Match"] = previous.etag
            if previous.last_modified and previous.last_modified.isascii():
                headers["If-Modified-Since"] = previous.last_modified
        outgoing = self._build(request, headers, url)
        tries = tenacity.Retrying(
            stop=tenacity.stop_after_attempt(self._retries + 1),
            wait=_wait,
            retry=tenacity.retry_if_exception_type(_Again),
            sleep=self._sleep,
            before_sleep=lambda state: _log_retry(state, url),
            reraise=True,
        )
        try:
            answer = tries(self._exchange, outgoing, url, scrub, max_bytes, request.busy)
        except _Again as error:
            failure = f"{url} still failed after {self._retries + 1} tries: {error}"
            kind = RefusedError if error.refused else FetchError
        else:
            size = "unchanged" if answer.body is None else f"{len(answer.body)} bytes"
            facts = {"url": url, "status": answer.status, "bytes": len(answer.body or b"")}
            logger.info("%s: status %d, %s", url, answer.status, size, extra=facts)
            return answer
        raise kind(failure)

    def _build(self, request: Request, headers: dict[str, str], url: str) -> httpx.Request:
        """Return the request for httpx; what it refuses is a FetchError without the reason, which may be secret."""
        try:
            if request.form is not None:
                outgoing = self._client.build_request("POST", _full_url(request), headers=headers, data=dict(request.form))
            elif request.json is None:
                outgoing = self._client.build_request("GET", _full_url(request), headers=headers)
            else:
                outgoing = self._client.build_request("POST", _full_url(request), headers=headers, json=request.json)
            if outgoing.url.scheme in ("http", "https") and outgoing.url.host:
                return outgoing
        except (httpx.InvalidURL, ValueError, TypeError):
            pass
        raise FetchError(f"{url} cannot be asked for: its address or a header is malformed")

    def _exchange(
        self, outgoing: httpx.Request, url: str, scrub: _Scrubber, max_bytes: int, busy: Callable[[bytes], bool] | None
    ) -> Answer:
        """Try once: send, follow redirects, read the body."""
        quieten()
        deadline = self._clock() + self._total_timeout
        for _ in range(MAX_REDIRECTS + 1):
            self._keep_distance(outgoing.url.host)
            response, failure = self._send(outgoing, scrub)
            with self._mutex:
                self.answered[str(response.status_code) if response is not None else "none"] += 1
            if response is None:
                raise _Again(failure)
            try:
                if response.status_code not in _REDIRECTS:
                    answer = self._answer(response, url, scrub, max_bytes, deadline)
                    if busy is not None and answer.body is not None and _says_busy(busy, answer.body):
                        wait = self._retry_after(response, url)
                        raise _Again("it answered 200 with a body that asks to come back later", wait)
                    return answer
                outgoing = _redirected(outgoing, response, url, scrub)
            finally:
                response.close()
        raise FetchError(f"{url} redirects more than {MAX_REDIRECTS} times")

    def _send(self, outgoing: httpx.Request, scrub: _Scrubber) -> tuple[httpx.Response | None, str]:
        """Send one request and return the answer with its body unread, or None and what went wrong."""
        try:
            return self._client.send(outgoing, stream=True), ""
        except (httpx.UnsupportedProtocol, httpx.LocalProtocolError):
            pass  # trying again would not help
        except httpx.HTTPError as error:
            return None, scrub(_named(error))
        raise FetchError(f"{scrub.address(str(outgoing.url))} cannot be asked for: its address or a header is malformed")

    def _answer(self, response: httpx.Response, url: str, scrub: _Scrubber, max_bytes: int, deadline: float) -> Answer:
        """Judge the status and read the body."""
        status = response.status_code
        if status in _RETRIED:
            raise _Again(f"it answered {status}", self._retry_after(response, url), refused=status == 429)
        headers = {name.lower(): scrub(redact(value)) for name, value in response.headers.items() if not is_secret_name(name)}
        asked = response.request.headers
        body: bytes | None = None
        if status == 200:
            body = self._read(response, url, scrub, max_bytes, deadline)
        elif status != 304 or not ("if-none-match" in asked or "if-modified-since" in asked):
            kind = AbsentError if status in _ABSENT else RefusedError if status == 403 else FetchError
            raise kind(self._refusal(response, url, scrub))
        etag, last_modified = (response.headers.get(name) for name in ("etag", "last-modified"))
        return Answer(status, body, etag and scrub(etag), last_modified and scrub(last_modified), url, headers)

    def _read(self, response: httpx.Response, url: str, scrub: _Scrubber, max_bytes: int, deadline: float) -> bytes:
        """Read the body under the size cap; a body that is cut short is a failure that may pass."""
        coding = response.headers.get("content-encoding", "identity").strip().lower()
        if coding not in ("identity", "gzip", "x-gzip", ""):
            raise FetchError(f"{url} answered in the encoding {scrub(coding)[:40]}, which was not asked for")
        compressed = "gzip" in coding
        announced = response.headers.get("content-length", "")
        too_large = f"{url} answered with a body larger than {max_bytes} bytes"
        if announced.isdecimal() and int(announced) > max_bytes:
            raise PayloadError(too_large)
        unzip, received, size, chunks = _Gunzip(), 0, 0, []
        failure = None
        try:
            for raw in response.iter_raw():
                received += len(raw)
                for chunk in unzip(raw) if compressed else (raw,):
                    size += len(chunk)
                    if size > max_bytes:
                        raise PayloadError(too_large)
                    chunks.append(chunk)
                if self._clock() > deadline:
                    failure = f"its answer took longer than {self._total_timeout:g} seconds"
                    break
        except httpx.HTTPError as error:
            failure = f"its answer was cut short after {received} bytes ({type(error).__name__})"
        except zlib.error:
            failure = f"its compressed answer is corrupt after {received} bytes"
        if failure is None and announced.isdecimal() and received != int(announced):
            failure = f"its answer was cut short: {received} of {announced} bytes"
        if failure is None and compressed and received and not unzip.done:
            failure = f"its compressed answer was cut short after {received} bytes"
        if failure is not None:
            raise _Again(failure)
        return b"".join(chunks)

    def _refusal(self, response: httpx.Response, url: str, scrub: _Scrubber) -> str:
        """Say what a status means for the one who asked."""
        status = response.status_code
        if status == 204:
            return f"{url} has nothing for what was asked (status 204)"
        if status in (404, 410):
            return f"there is nothing at {url} (status {status}); the provider may have moved it"
        if status == 403:
            advice = (
                "the contact in the User-Agent did not help, so wait a while, then check the provider's terms of access"
                if self._contact
                else "some providers want to know who asks, so set UNDERTOW_CONTACT to your name and e-mail"
            )
            return f"{url} is refused to us (status 403); {advice}"
        if status == 401:
            return f"{url} wants a key, or another one (status 401)"
        return f"{url} answered {status}, which is not a usable answer{_reason(response, scrub)}"

    def _retry_after(self, response: httpx.Response, url: str) -> float | None:
        """Return how many seconds the provider asks to wait, or None.

        Raises:
            FetchError: it asks for more than ``LONGEST_RETRY_AFTER``.
        """
        text = response.headers.get("retry-after", "").strip()
        now = self._now()
        if text.isdecimal() and len(text) < 10:
            seconds = float(text)
        else:
            try:
                date = parsedate_to_datetime(text)
            except (ValueError, TypeError, IndexError):
                return None
            date = date.replace(tzinfo=UTC) if date.tzinfo is None else date
            seconds = (date - now).total_seconds()
        if seconds > LONGEST_RETRY_AFTER:
            back = format_instant((now + timedelta(seconds=seconds)).replace(microsecond=0))
            kind = RefusedError if response.status_code == 429 else FetchError
            raise kind(f"{url} answered {response.status_code} and asks to come back after {back}")
        return seconds if seconds > 0 else None

    def _keep_distance(self, host: str) -> None:
        """Wait until the host may be asked again."""
        with self._mutex:
            now = self._clock()
            start = max(now, self._next_start.get(host, now))
            self._next_start[host] = start + self._min_interval
        if start > now:
            self._sleep(start - now)


class _Scrubber:
    """Removes the secrets of one request from any text, in whatever way they are percent-encoded."""

    def __init__(self, request: Request) -> None:
        secrets = {*request.secrets}
        named = [*request.params.items(), *request.headers.items(), *_query_pairs(request.url)]
        if isinstance(request.json, dict):
            named += [(str(name), value) for name, value in request.json.items() if isinstance(value, str)]
        named += (request.form or {}).items()
        # Where they stand, all of these are redacted by name; elsewhere too if they are not as common as a word.
        secrets.update(value for name, value in named if is_secret_name(name) and len(value) >= 6)
        longest_first = sorted((secret for secret in secrets if secret), key=len, reverse=True)
        self._pattern = re.compile("|".join(_any_encoding(secret) for secret in longest_first)) if longest_first else None

    def __call__(self, text: str) -> str:
        return self._pattern.sub(REDACTED, text) if self._pattern else text

    def __repr__(self) -> str:
        return "_Scrubber()"

    def finds(self, body: bytes) -> bool:
        """Tell whether a secret stands in a body."""
        return self._pattern is not None and self._pattern.search(body.decode("utf-8", "replace")) is not None

    def address(self, url: str) -> str:
        """Return an address without secrets."""
        return redact(self(url))


class _Gunzip:
    """Undoes gzip piece by piece, in bounded steps, and knows whether the stream came to its end."""

    def __init__(self) -> None:
        self._stream = zlib.decompressobj(wbits=31)

    @property
    def done(self) -> bool:
        """Whether the last member of the stream is complete."""
        return self._stream.eof

    def __call__(self, raw: bytes) -> Iterator[bytes]:
        while raw:
            if self._stream.eof:  # a further member follows
                self._stream = zlib.decompressobj(wbits=31)
            yield self._stream.decompress(raw, _CHUNK * 16)
            # Zeros after a member are padding, as the gzip tools read it.
            raw = self._stream.unused_data.lstrip(b"\0") if self._stream.eof else self._stream.unconsumed_tail


def _full_url(request: Request) -> str:
    """Return the address with the parameters appended; httpx would drop a query that stands in the address already."""
    if not request.params:
        return request.url
    url, hash_mark, fragment = request.url.partition("#")
    separator = "&" if "?" in url else "?"
    return url + separator + urlencode(dict(request.params)) + hash_mark + fragment


def _query_pairs(url: str) -> Iterator[tuple[str, str]]:
    """Yield names and values of an address's query, and its credentials as secrets."""
    for part in re.split(r"[&;?#]", url)[1:]:
        name, _, value = part.partition("=")
        yield unquote_plus(name), unquote_plus(value)
    credentials = re.match(r"[^/?#]*//([^/?#]*)@", url)
    if credentials:
        for word in credentials.group(1).split(":", 1):
            yield "password", unquote_plus(word)


def without_secrets(body: bytes, secrets: Sequence[str]) -> tuple[bytes, bool]:
    """Return a body without any spelling of the secrets, and whether one stood in it."""
    found = False
    for secret in sorted((secret for secret in secrets if secret), key=len, reverse=True):
        body, times = re.subn(_any_encoding(secret).encode(), REDACTED.encode(), body)
        found = found or times > 0
    return body, found


def _any_encoding(secret: str) -> str:
    """Return a regular expression for a text of which any character may be percent-encoded or JSON-escaped."""
    pieces = []
    for character in secret:
        plain = {re.escape(character)}
        octets = character.encode("utf-8", "surrogatepass")
        plain.add("".join(f"%(?i:{octet:02x})" for octet in octets))
        if character == " ":
            plain.add(r"\+")
        if ord(character) > 127:
            plain.add("".join(rf"\\u(?i:{unit:04x})" for unit in _utf16(character)))
        if character in "\\\"'/":
            plain.add(re.escape("\\" + character))
        pieces.append("(?:" + "|".join(sorted(plain)) + ")")
    return "".join(pieces)


def _utf16(character: str) -> list[int]:
    """Return the UTF-16 code units of a character, which are how JSON escapes it."""
    octets = character.encode("utf-16-be", "surrogatepass")
    return [int.from_bytes(octets[place : place + 2], "big") for place in range(0, len(octets), 2)]


def _redirected(outgoing: httpx.Request, response: httpx.Response, url: str, scrub: _Scrubber) -> httpx.Request:
    """Return the request that follows a redirect; where it leads to another host, no secret goes along.

    Secret headers are left out. A body with a key in it (307 and 308 repeat the body) cannot be, so that is refused.
    """
    following = response.next_request
    if following is None:
        raise FetchError(f"{url} answered {response.status_code} without a place to go on to")
    if outgoing.url.scheme == "https" and following.url.scheme != "https":
        raise FetchError(f"{url} redirects from https to {following.url.scheme}, which anyone on the way can read")
    if following.url.netloc != outgoing.url.netloc:
        if scrub.finds(following.read()):
            raise FetchError(f"{url} redirects a request that holds a key to another host, {scrub(following.url.host)}")
        for name in [name for name in following.headers if is_secret_name(name)]:
            del following.headers[name]
    return following


def _reason(response: httpx.Response, scrub: _Scrubber) -> str:
    """Return what an error answer says, if it says it in a few words that are not a page."""
    body, compressed = b"", "gzip" in response.headers.get("content-encoding", "")
    unzip = _Gunzip()
    try:
        for raw in response.iter_raw():
            body += b"".join(unzip(raw)) if compressed else raw
            if len(body) > _CHUNK:
                break
    except (httpx.HTTPError, zlib.error):
        return ""
    if not body or looks_like(body) not in ("JSON", "XML", "text"):
        return ""
    text = scrub(body.decode("utf-8", "replace"))
    words = " ".join("".join(character if character.isprintable() else " " for character in text).split())
    return f": {words[:160]}" if words else ""


def _says_busy(busy: Callable[[bytes], bool], body: bytes) -> bool:
    """Ask a room whether an answer says to come back; one that is nested too deeply to be read says nothing."""
    try:
        return busy(body)
    except RecursionError:
        return False


def _wait(state: tenacity.RetryCallState) -> float:
    """Return how long to wait: what the provider asked for, else exponential backoff with full jitter."""
    error = state.outcome.exception() if state.outcome else None
    if isinstance(error, _Again) and error.wait is not None:
        return error.wait
    return tenacity.wait_random_exponential(multiplier=1, max=LONGEST_BACKOFF)(state)


def _log_retry(state: tenacity.RetryCallState, url: str) -> None:
    """Log that a request is tried again."""
    error: Any = state.outcome.exception() if state.outcome else None
    wait = state.next_action.sleep if state.next_action else 0.0
    logger.warning("%s: %s; try %d follows in %.1f s", url, error, state.attempt_number + 1, wait)


def _named(error: Exception) -> str:
    """Return an exception as its name and what it says."""
    return f"{type(error).__name__}: {error}" if str(error) else type(error).__name__


def quieten() -> None:
    """Keep httpx and httpcore from logging addresses, also when the program's logging asks for more."""
    for name in _LOGGERS:
        log = logging.getLogger(name)
        if log.level < logging.WARNING:
            log.setLevel(logging.WARNING)

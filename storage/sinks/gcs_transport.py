"""
Sessions of `requests` that connect only to what the door has let through, and to one place each.

They run in the thread of a sink; the door is asked on the event loop. Nothing comes from the
surroundings: no proxy variable, no `.netrc`, no cookie, no client certificate. The name stays in
the Host header and in TLS.
"""

from __future__ import annotations

import asyncio
import logging
import os
import ssl
from collections.abc import Sequence
from concurrent.futures import CancelledError, Future
from contextlib import suppress
from functools import partial
from http.client import BadStatusLine, HTTPResponse
from http.cookiejar import DefaultCookiePolicy
from socket import IPPROTO_TCP, SHUT_RDWR, SOCK_STREAM, TCP_NODELAY, socket
from threading import Lock
from time import monotonic
from typing import Any
from urllib.parse import urlsplit
from weakref import WeakSet

from requests import PreparedRequest, Response, Session
from requests.adapters import HTTPAdapter
from urllib3 import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.exceptions import HTTPError

from storage.sinks.connecting import LONGEST_ANSWER, MOST_HINTS, NO_STORE
from storage.sinks.errors import SinkRefused, SinkUnavailable
from storage.sinks.port import Endpoint, Outside

# It logs what it cannot read in an answer, with a traceback.
logging.getLogger("urllib3").setLevel(logging.CRITICAL)

GIVEN_UP = "The request was given up."


class Dialler:
    """Open sockets from a thread, to addresses that the door permits on ``loop``."""

    def __init__(self, outside: Outside, loop: asyncio.AbstractEventLoop) -> None:
        self._outside, self._loop = outside, loop
        self._lock = Lock()
        self._connections: WeakSet[HTTPConnection] = WeakSet()
        self._asked: Future[Sequence[Endpoint]] | None = None
        self._over = False

    def open(self, connection: HTTPConnection) -> socket:
        """Return a connected socket for a connection; raise SinkError."""
        self.check()
        with self._lock:
            self._connections.add(connection)
        endpoints = self._vetted(connection.host, connection.port)
        until = monotonic() + self._outside.connect_timeout
        failure = OSError()
        for left, endpoint in zip(range(len(endpoints), 0, -1), endpoints, strict=True):
            try:
                return self._connected(endpoint, max(until - monotonic(), 0.1) / left)
            except OSError as fault:
                failure = fault
        # Not the fault's own text, which names the address.
        why = os.strerror(failure.errno) if failure.errno else "no answer in time"
        raise SinkUnavailable(f"No connection to {connection.host}: {why}.") from failure

    def check(self) -> None:
        """Raise SinkUnavailable once nothing is to be said any more."""
        if self._over:
            raise SinkUnavailable(GIVEN_UP)

    def end(self) -> None:
        """Cut off what is under way, from any thread, and connect no more."""
        self._over = True
        if self._asked is not None:
            self._asked.cancel()
        with self._lock:
            opened = list(self._connections)
        for connection in opened:
            _cut_off(connection)

    def _connected(self, endpoint: Endpoint, patience: float) -> socket:
        opened = socket(endpoint.family, SOCK_STREAM)
        try:
            opened.settimeout(patience)
            opened.connect(endpoint.sockaddr)
            # Who is there may be somebody else than was asked for (0.0.0.0 is loopback).
            self._vetted(*opened.getpeername()[:2])
            self.check()
            opened.setsockopt(IPPROTO_TCP, TCP_NODELAY, 1)
            opened.settimeout(self._outside.connect_timeout)
        except BaseException:
            opened.close()
            raise
        return opened

    def _vetted(self, host: str, port: int) -> Sequence[Endpoint]:
        asking = self._outside.door.resolve(host, port)
        try:
            self._asked = asked = asyncio.run_coroutine_threadsafe(asking, self._loop)
        except RuntimeError:  # the loop has ended before us
            asking.close()
            raise SinkUnavailable(GIVEN_UP) from None
        if self._over:  # the end came in between
            asked.cancel()
        try:
            return asked.result(self._outside.connect_timeout)
        except TimeoutError:
            asked.cancel()
            raise SinkUnavailable(f"The host {host} was not found in time.") from None
        except CancelledError:
            raise SinkUnavailable(GIVEN_UP) from None


class VettedAdapter(HTTPAdapter):
    """Send requests over sockets of a dialler, and read no more than a store has to say."""

    def __init__(self, dialler: Dialler, secure: ssl.SSLContext) -> None:
        super().__init__(pool_connections=1, pool_maxsize=1)
        self._dialler, self._secure = dialler, secure
        pools: dict[str, Any] = {
            "http": partial(_pool, HTTPConnectionPool, partial(_Plain, dialler)),
            "https": partial(_pool, HTTPSConnectionPool, partial(_Secure, dialler)),
        }
        self.poolmanager.pool_classes_by_scheme = pools

    def build_connection_pool_key_attributes(
        self, request: PreparedRequest, *args: Any, **kwargs: Any
    ) -> tuple[dict[str, Any], dict[str, Any]]:
        """Verify by our context and by nothing else."""
        place, _ = super().build_connection_pool_key_attributes(request, *args, **kwargs)
        return place, {"ssl_context": self._secure}

    def cert_verify(self, *args: Any, **kwargs: Any) -> None:
        """Leave it to the context: the library would add authorities of its own."""

    def send(self, request: PreparedRequest, *args: Any, **kwargs: Any) -> Response:
        """Return an answer with as much of its body as matters; raise SinkError for no answer."""
        self._dialler.check()
        request.headers["Accept-Encoding"] = "identity"
        response = super().send(request, *args, **{**kwargs, "stream": True})
        try:
            body = _body(response)
        finally:
            response.close()
        # Where the library itself would have put it.
        response._content, response._content_consumed = body, True  # noqa: SLF001 - see above
        return response


def _body(response: Response) -> bytes:
    """Return a body; of what is no success the status says enough where there is no reading it."""
    try:
        body: bytes = response.raw.read(LONGEST_ANSWER + 1, decode_content=False)
    except (HTTPError, OSError):
        if response.ok:
            raise
        return b""
    if len(body) <= LONGEST_ANSWER:
        return body
    if response.ok:
        raise SinkRefused(NO_STORE)
    return b""


def confine(session: Session, url: str, adapter: HTTPAdapter) -> None:
    """Let a session talk to the origin of a URL and to nothing else, as nobody but itself."""
    session.trust_env = False
    session.max_redirects = 0
    session.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))
    session.adapters.clear()
    session.mount(origin(url), adapter)


def origin(url: str) -> str:
    """Return scheme, host and port of a URL as the library writes them, with a slash behind."""
    prepared = PreparedRequest()
    prepared.prepare_url(url, None)
    parts = urlsplit(str(prepared.url))
    return f"{parts.scheme}://{parts.netloc}/"


class _Answer(HTTPResponse):
    """An answer after a few hints that it will come: without end they are read without a pause."""

    _heads = 0

    def _read_status(self) -> tuple[str, int, str]:
        self._heads += 1
        if self._heads > MOST_HINTS + 1:
            raise BadStatusLine("too many hints")
        said: tuple[str, int, str] = super()._read_status()  # type: ignore[misc]  # not in its stub
        return said


class _Plain(HTTPConnection):
    response_class: type[HTTPResponse] = _Answer

    def __init__(self, dialler: Dialler, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._dialler = dialler

    def _new_conn(self) -> socket:
        return self._dialler.open(self)


class _Secure(_Plain, HTTPSConnection):
    """The same, with TLS behind it."""


def _pool(
    kind: type[HTTPConnectionPool], connect: Any, *args: Any, **kwargs: Any
) -> HTTPConnectionPool:
    pool = kind(*args, **kwargs)
    pool.ConnectionCls = connect
    return pool


def _cut_off(connection: HTTPConnection) -> None:
    # Not the method of a TLS socket, which changes it under the hands of the thread that reads.
    with suppress(OSError, AttributeError, TypeError):
        socket.shutdown(connection.sock, SHUT_RDWR)

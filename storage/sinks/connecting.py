"""How sinks that speak HTTP are connected: only to addresses that the door has let through.

Nothing comes from the surroundings: no proxy variable, no cookie, no `.netrc`. The name stays in
the Host header and in TLS, which is always verified by the system's authorities.
"""

from __future__ import annotations

import asyncio
import os
import ssl
from collections.abc import Callable, Sequence
from functools import lru_cache, partial
from socket import AF_INET, AddressFamily
from typing import Any, TypeAlias

from aiohttp import (
    ClientConnectionError,
    ClientConnectorCertificateError,
    ClientConnectorSSLError,
    ClientError,
    ClientPayloadError,
    ClientRequest,
    ClientResponse,
    ClientResponseError,
    ClientSession,
    ClientTimeout,
    ConnectionTimeoutError,
    DummyCookieJar,
    InvalidURL,
    ServerTimeoutError,
    TCPConnector,
)
from aiohttp.abc import AbstractResolver, ResolveResult
from aiohttp.client_proto import ResponseHandler
from aiohttp.connector import Connection
from aiohttp.http_exceptions import HttpProcessingError
from aiohttp.tracing import Trace

from storage.sinks.errors import SinkError, SinkRefused, SinkUnavailable
from storage.sinks.port import Door, Outside

LONGEST_ANSWER = 1 << 16  # of XML: more would keep everybody waiting while it is parsed
MOST_HINTS = 16  # of the kind "100 Continue": without end they would keep everybody waiting
NO_STORE = "What answers there is no object store of this type: correct endpoint_url."
CUT_OFF = "The store cut the connection off before it had answered; it is tried again."

_Kinds: TypeAlias = type[BaseException] | tuple[type[BaseException], ...]


async def open_session(
    outside: Outside, response_class: type[ClientResponse] | None = None
) -> ClientSession:
    """Return a session of the world outside; redirects are the caller's to refuse."""
    secure = await asyncio.to_thread(_shared, ssl.get_default_verify_paths())
    return ClientSession(
        connector=VettedConnector(outside, secure),
        timeout=ClientTimeout(
            total=None, sock_connect=outside.connect_timeout, sock_read=outside.read_timeout
        ),
        response_class=response_class or BoundedResponse,
        cookie_jar=DummyCookieJar(),
        auto_decompress=False,
        trust_env=False,
    )


def verifying() -> ssl.SSLContext:
    """Return how TLS is spoken with every store; takes a moment, call it in a thread."""
    # Not the library's default context: that one writes keys to where SSLKEYLOGFILE says.
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)  # verifies certificate and name
    made.minimum_version = ssl.TLSVersion.TLSv1_2
    made.load_default_certs()
    return made


@lru_cache(maxsize=2)  # the authorities take 0.8 MB
def _shared(_: ssl.DefaultVerifyPaths) -> ssl.SSLContext:
    return verifying()


class VettedResolver(AbstractResolver):
    """Look names up through the door, at every connection anew, within ``patience`` s."""

    def __init__(self, door: Door, patience: float) -> None:
        self._door, self._patience = door, patience

    async def resolve(
        self, host: str, port: int = 0, family: AddressFamily = AF_INET
    ) -> list[ResolveResult]:
        """Return the addresses of a host, of whatever family; raise SinkError."""
        try:
            async with asyncio.timeout(self._patience):
                endpoints = await self._door.resolve(host, port)
        except TimeoutError:
            raise SinkUnavailable(
                f"The host {host} was not found within {self._patience:g} s; it is tried again."
            ) from None
        return [
            ResolveResult(
                hostname=host, host=sockaddr[0], port=sockaddr[1], family=each, proto=0, flags=0
            )
            for each, sockaddr in endpoints
        ]

    async def close(self) -> None:
        """Hold nothing."""


class VettedConnector(TCPConnector):
    """Connect to what the resolver has vetted, and look at who is there before a word is said."""

    def __init__(self, outside: Outside, secure: ssl.SSLContext) -> None:
        self._vetted = VettedResolver(outside.door, outside.connect_timeout)
        super().__init__(resolver=self._vetted, use_dns_cache=False, ssl=secure)
        self._factory = partial(_Listener, loop=self._loop)  # type: ignore[assignment]  # invariant

    async def _resolve_host(
        self, host: str, port: int, traces: Sequence[Trace] | None = None
    ) -> list[ResolveResult]:
        # The library asks no resolver about an address that is written out.
        return await self._vetted.resolve(host, port)

    async def connect(
        self, req: ClientRequest, traces: list[Trace], timeout: ClientTimeout
    ) -> Connection:
        """Return a connection whose other end is permitted too (0.0.0.0 is loopback there)."""
        connection = await super().connect(req, traces, timeout)
        try:
            await self._vetted.resolve(*_peer(connection))
        except BaseException:
            connection.close()
            raise
        return connection


class _Listener(ResponseHandler):
    """One connection, on which an answer comes after a few hints that it will."""

    _hints = 0

    async def read(self) -> Any:
        """Return the next head; raise HttpProcessingError where there are too many hints."""
        message, payload = await super().read()
        self._hints = self._hints + 1 if message.code < 200 else 0
        if self._hints > MOST_HINTS:
            raise HttpProcessingError(message="too many hints")
        return message, payload


def _peer(connection: Connection) -> tuple[str, int]:
    there = connection.transport and connection.transport.get_extra_info("peername")
    if not there:  # it has hung up already
        raise SinkUnavailable(CUT_OFF)
    host, port, *_ = there
    return host, port


class BoundedResponse(ClientResponse):
    """An answer of which no more is read than a store has to say."""

    async def read(self) -> bytes:
        """Return the body; raise SinkRefused where it is too long."""
        if self._body is None:
            try:
                self._body = await self._bounded()
            except BaseException:
                self.close()
                raise
        return self._body

    async def _bounded(self) -> bytes:
        body = bytearray()
        async for piece in self.content.iter_any():
            body += piece
            if len(body) > LONGEST_ANSWER:
                raise SinkRefused(NO_STORE)
        return bytes(body)


def translated(failure: BaseException) -> SinkError:
    """Say what a failed request comes to, without a word of the other side.

    Takes what `FAILURES` names; they are decided by their class alone.
    """
    return next(say(failure) for kinds, say in _SAID if isinstance(failure, kinds))


FAILURES = (SinkError, ClientError, OSError, ssl.CertificateError)


def distrusted(cause: Exception) -> SinkError:
    """Say why a certificate was not taken."""
    why = _DISTRUSTED.get(getattr(cause, "verify_code", 0), "it could not be verified")
    return SinkRefused(
        f"The store's certificate is not trusted: {why}. Correct endpoint_url, or let the system "
        "of this server trust it."
    )


def _insecure(failure: Any) -> SinkError:
    alert = getattr(failure.os_error, "reason", None) or "no reason given"
    return SinkUnavailable(
        f"TLS with the store failed: {alert.replace('_', ' ').lower()}. Check that endpoint_url "
        "names a port that speaks HTTPS."
    )


def _unreachable(failure: Any) -> SinkError:
    if not failure.errno:
        return SinkUnavailable(CUT_OFF)
    # Not the fault's own text, which names the address.
    return SinkUnavailable(f"No connection to the store: {os.strerror(failure.errno)}.")


# OpenSSL's X509_V_ERR_* numbers.
_DISTRUSTED = {
    9: "it is not valid yet",
    10: "it has expired",
    18: "it is self-signed",
    **dict.fromkeys((2, 19, 20, 21), "its authority is unknown"),
    **dict.fromkeys((62, 64), "it is for another name"),
}

# The first kind that fits decides.
_SAID: tuple[tuple[_Kinds, Callable[[Any], SinkError]], ...] = (
    (SinkError, lambda failure: failure),
    (ClientConnectorCertificateError, lambda failure: distrusted(failure.certificate_error)),
    (ClientConnectorSSLError, _insecure),
    (
        ConnectionTimeoutError,
        lambda _: SinkUnavailable(
            "No connection to the store in time: check endpoint_url and its port."
        ),
    ),
    (
        (ServerTimeoutError, TimeoutError),
        lambda _: SinkUnavailable("The store did not answer in time; it is tried again."),
    ),
    ((ClientResponseError, InvalidURL), lambda _: SinkRefused(NO_STORE)),
    (OSError, _unreachable),
    ((ClientConnectionError, ClientPayloadError), lambda _: SinkUnavailable(CUT_OFF)),
    (BaseException, lambda _: SinkUnavailable("The store could not be asked; it is tried again.")),
)

"""
Knock at targets from beside the server: is the name known, may it be dialled, does TLS come about.

Nothing is said as a charger, and no credentials are shown: whoever looks for faults ends no
session there. One HEAD is asked, because its answer tells what time it is there.
"""

from __future__ import annotations

import asyncio
import ssl
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from urllib.parse import urlsplit

from proxy import template, tls
from proxy.addresses import DEFAULT_PORTS, AddressGuard
from proxy.errors import InvalidTarget, ProxyError, TargetUnreachable
from storage.sinks.port import Endpoint

_LONGEST = 8192  # bytes of an answer
_ANSWER_SECONDS = 2.0


@dataclass(frozen=True, slots=True)
class Knock:
    """What came of it in a sentence; how far the clock there is ahead of ours, in s, if it said."""

    ok: bool
    told: str
    ahead: float | None = None


@dataclass(frozen=True, slots=True)
class Knocking:
    """Who may be knocked at, and how long they may take (s)."""

    guard: AddressGuard
    seconds: float = 5.0

    async def at(self, url: str, ca_certificate: str | None, domain: str | None) -> Knock:
        """Knock at the host of a target's URL, in which placeholders may stand."""
        try:
            template.check(url, self.guard)
            async with asyncio.timeout(self.seconds):
                return await self._knock(url, ca_certificate, domain)
        except InvalidTarget as wrong:
            return Knock(ok=False, told=wrong.reason)
        except ProxyError as failure:
            return Knock(ok=False, told=str(failure))
        except TimeoutError:
            return Knock(ok=False, told=f"No connection within {self.seconds:g} s.")

    async def _knock(self, url: str, ca_certificate: str | None, domain: str | None) -> Knock:
        at = urlsplit(url)
        host, port = at.hostname or "", at.port or DEFAULT_PORTS[at.scheme.lower()]
        endpoints = await self.guard.resolve(host, port)
        secured, name = at.scheme.lower() == "wss", tls.server_name(host, domain)
        context = await asyncio.to_thread(tls.context, ca_certificate) if secured else None
        try:
            reader, writer = await _first(endpoints, context, name if secured else None)
        except ssl.SSLError as failure:
            raise TargetUnreachable(tls.reason(failure, name, ca_certificate)) from failure
        except OSError as failure:
            # Not its own text, which names the address.
            told = type(failure).__name__.removesuffix("Error")
            raise TargetUnreachable(f"No connection ({told}).") from failure
        try:
            return Knock(ok=True, told=_told(writer), ahead=await _ahead(host, reader, writer))
        finally:
            writer.transport.abort()


async def _first(
    endpoints: list[Endpoint], context: ssl.SSLContext | None, name: str | None
) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """Connect to the first address that answers; the name is not looked up again."""
    failure: OSError = OSError("no address")
    for endpoint in endpoints:
        address, port = endpoint.sockaddr[:2]
        try:
            return await asyncio.open_connection(
                address, port, ssl=context, server_hostname=name, limit=_LONGEST
            )
        except OSError as unreachable:
            failure = unreachable
    raise failure


def _told(writer: asyncio.StreamWriter) -> str:
    secured = writer.get_extra_info("ssl_object")
    return f"Connected: {tls.facts(secured)}" if secured else "Connected, without TLS."


async def _ahead(
    host: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
) -> float | None:
    """Return how far the clock there is ahead, None where it says nothing that tells."""
    shown = f"[{host}]" if ":" in host else host
    writer.write(f"HEAD / HTTP/1.1\r\nHost: {shown}\r\nConnection: close\r\n\r\n".encode())
    with suppress(TimeoutError, OSError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
        async with asyncio.timeout(_ANSWER_SECONDS):
            head = await reader.readuntil(b"\r\n\r\n")
        return ahead_of(_date(head), datetime.now(UTC))
    return None


def _date(head: bytes) -> str | None:
    for line in head.decode("latin-1").split("\r\n"):
        name, _, value = line.partition(":")
        if name.lower() == "date":
            return value.strip()
    return None


def ahead_of(date: str | None, now: datetime) -> float | None:
    """Return how many seconds a Date header is ahead of a moment."""
    try:
        moment = parsedate_to_datetime(date or "")
    except ValueError:
        return None
    return (moment.replace(tzinfo=moment.tzinfo or UTC) - now).total_seconds()

"""
Where PostgreSQL is, and how it is connected to.

libpq looks up names while everybody waits, and would go on to the next address on a socket that
nobody watches. So names are looked up here, and it is given one number at a time.
"""

from __future__ import annotations

import asyncio
import ipaddress
import socket
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from functools import partial
from typing import Any

from sqlalchemy import URL

from storage.errors import StorageUnavailable
from storage.postgres_errors import unavailable
from storage.postgres_types import DIALECT
from storage.postgres_wire import Parameters, Wire, within

SECONDS = 5.0  # for a statement, a place in the pool, a connection
REST_SECONDS = 0.5  # between two attempts at a server that is away

# What the installation's URL says goes before these.
DEFAULTS: Mapping[str, Any] = {
    "application_name": "ringmain",
    "client_encoding": "utf8",
    # A connection that leads nowhere is found within 30 s, one that takes nothing within 20.
    "keepalives_idle": 15,
    "keepalives_interval": 5,
    "keepalives_count": 3,
    "tcp_user_timeout": 20_000,
}
SETTINGS: Mapping[str, Any] = {
    # An answer promises that the message survives a power cut, whatever is the custom there.
    "synchronous_commit": "on",
    "idle_in_transaction_session_timeout": 30_000,
    # Compiling a statement takes a second, and it is for rows that most statements never read.
    "jit": "off",
    # A statement that nobody waits for any more ends by itself.
    "client_connection_check_interval": 500,
    # The lock of a server that has vanished is free after 30 s.
    "tcp_keepalives_idle": 15,
    "tcp_keepalives_interval": 5,
    "tcp_keepalives_count": 3,
}

Attempt = Callable[[], Awaitable[Wire]]


def parameters_of(url: URL, seconds: float = SECONDS) -> Parameters:
    """Return what libpq is told about a database and a session in it."""
    _, named = DIALECT.create_connect_args(url)
    # The server gives up a little before we do, and says so.
    settings = {"statement_timeout": int(seconds * 900), **SETTINGS}
    options = [f"-c {name}={value}" for name, value in settings.items()]
    return {**DEFAULTS, **named, "options": " ".join([*options, named.get("options", "")]).strip()}


async def connect(parameters: Parameters, seconds: float) -> Wire:
    """Return a connection to the first address that answers; raise StorageUnavailable."""
    async with within(seconds):
        if "hostaddr" in parameters:
            return await Wire.open(parameters, seconds)
        hosts = list(_hosts(parameters))
        each = seconds / len(hosts)  # the first must not use up the time of the last
        return await _first(
            [
                partial(_connect_to, {**parameters, "host": host, "port": port}, each)
                for host, port in hosts
            ]
        )


def _hosts(parameters: Parameters) -> Iterator[tuple[str | None, str | None]]:
    hosts = str(parameters.get("host") or "").split(",")
    ports = str(parameters.get("port") or "").split(",")
    for place, host in enumerate(hosts):
        yield host or None, (ports[place] if len(ports) > place else ports[0]) or None


async def _connect_to(parameters: Parameters, seconds: float) -> Wire:
    async with within(seconds):  # a name may be looked up for long
        addresses = await _addresses(parameters)
    each = seconds / len(addresses)
    return await _first(
        [partial(Wire.open, {**parameters, "hostaddr": address}, each) for address in addresses]
    )


async def _addresses(parameters: Parameters) -> Sequence[str | None]:
    """Return the numbers of a host; a socket in the file system has none."""
    host = parameters["host"]
    if host is None or host.startswith(("/", "@")):
        return [None]
    with suppress(ValueError):
        return [str(ipaddress.ip_address(host))]
    loop = asyncio.get_running_loop()
    try:
        found = await loop.getaddrinfo(host, None, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise unavailable(error) from error
    return list(dict.fromkeys(str(address[0]) for *_, address in found))


async def _first(attempts: Sequence[Attempt]) -> Wire:
    for attempt in attempts[:-1]:
        with suppress(StorageUnavailable):
            return await attempt()
    return await attempts[-1]()


class Dialer:
    """Connect, and leave a server that is away alone for a moment: all others are told at once."""

    def __init__(
        self, parameters: Parameters, seconds: float = SECONDS, rest: float = REST_SECONDS
    ) -> None:
        self._parameters = parameters
        self._rest = rest
        self._fault: StorageUnavailable | None = None
        self._not_before = 0.0
        self.seconds = seconds

    async def connect(self) -> Wire:
        """Return a new connection; raise StorageUnavailable."""
        now = asyncio.get_running_loop().time
        if self._fault is not None:
            if now() < self._not_before:
                raise StorageUnavailable(str(self._fault))
            self._not_before = now() + self.seconds  # one tries, the others need not wait for it
        try:
            wire = await connect(self._parameters, self.seconds)
        except StorageUnavailable as fault:
            self._fault, self._not_before = fault, now() + self._rest
            raise
        except BaseException:
            self._not_before = now()
            raise
        self._fault = None
        return wire

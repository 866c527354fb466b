"""Who stands at the door and has not shown who it is: so many of one source, with so short a head.

Of too many the one has to go that has kept us waiting for longest: whoever is slow on purpose
crowds out himself, and his neighbour behind the same address still gets a turn, which takes ms
(S-18). Who has said all and waits for us stays: else a storm would have those served that are gone.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any, cast

from websockets.asyncio.server import Server, ServerConnection
from websockets.protocol import State
from websockets.server import ServerProtocol

from csms.attempts import source_of
from csms.forwarded import is_among
from csms.framing import Shortcut
from csms.handshakes import Early, Handshakes
from csms.setting_values import Network

LONGEST_HEAD = 32 * 1024  # bytes, of a request with all its headers (S-17)
_TOO_LONG = b"HTTP/1.1 431 Request Header Fields Too Large\r\nConnection: close\r\n\r\n"


@dataclass(slots=True)
class Doorstep:
    """Keep count of the sockets that are not authenticated, by source.

    Those of a proxy that is trusted are of many chargers, and its own matter.
    """

    trusted_proxies: Iterable[Network] = ()
    most: int = 500
    most_of_all: int = 1500
    # By why; here it is for having kept us waiting too long.
    refused: Counter[str] = field(default_factory=Counter)
    _sources: dict[ServerConnection, str] = field(default_factory=dict)
    _standing: dict[str, dict[ServerConnection, None]] = field(default_factory=dict)
    _heard: set[ServerConnection] = field(default_factory=set)

    def enter(self, connection: ServerConnection, address: str) -> None:
        """Let a socket stand at the door; of too many the oldest goes that does not wait for us."""
        if is_among(address, self.trusted_proxies):
            return
        source = self._sources[connection] = source_of(address)
        standing = self._standing.setdefault(source, {})
        standing[connection] = None
        if len(standing) > self.most:
            self._turn_away(standing)
        elif len(self._sources) > self.most_of_all:
            self._turn_away(self._sources)

    @contextlib.contextmanager
    def judging(self, connection: ServerConnection) -> Iterator[None]:
        """Let a socket stand that has said who it is and waits for us, until the context ends."""
        self._heard.add(connection)
        try:
            yield
        finally:
            self._heard.discard(connection)

    def leave(self, connection: ServerConnection) -> None:
        """Take note that a socket is gone, or that it has shown who it is."""
        source = self._sources.pop(connection, None)
        if source is not None:
            standing = self._standing[source]
            del standing[connection]
            if not standing:
                del self._standing[source]

    def _turn_away(self, among: Iterable[ServerConnection]) -> None:
        oldest = next(each for each in among if each not in self._heard)  # the newcomer at least
        self.leave(oldest)
        self.refused["crowded"] += 1
        oldest.transport.abort()

    def __len__(self) -> int:
        return len(self._sources)


class _Headed(ServerConnection):
    """A connection of which no more is read than a head should have, until it is open."""

    _head = 0

    def data_received(self, data: bytes) -> None:
        """Take what came of the head, or what comes after it."""
        if self.protocol.state is State.CONNECTING:
            self._head += len(data)
            if self._head > LONGEST_HEAD:
                self.transport.write(_TOO_LONG)
                self.transport.close()
                return
        super().data_received(data)


class Arriving(Shortcut, _Headed):
    """A connection to a charger, or to whoever says so."""

    _handshakes: Handshakes | None = None
    _made = False

    def __init__(
        self,
        doorstep: Doorstep,
        handshakes: Handshakes | None,
        protocol: ServerProtocol,
        server: Server,
        **options: Any,
    ) -> None:
        super().__init__(protocol, server, **options)
        self._doorstep = doorstep
        self._handshakes = handshakes

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin to stand at the door, and to shake hands where that is the way in."""
        if self._handshakes is None:
            self._begin(transport)
        self.transport = cast("asyncio.Transport", transport)
        if peer := transport.get_extra_info("peername"):  # None where it is gone already
            self._doorstep.enter(self, str(peer[0]))
        if self._handshakes is not None and not transport.is_closing():
            self._handshakes.begin(self.transport, self)

    def secured(self, transport: asyncio.BaseTransport, said: Early) -> None:
        """Begin, now that TLS is up, with what was said by it so far."""
        self._begin(transport)
        if said.data:
            self.data_received(said.data)
        if said.ended:
            self.eof_received()

    def unsecured(self) -> None:
        """Be gone before TLS was up."""
        self._doorstep.leave(self)

    def _begin(self, transport: asyncio.BaseTransport) -> None:
        self._made = True
        super().connection_made(transport)

    def connection_lost(self, exc: Exception | None) -> None:
        """Be gone."""
        self._doorstep.leave(self)
        if self._made:
            super().connection_lost(exc)

"""Who is connected now: one live connection per charger, told apart by generation."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import count
from typing import TYPE_CHECKING

from csms.errors import ChargerOffline
from csms.news import News

if TYPE_CHECKING:
    from csms.commands import Command, Outcome
    from csms.link import Link
    from csms.station import Station
    from storage.records import ChargerKey


@dataclass(frozen=True, slots=True)
class Connection:
    """One authenticated socket of one charger, from its handshake to its end."""

    key: ChargerKey
    generation: int
    link: Link
    station: Station
    subprotocol: str
    remote_address: str
    since: datetime
    # Of the client certificate that it came in with, as lower case hex.
    certificate_sha256: str | None = None
    # What the charger came in by, as it was stored then: `Charger.entrance`.
    entrance: tuple[object, ...] = ()

    def last_heard(self, now: datetime) -> datetime:
        """Return when the charger last sent anything, by the clock that says ``now``."""
        return max(self.since, now - timedelta(seconds=self.link.traffic.silence))


class Registry:
    """Keep the newest connection of each charger.

    A charger dials again while its old socket still looks alive: the newest authenticated socket
    wins, and because every socket has its own generation, the end of the old one can never
    unregister the new one.
    """

    def __init__(self) -> None:
        # What is told of chargers that is stored nowhere.
        self.news = News()
        self._connections: dict[ChargerKey, Connection] = {}
        self._generations = count(1)

    def next_generation(self) -> int:
        """Return the number of a new socket, higher than all before it."""
        return next(self._generations)

    def find(self, key: ChargerKey) -> Connection | None:
        """Return the charger's live connection, None when it is offline."""
        return self._connections.get(key)

    def replace(self, connection: Connection) -> Connection | None:
        """Register a connection and return the one that it supersedes.

        A connection older than the registered one is returned itself: it is the superseded one.
        """
        current = self._connections.get(connection.key)
        if current is not None and current.generation > connection.generation:
            return connection
        self._connections[connection.key] = connection
        self.news.tell(connection.key)
        return current

    def remove(self, connection: Connection) -> bool:
        """Forget this very connection; a newer one of the same charger stays."""
        current = self._connections.get(connection.key)
        if current is None or current.generation != connection.generation:
            return False
        del self._connections[connection.key]
        self.news.tell(connection.key)
        return True

    async def perform(self, key: ChargerKey, command: Command) -> Outcome:
        """Let the connected charger perform a command; raise ChargerOffline when there is none."""
        connection = self._connections.get(key)
        if connection is None:
            raise ChargerOffline
        return await connection.station.perform(command)

    def hang_up(self, key: ChargerKey, code: int, reason: str) -> None:
        """End the charger's link, if it has one; nobody waits for a half-open socket's good-bye."""
        connection = self._connections.get(key)
        if connection is not None:
            connection.link.hang_up(code, reason)

    def __iter__(self) -> Iterator[Connection]:
        return iter(tuple(self._connections.values()))

    def __contains__(self, key: ChargerKey) -> bool:
        return key in self._connections

    def __len__(self) -> int:
        return len(self._connections)

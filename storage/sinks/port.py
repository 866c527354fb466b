"""The port to an object store, and what a store is opened with."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from socket import AddressFamily
from typing import Any, NamedTuple, Protocol


class Endpoint(NamedTuple):
    """One vetted address: what `socket.socket` and `sock_connect` take."""

    family: AddressFamily
    sockaddr: tuple[Any, ...]


class Sink(Protocol):
    """One bucket of an owner; every deadline is its own (`Outside`)."""

    async def put(self, name: str, body: bytes) -> None:
        """Store an object whole, over the one of the same name; raise SinkError.

        Cancelled or failed, it may be stored or not, but never in part.
        """
        ...

    async def delete(self, name: str) -> None:
        """Remove an object, also where there is none; raise SinkError."""
        ...

    async def close(self) -> None:
        """Let go of connections and threads; what is under way is given up."""
        ...


class Door(Protocol):
    """Who may be connected to (reliability-security S-09); both raise SinkRefused if nobody may.

    `resolve` raises SinkUnavailable where a name has no address now.
    """

    def check(self, url: str) -> None:
        """Judge an http(s) URL without looking its name up."""
        ...

    async def resolve(self, host: str, port: int) -> Sequence[Endpoint]:
        """Return the addresses of a host, a name or an address, each of which is permitted."""
        ...


@dataclass(frozen=True, slots=True)
class Outside:
    """What every sink is given of the world outside; deadlines in s."""

    door: Door
    # The only place where service accounts get their tokens (S-10).
    gcp_token_uri: str = "https://oauth2.googleapis.com/token"  # noqa: S105 - a place, no secret
    connect_timeout: float = 10.0
    # Between two bytes of an answer, and for an upload as a whole.
    read_timeout: float = 30.0
    put_timeout: float = 120.0

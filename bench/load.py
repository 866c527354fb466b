"""Many chargers in one process: each sends a CALL, waits for its answer, sends the next."""

from __future__ import annotations

import asyncio
import base64
import contextlib
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass

from websockets.asyncio.client import ClientConnection, connect

from bench.messages import frames


@dataclass(frozen=True, slots=True)
class Dial:
    """Where one simulated charger connects, and as whom."""

    url: str
    user: str = ""
    password: str = ""
    # Where a command for it is sent, and with which API key.
    post: str = ""
    key: str = ""

    @property
    def headers(self) -> dict[str, str]:
        """Return the Basic auth header, none for an anonymous peer."""
        if not self.user:
            return {}
        token = base64.b64encode(f"{self.user}:{self.password}".encode()).decode()
        return {"Authorization": f"Basic {token}"}


@contextlib.asynccontextmanager
async def connected(dials: Sequence[Dial]) -> AsyncIterator[list[ClientConnection]]:
    """Open all connections one after the other, and close them at the end."""
    async with contextlib.AsyncExitStack() as stack:
        yield [
            await stack.enter_async_context(
                connect(
                    dial.url,
                    subprotocols=["ocpp1.6"],  # type: ignore[list-item]
                    additional_headers=dial.headers,
                    compression=None,
                    proxy=None,
                    ping_interval=None,
                )
            )
            for dial in dials
        ]


async def saturate(
    connections: Sequence[ClientConnection], size: str, calls: int, label: str
) -> None:
    """Let the connections together make this many CALLs, each waiting for each answer."""
    share = calls // len(connections)
    async with asyncio.TaskGroup() as group:
        for number, connection in enumerate(connections):
            group.create_task(_converse(connection, size, share, f"{label}{number:03d}"))


async def _converse(connection: ClientConnection, size: str, calls: int, prefix: str) -> None:
    source = frames(size, prefix)
    for _ in range(calls):
        await connection.send(next(source), text=True)
        await connection.recv(decode=False)

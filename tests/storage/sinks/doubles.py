"""A sink that keeps its objects in memory and fails as it is told to."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from gzip import decompress

from storage.records import SinkRecord
from storage.sinks.errors import SinkError


class Bucket:
    """What owners see: objects by name, and every PUT that was made, also the failed ones."""

    def __init__(self) -> None:
        self.objects: dict[str, bytes] = {}
        self.puts: list[str] = []
        # What becomes of the next PUTs: stored and then failed, where it is told so.
        self.faults: deque[tuple[SinkError, bool]] = deque()
        self.bodies: list[bytes] = []
        self.opened = 0
        self.closed = 0
        self.changed = asyncio.Event()
        # Where it is not set, a PUT hangs before anything is stored, or when it is closed.
        self.takes = asyncio.Event()
        self.takes.set()
        self.closes = asyncio.Event()
        self.closes.set()

    async def open(self, _sink: SinkRecord) -> Bucket:
        """Be the store that this sink leads to."""
        self.opened += 1
        return self

    async def put(self, name: str, body: bytes) -> None:
        self.puts.append(name)
        self.bodies.append(body)
        self.changed.set()
        await self.takes.wait()
        fault, stored = self.faults.popleft() if self.faults else (None, True)
        if stored:
            self.objects[name] = body
        self.changed.set()
        if fault is not None:
            raise fault

    async def delete(self, name: str) -> None:
        del self.objects[name]

    async def close(self) -> None:
        self.closed += 1
        await self.closes.wait()

    def lines(self) -> list[bytes]:
        """Return every line of every object, in the order of their first positions."""
        ordered = sorted(self.objects, key=lambda name: int(name.rsplit("-", 2)[1]))
        return [line for name in ordered for line in decompress(self.objects[name]).splitlines()]

    async def until(self, holds: Callable[[], bool]) -> None:
        """Wait for a change after which something holds."""
        async with asyncio.timeout(30):
            while not holds():
                self.changed.clear()
                await self.changed.wait()

"""A charger that answers whatever it is asked with the least that its version allows."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import orjson

from csms.errors import LinkClosed
from tests.doubles import Peer
from tests.schema_payloads import minimal


@dataclass
class Robot:
    """Answer CALLs, and remember them; ``answers`` by action go before the least ones."""

    peer: Peer
    version: str
    answers: dict[str, Any] = field(default_factory=dict)
    asked: list[tuple[str, Any]] = field(default_factory=list)

    async def run(self) -> None:
        """Answer until the link ends; what it calls itself it hears the answers of."""
        with contextlib.suppress(LinkClosed):
            while True:
                kind, id, *rest = orjson.loads(await self.peer.socket.receive())
                if kind == 2:
                    self.asked.append((rest[0], rest[1]))
                    await self.peer.says(orjson.dumps([3, id, self._answer(rest[0])]))

    def payloads(self, action: str) -> list[Any]:
        """Return what it was asked of one action."""
        return [fields for asked, fields in self.asked if asked == action]

    def _answer(self, action: str) -> Mapping[str, Any]:
        if action in self.answers:
            answer: Mapping[str, Any] = self.answers[action]
            return answer
        least: Mapping[str, Any] = minimal(self.version, action, "response")
        return least


@contextlib.asynccontextmanager
async def robot(peer: Peer, version: str = "1.6", **answers: Any) -> AsyncIterator[Robot]:
    """Let a charger answer by itself until the context ends."""
    machine = Robot(peer, version, answers)
    running = asyncio.create_task(machine.run())
    try:
        yield machine
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)

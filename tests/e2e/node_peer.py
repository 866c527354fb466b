"""A charger or a target that we did not write: npm's ocpp-rpc in strict mode, driven by lines."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import shutil
from collections.abc import AsyncIterator, Callable
from itertools import count
from pathlib import Path
from typing import Any

import pytest

NODE = Path(__file__).parent.parent / "node"
Event = dict[str, Any]

needs_node = pytest.mark.skipif(
    os.environ.get("CI") != "true"
    and (shutil.which("node") is None or not (NODE / "node_modules").is_dir()),
    reason="node not found: tests against ocpp-rpc are skipped",
)


class NodePeer:
    """Record every event of the process and send it orders; all waits end after 20 s."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process
        self._changed = asyncio.Condition()
        self._refs = count(1)
        self.events: list[Event] = []

    async def read(self) -> None:
        assert self._process.stdout
        async for line in self._process.stdout:
            async with self._changed:
                self.events.append(json.loads(line))
                self._changed.notify_all()

    async def until(self, wanted: Callable[[Event], object]) -> Event:
        """Return the first event that is wanted, past ones included."""

        def found() -> Event | None:
            return next((event for event in self.events if wanted(event)), None)

        async with asyncio.timeout(20), self._changed:
            await self._changed.wait_for(found)
        event = found()
        assert event is not None
        return event

    async def received(self, action: str, nth: int = 1) -> Event:
        """Return the payload of the nth CALL of this action that Ringmain sent."""

        def arrived() -> list[Event]:
            return [event for event in self.events if event.get("received") == action]

        async with asyncio.timeout(20), self._changed:
            await self._changed.wait_for(lambda: len(arrived()) >= nth)
        params: Event = arrived()[nth - 1]["params"]
        return params

    async def call(self, action: str, params: Event, identity: str | None = None) -> Event:
        """Let the peer call us, and return {"result": …} or {"error": …}."""
        return await self.order({"identity": identity, "call": action, "params": params})

    async def order(self, order: Event) -> Event:
        """Have the peer do something, and return {"result": …} or {"error": …}."""
        ref = next(self._refs)
        assert self._process.stdin
        self._process.stdin.write(json.dumps({"ref": ref, **order}).encode() + b"\n")
        await self._process.stdin.drain()
        return await self.until(lambda event: event.get("ref") == ref)

    @property
    def violations(self) -> list[Event]:
        """Every frame of ours that broke a schema or the protocol."""
        return [event for event in self.events if "violation" in event]


@contextlib.asynccontextmanager
async def node_peer(script: str, *arguments: str) -> AsyncIterator[NodePeer]:
    """Run one of the scripts in tests/node until the context ends."""
    process = await asyncio.create_subprocess_exec(
        "node",
        str(NODE / script),
        *arguments,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )
    peer = NodePeer(process)
    reading = asyncio.create_task(peer.read())
    try:
        yield peer
    finally:
        process.kill()
        await process.wait()
        await reading

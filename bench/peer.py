"""The far end of a relay: answers every CALL at once, and tells how many it has had.

Run as a process of its own, so that its CPU is never counted as the server's.
"""

from __future__ import annotations

import asyncio
import json
import sys

import orjson
from websockets.asyncio.server import ServerConnection, serve
from websockets.exceptions import ConnectionClosed

BOOT = {"currentTime": "2026-11-21T03:31:25.123Z", "interval": 86400, "status": "Accepted"}


class Peer:
    """Count CALLs and answer them with the least that the action allows."""

    def __init__(self) -> None:
        self.calls = 0

    async def converse(self, connection: ServerConnection) -> None:
        """Serve one connection until it ends."""
        try:
            while True:
                frame = orjson.loads(await connection.recv(decode=False))
                if frame[0] == 2:
                    answer = BOOT if frame[2] == "BootNotification" else {}
                    if answer is not BOOT:
                        self.calls += 1
                    await connection.send(orjson.dumps([3, frame[1], answer]), text=True)
        except ConnectionClosed:
            return


async def main() -> None:
    """Listen on a free port, print it, then print the count for every line on standard input."""
    peer = Peer()
    async with serve(
        peer.converse,
        "127.0.0.1",
        0,
        subprotocols=["ocpp1.6"],  # type: ignore[list-item]
        compression=None,
        ping_interval=None,
    ) as server:
        port = next(iter(server.sockets)).getsockname()[1]
        print(json.dumps({"url": f"ws://127.0.0.1:{port}"}), flush=True)
        loop = asyncio.get_running_loop()
        while await loop.run_in_executor(None, sys.stdin.readline):
            print(json.dumps({"calls": peer.calls}), flush=True)


if __name__ == "__main__":
    import uvloop

    uvloop.run(main())

"""Hold sockets open by saying nothing, or little by little: ``python -m bench.attacks.holders``.

An attacker has a machine of his own: this is a process of its own, which gives way to the server.
It says ``ready`` once all sockets have been opened, and at SIGTERM what came of them, as JSON.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import sys
import time
from dataclasses import asdict, dataclass, field
from pathlib import Path

import uvloop

SOCKETS = 2000
# A socket that was closed early comes again when it would have been closed anyway.
LEAST_S = 10.0
SOURCES = 40
_ATTACKER, _OTHERS = "127.0.0.2", "127.0.1."
_POLITE = 10

_HEAD = b"POST /api/v1/organizations/%s/chargers HTTP/1.1\r\nHost: here\r\n"
_UPGRADE = b"Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
_BODY = b"Content-Type: application/json\r\nContent-Length: 10000\r\n\r\n{"
# What is said at first, and what is said again and again.
KINDS: tuple[tuple[bytes, bytes], ...] = (
    (b"", b""),
    (_HEAD + _UPGRADE, b""),
    (_HEAD + _UPGRADE, b"X-A: b\r\n"),
    (_HEAD + _BODY, b""),
    (_HEAD + _BODY, b" "),
)


@dataclass(slots=True)
class Told:
    """What came of the sockets; times in s, the longest for which the server had one."""

    at_once: int = 0
    closed: int = 0
    refused: int = 0
    longest: float = 0.0
    unheard: int = 0  # of which the server never knew: they waited at its kernel


@dataclass(slots=True)
class Lives:
    """How long sockets were open, and since when those are that still are, by our port."""

    told: Told = field(default_factory=Told)
    open: dict[int, float] = field(default_factory=dict)

    def look(self, port: int) -> None:
        """Note which sockets the server at this port has, and for how long by now."""
        now, accepted = time.monotonic(), accepted_at(port)
        here = [now - since for own, since in self.open.items() if own in accepted]
        self.told.at_once = max(self.told.at_once, len(here))
        self.told.unheard = max(self.told.unheard, len(self.open) - len(here))
        self.told.longest = max([self.told.longest, *here])


def accepted_at(port: int) -> set[int]:
    """Return the ports of the clients whose sockets a listener here has accepted.

    What the kernel could not queue seems open to its client, and is nowhere.
    """
    here, found = f":{port:04X}", set()
    for line in Path("/proc/net/tcp").read_text().splitlines()[1:]:
        row = line.split()
        if row[1].endswith(here) and row[9] != "0":
            found.add(int(row[2].rpartition(":")[2], 16))
    return found


async def hold(where: tuple[str, int], organization: str, number: int, lives: Lives) -> None:
    """Keep one socket open for as long as it is let, again and again."""
    address = f"{_OTHERS}{1 + number % SOURCES}" if number % 2 else _ATTACKER
    said, dripped = KINDS[number % len(KINDS)]
    said = said.replace(b"%s", organization.encode())
    await asyncio.sleep(LEAST_S * number / SOCKETS)  # one after the other
    while True:
        began = time.monotonic()
        try:
            reader, writer = await asyncio.open_connection(*where, local_addr=(address, 0))
        except OSError:
            lives.told.refused += 1
        else:
            own = writer.get_extra_info("sockname")[1]
            lives.open[own] = time.monotonic()
            await _drip(reader, writer, said, dripped)
            lives.open.pop(own, None)
            lives.told.closed += 1
        await asyncio.sleep(max(0.0, began + LEAST_S - time.monotonic()))


async def _drip(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, said: bytes, dripped: bytes
) -> None:
    """Say what is to be said and drip until the other side closes."""
    dripping = asyncio.ensure_future(_say(writer, said, dripped))
    with contextlib.suppress(OSError):
        while await reader.read(1 << 16):
            pass
    dripping.cancel()
    writer.transport.abort()


async def _say(writer: asyncio.StreamWriter, said: bytes, dripped: bytes) -> None:
    writer.write(said)
    while dripped:
        await asyncio.sleep(1.0)
        writer.write(dripped)


async def _main(host: str, port: int, organization: str) -> None:
    ended, lives = asyncio.Event(), Lives()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, ended.set)
    holders = [
        asyncio.create_task(hold((host, port), organization, number, lives))
        for number in range(SOCKETS)
    ]
    await asyncio.sleep(LEAST_S)
    print("ready", flush=True)
    while not ended.is_set():
        lives.look(port)
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(ended.wait(), 0.5)
    lives.look(port)
    print(json.dumps(asdict(lives.told)), flush=True)
    for holder in holders:
        holder.cancel()
    await asyncio.gather(*holders, return_exceptions=True)


if __name__ == "__main__":
    os.nice(_POLITE)
    uvloop.run(_main(sys.argv[1], int(sys.argv[2]), sys.argv[3]))

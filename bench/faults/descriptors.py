"""A database that is killed under a server with many connections: none of them may feel it."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Sequence
from pathlib import Path

from websockets.protocol import State

from bench.cluster import Cluster
from bench.faults.ground import Ground, NotHere, allow_descriptors
from bench.faults.stand import VERSIONS, Stand, standing
from bench.faults.verdicts import Line
from bench.faults.wire import Wire

IDLE, TALKERS = 1_150, 20
MANY = 1_100
# select(2), which the driver asks, knows no descriptors from this one on.
SELECTABLE = 1_024
WANTED = 4 * IDLE  # descriptors of a process, at most
RECOVERED_S = 10.0
_AT_ONCE = 32
_READS = 40  # at once: every connection to the database is opened
_FILLERS = 100  # more than there are connections to the database


async def crowded(ground: Ground, seed: int, scale: float = 1.0) -> list[Line]:
    """Kill PostgreSQL twice: with its connections below the bound of select(2), and above."""
    cluster = ground.cluster
    if cluster is None:
        raise NotHere("this is a fault of PostgreSQL")
    allow_descriptors(WANTED)
    async with standing(ground, seed) as stand, contextlib.AsyncExitStack() as stack:
        idle = await _connected(stand, stack, "IDLE", max(4, round(IDLE * scale)))
        talkers = await _connected(stand, stack, "TALK", max(2, round(TALKERS * scale)))
        async with _talking(talkers):
            recoveries = [await _kill(stand, cluster, fillers=_FILLERS)]
            highest = max(_to_port(stand.server.pid, cluster.port), default=0)
            recoveries.append(await _kill(stand, cluster))
        opened = len(_sockets(stand.server.pid))
        silent = {wire.charge_box_id for wire in idle if not await _beats(wire)}
        lines = [stand.line("F-04-fd", version) for version in VERSIONS]
    for line in lines:
        own = [wire for wire in idle if wire.version == line.version]
        line.recovery_s = max(recoveries)
        harmed = sum(wire.charge_box_id in silent for wire in own)
        line.must(not harmed, f"{harmed} chargers that had said nothing have lost their link")
        line.must(max(recoveries) <= RECOVERED_S, "the database was not asked again in time")
        line.must(scale < 1 or opened > MANY, f"only {opened} sockets")
        line.must(scale < 1 or highest >= SELECTABLE, f"the database's were up to {highest} only")
        line.notes.append(f"{len(own)} idle chargers; {opened} sockets, database's up to {highest}")
    return lines


async def _connected(
    stand: Stand, stack: contextlib.AsyncExitStack, prefix: str, count: int
) -> list[Wire]:
    names = {f"{prefix}-{n:04d}": VERSIONS[n % 2] for n in range(count)}
    await stand.enrol(names, None)
    wires = [stand.wire(name, version) for name, version in names.items()]
    for start in range(0, count, _AT_ONCE):
        part = wires[start : start + _AT_ONCE]
        await asyncio.gather(*(stack.enter_async_context(wire.connected()) for wire in part))
    return wires


@contextlib.asynccontextmanager
async def _talking(wires: Sequence[Wire]) -> AsyncIterator[None]:
    """Let these say something all the time; what cannot be stored costs them their link."""

    async def talk(wire: Wire) -> None:
        answered = True
        while answered:
            await asyncio.sleep(0.1)
            answered = await _beats(wire)

    tasks = [asyncio.create_task(talk(wire)) for wire in wires]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def _beats(wire: Wire) -> bool:
    """Tell whether a charger's link is open and a Heartbeat is answered on it."""
    if wire.socket is None or wire.socket.state is not State.OPEN:
        return False
    waiting = asyncio.create_task(wire.call("Heartbeat", {}))
    closed = asyncio.create_task(wire.socket.wait_closed())
    await asyncio.wait((waiting, closed), return_when=asyncio.FIRST_COMPLETED)
    closed.cancel()
    answered = waiting.done() and waiting.exception() is None
    waiting.cancel()
    await asyncio.gather(waiting, closed, return_exceptions=True)
    return answered


async def _kill(stand: Stand, cluster: Cluster, fillers: int = 0) -> float:
    """Kill and start the database; return how long it took until all could read again.

    The ``fillers`` take the descriptors that its connections had, so that new ones are others.
    """
    await asyncio.to_thread(cluster.kill)
    host, _, port = stand.server.http.rpartition(":")
    dialled = [await asyncio.open_connection(host, int(port)) for _ in range(fillers)]
    await asyncio.to_thread(cluster.start)
    began = time.monotonic()
    served = False
    while not served:
        served = all(await asyncio.gather(*(_reads(stand) for _ in range(_READS))))
    took = time.monotonic() - began
    for _, writer in dialled:
        writer.close()
    return took


async def _reads(stand: Stand) -> bool:
    status, _ = await stand.ask("GET", f"{stand.api}/chargers?limit=100")
    return status == 200


def _to_port(pid: int, port: int) -> list[int]:
    """Return the descriptors of a process that are connected to a port."""
    rows = (line.split() for line in Path(f"/proc/{pid}/net/tcp").read_text().splitlines()[1:])
    inodes = {row[9] for row in rows if int(row[2].rpartition(":")[2], 16) == port}
    return [number for number, inode in _sockets(pid).items() if inode in inodes]


def _sockets(pid: int) -> dict[int, str]:
    """Return the inodes of a process's sockets by descriptor."""
    found = {}
    for link in Path(f"/proc/{pid}/fd").iterdir():
        with contextlib.suppress(OSError):
            kind, _, inode = str(link.readlink()).partition(":")
            if kind == "socket":
                found[int(link.name)] = inode.strip("[]")
    return found

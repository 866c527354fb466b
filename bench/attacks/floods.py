"""Let one charger send as fast as it can, in several ways, and time the others."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator
from functools import partial

from websockets.asyncio.client import ClientConnection
from websockets.exceptions import ConnectionClosed
from websockets.frames import Frame, Opcode

from bench.attacks.results import Result
from bench.attacks.stage import ATTACKER, GROWTH_MIB, Watch, beat, growth, link, meanwhile, stage
from bench.faults.ground import Ground
from bench.faults.stand import Stand, wait_until

FLOODER, OTHERS = "CP-FLOOD", [f"CP-{number:02d}" for number in range(20)]
SECONDS = 20.0
P99_S = 0.25  # the bound that design has for a loop under load


def _masked(opcode: Opcode, data: bytes) -> bytes:
    return Frame(opcode, data).serialize(mask=True)


FLOODS: dict[str, bytes] = {
    "CALLs": b"".join(_masked(Opcode.TEXT, b'[2,"%d","Heartbeat",{}]' % n) for n in range(1000)),
    "unsolicited answers": _masked(Opcode.TEXT, b'[3,"1",{}]') * 1000,
    "what is no OCPP": _masked(Opcode.TEXT, b'[2,"1"]') * 1000,
    "pings": _masked(Opcode.PING, b"") * 1000,
    "long frames": _masked(
        Opcode.TEXT, b'[2,"1","DataTransfer",{"vendorId":"a","data":"%s"}]' % (b"x" * 1_000_000)
    ),
}


async def attack(ground: Ground) -> list[Result]:
    """Flood in each way, one after the other."""
    result = Result("floods")
    async with stage(ground) as stand:
        await stand.enrol(dict.fromkeys((FLOODER, *OTHERS), "1.6"), None)
        async with _linked(stand) as others:
            _, baseline = await _timed(others, asyncio.sleep(SECONDS))
            result.tell(f"the others' p99 {1000 * baseline.p99:.1f} ms without a flood")
            for name, flood in FLOODS.items():
                async with growth(stand) as grown:
                    sent, watch = await _timed(others, _flood(stand, flood))
                figure = f"{name}: p99 {1000 * watch.p99:.1f} ms"
                result.must(watch.p99 < P99_S and not watch.failed, figure, "below 250 ms")
                result.must(
                    grown.mib < GROWTH_MIB, f"{sent / 1e6:.0f} MB taken, {grown.mib:+.0f} MiB",
                    "below +50 MiB",
                )  # fmt: skip
    return [result]


@contextlib.asynccontextmanager
async def _linked(stand: Stand) -> AsyncIterator[list[ClientConnection]]:
    async with contextlib.AsyncExitStack() as stack:
        yield [await stack.enter_async_context(link(stand, name)) for name in OTHERS]


async def _timed(others: list[ClientConnection], work: object) -> tuple[float, Watch]:
    watch = Watch()
    async with meanwhile(*(beat(other, watch) for other in others)):
        sent = await work  # type: ignore[misc]  # it is awaitable
    return float(sent or 0.0), watch


async def _flood(stand: Stand, flood: bytes) -> float:
    """Send for so long and read what comes; return how many bytes were taken."""
    taken, until = 0.0, time.monotonic() + SECONDS
    while (left := until - time.monotonic()) > 0:
        with contextlib.suppress(ConnectionClosed, OSError, TimeoutError):
            async with link(stand, FLOODER, ATTACKER) as connection:
                connection.transport.set_write_buffer_limits(1 << 17)
                async with meanwhile(_swallow(connection)), asyncio.timeout(left):
                    while not connection.transport.is_closing():
                        connection.transport.write(flood)
                        await wait_until(partial(_has_room, connection), SECONDS, 0.005)
                        taken += len(flood)
                        await asyncio.sleep(0)
        await asyncio.sleep(0.1)
    return taken


def _has_room(connection: ClientConnection) -> bool:
    transport = connection.transport
    return transport.is_closing() or transport.get_write_buffer_size() < 1 << 17


async def _swallow(connection: ClientConnection) -> None:
    async for _ in connection:
        pass

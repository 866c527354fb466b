"""Hold sockets open by saying nothing, or little by little, on each listener."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from bench.attacks.results import Result
from bench.attacks.stage import (
    ATTACKER,
    CHARGER,
    GROWTH_MIB,
    Watch,
    ask_rest,
    beat,
    growth,
    link,
    meanwhile,
    stage,
)
from bench.faults.ground import Ground
from bench.faults.process import cpu_s
from bench.faults.stand import Stand

SOCKETS, SECONDS, BASELINE_S = 2000, 60.0, 20.0
CLOSED_S = 20.0
# A socket that was closed early comes again when it would have been closed anyway.
LEAST_S = 10.0
SOURCES = 40
NAME = "CP-1"

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
class Lives:
    """How long sockets were open, and how many are; times in s."""

    open: dict[int, tuple[float, int]] = field(default_factory=dict)  # since when, from which port
    lived: list[float] = field(default_factory=list)
    refused: int = 0
    at_once: int = 0

    def longest(self, port: int) -> float:
        """Return the longest life, also of those that are not over at the server on this port.

        What the kernel could not queue seems open to its client, and is nowhere.
        """
        now, accepted = time.monotonic(), accepted_at(port)
        lives = [now - since for since, own in self.open.values() if own in accepted]
        return max([*self.lived, *lives], default=0.0)


async def attack(ground: Ground) -> list[Result]:
    """Attack the one listener, then the other."""
    return [
        await _attacked(ground, "REST", lambda stand: stand.server.http),
        await _attacked(ground, "OCPP", lambda stand: stand.server.ocpp),
    ]


async def _attacked(ground: Ground, what: str, where: Callable[[Stand], str]) -> Result:
    result, lives = Result(f"slow, {what}"), Lives()
    baseline, rest, beats = Watch(), Watch(), Watch()
    async with stage(ground) as stand:
        await stand.enrol({NAME: "1.6"}, None)
        async with link(stand, NAME, CHARGER) as charger:
            async with meanwhile(ask_rest(stand, baseline)):
                await asyncio.sleep(BASELINE_S)
            holders = [
                _hold(where(stand), stand.organization_uuid, number, lives)
                for number in range(SOCKETS)
            ]
            async with growth(stand) as grown, meanwhile(*holders):
                await asyncio.sleep(LEAST_S)  # until all are there
                async with meanwhile(ask_rest(stand, rest), beat(charger, beats)):
                    spent = cpu_s(stand.server.pid)
                    await asyncio.sleep(SECONDS)
                    spent = cpu_s(stand.server.pid) - spent
                longest = lives.longest(int(where(stand).rpartition(":")[2]))
    ratio = rest.p99 / baseline.p99 if baseline.p99 else 99.0
    times = f"REST p99 {1000 * rest.p99:.1f} ms beside {1000 * baseline.p99:.1f} ms"
    result.tell(f"{lives.at_once:,} sockets at once, {len(lives.lived):,} closed")
    result.tell(f"the server spent {100 * spent / SECONDS:.0f} % of a core")
    result.must(not rest.failed, f"{len(rest.times)} REST answers, {rest.failed} failed", "none")
    result.must(ratio < 2.0, f"{times}: {ratio:.2f} times", "below 2 times")
    result.must(not beats.failed, f"a charger's p99 {1000 * beats.p99:.1f} ms", "connected")
    result.must(longest <= CLOSED_S, f"the longest was open for {longest:.1f} s", "at most 20 s")
    result.must(grown.mib < GROWTH_MIB, f"{grown.mib:+.0f} MiB", "below +50 MiB")
    return result


async def _hold(where: str, organization: str, number: int, lives: Lives) -> None:
    """Keep one socket open for as long as it is let, again and again."""
    host, _, port = where.rpartition(":")
    address = f"127.0.1.{1 + number % SOURCES}" if number % 2 else ATTACKER
    said, dripped = KINDS[number % len(KINDS)]
    said = said.replace(b"%s", organization.encode())
    # One after the other: what the kernel cannot queue would seem open here, and be nowhere.
    await asyncio.sleep(LEAST_S * number / SOCKETS)
    while True:
        began = time.monotonic()
        try:
            reader, writer = await asyncio.open_connection(host, int(port), local_addr=(address, 0))
        except OSError:
            lives.refused += 1
        else:
            lives.open[number] = began, writer.get_extra_info("sockname")[1]
            lives.at_once = max(lives.at_once, len(lives.open))
            await _drip(reader, writer, said, dripped)
            lives.lived.append(time.monotonic() - lives.open.pop(number)[0])
        await asyncio.sleep(max(0.0, began + LEAST_S - time.monotonic()))


def accepted_at(port: int) -> set[int]:
    """Return the ports of the clients whose sockets a listener here has accepted."""
    lines = Path("/proc/net/tcp").read_text().splitlines()[1:]
    rows = [line.split() for line in lines]
    here = f":{port:04X}"
    return {
        int(row[2].rpartition(":")[2], 16)
        for row in rows
        if row[1].endswith(here) and row[9] != "0"
    }


def _forget(read: asyncio.Future[bytes]) -> None:
    """Mind no reset, also where nobody waits any more."""
    if not read.cancelled():
        read.exception()


async def _drip(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, said: bytes, dripped: bytes
) -> None:
    """Say what is to be said and drip until the other side closes."""
    with contextlib.suppress(OSError):
        writer.write(said)
        closed = asyncio.ensure_future(reader.read())
        closed.add_done_callback(_forget)
        while not (await asyncio.wait((closed,), timeout=1.0))[0]:
            writer.write(dripped)
        await closed
    writer.transport.abort()

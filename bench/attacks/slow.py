"""Attack each listener with sockets that are slow on purpose, and time who is not."""

from __future__ import annotations

import asyncio
import contextlib
import json
import statistics
import sys
from collections.abc import AsyncIterator, Callable
from typing import Any

from websockets.asyncio.client import ClientConnection

from bench.attacks.results import Result
from bench.attacks.stage import (
    CHARGER,
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
from bench.faults.stand import Stand, percentile

CLOSED_S = 20.0
NAME = "CP-1"
# A window is so many requests, 20 a second; the sockets stay for at least a minute.
REQUESTS, BESIDE, UNDER = 200, 3, 7


async def attack(ground: Ground) -> list[Result]:
    """Attack the one listener, then the other."""
    return [
        await _attacked(ground, "REST", lambda stand: stand.server.http),
        await _attacked(ground, "OCPP", lambda stand: stand.server.ocpp),
    ]


async def _attacked(ground: Ground, what: str, where: Callable[[Stand], str]) -> Result:
    result = Result(f"slow, {what}")
    async with stage(ground) as stand:
        await stand.enrol({NAME: "1.6"}, None)
        async with link(stand, NAME, CHARGER) as charger:
            await _judge(result, stand, where(stand), charger)
    return result


async def _judge(result: Result, stand: Stand, where: str, charger: ClientConnection) -> None:
    beats, told = Watch(), dict[str, Any]()
    async with meanwhile(beat(charger, beats)):
        await _windows(stand, 1)  # what is asked for the first time takes longer
        beside = await _windows(stand, BESIDE)
        async with growth(stand) as grown, _held(where, stand.organization_uuid, told):
            mark, spent = len(beats.times), cpu_s(stand.server.pid)
            async with asyncio.timeout(600):
                under = await _windows(stand, UNDER)
            spent = cpu_s(stand.server.pid) - spent
            during = beats.times[mark:]
        beside += await _windows(stand, BESIDE)
    result.tell(f"{told['at_once']:,} sockets at once at the server, {told['closed']:,} closed")
    took = sum(sum(one.times) + 0.05 * REQUESTS for one in under)
    result.tell(f"the server spent {100 * spent / took:.0f} % of a core")
    _compare(result, beside, under)
    result.must(not beats.failed, f"a charger's p99 {1000 * percentile(during, 0.99):.1f} ms", "up")
    longest = f"the longest was open for {told['longest']:.1f} s"
    result.must(told["longest"] <= CLOSED_S, longest, "at most 20 s")
    # As many as may stand at the door at once: it ends there, however many come.
    result.tell(f"{grown.mib:+.0f} MiB")


async def _windows(stand: Stand, count: int) -> list[Watch]:
    """Ask so many times the same number of ordinary requests."""
    watches = [Watch() for _ in range(count)]
    for watch in watches:
        await ask_rest(stand, watch, times=REQUESTS)
    return watches


def _compare(result: Result, beside: list[Watch], under: list[Watch]) -> None:
    """Compare the medians of the windows: one of them may have been disturbed by something else."""
    before, now = (statistics.median(one.p99 for one in windows) for windows in (beside, under))
    failed, asked = sum(one.failed for one in under), len(under) * REQUESTS
    result.must(not failed, f"{asked} REST requests, {failed} failed", "none")
    figure = f"REST p99 {1000 * now:.1f} ms beside {1000 * before:.1f} ms: {now / before:.2f} times"
    result.must(now < 2 * before, figure, "below 2 times")


@contextlib.asynccontextmanager
async def _held(where: str, organization: str, told: dict[str, Any]) -> AsyncIterator[None]:
    """Have sockets held by another process until the context ends, and learn what came of them."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "bench.attacks.holders", *where.rsplit(":", 1), organization,
        stdout=asyncio.subprocess.PIPE,
    )  # fmt: skip
    assert process.stdout is not None
    try:
        await process.stdout.readline()
        yield
    finally:
        process.terminate()
        told |= json.loads(await process.stdout.readline())
        await process.wait()

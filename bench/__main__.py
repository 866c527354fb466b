"""Measure what a message costs: ``python -m bench`` (or ``make bench``).

The figure is CPU of the server's process in µs per CALL round trip, from the kernel's accounting,
so it does not depend on how busy the machine is. Each subject runs in a process of its own, the
load and the relays' far end in others; rounds are interleaved and their median is told. Compare
only within one run.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import statistics
import sys
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from itertools import count
from typing import Any

from websockets.asyncio.client import ClientConnection

from bench.load import Dial, connected, saturate
from bench.subjects import SUBJECTS

CALLS = {"small": 10_000, "large": 3_000, "metered": 3_000}
# A target hears of no transaction that began before it; and the library keeps no ledger.
METERED = frozenset({"raw echo", "CSMS, log off", "CSMS, every promise kept"})
WARM_UP = 1_000
RELAYED = frozenset({"raw relay", "proxy, log off", "proxy, every promise kept"})
_LABELS = count()


@dataclass(frozen=True, slots=True)
class Goal:
    """A ratio of two subjects that must not be exceeded, and the one we aim at (small, large)."""

    name: str
    subject: str
    floor: str
    must: tuple[float, float]
    aim: tuple[float, float]
    cheaper: bool = False  # the ratio is turned over: how many times cheaper


GOALS = (
    Goal("1 proxied, log off / raw relay", "proxy, log off", "raw relay", (1.4, 2.0), (1.2, 1.6)),
    Goal(
        "2 proxied, all promises / raw relay",
        "proxy, every promise kept",
        "raw relay",
        (2.2, 3.2),
        (1.6, 2.2),
    ),
    Goal("4 CSMS, log off / raw echo", "CSMS, log off", "raw echo", (1.8, 2.5), (1.4, 1.9)),
    Goal(
        "5 CSMS, times cheaper than ocpp library",
        "CSMS, log off",
        "ocpp library",
        (5, 25),
        (7, 40),
        cheaper=True,
    ),
)


class Child:
    """A process that answers every line on its standard input with one JSON line."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process

    async def line(self) -> Any:
        """Read its next line."""
        assert self._process.stdout
        return json.loads(await self._process.stdout.readline())

    async def ask(self) -> Any:
        """Ask for its figures."""
        assert self._process.stdin
        self._process.stdin.write(b"\n")
        await self._process.stdin.drain()
        return await self.line()


@contextlib.asynccontextmanager
async def child(module: str, *arguments: str) -> AsyncIterator[Child]:
    """Run a module of the bench until the context ends."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        module,
        *arguments,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        limit=1 << 20,
    )
    try:
        yield Child(process)
    finally:
        process.kill()
        await process.wait()


async def measure(subject: str, size: str, calls: int) -> float:
    """Return the subject's CPU in µs per CALL."""
    async with child("bench.peer") as peer:
        url = (await peer.line())["url"]
        async with child("bench.subjects", subject, url) as server:
            dials = [Dial(**dial) for dial in await server.line()]
            async with connected(dials) as connections:
                heard = await _warm_up(peer, subject, connections, size)
                before = (await server.ask())["cpu"]
                await saturate(connections, size, calls, str(next(_LABELS)))
                await _arrived(peer, subject, heard + calls)
                return float(((await server.ask())["cpu"] - before) / calls * 1e6)


async def _warm_up(
    peer: Child, subject: str, connections: Sequence[ClientConnection], size: str
) -> int:
    """Return how many CALLs the far end has heard once it hears every one.

    A target that is not ready yet hears of no status.
    """
    while True:
        heard = (await peer.ask())["calls"] + WARM_UP
        await saturate(connections, size, WARM_UP, str(next(_LABELS)))
        with contextlib.suppress(TimeoutError):
            await _arrived(peer, subject, heard, patience=2)
            return int((await peer.ask())["calls"])


async def _arrived(peer: Child, subject: str, calls: int, patience: float = 120) -> None:
    # A relayed CALL costs what it costs until its copy has reached the far end.
    async with asyncio.timeout(patience):
        while subject in RELAYED and (await peer.ask())["calls"] < calls:  # noqa: ASYNC110 - it can only be asked
            await asyncio.sleep(0.05)


async def run(rounds: int, scale: float) -> dict[tuple[str, str], float]:
    """Return the median of all rounds for every subject and size."""
    found: dict[tuple[str, str], list[float]] = {}
    for number in range(rounds):
        for size, calls in CALLS.items():
            for subject in SUBJECTS if size != "metered" else sorted(METERED):
                cost = await measure(subject, size, int(calls * scale) // 50 * 50)
                found.setdefault((subject, size), []).append(cost)
                print(f"round {number + 1}: {subject}, {size}: {cost:.0f} µs", file=sys.stderr)
    return {where: statistics.median(costs) for where, costs in found.items()}


def report(costs: dict[tuple[str, str], float]) -> str:
    """Tell the costs, and where each goal of the performance page stands."""
    lines = [f"{'server CPU, µs per CALL':42}" + "".join(f"{size:>10}" for size in CALLS)]
    for subject in SUBJECTS:
        found = [costs.get((subject, size)) for size in CALLS]
        lines.append(f"{subject:42}" + "".join(f"{cost:10.0f}" for cost in found if cost))
    lines.append(f"\n{'goal':42}{'small':>10}{'large':>10}{'must':>14}{'aim':>14}")
    for goal in GOALS:
        ratios = [_ratio(goal, costs, size) for size in ("small", "large")]
        told = "".join(f"{ratio:9.2f}x" for ratio in ratios)
        must, aim = (f"{a:g} / {b:g}" for a, b in (goal.must, goal.aim))
        lines.append(f"{goal.name:42}{told}{must:>14}{aim:>14}")
    return "\n".join(lines)


def _ratio(goal: Goal, costs: dict[tuple[str, str], float], size: str) -> float:
    ratio = costs[goal.subject, size] / costs[goal.floor, size]
    return 1 / ratio if goal.cheaper else ratio


def main() -> None:
    """Run and print."""
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--scale", type=float, default=1.0, help="more or fewer CALLs a round")
    chosen = parser.parse_args()
    print(report(asyncio.run(run(chosen.rounds, chosen.scale))))


if __name__ == "__main__":
    main()

"""Measure what a message costs: ``python -m bench`` (or ``make bench``).

The figure is CPU of the server's process in µs per CALL round trip, from the kernel's accounting,
so it does not depend on how busy the machine is. Each subject runs in a process of its own, the
load and the relays' far end in others. All take turns in short rounds; the median round is told,
and a ratio is the median of the rounds' own ratios. Compare only within one run.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import logging
import statistics
import sys
import tempfile
from collections.abc import AsyncIterator, Iterable, Sequence
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any, TypeAlias

import structlog
import uvloop
from websockets.asyncio.client import ClientConnection

from bench import appending, commissioning, exporting
from bench.commands import Commander
from bench.load import Dial, connected, saturate
from bench.subjects import COMMANDS, SUBJECTS

CALLS = {"small": 1_000, "large": 500, "metered": 500}  # in each round
# A target hears of no transaction that began before it; and the library keeps no ledger.
METERED = frozenset({"raw echo", "CSMS, log off", "CSMS, every promise kept"})
WARM_UP = 1_000
RELAYED = frozenset({"raw relay", "proxy, log off", "proxy, every promise kept"})
_LABELS = count()
Costs: TypeAlias = dict[tuple[str, str], list[float]]


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


COMMAND_GOAL = "10 REST command / POST and WebSocket"
COMMAND_CALLS, COMMAND_MUST, COMMAND_AIM = 500, 1.7, 1.4


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


@dataclass(slots=True)
class Subject:
    """One server that stays up, what loads it, and the far end of what it relays."""

    name: str
    peer: Child
    server: Child
    connections: Sequence[ClientConnection]
    heard: int = 0  # CALLs at the far end so far

    async def warm_up(self, size: str) -> None:
        """Load the server until the far end hears every CALL.

        A target that is not ready yet hears of no status.
        """
        while True:
            await saturate(self.connections, size, WARM_UP, str(next(_LABELS)))
            with contextlib.suppress(TimeoutError):
                await self._arrived(WARM_UP, patience=2)
                return

    async def cost(self, size: str, calls: int) -> float:
        """Return the server's CPU in µs per CALL."""
        before = (await self.server.ask())["cpu"]
        await saturate(self.connections, size, calls, str(next(_LABELS)))
        await self._arrived(calls)
        return float(((await self.server.ask())["cpu"] - before) / calls * 1e6)

    async def _arrived(self, calls: int, patience: float = 120) -> None:
        # A relayed CALL costs what it costs until its copy has reached the far end.
        awaited, self.heard = self.heard + calls, (await self.peer.ask())["calls"]
        async with asyncio.timeout(patience):
            while self.name in RELAYED and self.heard < awaited:
                await asyncio.sleep(0.05)
                self.heard = (await self.peer.ask())["calls"]


@contextlib.asynccontextmanager
async def up(names: Iterable[str]) -> AsyncIterator[list[Subject]]:
    """Start all subjects and connect to them."""
    async with contextlib.AsyncExitStack() as stack:
        subjects = []
        for name in names:
            peer = await stack.enter_async_context(child("bench.peer"))
            url = (await peer.line())["url"]
            server = await stack.enter_async_context(child("bench.subjects", name, url))
            dials = [Dial(**dial) for dial in await server.line()]
            connections = await stack.enter_async_context(connected(dials))
            subjects.append(Subject(name, peer, server, connections))
        yield subjects


async def run_commands(rounds: int, scale: float) -> tuple[Costs, Costs]:
    """Return what each round found of commands: CPU in µs for each, and the median wait in µs."""
    costs: Costs = {}
    waits: Costs = {}
    calls = max(int(COMMAND_CALLS * scale) // 50 * 50, 50)
    async with contextlib.AsyncExitStack() as stack:
        subjects = []
        for name in COMMANDS:
            server = await stack.enter_async_context(child("bench.subjects", name, ""))
            dials = [Dial(**dial) for dial in await server.line()]
            commander = Commander(await stack.enter_async_context(connected(dials)), dials)
            await stack.enter_async_context(commander.ready())
            await commander.command(WARM_UP)
            subjects.append((name, server, commander))
        for number in range(rounds):
            for name, server, commander in subjects:
                commander.waits.clear()
                before = (await server.ask())["cpu"]
                await commander.command(calls)
                cost = ((await server.ask())["cpu"] - before) / calls * 1e6
                costs.setdefault((name, "command"), []).append(cost)
                waits.setdefault((name, "command"), []).append(
                    statistics.median(commander.waits) * 1e6
                )
            print(f"command, round {number + 1}", file=sys.stderr)
    return costs, waits


def report_commands(costs: Costs, waits: Costs) -> str:
    """Tell what a command costs, and where its goal stands."""
    lines = [f"{'command, µs':42}{'CPU':>10}{'wait of 50':>12}"]
    for name in COMMANDS:
        cpu, wait = (statistics.median(found[name, "command"]) for found in (costs, waits))
        lines.append(f"{name:42}{cpu:10.0f}{wait:12.0f}")
    floor, ours = COMMANDS
    pairs = zip(costs[ours, "command"], costs[floor, "command"], strict=True)
    ratio = statistics.median(cost / least for cost, least in pairs)
    lines.append(f"\n{COMMAND_GOAL:42}{ratio:9.2f}x{COMMAND_MUST:>14g}{COMMAND_AIM:>14g}")
    return "\n".join(lines)


async def run(rounds: int, scale: float) -> Costs:
    """Return what each round found for every subject and size.

    All subjects are up at once and take turns, so that what slows the machine down slows them all.
    """
    found: Costs = {}
    for size, calls in CALLS.items():
        share = max(int(calls * scale) // 50 * 50, 50)
        async with up(SUBJECTS if size != "metered" else sorted(METERED)) as subjects:
            for subject in subjects:
                await subject.warm_up(size)
            for number in range(rounds):
                for subject in subjects:
                    cost = await subject.cost(size, share)
                    found.setdefault((subject.name, size), []).append(cost)
                print(f"{size}, round {number + 1}", file=sys.stderr)
    return found


def report(costs: Costs) -> str:
    """Tell the median costs, and where each goal of the performance page stands."""
    lines = [f"{'server CPU, µs per CALL':42}" + "".join(f"{size:>10}" for size in CALLS)]
    for subject in SUBJECTS:
        found = [costs.get((subject, size)) for size in CALLS]
        told = "".join(f"{statistics.median(cost):10.0f}" for cost in found if cost)
        lines.append(f"{subject:42}{told}")
    lines.append(f"\n{'goal':42}{'small':>10}{'large':>10}{'must':>14}{'aim':>14}")
    for goal in GOALS:
        ratios = [_ratio(goal, costs, size) for size in ("small", "large")]
        told = "".join(f"{ratio:9.2f}x" for ratio in ratios)
        must, aim = (f"{a:g} / {b:g}" for a, b in (goal.must, goal.aim))
        lines.append(f"{goal.name:42}{told}{must:>14}{aim:>14}")
    return "\n".join(lines)


def _ratio(goal: Goal, costs: Costs, size: str) -> float:
    pairs = zip(costs[goal.subject, size], costs[goal.floor, size], strict=True)
    ratio = statistics.median(cost / floor for cost, floor in pairs)
    return 1 / ratio if goal.cheaper else ratio


def main() -> None:
    """Run and print."""
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("--rounds", type=int, default=10)
    parser.add_argument("--scale", type=float, default=1.0, help="more or fewer CALLs a round")
    parts = ["messages", "commands", "storage", "exports", "commissioning"]
    parser.add_argument("--only", choices=parts, help="a part of it; the last one runs only so")
    chosen = parser.parse_args()
    if chosen.only in {None, "messages"}:
        print(report(asyncio.run(run(chosen.rounds, chosen.scale))))
    if chosen.only in {None, "commands"}:
        print(report_commands(*asyncio.run(run_commands(chosen.rounds, chosen.scale))))
    if chosen.only in {None, "storage"}:
        with tempfile.TemporaryDirectory() as folder:
            print(appending.report(asyncio.run(appending.run(Path(folder), chosen.rounds))))
    if chosen.only in {None, "exports"}:
        with tempfile.TemporaryDirectory() as folder:
            rounds, records = min(chosen.rounds, 3), int(exporting.RECORDS * chosen.scale)
            print(exporting.report(uvloop.run(exporting.run(Path(folder), rounds, records))))
    if chosen.only == "commissioning":
        # Targets that lose their server would say so on standard output.
        structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
        chargers = max(8, int(commissioning.CHARGERS * chosen.scale))
        sys.exit(uvloop.run(commissioning.run(chargers)))


if __name__ == "__main__":
    main()

"""Measure what one bad target costs the others: ``python -m bench.neighbours``.

Two servers run side by side, 200 proxied chargers at each, every one metering a transaction. At one
of them all targets are well; at the other one charger has a target that never answers, and another
one a target that is throttled to 1 kB/s. Their chargers take turns of two seconds, so that the
unrest of the machine falls on both. Told is how long the chargers with good targets wait for their
answers. Servers, targets and chargers are processes of their own, each round has fresh servers.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import statistics
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import count
from typing import Any

import aiohttp
import orjson
import uvloop
from websockets.asyncio.client import ClientConnection
from websockets.asyncio.server import ServerConnection, serve
from websockets.exceptions import ConnectionClosed

from bench.__main__ import child
from bench.load import Dial, connected
from bench.messages import LARGE
from csms import logs, settings, wiring
from simulators.faults import FaultProxy

MUST = 1.2
THROTTLE = 1_000  # bytes/s
MUTE, SLOW = "CP-000", "CP-001"
QUIET: dict[str, Any] = {"compression": None, "ping_interval": None, "max_size": 1 << 21}
BOOT = ("BootNotification", {"chargePointVendor": "Bench", "chargePointModel": "B"})
START = (
    "StartTransaction",
    {"connectorId": 1, "idTag": "BENCH", "meterStart": 0, "timestamp": "2026-11-21T03:31:25Z"},
)


@dataclass(frozen=True, slots=True)
class Load:
    """How many chargers a server has, how often each meters, and in how many turns; times in s."""

    chargers: int
    every: float
    turn: float
    turns: int

    def moments(self, begin: float, number: int) -> Iterator[tuple[float, bool]]:
        """Yield when a charger meters, and whether it counts: the first turn warms up."""
        for turn in range(self.turns + 1):
            due = begin + 2 * turn * self.turn + self.every * number / self.chargers
            while due < begin + (2 * turn + 1) * self.turn:
                yield due, turn > 0
                due += self.every


@dataclass(frozen=True, slots=True)
class Waits:
    """How long the others waited for their answers in one round, in ms.

    ``cpu`` is what the server spent meanwhile, in ms per answer: it tells how much of a difference
    is the machine's own unrest.
    """

    median: float
    p99: float
    cpu: float

    @classmethod
    def of(cls, waits: Sequence[float], cpu: float) -> Waits:
        """Read them off all waits, in s, and the CPU of the server, in s."""
        median, p99 = statistics.median(waits), statistics.quantiles(waits, n=100)[98]
        return cls(1e3 * median, 1e3 * p99, 1e3 * cpu / len(waits))


# ---- targets ----


class Target:
    """Answer what a charger's system answers, or accept the Boot and nothing else."""

    def __init__(self, *, mute: bool) -> None:
        self._mute = mute
        self._numbers = count(700_001)

    async def converse(self, connection: ServerConnection) -> None:
        """Serve one connection until it ends."""
        with contextlib.suppress(ConnectionClosed):
            while True:
                frame = orjson.loads(await connection.recv(decode=False))
                if frame[0] == 2 and (frame[2] == "BootNotification" or not self._mute):
                    answer = self._answer(frame[2])
                    await connection.send(orjson.dumps([3, frame[1], answer]), text=True)

    def _answer(self, action: str) -> dict[str, Any]:
        if action == "BootNotification":
            now = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
            return {"currentTime": now, "interval": 300, "status": "Accepted"}
        if action == "StartTransaction":
            return {"transactionId": next(self._numbers), "idTagInfo": {"status": "Accepted"}}
        return {}


async def targets() -> None:
    """Serve a target that is well, a mute one and a slow one until standard input ends."""
    async with contextlib.AsyncExitStack() as stack:
        ports = []
        for mute in (False, True):
            server = await stack.enter_async_context(
                serve(
                    Target(mute=mute).converse,
                    "127.0.0.1",
                    0,
                    subprotocols=["ocpp1.6"],  # type: ignore[list-item] # a name of its own type
                    **QUIET,
                )
            )
            ports.append(next(iter(server.sockets)).getsockname()[1])
        slow = await stack.enter_async_context(FaultProxy.to("127.0.0.1", ports[0]))
        slow.throttle = THROTTLE
        urls = [f"ws://127.0.0.1:{port}/{{charge_box_id}}" for port in (*ports, slow.port)]
        await _told(dict(zip(("well", "mute", "slow"), urls, strict=True)))


# ---- the server ----


async def server() -> None:
    """Run the whole server on a database of its own until standard input ends."""
    logs.configure("json", "error")
    with tempfile.TemporaryDirectory() as directory:
        chosen = settings.read(
            {
                "RINGMAIN_DATA_DIR": directory,
                "RINGMAIN_HTTP_BIND": "127.0.0.1:0",
                "RINGMAIN_OCPP_BIND": "127.0.0.1:0",
                "RINGMAIN_ALLOW_INSECURE_TARGETS": "true",
                "RINGMAIN_ALLOWED_TARGET_NETWORKS": "127.0.0.0/8",
            }
        )
        async with wiring.running(chosen) as running:
            organization = await running.storage.organizations.create("bench")
            uuid = organization.organization_uuid
            _, key = await running.storage.api_keys.create(uuid, "admin")
            await _told({"http": f"http://{running.http}", "organization": uuid, "key": key})


async def _told(said: Any) -> None:
    """Say what the driver has to know, and wait until it has left."""
    print(json.dumps(said), flush=True)
    loop = asyncio.get_running_loop()
    while await loop.run_in_executor(None, sys.stdin.readline):
        print(json.dumps({"cpu": time.process_time()}), flush=True)


# ---- chargers ----


async def enrolled(at: dict[str, str], urls: dict[str, str], chargers: int) -> list[Dial]:
    """Enrol all chargers with their targets by REST."""
    path = f"/api/v1/organizations/{at['organization']}/chargers/enroll-with-proxy"
    dials = []
    async with aiohttp.ClientSession(at["http"], headers={"x-api-key": at["key"]}) as session:
        for number in range(chargers):
            name = f"CP-{number:03d}"
            body = {
                "charge_box_id": name,
                "target_platform_identifier": "bench",
                "target_websocket_url": urls.get(name, urls["well"]),
                "target_authentication_method": "None",
                # No charger waits for its target's word on its card.
                "policy": {"authority": "platform"},
            }
            async with session.post(path, json=body) as answer:
                told = await answer.json()
                assert answer.status == 200, told
            charger = told["charger"]
            dials.append(Dial(charger["ocpp_proxy_url"], name, charger["ocpp_password"]))
    return dials


class Charger:
    """Meter a transaction when it is due, and note how long each answer took."""

    def __init__(self, connection: ClientConnection, load: Load, number: int) -> None:
        self._connection = connection
        self._load = load
        self._number = number
        self._ids = count(1)
        self.waits: list[float] = []

    async def run(self, begin: float) -> None:
        """Begin a transaction, and meter it from this moment on."""
        await self._call(*BOOT)
        transaction = (await self._call(*START))["transactionId"]
        metered = {**LARGE[1], "transactionId": transaction}
        for due, counts in self._load.moments(begin, self._number):
            await asyncio.sleep(due - time.monotonic())
            sent = time.monotonic()
            await self._call("MeterValues", metered)
            if counts:
                self.waits.append(time.monotonic() - sent)

    async def _call(self, action: str, payload: Any) -> Any:
        id = f"{self._number}-{next(self._ids)}"
        await self._connection.send(orjson.dumps([2, id, action, payload]), text=True)
        while True:
            frame = orjson.loads(await self._connection.recv(decode=False))
            if frame[0] == 2:  # from the target, or the platform
                refused = orjson.dumps([4, frame[1], "NotSupported", "", {}])
                await self._connection.send(refused, text=True)
            elif frame[1] == id:
                return frame[2]


@contextlib.asynccontextmanager
async def side(load: Load, urls: dict[str, str]) -> AsyncIterator[Callable[[float], Any]]:
    """Have a server and its chargers ready, and yield what lets them meter and tells the waits."""
    async with child("bench.neighbours", "server") as server:
        dials = await enrolled(await server.line(), urls, load.chargers)
        async with connected(dials) as connections:
            chargers = [Charger(each, load, at) for at, each in enumerate(connections)]

            async def meter(begin: float) -> Waits:
                before = (await server.ask())["cpu"]
                await asyncio.gather(*(charger.run(begin) for charger in chargers))
                pairs = zip(dials, chargers, strict=True)
                others = [charger.waits for dial, charger in pairs if dial.user not in {MUTE, SLOW}]
                spent = (await server.ask())["cpu"] - before
                return Waits.of([wait for waits in others for wait in waits], spent)

            yield meter


async def round_of(load: Load, urls: dict[str, str]) -> tuple[Waits, Waits]:
    """Return what was waited without and with the bad targets."""
    bad = {**urls, MUTE: urls["mute"], SLOW: urls["slow"]}
    async with side(load, urls) as well, side(load, bad) as ill:
        begin = time.monotonic() + 3
        first, second = await asyncio.gather(well(begin), ill(begin + load.turn))
        return first, second


async def run(rounds: int, load: Load) -> list[tuple[Waits, Waits]]:
    """Return what was waited without and with the bad targets, round by round."""
    found = []
    async with child("bench.neighbours", "targets") as telling:
        urls = await telling.line()
        for number in range(rounds):
            found.append(await round_of(load, urls))
            print(f"round {number + 1}: {found[-1]}", file=sys.stderr)
    return found


def report(found: Sequence[tuple[Waits, Waits]]) -> str:
    """Tell every round, and the medians of the rounds' ratios."""
    lines = [f"{'the others wait, ms':24}{'all well':>22}{'with both':>22}{'ratio':>24}"]
    ratios = []
    for number, (well, bad) in enumerate(found, 1):
        ratios.append((bad.median / well.median, bad.p99 / well.p99, bad.cpu / well.cpu))
        told = "".join(
            f"{f'{each.median:.1f} / {each.p99:.1f} / {each.cpu:.2f}':>22}" for each in (well, bad)
        )
        lines.append(f"{f'round {number}':24}{told}{_told_ratios(ratios[-1]):>24}")
    medians = [statistics.median(column) for column in zip(*ratios, strict=True)]
    lines.append(f"{'median of the rounds':68}{_told_ratios(medians):>24}")
    lines.append(f"median / p99 / server CPU per answer; must: median and p99 {MUST}x at most")
    return "\n".join(lines)


def _told_ratios(ratios: Sequence[float]) -> str:
    return " / ".join(f"{ratio:.2f}x" for ratio in ratios)


def main() -> None:
    """Run and print."""
    parser = argparse.ArgumentParser(prog="python -m bench.neighbours", description=__doc__)
    parser.add_argument("part", nargs="?", choices=("targets", "server"), help=argparse.SUPPRESS)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--chargers", type=int, default=200)
    parser.add_argument("--every", type=float, default=1.0, help="s between meter values")
    parser.add_argument("--turn", type=float, default=2.0, help="s")
    parser.add_argument("--turns", type=int, default=10, help="that count, in a round")
    chosen = parser.parse_args()
    if chosen.part:
        uvloop.run(PARTS[chosen.part]())
        return
    load = Load(chosen.chargers, chosen.every, chosen.turn, chosen.turns)
    print(report(uvloop.run(run(chosen.rounds, load))))


PARTS = {"targets": targets, "server": server}

if __name__ == "__main__":
    main()

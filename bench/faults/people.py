"""Faults of who knows the people: Ory Kratos is down, slow, or there and not there in turn."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections import Counter, defaultdict
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from itertools import cycle

import aiohttp
from aiohttp import web

from bench.faults.ground import Ground
from bench.faults.process import free_port
from bench.faults.stand import Stand, percentile, standing, wait_until
from bench.faults.verdicts import Line
from storage.clock import SystemClock
from tests.kratos import Behaviour, StandIn, answering, hang

IDENTITY = "461d5fe1-d705-439e-a541-8b888b991b9b"
PHASE_S = 6.0
PROGRAMS, PEOPLE = 4, 20
SLOWEST_S = 1.0


@dataclass
class Asked:
    """How requests of one kind ended in a phase."""

    statuses: Counter[int] = field(default_factory=Counter)
    times: list[float] = field(default_factory=list)


@dataclass
class Crowd:
    """Programs with the key and people with sessions, who ask all the time."""

    stand: Stand
    person: aiohttp.ClientSession
    token: str
    phase: str = ""
    programs: defaultdict[str, Asked] = field(default_factory=lambda: defaultdict(Asked))
    people: defaultdict[str, Asked] = field(default_factory=lambda: defaultdict(Asked))

    async def program(self) -> None:
        """Ask with the key, one request after the other."""
        await self._ask(self.stand.session, {}, self.programs, 0.02)

    async def person_asks(self) -> None:
        """Ask with a session."""
        await self._ask(self.person, {"X-Session-Token": self.token}, self.people, 0.1)

    async def _ask(
        self,
        session: aiohttp.ClientSession,
        headers: Mapping[str, str],
        asked: Mapping[str, Asked],
        pause: float,
    ) -> None:
        url = f"http://{self.stand.server.http}{self.stand.api}/chargers"
        while True:
            phase, began = asked[self.phase], time.monotonic()
            try:
                async with session.get(url, headers=headers) as answer:
                    await answer.read()
                    phase.statuses[answer.status] += 1
            except aiohttp.ClientError:
                phase.statuses[0] += 1
            phase.times.append(time.monotonic() - began)
            await asyncio.sleep(pause)

    @contextlib.asynccontextmanager
    async def asking(self) -> AsyncIterator[None]:
        """Let everybody ask until the context ends."""
        tasks = [asyncio.create_task(self.program()) for _ in range(PROGRAMS)]
        tasks += [asyncio.create_task(self.person_asks()) for _ in range(PEOPLE)]
        try:
            yield
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)


async def without_kratos(ground: Ground, seed: int, scale: float = 1.0) -> list[Line]:
    """Let Kratos be well, down, slow, flapping and well again."""
    port = free_port()
    kratos = StandIn(SystemClock(), headers={"Ory-Session-Cache-For": "0"})
    seconds = PHASE_S * min(1.0, scale)
    settings = {
        "RINGMAIN_KRATOS_URL": f"http://127.0.0.1:{port}",
        "RINGMAIN_RATE_LIMIT": "10000/100000",
    }
    async with (
        standing(ground, seed, settings=settings) as stand,
        aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as person,
    ):
        await stand.ask("POST", f"{stand.api}/members", {"identity_id": IDENTITY, "role": "read"})
        crowd = Crowd(stand, person, kratos.log_in(IDENTITY), "before")
        async with crowd.asking():
            recovery = await _phases(crowd, kratos, port, seconds)
        return [_line(crowd, stand, recovery)]


async def _phases(crowd: Crowd, kratos: StandIn, port: int, seconds: float) -> float:
    """Go through all phases; return how long it took until sessions worked again."""
    async with kratos.listening(port):
        crowd.phase = "well"
        await asyncio.sleep(seconds)
        crowd.phase = "to down"
    await asyncio.sleep(1.0)
    crowd.phase = "down"
    await asyncio.sleep(seconds)
    async with kratos.listening(port):
        for phase, behave in {"slow": hang, "flapping": _flapping(kratos)}.items():
            # What is under way is of neither phase.
            kratos.behave, crowd.phase = behave, f"to {phase}"
            await asyncio.sleep(2.5)
            crowd.phase = phase
            await asyncio.sleep(seconds)
        kratos.behave, crowd.phase = None, "again"
        began = time.monotonic()
        await wait_until(lambda: crowd.people["again"].statuses[200], 30.0)
        recovery = time.monotonic() - began
        await asyncio.sleep(seconds / 2)
    return recovery


def _flapping(kratos: StandIn) -> Behaviour:
    moods = cycle((kratos.well, hang, kratos.well, answering(500), answering(503)))

    async def behave(request: web.Request) -> web.StreamResponse:
        return await next(moods)(request)

    return behave


def _line(crowd: Crowd, stand: Stand, recovery: float) -> Line:
    line = Line("F-22", "both", recovery_s=recovery, peak_mib=stand.server.peak_mib)
    times = [took for asked in crowd.programs.values() for took in asked.times]
    wrong = sum((asked.statuses for asked in crowd.programs.values()), Counter[int]())
    good = wrong.pop(200, 0)
    line.worst_s = max(times)
    line.must(not wrong, f"API keys: {dict(wrong)}")
    line.must(line.worst_s < SLOWEST_S, "an API key waited")
    line.must(recovery <= 10.0, "sessions did not work again in 10 s")
    for phase, allowed in _ALLOWED.items():
        seen = set(crowd.people[phase].statuses)
        line.must(bool(seen) and seen <= allowed, f"sessions while {phase}: {seen}")
    calm, ill = (percentile(crowd.programs[phase].times, 0.99) for phase in ("well", "slow"))
    line.notes.append(f"{good} answers to API keys, {sum(wrong.values())} errors")
    line.notes.append(f"their p99 {1000 * calm:.0f} ms while Kratos is well, {1000 * ill:.0f} slow")
    refused = sum(asked.statuses[503] for asked in crowd.people.values())
    line.notes.append(f"{refused} sessions refused with 503")
    return line


_ALLOWED: Mapping[str, set[int]] = {
    "well": {200},
    "down": {503},
    "slow": {503},
    "flapping": {200, 503},
    "again": {200, 503},
}

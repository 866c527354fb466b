"""What can be seen of a server while its database is away."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Collection, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from bench.faults.stand import Stand, percentile
from bench.faults.verdicts import Line

DEADLINE_S = 5.0
# What a 503 may take beside the deadline, on a machine that has other things to do.
SLACK_S = 1.0
LAG_S = 0.1
GROWTH_MIB = 100
COMMAND = "/api/chargingStations/{}/commands/ClearCache"
_EVERY_S = 0.2
_GIVEN_UP_S = 20.0
# 409: the charger of a command is not connected.
_DECENT = frozenset({200, 409, 503})
# What the server logs where something is wrong that nobody has foreseen.
_FAULTS = ("not json", "request_failed", "answer_failed", "not_told", "row_refused")


class Asked(NamedTuple):
    """What a request was answered, when, and how long it took; status 0 where nothing came."""

    what: str
    at: float
    took: float
    status: int
    body: Any


@dataclass(slots=True)
class Watch:
    """What was seen from ``began`` on, until the database was back at ``ended``."""

    stand: Stand
    before_mib: float
    pid: int
    began: float = 0.0
    ended: float = float("inf")
    most_mib: float = 0.0
    lived: bool = False  # until all was over, as one and the same process
    asked: list[Asked] = field(default_factory=list)
    faults: Mapping[str, int] = field(default_factory=dict)

    def begins(self) -> None:
        """Note that the fault begins now."""
        self.began, self.ended = time.monotonic(), float("inf")

    def ends(self) -> None:
        """Note that the database is back now."""
        self.ended = time.monotonic()

    def written_s(self) -> float:
        """Return how long after the end the server wrote to the database again."""
        returns = [at for at in self.stand.server.returns if at > self.ended]
        return min(returns, default=self.ended + self.first_answer_s()) - self.ended

    def first_answer_s(self) -> float:
        """Return how long after the end the first charger had an answer, which is a commit."""
        ends = [at + took for rig in self.stand.chargers for at, _, took in rig.answers]
        return min((end for end in ends if end > self.ended), default=float("inf")) - self.ended

    def answered_meanwhile(self, grace_s: float) -> int:
        """Count the answers to chargers during the fault, from so many s after its beginning on."""
        ends = [at + took for rig in self.stand.chargers for at, _, took in rig.answers]
        return sum(self.began + grace_s < end < self.ended for end in ends)

    def red(self) -> Asked | None:
        """Return how /readyz told of the fault, None where it did not."""
        told = (one for one in self.asked if one.what == "/readyz" and one.status == 503)
        return next((one for one in told if self.began < one.at < self.ended), None)

    def judge(self, line: Line, *, reads_fail: bool) -> None:
        """Apply what must hold of every fault of a database."""
        line.must(self.lived, "the server died")
        line.must(not self.faults, f"the server logged {dict(self.faults)}")
        self._judge_requests(line, reads_fail=reads_fail)
        growth = self.most_mib - self.before_mib
        line.must(growth < GROWTH_MIB, f"grew by {growth:.0f} MiB")
        lags = [lag for at, lag in self.stand.server.lags if self.began < at < self.ended]
        lag = percentile(lags, 0.99)
        line.goal(lag < LAG_S, f"the loop was {1000 * lag:.0f} ms late")
        line.notes.append(f"loop lag p99 {1000 * lag:.0f} ms; {growth:+.0f} MiB")

    def _judge_requests(self, line: Line, *, reads_fail: bool) -> None:
        odd = {(one.what, one.status) for one in self.asked if one.status not in _DECENT}
        line.must(not odd, f"requests were answered {sorted(odd)}")
        slowest = max((one.took for one in self.asked), default=0.0)
        line.must(slowest < DEADLINE_S + SLACK_S, f"a request took {slowest:.1f} s")
        red = self.red()
        line.must(red is not None, "/readyz was never red")
        reason = red.body.get("message", "") if red and isinstance(red.body, dict) else ""
        line.must(red is None or bool(reason), "/readyz gave no reason")
        reads = [one for one in self.asked if one.what == "chargers" and self._during(one)]
        unavailable = sum(one.status == 503 for one in reads)
        if reads_fail:
            line.must(unavailable > 0, "no read was told 503")
        line.notes.append(f"{unavailable} of {len(reads)} reads 503, slowest {slowest:.1f} s")

    def _during(self, one: Asked) -> bool:
        return self.began < one.at < self.ended


@contextlib.asynccontextmanager
async def watching(stand: Stand, told: Collection[str] = ()) -> AsyncIterator[Watch]:
    """Ask the server all the time until the context ends; chargers ``told`` are sent commands."""
    server = stand.server
    watch = Watch(stand, server.memory_mib(), server.pid)
    paths = {
        "/healthz": ("GET", "/healthz"),
        "/readyz": ("GET", "/readyz"),
        "chargers": ("GET", f"{stand.api}/chargers?limit=5"),
        "transactions": ("GET", f"{stand.api}/transactions?limit=5"),
        **{f"to {id}": ("POST", COMMAND.format(id)) for id in told},
    }
    before = server.logged.copy()
    tasks = [asyncio.create_task(_keep_asking(watch, what, *how)) for what, how in paths.items()]
    tasks.append(asyncio.create_task(_weigh(watch)))
    try:
        yield watch
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        watch.lived = server.alive and server.pid == watch.pid
        logged = server.logged - before
        watch.faults = {name: logged[name] for name in _FAULTS if logged[name]}


async def _keep_asking(watch: Watch, what: str, method: str, path: str) -> None:
    while True:
        began, status, body = time.monotonic(), 0, None
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_GIVEN_UP_S):
                status, body = await watch.stand.ask(method, path)
        watch.asked.append(Asked(what, began, time.monotonic() - began, status, body))
        await asyncio.sleep(_EVERY_S)


async def _weigh(watch: Watch) -> None:
    while True:
        with contextlib.suppress(OSError):
            watch.most_mib = max(watch.most_mib, watch.stand.server.memory_mib())
        await asyncio.sleep(_EVERY_S)

"""What the chargers of a site and their targets live through while it is moved by one call."""

from __future__ import annotations

import asyncio
import contextlib
import os
import sys
import time
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple, TypeAlias

from bench.faults.stand import percentile
from bench.site import Site
from simulators.connections import Connection
from simulators.target import Target

_TICK_S = 0.02


class Felt(NamedTuple):
    """How long chargers waited for answers to their own calls; times in s.

    ``late`` is how late the event loops of the server and of the bench were: the chargers and the
    targets share the bench's. ``cpu`` is what the server has used meanwhile, since its last start.
    """

    calls: int
    p99: float
    worst: float
    late: tuple[float, float]
    cpu: float


class Links(NamedTuple):
    """Count the dials at the targets, the sockets that were closed there, and chargers' links."""

    dials: int
    hung_up: int
    connects: int


@dataclass(frozen=True, slots=True)
class Move:
    """What one call did; times in s, from the moment of the call on.

    ``peak`` and ``mean`` are dials a second, ``slowest`` is the charger that was linked last.
    """

    what: str
    answered: float
    applied: float
    ready: float
    steps: Counter[str]
    links: Links
    peak: int
    mean: float
    slowest: tuple[float, str]
    felt: Felt
    all_ready: bool


Lags: TypeAlias = list[tuple[float, float]]
Used: TypeAlias = tuple[int, float]  # a process, and its CPU in s


@dataclass(slots=True)
class Observer:
    """Look at a site before a call and after it; ``lags`` are this process's: (when, s)."""

    site: Site
    lags: Lags

    async def watched(self, what: str, call: Callable[[], Awaitable[None]], target: Target) -> Move:
        """Make the call, and wait until all chargers are linked to the target."""
        print(what, file=sys.stderr, flush=True)
        began, at, before = time.monotonic(), self.site.rigs[0].now(), self._links()
        used = self._used()
        await call()
        answered = time.monotonic() - began
        steps = await self.site.rolled_out()
        applied = time.monotonic() - began
        all_ready = await self.site.linked(target)
        ready = time.monotonic() - began
        dials = [
            ((one.at - at).total_seconds(), one.charge_box_id)
            for one in self._connections()
            if one.at >= at
        ]
        links = Links(*(now - then for now, then in zip(self._links(), before, strict=True)))
        return Move(
            what=what,
            answered=answered,
            applied=applied,
            ready=ready,
            steps=steps,
            links=links,
            peak=max(Counter(int(moment) for moment, _ in dials).values(), default=0),
            mean=_mean(dials),
            slowest=max(dials, default=(0.0, "")),
            felt=self._felt(began, used),
            all_ready=all_ready,
        )

    async def rest(self, seconds: float) -> Felt:
        """Do nothing for a while."""
        began, used = time.monotonic(), self._used()
        await asyncio.sleep(seconds)
        return self._felt(began, used)

    def _felt(self, since: float, used: Used) -> Felt:
        took = [took for rig in self.site.rigs for at, _, took in rig.answers if at >= since]
        lags = [
            percentile([lag for at, lag in some if at >= since], 0.99)
            for some in (self.site.stand.server.lags, self.lags)
        ]
        pid, now = self._used()
        return Felt(
            calls=len(took),
            p99=percentile(took, 0.99),
            worst=max(took, default=0.0),
            late=(lags[0], lags[1]),
            cpu=now - (used[1] if pid == used[0] else 0.0),
        )

    def _used(self) -> Used:
        pid = self.site.stand.server.pid
        times = Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2].split()[11:13]
        return pid, sum(map(int, times)) / os.sysconf("SC_CLK_TCK")

    def _links(self) -> Links:
        connections = self._connections()
        return Links(
            len(connections),
            sum(one.closed is not None for one in connections),
            sum(rig.counts["connected"] for rig in self.site.rigs),
        )

    def _connections(self) -> list[Connection]:
        return [one for target in self.site.stand.targets for one in target.connections]


def _mean(dials: Sequence[tuple[float, str]]) -> float:
    moments = [moment for moment, _ in dials]
    # Those of a quarter of a second are not told apart from those of a whole one.
    return len(dials) / max(max(moments) - min(moments), 1.0) if moments else 0.0


@contextlib.asynccontextmanager
async def observing(site: Site) -> AsyncIterator[Observer]:
    """Observe a site, and how late this process is meanwhile."""
    observer = Observer(site, [])
    measuring = asyncio.create_task(_measure(observer.lags))
    try:
        yield observer
    finally:
        measuring.cancel()
        await asyncio.gather(measuring, return_exceptions=True)


async def _measure(lags: Lags) -> None:
    while True:
        due = time.monotonic() + _TICK_S
        await asyncio.sleep(_TICK_S)
        lags.append((due, time.monotonic() - due))

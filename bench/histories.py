"""Measure what a long history costs: ``python -m bench.histories`` (or ``make history``).

A message log of 10^4 frames and one of 10^7 are asked the same, on both databases, through our own
code and on behalf of one organization. All of them take turns; the median wait is told, and a ratio
is the median of the rounds' own ratios. Loading takes most of the time, and 15 GB of disk.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
import tempfile
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from statistics import median
from typing import NamedTuple, TypeAlias

import uvloop

from bench.appending import ROWS, Cost, appended, measured
from bench.cluster import ADMIN, Cluster, binaries, running
from bench.history import BUSY, History
from bench.loading import fill_postgres, fill_sqlite
from bench.questions import QUESTIONS, Past, waited
from storage import engines, migrate
from storage.clock import SystemClock
from storage.journal import FILED_AT_ONCE
from storage.room import Divided
from storage.store import open_storage

SHORT = 10_000
LONG = 305 * FILED_AT_ONCE + SHORT  # as much of it is not yet filed by charger
MUST = 3.0
FIGURES, MUST_ADDED = ("our µs", "its own µs", "rows a second"), ("1.2x", "1.2x", "")
ASKER = BUSY.organization_uuid
TIMES = 20  # that a question is asked in a round
END = datetime(2026, 11, 22, tzinfo=UTC)
# As somebody with 10^7 rows sets it; what else the cluster sets is for small ones.
SETTINGS = ("shared_buffers=2GB", "max_wal_size=4GB")


class Kept(NamedTuple):
    """One of the histories, where it is kept."""

    past: Past
    cluster: Cluster | None


# By the name of the database, the short one and the long one.
Pairs: TypeAlias = Mapping[str, tuple[Kept, Kept]]
# What each round found of the short one and of the long one.
Figures: TypeAlias = dict[tuple[str, str], list[tuple[float, float]]]


@asynccontextmanager
async def kept(folder: Path, rows: int) -> AsyncIterator[Pairs]:
    """Make a short history and one of so many rows on each database, until the context ends."""
    async with AsyncExitStack() as stack:
        cluster = stack.enter_context(running(folder, SETTINGS)) if binaries() else None
        short, long = [await _sqlite(stack, folder, each) for each in (SHORT, rows)]
        pairs = {"SQLite": (short, long)}
        if cluster:
            short, long = [await _postgres(stack, folder, cluster, each) for each in (SHORT, rows)]
            pairs["PostgreSQL"] = short, long
        yield pairs


async def _sqlite(stack: AsyncExitStack, folder: Path, rows: int) -> Kept:
    folder = folder / f"sqlite{rows}"
    async with open_storage(folder, SystemClock()):
        """Have the tables made."""
    history = History(rows, END)
    await asyncio.to_thread(fill_sqlite, folder / engines.DATABASE_FILE, history)
    storage = await stack.enter_async_context(open_storage(folder, SystemClock()))
    return Kept(await Past.of(storage, history.begin, END), None)


async def _postgres(stack: AsyncExitStack, folder: Path, cluster: Cluster, rows: int) -> Kept:
    name = f"history{rows}"
    url, history = engines.parse_url(cluster.new_database(name)), History(rows, END, Divided())
    await asyncio.to_thread(migrate.upgrade, url)
    await asyncio.to_thread(fill_postgres, cluster.url(name, ADMIN), history)
    opening = open_storage(folder / name, SystemClock(), database_url=url)
    storage = await stack.enter_async_context(opening)
    return Kept(await Past.of(storage, history.begin, END), cluster)


async def asked(pairs: Pairs, rounds: int) -> Figures:
    """Return how long each question took, the median of a round in µs."""
    waits: Figures = {}
    for question, make in QUESTIONS.items():
        asks = {name: [make(each.past) for each in pair] for name, pair in pairs.items()}
        for _ in range(rounds):
            for name, both in asks.items():
                short, long = [median(await waited(ask, ASKER, TIMES)) for ask in both]
                waits.setdefault((name, question), []).append((short, long))
        print(question, file=sys.stderr)
    return waits


async def written(pairs: Pairs, rounds: int) -> Mapping[str, list[tuple[Cost, Cost]]]:
    """Return what a row costs that is added, in each round."""
    costs: dict[str, list[tuple[Cost, Cost]]] = {}
    for number in range(rounds + 1):
        for name, pair in pairs.items():
            short, long = [
                await measured(appended(kept.past.storage, ROWS), ROWS, kept.cluster)
                for kept in pair
            ]
            if number:  # the first round warms up
                costs.setdefault(name, []).append((short, long))
    return costs


def report(waits: Figures, costs: Mapping[str, list[tuple[Cost, Cost]]]) -> str:
    """Tell the medians, and where the goals stand."""
    lines = [f"{'asked, µs':46}{'short':>10}{'long':>10}{'ratio':>9}{'must':>8}"]
    for (name, question), rounds in waits.items():
        lines.append(_line(f"{name}: {question}", rounds, f"{MUST:g}x"))
    lines.append(f"\n{'added, a row':46}")
    for name, both in costs.items():
        for place, figure in enumerate(FIGURES):
            rounds = [(short[place], long[place]) for short, long in both]
            if any(map(all, rounds)):
                lines.append(_line(f"{name}: {figure}", rounds, MUST_ADDED[place]))
    return "\n".join(lines)


def _line(name: str, rounds: Sequence[tuple[float, float]], must: str) -> str:
    short, long = (median(figures) for figures in zip(*rounds, strict=True))
    ratio = median(long / short for short, long in rounds)
    return f"{name:46}{short:10.1f}{long:10.1f}{ratio:8.2f}x{must:>8}"


async def main(folder: Path, rows: int, rounds: int) -> str:
    """Make the histories, ask, add, and tell."""
    async with kept(folder, rows) as pairs:
        print("the histories are there", file=sys.stderr)
        waits = await asked(pairs, rounds)
        return report(waits, await written(pairs, rounds))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m bench.histories", description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--rows", type=int, default=LONG, help="of the long history")
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory() as directory:
        print(uvloop.run(main(Path(directory), chosen.rows, chosen.rounds)))

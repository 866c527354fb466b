"""What a row costs that is written: our process and the database's, and how many a second."""

from __future__ import annotations

import asyncio
import os
import statistics
import time
from collections.abc import Awaitable, Mapping, Sequence
from contextlib import AsyncExitStack
from itertools import count
from pathlib import Path
from typing import NamedTuple

from bench.cluster import Cluster, binaries, running
from bench.history import CHARGERS, VERSION
from storage import migrate
from storage.clock import SystemClock
from storage.database import Database, Write
from storage.engines import parse_url
from storage.statements.messages import append_message
from storage.store import Storage, open_storage

BATCH = 1_000
ROWS = 10_000  # in a round
# 250 bytes, half of them in an answer of their own.
CALL = b'[2,"%b","StatusNotification",{"info":"' + b"." * 130 + b'","status":"Available"}]'
RESULT = b'[3,"%b",{}]'
_TICKS = os.sysconf("SC_CLK_TCK")
_IDS = count(1)


class Cost(NamedTuple):
    """What rows cost: µs of our CPU and of the database's for each, and how many a second."""

    cpu: float
    server_cpu: float
    rows_per_second: float


async def measured(work: Awaitable[None], rows: int, cluster: Cluster | None) -> Cost:
    """Return what each row costs that is written until some work is done."""
    server, cpu, begun = _server_cpu(cluster), time.process_time(), time.perf_counter()
    await work
    took = time.perf_counter() - begun
    spent = time.process_time() - cpu
    served = _server_cpu(cluster) - server
    return Cost(spent / rows * 1e6, served / rows * 1e6, rows / took)


def _server_cpu(cluster: Cluster | None) -> float:
    """Return the CPU seconds of a server's processes, those that are gone included."""
    return sum(map(_cpu_of, cluster.processes())) if cluster else 0.0


def _cpu_of(process: int) -> float:
    try:
        stat = Path(f"/proc/{process}/stat").read_text()
    except FileNotFoundError:  # it has ended, and its parent will tell
        return 0.0
    return sum(map(int, stat.rpartition(")")[2].split()[11:15])) / _TICKS


# ---- ways to write ----


async def written(database: Database, batches: Sequence[Write]) -> None:
    """Hand whole batches to the database, as the one writer does."""
    for batch in batches:
        await database.write([batch])


def batches_behind(position: int, rows: int) -> list[Write]:
    """Make rows in batches, for the positions behind one."""
    return [
        Write(append_message, [_row(position + first + place) for place in range(1, BATCH + 1)])
        for first in range(0, rows, BATCH)
    ]


def _row(position: int) -> tuple[object, ...]:
    key, id = CHARGERS[position // 2 % len(CHARGERS)], f"{position:036d}"
    head = (position, time.time_ns() // 1000, *key, "charger_to_platform", VERSION, "Call", id)
    return (*head, "StatusNotification", CALL % id.encode(), None, None, None, None)


async def appended(storage: Storage, rows: int) -> None:
    """Log calls and their answers, and wait for each thousand to be on disk."""
    journal = storage.journal
    for _ in range(rows // BATCH):
        for number in range(BATCH // 2):
            key, id = CHARGERS[number % len(CHARGERS)], f"{next(_IDS):036d}"
            call, answer = CALL % id.encode(), RESULT % id.encode()
            action = "StatusNotification"
            journal.append(key, "charger_to_platform", VERSION, "Call", id, action, call)
            journal.append(key, "platform_to_charger", VERSION, "CallResult", id, None, answer)
        await journal.flush()


# ---- both databases ----


async def run(folder: Path, rounds: int) -> Mapping[str, Sequence[Cost]]:
    """Return what each round found for each database and each way to write."""
    costs: dict[str, list[Cost]] = {}
    async with AsyncExitStack() as stack:
        databases = await _opened(stack, folder)
        for _ in range(rounds):
            for name, (storage, cluster) in databases.items():
                cost = await measured(appended(storage, ROWS), ROWS, cluster)
                costs.setdefault(f"{name}, through the journal", []).append(cost)
        for number in range(rounds):
            for name, (storage, cluster) in databases.items():
                batches = batches_behind(storage.journal.head + number * ROWS, ROWS)
                cost = await measured(written(storage.database, batches), ROWS, cluster)
                costs.setdefault(f"{name}, the database alone", []).append(cost)
    return costs


async def _opened(
    stack: AsyncExitStack, folder: Path
) -> Mapping[str, tuple[Storage, Cluster | None]]:
    databases: dict[str, tuple[Storage, Cluster | None]] = {}
    storage = await stack.enter_async_context(open_storage(folder / "sqlite", SystemClock()))
    databases["SQLite"] = storage, None
    if binaries():
        cluster = stack.enter_context(running(folder))
        url = parse_url(cluster.new_database("rows"))
        await asyncio.to_thread(migrate.upgrade, url)
        opening = open_storage(folder / "postgresql", SystemClock(), database_url=url)
        databases["PostgreSQL"] = await stack.enter_async_context(opening), cluster
    for storage, _ in databases.values():
        await appended(storage, BATCH)  # statements are compiled, partitions are made
    return databases


def report(costs: Mapping[str, Sequence[Cost]]) -> str:
    """Tell the medians of the rounds."""
    lines = [f"{'a row, in batches of 1000':42}{'our µs':>10}{'its µs':>10}{'rows/s':>10}"]
    for name, rounds in costs.items():
        cpu, server, rows = (statistics.median(figures) for figures in zip(*rounds, strict=True))
        lines.append(f"{name:42}{cpu:10.1f}{server:10.1f}{rows:10.0f}")
    return "\n".join(lines)

"""What a record costs that is exported: our CPU, our memory, and how long others wait for it.

The exporter has one core of its own and writes to one sink, a store in another process on another
core. Everything is the server's own: the log, the exporter, its lines and the sink of S3.
"""

from __future__ import annotations

import asyncio
import contextlib
import gc
import json
import os
import statistics
import sys
import time
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import AsyncExitStack, contextmanager
from ipaddress import ip_network
from multiprocessing import get_context
from pathlib import Path
from typing import NamedTuple
from uuid import uuid4

from sqlalchemy import URL

from bench.appending import CALL
from bench.cluster import binaries, running
from bench.history import VERSION
from csms.wiring import export_parts
from proxy.addresses import AddressGuard
from proxy.store_door import StoreDoor
from storage import migrate
from storage.clock import SystemClock
from storage.engines import parse_url
from storage.exporter import Exporter
from storage.records import ChargerKey, SinkRecord
from storage.sinks.port import Outside
from storage.store import Storage, open_storage

RECORDS = 300_000  # in the log, of 250 bytes each
_BATCH = 1_000
_CHARGERS = 100
_TICK = 0.002  # s between two looks at the event loop
_LOOK = 0.1  # s between two looks at how far the export is
_PAGE = os.sysconf("SC_PAGE_SIZE")


class Cost(NamedTuple):
    """What an export cost: µs of CPU a record, records a s, MB of memory, the longest stall in ms.

    Records a s are those of a whole second, with whatever else the machine does; a second of CPU
    has `1e6 / cpu`. Memory is told when a tenth of the records is stored, and at the end; the stall
    is the longest one in between, when the sink is open.
    """

    cpu: float
    records_per_second: float
    early: float
    late: float
    stall: float


class Logged(NamedTuple):
    """A log that is to be exported, and whose it is."""

    storage: Storage
    organization_uuid: str
    records: int


# ---- what is exported, and where to ----


def loaded(folder: Path, url: URL | None, records: int) -> str:
    """Log so many calls in this process, which ends then: they leave nothing in the memory."""

    async def load() -> str:
        async with open_storage(folder, SystemClock(), database_url=url) as storage:
            return (await logged(storage, records)).organization_uuid

    return asyncio.run(load())


async def logged(storage: Storage, records: int) -> Logged:
    """Log so many calls of one organization's chargers."""
    organization = await storage.organizations.create("bench")
    keys = [ChargerKey(organization.organization_uuid, f"CP-{n:06d}") for n in range(_CHARGERS)]
    append = storage.journal.append
    for first in range(0, records, _BATCH):
        for number in range(first, min(first + _BATCH, records)):
            id, key = f"{number:036d}", keys[number % _CHARGERS]
            frame = CALL % id.encode()
            append(key, "charger_to_platform", VERSION, "Call", id, "StatusNotification", frame)
        await storage.journal.flush()
    return Logged(storage, organization.organization_uuid, records)


def new_sink(organization_uuid: str, url: str, *, hashed: bool) -> SinkRecord:
    """Return a sink of everything that an organization's chargers said."""
    now = SystemClock().now()
    return SinkRecord(
        id=uuid4().hex,
        organization_uuid=organization_uuid,
        name=f"bench-{uuid4().hex[:8]}",
        type="aws_s3",
        configuration={
            "bucket": "lake",
            "region": "us-east-1",
            "endpoint_url": url,
            "flush_seconds": 1,
            "hash_id_tags": hashed,
        },
        credentials={"access_key_id": "AKIABENCH", "secret_access_key": "of-the-bench"},
        token_key="11" * 32,
        inserted_at=now,
        updated_at=now,
    )


@contextlib.asynccontextmanager
async def taking(*cores: int) -> AsyncIterator[str]:
    """Run a store on some cores, all if none is named; return its URL."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "bench.bucket",
        *map(str, cores),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )
    try:
        assert process.stdout
        yield json.loads(await process.stdout.readline())["url"]
    finally:
        process.kill()
        await process.wait()


# ---- one export ----


class Watch:
    """Look at the event loop all the time, and note for how long it did not come round."""

    def __init__(self) -> None:
        self.stall = 0.0

    @contextlib.asynccontextmanager
    async def watching(self) -> AsyncIterator[None]:
        """Look until the context ends."""
        task = asyncio.create_task(self._look())
        try:
            yield
        finally:
            task.cancel()

    async def _look(self) -> None:
        while True:
            before = time.perf_counter()
            await asyncio.sleep(_TICK)
            self.stall = max(self.stall, time.perf_counter() - before - _TICK)


async def exported(log: Logged, url: str, *, hashed: bool = False) -> Cost:
    """Export a whole log to a sink of its own, and return what that cost."""
    sink = new_sink(log.organization_uuid, url, hashed=hashed)
    guard = AddressGuard([ip_network("127.0.0.0/8")], allow_insecure=True)
    parts = export_parts(log.storage, Outside(StoreDoor(guard)), SystemClock())
    watch = Watch()
    async with Exporter(parts).running() as exporter, watch.watching():
        await log.storage.sinks.create(sink, earliest=True)
        begun, spent = time.perf_counter(), time.process_time()
        await exporter.configure(sink.organization_uuid, sink.id)
        early = await _memory_when(log, sink, log.records // 10)
        watch.stall = 0.0
        late = await _memory_when(log, sink, log.records)
        took, spent = time.perf_counter() - begun, time.process_time() - spent
    await log.storage.sinks.delete(sink.organization_uuid, sink.id)
    return Cost(spent / log.records * 1e6, log.records / took, early, late, watch.stall * 1e3)


async def _memory_when(log: Logged, sink: SinkRecord, records: int) -> float:
    """Return how much memory this process has, in MB, when so many records are stored."""
    while True:
        progress = await log.storage.sinks.progress(sink.id)
        if progress is not None and progress.records >= records:
            return _memory()
        await asyncio.sleep(_LOOK)


def _memory() -> float:
    return int(Path("/proc/self/statm").read_text().split()[1]) * _PAGE / 1e6


# ---- both databases ----


async def run(folder: Path, rounds: int, records: int = RECORDS) -> Mapping[str, Sequence[Cost]]:
    """Return what each round found for each database, with tokens in clear and hashed."""
    costs: dict[str, list[Cost]] = {}
    async with AsyncExitStack() as stack:
        logs = await _opened(stack, folder, records)
        with alone() as others:
            url = await stack.enter_async_context(taking(*others))
            for number in range(rounds + 1):  # the first one imports what it needs
                as_the_server_does()
                for name, log in logs.items():
                    for hashed in (False, True):
                        cost = await exported(log, url, hashed=hashed)
                        if number:
                            costs.setdefault(f"{name}{', hashed' * hashed}", []).append(cost)
    return costs


@contextmanager
def alone() -> Iterator[Sequence[int]]:
    """Let this process and its threads have one core only; return the others."""
    cores = sorted(os.sched_getaffinity(0))
    threads = [int(task.name) for task in Path("/proc/self/task").iterdir()]
    for thread in threads:
        os.sched_setaffinity(thread, cores[:1])
    try:
        yield cores[1:]
    finally:
        for task in Path("/proc/self/task").iterdir():
            os.sched_setaffinity(int(task.name), cores)


def as_the_server_does() -> None:
    """Keep the collector off what stays for good, and let it come seldom."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000)


async def _opened(stack: AsyncExitStack, folder: Path, records: int) -> Mapping[str, Logged]:
    urls: dict[str, URL | None] = {"SQLite": None}
    if binaries():
        cluster = stack.enter_context(running(folder))
        urls["PostgreSQL"] = new = parse_url(cluster.new_database("exports"))
        await asyncio.to_thread(migrate.upgrade, new)
    logs = {}
    for name, url in urls.items():
        path = folder / name
        with ProcessPoolExecutor(1, get_context("spawn")) as aside:
            organization_uuid = await asyncio.wrap_future(aside.submit(loaded, path, url, records))
        opening = open_storage(path, SystemClock(), database_url=url)
        logs[name] = Logged(await stack.enter_async_context(opening), organization_uuid, records)
    return logs


def report(costs: Mapping[str, Sequence[Cost]]) -> str:
    """Tell the medians of the rounds, and the longest stall of all."""
    heads = ("our µs", "per CPU s", "per s", "MB at 10 %", "MB at end", "stall ms")
    lines = [f"{'a record that is exported':30}" + "".join(f"{head:>12}" for head in heads)]
    for name, rounds in costs.items():
        cpu, wall, early, late, _ = (
            statistics.median(figures) for figures in zip(*rounds, strict=True)
        )
        stall = max(cost.stall for cost in rounds)
        figures = (cpu, 1e6 / cpu, wall, early, late, stall)
        lines.append(f"{name:30}" + "".join(f"{figure:12.1f}" for figure in figures))
    return "\n".join(lines)

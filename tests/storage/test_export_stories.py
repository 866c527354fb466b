"""Whatever happens in whichever order: each record is in the bucket once, and the lag is exact."""

from __future__ import annotations

import asyncio
import tempfile
from collections import defaultdict
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from gzip import decompress
from inspect import isasyncgenfunction
from pathlib import Path
from typing import Any, cast

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import select

from storage import engines, group_commit
from storage.database import NO_VALUES, Database, Row, Statement, Write
from storage.errors import StorageError, StorageUnavailable
from storage.exporter import Exporter
from storage.group_commit import GroupCommit
from storage.journal import Journal
from storage.records import SinkRecord
from storage.room import Division
from storage.schema import messages
from storage.sinks.errors import SinkUnavailable
from tests.storage.doubles import HandClock
from tests.storage.exports import OURS, Stage
from tests.storage.sinks.doubles import Bucket

# One step of a story, and a number that says how much of it.
STEPS = st.tuples(
    st.sampled_from(
        [
            *["say"] * 4,
            *["pause"] * 4,
            "fail",
            "fail though stored",
            "kill",
            "restart",
            "away",
            "lose an answer",
            "back",
            "change",
            "disable",
            "hour",
            "look",
        ]
    ),
    st.integers(0, 8),
)


class Flaky:
    """A database that is away, or executes what is written and does not say so."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self.away = False
        self.unsaid = 0

    @property
    def division(self) -> Division:
        return self._database.division

    async def fetch(self, statement: Statement, values: Row = NO_VALUES) -> list[Row]:
        self._check()
        return await self._database.fetch(statement, values)

    async def execute(self, statement: Statement, values: Row = NO_VALUES) -> list[Row]:
        self._check()
        rows = await self._database.execute(statement, values)
        self._forget()
        return rows

    async def write(self, writes: Sequence[Write]) -> None:
        self._check()
        await self._database.write(writes)
        if writes:
            self._forget()

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[Any]:
        self._check()
        async with self._database.transaction() as transaction:
            yield transaction

    def _check(self) -> None:
        if self.away:
            raise StorageUnavailable

    def _forget(self) -> None:
        if self.unsaid:
            self.unsaid -= 1
            raise StorageUnavailable


class Fate:
    """After how many more steps everything that a process does stops for good."""

    def __init__(self) -> None:
        self.left: int | None = None

    async def step(self) -> None:
        if self.left is not None:
            if not self.left:
                await asyncio.Event().wait()
            self.left -= 1


class Doomed:
    """Something whose user may be killed before and behind whatever he does with it."""

    def __init__(self, inner: Any, fate: Fate) -> None:
        self._inner, self._fate = inner, fate

    def __getattr__(self, name: str) -> Any:
        method = getattr(self._inner, name)
        if isasyncgenfunction(method):
            return lambda *given: self._paged(method(*given))
        if not asyncio.iscoroutinefunction(method) or name == "close":
            return method
        return lambda *given: self._done(method, given)

    async def _paged(self, pages: AsyncIterator[Any]) -> AsyncIterator[Any]:
        async for page in pages:
            await self._fate.step()
            yield page

    async def _done(self, method: Any, given: Any) -> Any:
        await self._fate.step()
        result = await method(*given)
        await self._fate.step()
        return result


class Story(Stage):
    """An installation that all of this happens to."""

    def __init__(self, flaky: Flaky, journal: Journal, clock: HandClock) -> None:
        super().__init__(cast("Database", flaky), journal, clock)
        self.flaky = flaky
        self.processes = AsyncExitStack()
        self.fate = Fate()
        self.record: SinkRecord

    async def begin(self) -> None:
        """Start a process; the one before it is never heard of again."""
        self.fate.left = 0
        self.fate = fate = Fate()

        async def open_sink(_sink: SinkRecord) -> Any:
            await fate.step()
            return Doomed(self.bucket, fate)

        doomed = {
            "sinks": Doomed(self.parts.sinks, fate),
            "bus": Doomed(self.parts.bus, fate),
            "open_sink": open_sink,
            "first_pause": 0.001,
            "longest_pause": 0.004,
        }
        parts = {name: getattr(self.parts, name) for name in ("render", "clock", "random")}
        self.exporter = Exporter(type(self.parts)(**{**parts, **doomed}))
        await self.processes.enter_async_context(self.exporter.running())

    async def tell(self, step: str, number: int) -> None:
        match step:
            case "say":
                self.say(number, b"." * number * 100)
            case "pause":
                for _ in range(number):
                    await asyncio.sleep(0.001)
            case "fail" | "fail though stored":
                self.bucket.faults.append((SinkUnavailable(), step != "fail"))
            case "kill":
                self.fate.left = number
            case "away":
                self.flaky.away = True
            case "lose an answer":
                self.flaky.unsaid += 1
            case "hour":
                self.clock.pass_time(hours=number - 3)
            case _:
                self.flaky.away = False
                await {
                    "restart": self.begin,
                    "back": self.journal.group.back,
                    "change": lambda: self.changed(number),
                    "disable": lambda: self.changed(number, enabled=False),
                    "look": self.look,
                }[step]()

    async def changed(self, number: int, *, enabled: bool = True) -> None:
        try:
            self.record = await self.change(
                self.record,
                enabled=enabled,
                prefix=f"prefix-{number}",
                flush_bytes=400 + 400 * number,
                hash_id_tags=number % 2 == 0,
            )
        except StorageError:
            await self.exporter.configure(OURS, self.record.id)

    async def look(self) -> None:
        """Compare what is told with what is in the log."""
        self.flaky.unsaid = 0
        await self.parts.bus.settled()
        status = await Exporter(self.parts).status(self.record)  # it asks beside what was killed
        said = await self.said()
        behind = [seq for seq in said if seq > status.progress.position]
        assert status.lag_records == len(behind)
        assert status.progress.records + status.lag_records == len(said)
        assert status.progress.records <= len(self.exported()) <= len(said)

    async def said(self) -> list[int]:
        rows = await self.flaky.fetch(select(messages.c.seq).order_by(messages.c.seq))
        return [row["seq"] for row in rows]

    def exported(self) -> list[int]:
        return [int(line.split()[-1]) for line in self.bucket.lines()]

    async def end(self) -> None:
        """Let all be well again, and wait until everything is exported."""
        self.flaky.away, self.flaky.unsaid = False, 0
        self.bucket.faults.clear()
        await self.journal.group.back()
        self.say()
        await self.journal.flush()
        await self.begin()
        await self.changed(0)
        await self.until(self.record)
        await self.processes.aclose()


class Remembering(Bucket):
    """A bucket in which nothing changes that is there."""

    async def put(self, name: str, body: bytes) -> None:
        assert self.objects.get(name, body) == body
        await super().put(name, body)


@pytest.mark.both_engines
@given(story=st.lists(STEPS, max_size=40))
@settings(
    max_examples=15,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
def test_whatever_happens_each_record_is_there_once(
    monkeypatch: pytest.MonkeyPatch, story: Sequence[tuple[str, int]]
) -> None:
    monkeypatch.setattr(group_commit, "PROBE_REST", 0.001)

    async def tell(database: Database) -> None:
        clock, flaky = HandClock(), Flaky(database)
        group = GroupCommit(cast("Database", flaky))
        writing = asyncio.create_task(group.run())
        told = Story(flaky, await Journal.open(database, group, clock), clock)
        told.bucket = Remembering()
        await told.organization()
        told.record = await told.sink(earliest=True, flush_seconds=0.002, flush_bytes=1500)
        await told.begin()
        for step, number in story:
            await told.tell(step, number)
        await told.end()
        check(told, await told.said())
        writing.cancel()
        await asyncio.gather(writing, return_exceptions=True)

    async def tell_in(folder: Path) -> None:
        database = await engines.open_database(engines.default_url(folder))
        try:
            await tell(database)
        finally:
            await database.close()

    with tempfile.TemporaryDirectory() as folder:
        asyncio.run(tell_in(Path(folder)))


def check(story: Story, said: list[int]) -> None:
    """Compare the bucket with the log: each record once, in order, by its hour."""
    names = [name.rsplit("/", 1)[1] for name in story.bucket.objects]
    assert len(set(names)) == len(names)
    assert story.exported() == said
    for name, body in story.bucket.objects.items():
        _, first, last = name.removesuffix(".jsonl.gz").rsplit("-", 2)
        positions = [int(line.split()[-1]) for line in decompress(body).splitlines()]
        assert (positions[0], positions[-1]) == (int(first), int(last))
    bodies = defaultdict(set)
    for name, body in zip(story.bucket.puts, story.bucket.bodies, strict=True):
        bodies[name].add(body)
    assert {len(each) for each in bodies.values()} <= {1}

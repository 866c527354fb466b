"""
Commit what many callers submit at one moment in one transaction, in the order of submission.

A commit to disk costs as much as a hundred rows. So one task writes, and what is submitted while
it writes makes up the next batch: alone a row waits for its own commit only, under load the batches
grow by themselves. It rests as long as it has written, because larger batches cost less, but not
for long: what has waited for a slow disk waits no longer than that.

Where the database turns out to be away, what was submitted is lost and its submitters are told.
From then on the writer takes nothing, and only tries whether the database is back: nobody waits for
a deadline, and nothing piles up. It tries on the way of a batch, so a batch whose fate is unknown
has been committed before anything is taken again, or never will be.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Collection, Sequence
from functools import partial
from itertools import chain
from typing import TypeAlias

import structlog

from storage.database import Database, Statement, Values, Write
from storage.errors import Conflict, StorageUnavailable
from storage.tallies import WriterTally

log = structlog.get_logger("ringmain.storage")

Submitted: TypeAlias = tuple[Statement, Values]
Tell: TypeAlias = Callable[[Exception | None], None]
Hear: TypeAlias = Callable[[Sequence[Submitted]], None]
Recount: TypeAlias = Callable[[], Awaitable[None]]
LONGEST_REST = 0.1  # s
PROBE_REST = 0.1  # s between two tries whether the database is back
LATELY = 3.0  # s: on a full disk some batches find room, and others do not
OUTRUN = "Another Ringmain server has written to this database meanwhile."
_NO_ROW = -1  # the place of who waits for a whole batch


class Batch:
    """Rows that are written together, and who is told what became of which of them.

    Each row has a place, counted from 0. Whoever is ``waiting`` first is told first.
    """

    __slots__ = ("faults", "rows", "settled", "waiting")

    def __init__(self) -> None:
        self.rows: list[Submitted] = []
        self.waiting: list[tuple[int, Tell]] = []
        # Why rows are not committed, by place, as far as that is known.
        self.faults: dict[int, Exception] = {}
        self.settled = False

    def blame(self, places: range, fault: Exception) -> None:
        """Note why rows are not committed."""
        self.faults.update(dict.fromkeys(places, fault))

    def settle(self) -> None:
        """Tell whoever waits what became of his row; nothing more is written."""
        self.settled = True
        waiting, self.waiting = self.waiting, []
        for place, tell in waiting:
            try:
                tell(self.faults.get(place))
            except Exception as fault:  # noqa: BLE001 - who is told must not end the one writer
                log.error("not_told", fault=repr(fault))


def _settle(future: asyncio.Future[None], fault: Exception | None) -> None:
    if future.done():
        return
    if fault is None:
        future.set_result(None)
    else:
        future.set_exception(fault)
        future.exception()  # whoever does not wait for it does not want to know


class GroupCommit:
    """The one writer of whatever must be on disk before somebody is told so.

    What is submitted without an await in between shares its fate: both are committed or neither,
    unless the database refuses one of them for what it is.
    """

    def __init__(self, database: Database, apart: Collection[Statement] = ()) -> None:
        """Write to a database; statements ``apart`` touch no row that another one touches.

        ``lost`` is told what is not committed, before those who submitted it are. It may turn out
        to be: ``recount`` is awaited when storage is back, before anything is taken again.
        Rows of ``numbered`` are numbered by us: one that is there already is another server's.
        """
        self._database = database
        self._apart = frozenset(apart)
        self._batch = Batch()  # submitted, not yet being written
        self._newest = _nothing()  # the newest batch that has rows
        self._wake = asyncio.Event()
        self.lost: Hear = _unheard
        self.recount: Recount = _uncounted
        self.numbered: Statement | None = None
        self.losses = 0  # how often storage was away and took what was submitted with it
        self.tally = WriterTally()
        self._fault: Exception | None = None  # why the last batch that was lost was
        self._failed_at = 0.0  # by the event loop's clock
        self._there = asyncio.Event()  # where it is not, nothing is taken
        self._there.set()
        self._ending = asyncio.Event()  # no more than what is there will be written
        self._ended = False

    @property
    def away(self) -> bool:
        """Tell whether storage is away: nothing is taken, and nobody knows what was."""
        return not self._there.is_set()

    async def back(self) -> None:
        """Wait while storage is away."""
        await self._there.wait()

    @property
    def fault(self) -> Exception | None:
        """Return why something that was submitted lately could not be written, None if all was."""
        now = asyncio.get_running_loop().time
        return self._fault if self.away or now() < self._failed_at + LATELY else None

    def submit(self, statement: Statement, values: Values) -> asyncio.Future[None]:
        """Have a row written; the Future ends with its commit, or with why it was not committed.

        Nobody needs to wait for the Future. It is the caller's own: cancelling it changes nothing.
        """
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.add(statement, values, partial(_settle, future))
        return future

    def add(self, statement: Statement, values: Values, tell: Tell | None = None) -> Batch:
        """Have a row written as ``submit`` does, and return the batch whose last row it is."""
        batch = self._batch
        rows = batch.rows
        place = len(rows)
        rows.append((statement, values))
        if tell is not None:
            batch.waiting.append((place, tell))
        if not place:
            self._begin(batch)
        return batch

    async def flush(self) -> None:
        """Wait until all that has been submitted is committed or has failed."""
        if not self._newest.settled:
            future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            self._newest.waiting.append((_NO_ROW, partial(_settle, future)))
            await future

    async def run(self) -> None:
        """Write until cancelled, then write what is left."""
        writing = asyncio.create_task(self._write())
        try:
            await asyncio.shield(writing)
        finally:
            self._ending.set()
            self._wake.set()
            await writing

    def _begin(self, batch: Batch) -> None:
        if self._ended or self.away:
            self._lose(batch, StorageUnavailable(str(self._fault or "")))
        else:
            self._newest = batch
            self._wake.set()

    async def _write(self) -> None:
        now = asyncio.get_running_loop().time
        while self._batch.rows or not self._ending.is_set():
            await self._wake.wait()
            self._wake.clear()
            batch, self._batch = self._batch, Batch()
            begun, rows = now(), len(batch.rows)
            await self._commit(batch)
            if rows:
                self.tally.commits.note(now() - begun)
                self.tally.rows.note(rows)
            batch.settle()
            batch.rows.clear()  # whoever keeps his receipt is not to keep everybody's rows
            await (self._return() if self.away else asyncio.sleep(min(now() - begun, LONGEST_REST)))
        self._ended = True

    async def _return(self) -> None:
        """Try until the database is there; whether it has room the next batch will see."""
        while self.away and not self._ending.is_set():
            try:
                await self._database.write(())
                await self.recount()
                self._there.set()
                log.info("storage_available")
            except Exception as fault:  # noqa: BLE001 - without its one writer all would stop
                self._note(fault)
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(self._ending.wait(), PROBE_REST)

    def _note(self, fault: Exception) -> None:
        self._fault, self._failed_at = fault, asyncio.get_running_loop().time()

    async def _commit(self, batch: Batch) -> None:
        """Write a batch; one that is refused is halved until the row to blame is alone."""
        parts = [range(len(batch.rows))] if batch.rows else []
        while parts:
            part = parts.pop()  # the first to be written is the last here
            rows = batch.rows[part.start : part.stop]
            try:
                await self._database.write(self._writes(rows))
            except StorageUnavailable as unavailable:
                self._give_up(batch, [part, *parts], unavailable)
                return
            except Exception as refused:  # noqa: BLE001 - without its one writer all would stop
                half = len(part) // 2
                if half:
                    parts += [part[half:], part[:half]]
                elif isinstance(refused, Conflict) and rows[0][0] is self.numbered:
                    # All that come behind it would be refused as well, one by one.
                    self._give_up(batch, [part, *parts], StorageUnavailable(OUTRUN))
                    return
                else:
                    log.error("row_refused", error=str(refused), statement=str(rows[0][0]))
                    self.tally.refused += len(rows)
                    batch.blame(part, refused)
                    self.lost(rows)

    def _writes(self, rows: Sequence[Submitted]) -> list[Write]:
        """Make as few writes of a batch as the order of its statements allows."""
        ordered: list[tuple[Statement, list[Values]]] = []
        apart: dict[Statement, list[Values]] = {}
        for statement, values in rows:
            if statement in self._apart:
                apart.setdefault(statement, []).append(values)
            elif ordered and ordered[-1][0] is statement:
                ordered[-1][1].append(values)
            else:
                ordered.append((statement, [values]))
        return [Write(*write) for write in chain(ordered, apart.items())]

    def _give_up(
        self, batch: Batch, parts: Sequence[range], unavailable: StorageUnavailable
    ) -> None:
        self._note(unavailable)
        self._there.clear()
        for part in parts:
            batch.blame(part, unavailable)
            self.lost(batch.rows[part.start : part.stop])
        lost = sum(map(len, parts)) + len(self._batch.rows)
        self.tally.lost += sum(map(len, parts))
        log.warning("storage_unavailable", error=str(unavailable), rows=lost)
        # What was submitted since goes the same way: it may say that what came before is stored.
        self._lose(self._batch, unavailable)

    def _lose(self, batch: Batch, unavailable: StorageUnavailable) -> None:
        self.losses += 1
        self.tally.lost += len(batch.rows)
        self._batch = Batch()
        batch.blame(range(len(batch.rows)), unavailable)
        self.lost(batch.rows)
        batch.settle()


def _unheard(_rows: Sequence[Submitted]) -> None:
    """Make nothing of what is lost."""


async def _uncounted() -> None:
    """Count nothing again."""


def _nothing() -> Batch:
    batch = Batch()
    batch.settle()
    return batch

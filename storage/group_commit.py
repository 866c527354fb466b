"""
Commit what many callers submit at one moment in one transaction, in the order of submission.

A commit to disk costs as much as a hundred rows. So one task writes, and what is submitted while
it writes makes up the next batch: alone a row waits for its own commit only, under load the batches
grow by themselves.
"""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Sequence
from itertools import chain
from typing import TypeAlias

import structlog

from storage.database import Database, Statement, Values, Write
from storage.errors import StorageUnavailable

log = structlog.get_logger("ringmain.storage")

# What was submitted and who waits for it; a bare tuple, because there is one for each row.
Item: TypeAlias = tuple[Statement, Values, "asyncio.Future[None]"]
Batch: TypeAlias = Sequence[Item]


class GroupCommit:
    """The one writer of whatever must be on disk before somebody is told so.

    What is submitted without an await in between shares its fate: both are committed or neither,
    unless the database refuses one of them for what it is.
    """

    def __init__(self, database: Database, apart: Collection[Statement] = ()) -> None:
        """Write to a database; statements ``apart`` touch no row that another one touches."""
        self._database = database
        self._apart = frozenset(apart)
        self._loop = asyncio.get_running_loop()  # asking for each row is a system call before 3.12
        self._batch: list[Item] = []  # submitted, not yet being written
        self._settled = asyncio.Event()  # whether all of the newest batch has its outcome
        self._settled.set()
        self._wake = asyncio.Event()
        self.losses = 0  # how often storage was away and took what was submitted with it
        self._ending = False  # no more than what is there will be written
        self._ended = False

    def submit(self, statement: Statement, values: Values) -> asyncio.Future[None]:
        """Have a row written; the Future ends with its commit, or with why it was not committed.

        Nobody needs to wait for the Future. It is the caller's own: cancelling it changes nothing.
        """
        committed = self._loop.create_future()
        if self._ended:
            _fail([(statement, values, committed)], StorageUnavailable())
            return committed
        if not self._batch:
            self._settled = asyncio.Event()
            self._wake.set()
        self._batch.append((statement, values, committed))
        return committed

    async def flush(self) -> None:
        """Wait until all that has been submitted is committed or has failed."""
        await self._settled.wait()

    async def run(self) -> None:
        """Write until cancelled, then write what is left."""
        writing = asyncio.create_task(self._write())
        try:
            await asyncio.shield(writing)
        finally:
            self._ending = True
            self._wake.set()
            await writing

    async def _write(self) -> None:
        while self._batch or not self._ending:
            await self._wake.wait()
            self._wake.clear()
            batch, self._batch = self._batch, []
            settled = self._settled
            await self._commit(batch)
            settled.set()
        self._ended = True

    async def _commit(self, batch: Batch) -> None:
        """Write a batch; one that is refused is halved until the row to blame is alone."""
        parts = [batch] if batch else []  # the first to be written is the last here
        while parts:
            part = parts.pop()
            try:
                await self._database.write(self._writes(part))
            except StorageUnavailable as unavailable:
                self._give_up([part, *reversed(parts)], unavailable)
                return
            except Exception as refused:  # noqa: BLE001 - without its one writer all would stop
                half = len(part) // 2
                if half:
                    parts += [part[half:], part[:half]]
                else:
                    _refuse(part, refused)
            else:
                _succeed(part)

    def _writes(self, batch: Batch) -> list[Write]:
        """Make as few writes of a batch as the order of its statements allows."""
        ordered: list[tuple[Statement, list[Values]]] = []
        apart: dict[Statement, list[Values]] = {}
        for statement, values, _ in batch:
            if statement in self._apart:
                apart.setdefault(statement, []).append(values)
            elif ordered and ordered[-1][0] is statement:
                ordered[-1][1].append(values)
            else:
                ordered.append((statement, [values]))
        return [Write(*write) for write in chain(ordered, apart.items())]

    def _give_up(self, parts: Sequence[Batch], unavailable: StorageUnavailable) -> None:
        # What was submitted since goes the same way: it may say that what came before is stored.
        lost = [*chain(*parts), *self._batch]
        self._batch = []
        self.losses += 1
        self._settled.set()
        log.warning("storage_unavailable", error=str(unavailable), rows=len(lost))
        _fail(lost, unavailable)


def _succeed(batch: Batch) -> None:
    for _, _, committed in batch:
        if not committed.done():
            committed.set_result(None)


def _refuse(batch: Batch, error: Exception) -> None:
    for statement, _, _ in batch:
        log.error("row_refused", error=str(error), statement=str(statement))
    _fail(batch, error)


def _fail(batch: Batch, error: Exception) -> None:
    for _, _, committed in batch:
        if not committed.done():
            committed.set_exception(error)
            committed.exception()  # whoever does not wait for it does not want to know

"""What is committed is told, in that order, and nothing else is."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import pytest

from storage.commits import Commits, WatchedDatabase
from storage.database import NO_VALUES, Database, Row, Statement, Write
from storage.errors import StorageError, StorageUnavailable
from tests.storage.doubles import ADD, UNSTORABLE, names, row


@dataclass
class Ear:
    """Hear the names of rows."""

    heard: list[str] = field(default_factory=list)
    doubtful: list[str] = field(default_factory=list)

    def committed(self, writes: Sequence[Write]) -> None:
        self.heard += named(writes)

    def returned(self, writes: Sequence[Write]) -> None:
        self.doubtful += named(writes)


def named(writes: Sequence[Write]) -> list[str]:
    rows: list[Any] = [row for write in writes for row in write.rows]
    return [row["organization_uuid"] for row in rows]


class Breaking:
    """A database whose connection breaks behind its next commit."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self.breaks = True

    async def execute(self, statement: Statement, values: Row = NO_VALUES) -> list[Row]:
        done = await self._database.execute(statement, values)
        if self.breaks:
            raise StorageUnavailable
        return done


@pytest.fixture
def ear() -> Ear:
    return Ear()


async def turn() -> None:
    """Let go on what was put off until those who wrote have been told."""
    await asyncio.sleep(0)


async def test_what_is_written_is_told_in_order(database: Database, ear: Ear) -> None:
    commits = Commits()
    watched = WatchedDatabase(database, commits)
    with commits.heard_by(ear):
        await watched.write([Write(ADD, [row("a"), row("b")])])
        await watched.execute(ADD, row("c"))
        async with watched.transaction() as transaction:
            await transaction.execute(ADD, row("d"))
            await turn()
            assert ear.heard == ["a", "b", "c"]
        await turn()
    await watched.execute(ADD, row("after"))
    await turn()

    assert ear.heard == ["a", "b", "c", "d"]
    assert ear.doubtful == []
    assert await names(watched) == ["a", "b", "c", "d", "after"]


async def test_what_is_refused_or_rolled_back_is_not_told(database: Database, ear: Ear) -> None:
    commits = Commits()
    watched = WatchedDatabase(database, commits)
    with commits.heard_by(ear):
        with pytest.raises(StorageError):
            await watched.write([Write(ADD, [row("a")]), Write(ADD, [row(UNSTORABLE)])])
        with pytest.raises(StorageError):
            await _in_a_transaction(watched, row("b"), row(UNSTORABLE))
        await watched.execute(ADD, row("c"))
        await turn()

    assert (ear.heard, ear.doubtful) == (["c"], [])


async def test_what_broke_off_is_told_of_when_one_can_look(database: Database, ear: Ear) -> None:
    commits, inner = Commits(), Breaking(database)
    watched = WatchedDatabase(inner, commits)  # type: ignore[arg-type] # nothing else is asked of it
    with commits.heard_by(ear):
        with pytest.raises(StorageUnavailable):
            await watched.execute(ADD, row("a"))
        await turn()
        assert (ear.heard, ear.doubtful) == ([], [])
        inner.breaks = False
        await watched.execute(ADD, row("b"))
        await turn()

    assert (ear.heard, ear.doubtful) == (["b"], ["a"])


async def _in_a_transaction(database: Database, *rows: Row) -> None:
    async with database.transaction() as transaction:
        for each in rows:
            await transaction.execute(ADD, each)

"""An open database of the present schema, and the one task that writes to it."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from storage.group_commit import GroupCommit
from storage.journal import Journal
from storage.sqlite import SqliteDatabase
from tests.storage.doubles import HandClock


@pytest.fixture
def path(empty_database: Path, tmp_path: Path) -> Path:
    return Path(shutil.copy(empty_database, tmp_path / "ringmain.sqlite3"))


@pytest.fixture
async def database(path: Path) -> AsyncIterator[SqliteDatabase]:
    database = await SqliteDatabase.open(path)
    yield database
    await database.close()


@pytest.fixture
async def group(database: SqliteDatabase) -> AsyncIterator[GroupCommit]:
    group = GroupCommit(database)
    writing = asyncio.create_task(group.run())
    yield group
    writing.cancel()
    await asyncio.gather(writing, return_exceptions=True)


@pytest.fixture
def clock() -> HandClock:
    return HandClock()


@pytest.fixture
async def journal(database: SqliteDatabase, group: GroupCommit, clock: HandClock) -> Journal:
    return await Journal.open(database, group, clock)

"""An open database of the present schema, and the one task that writes to it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from sqlalchemy import URL

from storage import engines
from storage.database import Database
from storage.engines import parse_url
from storage.group_commit import GroupCommit
from storage.journal import Journal
from tests.storage.doubles import HandClock


@pytest.fixture
def url(tmp_path: Path) -> URL:
    return engines.default_url(tmp_path)


@pytest.fixture
def blank(engine: str, tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[URL]:
    """Return a database in which nothing is yet."""
    if engine == "sqlite":
        yield parse_url(f"sqlite:///{tmp_path / 'blank.sqlite3'}")
    else:
        with request.getfixturevalue("databases").bare() as url:
            yield url


@pytest.fixture
async def database(url: URL) -> AsyncIterator[Database]:
    database = await engines.open_database(url)
    yield database
    await database.close()


@pytest.fixture
async def group(database: Database) -> AsyncIterator[GroupCommit]:
    group = GroupCommit(database)
    writing = asyncio.create_task(group.run())
    yield group
    writing.cancel()
    await asyncio.gather(writing, return_exceptions=True)


@pytest.fixture
def clock() -> HandClock:
    return HandClock()


@pytest.fixture
async def journal(database: Database, group: GroupCommit, clock: HandClock) -> Journal:
    return await Journal.open(database, group, clock)

"""A database that takes nothing is found out by writing to it, and found well again."""

from __future__ import annotations

import pytest
from sqlalchemy import URL, text

from storage import engines
from storage import probe as probing
from storage.database import Database
from storage.errors import StorageUnavailable
from storage.probe import Probe
from tests.storage.doubles import empty_disk, fill_disk


async def test_a_database_that_takes_rows_is_well(database: Database) -> None:
    await Probe(database).check()


async def test_it_leaves_nothing_behind(database: Database) -> None:
    await Probe(database).check()

    # It could not be made again if it were there.
    async with database.transaction() as transaction:
        await transaction.execute(text("CREATE TABLE ringmain_probe (padding TEXT)"))
        await transaction.execute(text("DROP TABLE ringmain_probe"))


@pytest.mark.sqlite_only(reason="what is full of PostgreSQL in tests is a trigger of our tables")
async def test_a_full_disk_is_told_until_there_is_room(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(probing, "AGAIN_SECONDS", 0.0)
    monkeypatch.setattr(probing, "TRUSTED_SECONDS", 0.0)
    probe = Probe(database)
    await fill_disk(database)
    with pytest.raises(StorageUnavailable, match="full"):
        await probe.check()

    await empty_disk(database)

    await probe.check()


@pytest.mark.postgresql_only(reason="a file is no replica")
async def test_a_database_that_can_only_be_read_is_told(url: URL) -> None:
    options = {"options": "-c default_transaction_read_only=on"}
    replica = await engines.open_database(url.update_query_dict(options))

    with pytest.raises(StorageUnavailable, match="read-only transaction"):
        await Probe(replica).check()

    await replica.close()


async def test_a_try_holds_for_all_who_ask(database: Database) -> None:
    tries: list[str] = []

    def padding() -> str:
        tries.append("")
        return "x"

    probe = Probe(database, padding)
    for _ in range(3):
        await probe.check()

    assert len(tries) == 1


async def test_why_it_takes_nothing_is_told_to_all(database: Database) -> None:
    probe = Probe(database)
    await database.close()

    for _ in range(2):
        with pytest.raises(StorageUnavailable, match=r".+"):
            await probe.check()

"""Everything opens and closes as one, and what was remembered is there the next time."""

from __future__ import annotations

import stat
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import select

from storage.columns import metadata
from storage.engines import DATABASE_FILE
from storage.errors import SealBroken, StorageUnavailable
from storage.key_ring import KEY_RING
from storage.store import Storage, open_storage
from tests.storage.doubles import ALICE, HandClock
from tests.storage.records import charger, proxy

SECRET = "third-party-secret-password"


@pytest.fixture
def data_dir(tmp_path: Path) -> Path:
    return tmp_path / "data"


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def content(directory: Path) -> bytes:
    return b"".join(path.read_bytes() for path in directory.iterdir())


async def rows(storage: Storage) -> bytes:
    """Return all that is in the tables."""
    read = [await storage.database.fetch(select(table)) for table in metadata.sorted_tables]
    return repr(read).encode()


def write_notes(path: Path) -> None:
    path.parent.mkdir()
    path.write_text("Buy milk. " * 1000)


@pytest.mark.parametrize("name", ["what?x=1", "50 % #2", "a:b@c"])
async def test_the_directory_may_have_any_name(tmp_path: Path, clock: HandClock, name: str) -> None:
    async with open_storage(tmp_path / name, clock) as storage:
        assert await storage.organizations.list() == []


async def test_what_was_submitted_is_there_after_closing(data_dir: Path, clock: HandClock) -> None:
    async with open_storage(data_dir, clock) as storage:
        for number in range(100):
            storage.journal.append(
                ALICE, "charger_to_platform", "1.6", "Call", str(number), "Heartbeat", b"[2]"
            )

    async with open_storage(data_dir, clock) as storage:
        assert storage.journal.head == 100
        assert len(await storage.journal.read_calls(ALICE, after=0, limit=1000)) == 100


async def test_a_second_process_changes_keys_beside_the_first(
    data_dir: Path, clock: HandClock
) -> None:
    async with (
        open_storage(data_dir, clock) as server,
        open_storage(data_dir, clock) as command_line,
    ):
        organization = await command_line.organizations.create("Depot")
        record, key = await command_line.api_keys.create(organization.organization_uuid, "admin")
        assert await server.api_keys.find(key) is not None

        await command_line.api_keys.revoke(record.key_id)
        assert await server.api_keys.find(key) is None


async def test_a_second_process_leaves_what_the_first_takes_in(
    data_dir: Path, clock: HandClock
) -> None:
    async def chunks() -> AsyncIterator[bytes]:
        yield b"first half, "
        async with open_storage(data_dir, clock):
            pass  # somebody makes a key meanwhile
        yield b"second half"

    async with open_storage(data_dir, clock) as server:
        written = await server.files.write("job-1", chunks())
        server.files.keep("job-1", written)

        assert server.files.path("job-1").read_bytes() == b"first half, second half"
        await server.sweep_files()  # nobody has noted it
        assert not server.files.path("job-1").exists()


async def test_the_data_directory_is_for_its_owner_only(data_dir: Path, clock: HandClock) -> None:
    async with open_storage(data_dir, clock):
        assert mode(data_dir) == 0o700


async def test_without_the_key_of_stored_passwords_nothing_opens(
    data_dir: Path, clock: HandClock
) -> None:
    async with open_storage(data_dir, clock) as storage:
        organization = await storage.organizations.create("Depot")
        key = ALICE._replace(organization_uuid=organization.organization_uuid)
        sealed = replace(proxy(key), target_auth_basic_password=SECRET)
        await storage.chargers.enroll(charger(key), sealed)
    (data_dir / KEY_RING).unlink()

    with pytest.raises(SealBroken, match=r"put the keyring\.json"):
        async with open_storage(data_dir, clock):
            pytest.fail("opened")
    assert not (data_dir / KEY_RING).exists()


async def test_no_secret_is_readable_in_the_files(data_dir: Path, clock: HandClock) -> None:
    async with open_storage(data_dir, clock) as storage:
        organization = await storage.organizations.create("Depot")
        _, api_key = await storage.api_keys.create(organization.organization_uuid, "admin")
        key = ALICE._replace(organization_uuid=organization.organization_uuid)
        sealed = replace(proxy(key), target_auth_basic_password=SECRET)
        await storage.chargers.enroll(charger(key), sealed)
        stored = await rows(storage)

    stored += content(data_dir)
    assert key.charge_box_id.encode() in stored
    assert SECRET.encode() not in stored
    assert api_key.encode() not in stored


async def test_what_is_no_directory_is_unavailable(tmp_path: Path, clock: HandClock) -> None:
    (tmp_path / "file").touch()

    with pytest.raises(StorageUnavailable):
        async with open_storage(tmp_path / "file", clock):
            pytest.fail("opened")


@pytest.mark.sqlite_only("PostgreSQL's files are its own")
async def test_what_is_no_database_is_unavailable(data_dir: Path, clock: HandClock) -> None:
    write_notes(data_dir / DATABASE_FILE)

    with pytest.raises(StorageUnavailable):
        async with open_storage(data_dir, clock):
            pytest.fail("opened")

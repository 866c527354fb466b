"""Open the storage that the settings name: for a command, or for the one server on it."""

from __future__ import annotations

import asyncio
import contextlib
import os
from collections.abc import AsyncIterator, Iterator
from contextlib import AbstractAsyncContextManager
from pathlib import Path

from filelock import FileLock, Timeout

from csms.chronicle import Chronicle
from csms.errors import RingmainError
from csms.retention import Pace, Upholding
from csms.settings import SettingError, Settings
from storage import engines, migrate
from storage.clock import Clock
from storage.migrate import Upgraded
from storage.retention import Retention
from storage.retention_terms import DEFAULT
from storage.sealing import sealing
from storage.statements.deliveries import Kinds
from storage.store import Storage, open_storage


class AlreadyServed(RingmainError):
    """Another server is running on the data directory."""


def storage_of(
    settings: Settings, clock: Clock, *, serving: bool = False
) -> AbstractAsyncContextManager[Storage]:
    """Open the storage that the settings name; raise SettingError where nothing can be kept."""
    _make(settings.data_dir)
    url = settings.database_url
    return open_storage(settings.data_dir, clock, database_url=url, serving=serving)


def upgrade(settings: Settings) -> Upgraded:
    """Bring the database that the settings name to the present schema, without opening it."""
    _make(settings.data_dir)
    return migrate.upgrade(settings.database_url or engines.default_url(settings.data_dir))


@contextlib.asynccontextmanager
async def kept(
    settings: Settings, clock: Clock, pace: Pace | None, kinds: Kinds
) -> AsyncIterator[Storage]:
    """Open the storage of the one server on it, and look after it.

    ``kinds`` are the messages that queues keep. Raises AlreadyServed and SettingError.
    """
    with _alone(settings.data_dir):
        async with storage_of(settings, clock, serving=True) as storage:
            await storage.sweep_files()
            await storage.visits.end_abandoned()
            default = DEFAULT._replace(messages=settings.retention_days)
            retention = Retention(storage, clock, kinds, default)
            async with (
                sealing(storage.audit),
                Chronicle(storage, clock).running(),
                _upheld(Upholding(retention, storage.audit, clock, pace)),
            ):
                yield storage


@contextlib.asynccontextmanager
async def _upheld(upholding: Upholding) -> AsyncIterator[None]:
    running = asyncio.create_task(upholding.run())
    try:
        yield
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)


@contextlib.contextmanager
def _alone(data_dir: Path) -> Iterator[None]:
    # Two servers would give the same positions in the message log; the command line may come along.
    _make(data_dir)
    try:
        with FileLock(data_dir / "serve.lock", blocking=False):
            yield
    except Timeout:
        raise AlreadyServed(f"Another server is running on {data_dir}.") from None


def _make(data_dir: Path) -> None:
    try:
        data_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
    except OSError as fault:
        reason = f"{data_dir} cannot be made ({fault.strerror})"
        raise SettingError(f"RINGMAIN_DATA_DIR: {reason}.") from fault
    if not os.access(data_dir, os.R_OK | os.W_OK | os.X_OK):
        told = f"{data_dir} cannot be read and written by this user"
        raise SettingError(f"RINGMAIN_DATA_DIR: {told}; `ringmain doctor` tells what to do.")

"""What the doctor looks at: an installation as it is, opened without changing it."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Mapping
from contextlib import AsyncExitStack, nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp
from filelock import FileLock, Timeout
from sqlalchemy import URL

from csms import settings
from csms.doctor_findings import sentence
from csms.setting_values import Bind
from csms.settings import LookedAt, Settings
from storage import engines, migrate
from storage.clock import Clock
from storage.errors import StorageError
from storage.key_ring import KeyRing
from storage.moving import SERVER_LOCK
from storage.store import Storage, open_storage

_PATIENCE = aiohttp.ClientTimeout(total=5)


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What a server of ours says."""

    status: int
    body: Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Patient:
    """An installation; ``storage`` is None where it is not opened, for the reason ``closed``."""

    looked_at: LookedAt
    clock: Clock
    storage: Storage | None = None
    closed: str = ""
    # What went wrong where it could not be opened.
    fault: str = ""
    # Whether a server uses the data directory.
    held: bool = False
    # What the server of these settings says, None where none answers.
    health: Answer | None = None
    ready: Answer | None = None
    network: bool = True
    probe_sinks: bool = False
    # How far other clocks are ahead of ours, in s, by whose they are.
    heard: dict[str, float] = field(default_factory=dict)

    @property
    def settings(self) -> Settings:
        """Return the settings; a wrong one has its default."""
        return self.looked_at.settings

    @property
    def database_url(self) -> URL:
        """Return where the database is."""
        return database_url(self.settings)


def database_url(chosen: Settings) -> URL:
    """Return where the database of the settings is."""
    return chosen.database_url or engines.default_url(chosen.data_dir)


def file_of(url: URL) -> Path | None:
    """Return the file of an embedded database."""
    return Path(url.database or "") if url.get_backend_name() == "sqlite" else None


async def admitted(
    stack: AsyncExitStack,
    clock: Clock,
    environ: Mapping[str, str] = os.environ,
    *,
    network: bool = True,
    probe_sinks: bool = False,
) -> Patient:
    """Open what there is, for as long as the stack does."""
    looked_at = settings.look_at(environ)
    held = await asyncio.to_thread(_is_held, looked_at.settings.data_dir / SERVER_LOCK)
    storage, closed, fault = await _opened(stack, looked_at, clock)
    return Patient(
        looked_at=looked_at,
        clock=clock,
        storage=storage,
        closed=closed,
        fault=fault,
        held=held,
        health=await asked(looked_at.settings.http_bind, "/healthz"),
        ready=await asked(looked_at.settings.http_bind, "/readyz"),
        network=network,
        probe_sinks=probe_sinks,
    )


async def _opened(
    stack: AsyncExitStack, looked_at: LookedAt, clock: Clock
) -> tuple[Storage | None, str, str]:
    """Return the storage, or why it is left as it is: to open it would make or change something.

    Where it could not be opened, the fault is told too.
    """
    wrong = {"RINGMAIN_DATA_DIR", "RINGMAIN_DATABASE_URL"} & {*looked_at.faults}
    if wrong:
        return None, f"{min(wrong)} is wrong", ""
    chosen = looked_at.settings
    url, ring = database_url(chosen), KeyRing.of(chosen.data_dir)
    try:
        if (file := file_of(url)) is not None and not file.exists():
            return None, "there is no database yet", ""
        if await asyncio.to_thread(migrate.schema_of, url) is not migrate.Schema.CURRENT:
            return None, "the database is of another version", ""
        if not ring.path.exists():
            return None, f"there is no key ring in {chosen.data_dir}", ""
        opening = open_storage(chosen.data_dir, clock, database_url=chosen.database_url)
        return await stack.enter_async_context(opening), "", ""
    except (StorageError, OSError) as fault:
        return None, "the database cannot be opened", sentence(fault)


def _is_held(lock: Path) -> bool:
    try:
        with FileLock(lock, blocking=False) if lock.exists() else nullcontext():
            return False
    except Timeout:
        return True
    except OSError:  # somebody else's
        return False


async def asked(bind: Bind, path: str) -> Answer | None:
    """Return what a server of ours says at an address, None where it is none."""
    if bind.port == 0:
        return None
    host = _HERE.get(bind.host, bind.host)
    try:
        async with (
            aiohttp.ClientSession(timeout=_PATIENCE, trust_env=False) as session,
            session.get(f"http://{Bind(host, bind.port)}{path}", allow_redirects=False) as answer,
        ):
            body = await answer.json(content_type=None)
            return Answer(status=answer.status, body=body) if "success" in body else None
    except (aiohttp.ClientError, TimeoutError, OSError, ValueError, TypeError):
        return None


_HERE = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 - what others listen on

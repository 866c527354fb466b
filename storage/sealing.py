"""
Seal the audit while the server runs: what was noted lately is tied to its organization's chain.

Whoever notes something does not wait for it, and need not be the server: the command line notes as
well. What was not sealed when a server ended is sealed by the next one.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import TYPE_CHECKING

import structlog

from storage.errors import StorageError

if TYPE_CHECKING:
    from storage.repositories.audit import Audit

log = structlog.get_logger("ringmain.audit")

# How long what others have noted waits, and how long what we have noted waits for company, in s.
EVERY = 10.0
COMPANY = 0.5
ROWS = 200  # in one write: on SQLite nobody else can write meanwhile
_LAST = 5.0  # s, for what is left when the server ends


@contextlib.asynccontextmanager
async def sealing(
    audit: Audit, every: float = EVERY, company: float = COMPANY
) -> AsyncIterator[None]:
    """Seal until the context ends, and then what is left; for the one server."""
    running = asyncio.create_task(_run(audit, every, company))
    try:
        yield
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_LAST):
                await _seal(audit)


async def _run(audit: Audit, every: float, company: float) -> None:
    while True:
        await _seal(audit)
        with contextlib.suppress(TimeoutError):
            # Not wait_for: it swallows a cancellation that comes together with what it waits for.
            async with asyncio.timeout(every):
                await audit.added.wait()
            await asyncio.sleep(company)


async def _seal(audit: Audit) -> None:
    """Seal all there is, and have the database for half of the time at most."""
    now = asyncio.get_running_loop().time
    audit.added.clear()
    try:
        await audit.flush()
        rows = ROWS
        while rows == ROWS:
            begun = now()
            rows = await audit.seal(ROWS)
            await asyncio.sleep(now() - begun)
    except StorageError as failure:
        log.warning("audit_not_sealed", error=str(failure))
    except Exception as fault:  # noqa: BLE001 - else nothing is sealed again, and nobody is told
        log.error("audit_not_sealed", fault=type(fault).__name__)

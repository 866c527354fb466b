"""
Whether the database takes what is written, tried by writing.

A database on a full disk or a replica answers every question. What the server writes shows it, but
a server without traffic writes nothing. So the probe writes, now and then and only when somebody
asks: a table of its own, which needs new room, and is gone before anybody sees it.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Callable

from sqlalchemy import Text, bindparam, text

from storage.database import Database
from storage.errors import StorageError, StorageUnavailable

TRUSTED_SECONDS = 30.0  # for which what was written lets us expect more of it
AGAIN_SECONDS = 1.0  # between two tries at a database that takes nothing
PADDING = 32_768  # bytes that cannot be compressed to less

_MAKE = text("CREATE TABLE ringmain_probe (padding TEXT)")
_FILL = text("INSERT INTO ringmain_probe (padding) VALUES (:padding)").bindparams(
    bindparam("padding", type_=Text, required=True)
)
_DROP = text("DROP TABLE ringmain_probe")


def _padding() -> str:
    return secrets.token_hex(PADDING)


class Probe:
    """The last try, which all who ask share."""

    def __init__(
        self,
        database: Database,
        padding: Callable[[], str] = _padding,
    ) -> None:
        self._database = database
        self._padding = padding
        self._turn = asyncio.Lock()
        self._fault: StorageError | None = None
        self._holds_until = float("-inf")  # by the event loop's clock

    async def check(self) -> None:
        """Raise StorageUnavailable, with the reason, where nothing can be written."""
        async with self._turn:
            now = asyncio.get_running_loop().time
            if now() >= self._holds_until:
                self._fault = await self._try()
                self._holds_until = now() + (AGAIN_SECONDS if self._fault else TRUSTED_SECONDS)
            if self._fault is not None:
                raise StorageUnavailable(str(self._fault))

    async def _try(self) -> StorageError | None:
        try:
            async with self._database.transaction() as transaction:
                await transaction.execute(_MAKE)
                await transaction.execute(_FILL, {"padding": self._padding()})
                await transaction.execute(_DROP)
        except StorageError as fault:
            return fault
        return None

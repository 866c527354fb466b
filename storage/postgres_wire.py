"""
One connection to PostgreSQL: aiopg as it can be relied on.

aiopg has been left alone since 2022, and its own traps are known (ADR 0025). They are kept in this
module; a test compares what is taken over here with what is installed.
"""

from __future__ import annotations

import asyncio
import os
import weakref
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from typing import Any

import aiopg
import aiopg.connection
import psycopg2
from psycopg2.extensions import TRANSACTION_STATUS_IDLE, TRANSACTION_STATUS_INERROR

from storage.errors import StorageError, StorageUnavailable
from storage.postgres_errors import translated, unavailable

Parameters = Mapping[str, Any]
Rows = list[tuple[Any, ...]]

# All deadlines are ours; aiopg's would swallow a cancellation that comes with the answer.
_FOR_EVER: Any = None


class Descriptors:
    """Stand in for the module `select`, by which aiopg finds out whether a descriptor is open."""

    @staticmethod
    def select(readers: Sequence[int], *_others: object) -> None:
        """Raise OSError where a descriptor is closed; select.select() knows none above 1023."""
        for descriptor in readers:
            os.fstat(descriptor)


aiopg.connection.select = Descriptors  # type: ignore[assignment, attr-defined] # it uses nothing else of it


class _Socket(psycopg2.extensions.connection):  # type: ignore[misc] # psycopg2 is not annotated
    """A connection that is watched by a copy of its descriptor.

    libpq closes its own without a word to the event loop. The next socket may get the same number,
    and uvloop refuses it; the copy is open for as long as it is watched.
    """

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self._copy: int | None = None

    def fileno(self) -> int:
        """Return the copy, made when it is asked for first."""
        if self._copy is None:
            self._copy = os.dup(super().fileno())
        return self._copy

    def moved(self) -> bool:
        """Tell whether there is another socket now: libpq may dial twice, with and without TLS."""
        try:
            now = os.fstat(super().fileno())
        except (psycopg2.Error, OSError):  # there is none now
            return False
        return self._copy is not None and not os.path.samestat(os.fstat(self._copy), now)

    def forget(self) -> None:
        """Close the copy, which nobody watches any more."""
        if self._copy is not None:
            os.close(self._copy)
            self._copy = None


class Wire(aiopg.Connection):
    """A connection that tells every fault to whoever waits for it, and to nobody else."""

    _conn: Any = None
    _connecting = True

    @classmethod
    async def open(cls, parameters: Parameters, seconds: float) -> Wire:
        """Connect to one address; raise StorageUnavailable."""
        try:
            async with within(seconds):
                wire = cls(parameters)
                await wire.connected()
                return wire
        # uvloop says RuntimeError of what it cannot watch.
        except (psycopg2.Error, OSError, RuntimeError) as error:
            raise unavailable(error) from error

    def __init__(self, parameters: Parameters) -> None:
        """Begin to connect; what cannot be watched is closed again."""
        try:
            super().__init__(
                None,
                _FOR_EVER,
                enable_json=False,
                enable_hstore=False,
                enable_uuid=False,
                connection_factory=_Socket,
                **parameters,
            )
        except BaseException:
            if self._conn is not None:
                self.drop()
            raise

    async def connected(self) -> None:
        """Wait until it is."""
        try:
            await self
        except BaseException:
            self.drop()
            raise
        self._connecting = False

    async def run(self, sql: bytes, seconds: float | None) -> Rows:
        """Execute statements in one round trip and return the rows of the last.

        Raises StorageError and its like. Whoever is cancelled closes the connection with it.
        """
        try:
            async with within(seconds), self.cursor() as cursor:
                await cursor.execute(sql)  # type: ignore[arg-type] # psycopg2 takes bytes
                return await cursor.fetchall() if cursor.description else []
        except (psycopg2.Error, OSError, RuntimeError) as error:
            raise translated(error, lost=self.lost) from error

    def quoted(self, sql: str, values: Sequence[Any]) -> bytes:
        """Return a statement with its values; raise StorageError for one that no column takes."""
        try:
            with self._conn.cursor() as cursor:
                quoted: bytes = cursor.mogrify(sql, values)
                return quoted
        except (psycopg2.Error, TypeError, ValueError) as error:
            raise translated(error, lost=self.lost) from error

    @property
    def lost(self) -> bool:
        """Tell whether it is closed, by whomever."""
        return bool(self._conn.closed)

    @property
    def idle(self) -> float:
        """Tell for how many seconds nobody has used it."""
        return self._loop.time() - self.last_usage

    @property
    def at_rest(self) -> bool:
        """Tell whether the next one may have it: open, in no transaction, waited for by nobody."""
        return (
            not self.lost
            and self._waiter is None
            and self._conn.get_transaction_status() == TRANSACTION_STATUS_IDLE
        )

    @property
    def failed(self) -> bool:
        """Tell whether it is in a transaction that can only be rolled back."""
        return bool(self._conn.get_transaction_status() == TRANSACTION_STATUS_INERROR)

    async def roll_back(self, seconds: float) -> None:
        """Leave the transaction that it is in, if it can; what is lost is rolled back anyway."""
        if not self.lost and not self.at_rest:
            with suppress(StorageError):
                await self.run(b"ROLLBACK", seconds)

    def drop(self) -> None:
        """Close it at once, whatever it is doing; who waits for it is told."""
        self._close()

    @staticmethod
    def _ready(weak_self: weakref.ref[Any]) -> None:
        """Do what aiopg does, and leave nothing behind of a connection that is lost."""
        wire = weak_self()
        if wire is None:
            return
        aiopg.Connection._ready(weak_self)  # noqa: SLF001 - what is overridden
        if wire.lost:
            wire.drop()
        elif wire._connecting and wire._conn.moved():  # noqa: SLF001 - a static method of this class
            wire._follow()  # noqa: SLF001 - as above

    async def _poll(self, waiter: asyncio.Future[None], timeout: float) -> None:
        """Do what aiopg does, but raise what the server says of a statement that it cancelled.

        To aiopg that is a CancelledError, though nobody has cancelled the task.
        """
        try:
            self._ready(self._weakref)
            await waiter
        except asyncio.CancelledError:
            self.drop()
            raise
        finally:
            self._waiter = None

    def _close(self) -> None:
        super()._close()
        self._fileno = None
        self._conn.forget()

    def _follow(self) -> None:
        """Watch the socket that there is now."""
        before = self._conn.fileno()
        self._loop.remove_reader(before)
        self._loop.remove_writer(before)
        self._conn.forget()
        self._fileno = now = self._conn.fileno()
        self._loop.add_reader(now, self._ready, self._weakref)
        if self._writing:
            self._loop.add_writer(now, self._ready, self._weakref)


@asynccontextmanager
async def within(seconds: float | None) -> AsyncIterator[None]:
    """Raise StorageUnavailable when the time is up."""
    try:
        async with asyncio.timeout(seconds):
            yield
    except TimeoutError:
        silent = f"The database has not answered within {seconds:g} s."
        raise StorageUnavailable(silent) from None

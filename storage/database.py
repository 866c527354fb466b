"""
The port to a database: SQLite today, PostgreSQL as one more adapter.

Statements are built once with SQLAlchemy Core (`storage.statements`); an adapter compiles each
one for its dialect and its driver executes it. Every method raises `StorageUnavailable` where the
same statement may succeed later, `Conflict` for an identity that is taken, else `StorageError`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from sqlalchemy.sql import ClauseElement

if TYPE_CHECKING:
    from storage.room import Division

Row = Mapping[str, Any]
# What a statement is given: values by name or, where there are many rows, in the order of its SQL
# and as the driver takes them: moments in µs since 1970, truth as 0 or 1.
Values = Row | tuple[Any, ...]
Statement = ClauseElement

NO_VALUES: Row = {}


class Write(NamedTuple):
    """One statement and the rows that it is executed with, in order."""

    statement: Statement
    rows: Sequence[Values]


class Transaction(Protocol):
    """A write transaction in progress: it commits when its context ends well."""

    async def execute(self, statement: Statement, values: Row = NO_VALUES) -> list[Row]:
        """Execute one statement and return its rows."""
        ...


class Database(Protocol):
    """What remembers, whichever database it is."""

    @property
    def division(self) -> Division:
        """Tell how the tables that grow with time are divided."""
        ...

    async def fetch(self, statement: Statement, values: Row = NO_VALUES) -> list[Row]:
        """Return the rows of a query, as last committed by anybody."""
        ...

    async def execute(self, statement: Statement, values: Row = NO_VALUES) -> list[Row]:
        """Execute one statement in a write transaction of its own and return its rows."""
        ...

    async def write(self, writes: Sequence[Write]) -> None:
        """Execute all writes in order in one transaction: all of them or none."""
        ...

    async def claim(self) -> None:
        """Be the one server that writes; raise StorageUnavailable when there is another."""
        ...

    def transaction(self) -> AbstractAsyncContextManager[Transaction]:
        """Open a write transaction that is rolled back when its context raises."""
        ...

    async def close(self) -> None:
        """Release every connection; what was not committed is lost."""
        ...

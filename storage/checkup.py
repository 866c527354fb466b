"""What a PostgreSQL server says of itself, and what its role may do."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from storage.clock import EPOCH, MICROSECOND
from storage.database import Database
from storage.statements.checkup import about_postgresql

OLDEST = 140_000  # 14, as its server_version_num


@dataclass(frozen=True, slots=True)
class About:
    """A server's version as its number, its time, and what our role may do."""

    version: int
    moment: datetime
    # Whether rows of all organizations are shown whatever is asked: row-level security is void.
    sees_all: bool
    # Whether tables can be made, which the log needs each week.
    makes_tables: bool
    # How many connections we may have at once.
    most: int


async def about(database: Database) -> About:
    """Ask a PostgreSQL database; raise StorageError."""
    [row] = await database.fetch(about_postgresql)
    return About(
        version=row["version"],
        moment=EPOCH + row["moment"] * MICROSECOND,
        sees_all=row["sees_all"],
        makes_tables=row["makes_tables"],
        most=row["most"],
    )

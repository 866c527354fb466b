"""
Positions in the message log by the time of day.

They are given in the order of time, as long as nobody sets the clock back.
"""

from __future__ import annotations

from datetime import datetime

from storage.database import Database
from storage.statements import positions as statements
from storage.tenancy import EVERYBODY, on_behalf_of


async def position_at(database: Database, moment: datetime) -> int:
    """Return the first position from which on nothing is older than a moment.

    It is behind the last one where everything is older, and 0 in an empty log.
    """
    # It tells nobody anything, and rows of one organization may be far apart.
    with on_behalf_of(EVERYBODY):
        [found] = await database.fetch(statements.position_at, {"moment": moment})
    return int(found["position"])

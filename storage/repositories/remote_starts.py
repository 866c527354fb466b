"""Starts that were asked for: what came along with each waits for the session that it leads to."""

from __future__ import annotations

import asyncio
from datetime import datetime

from storage.database import Database, Row, Statement
from storage.group_commit import GroupCommit
from storage.operation_records import AskedStart
from storage.records import ChargerKey
from storage.repositories.rows import columns, keyed
from storage.statements import remote_starts as statements


class RemoteStarts:
    """Remember starts that were asked for, each until a session is found to have come of it."""

    def __init__(self, database: Database, group: GroupCommit) -> None:
        self._database = database
        self._group = group

    def note(self, start: AskedStart) -> asyncio.Future[None]:
        """Note a start that is about to be asked for; an old one may have had its number."""
        return self._group.submit(statements.put_start, columns(start))

    def drop(self, start: AskedStart) -> asyncio.Future[None]:
        """Forget a start that the charger will not try."""
        return self._group.submit(statements.drop_start, _this(start))

    def bind(self, start: AskedStart, transaction_id: str) -> asyncio.Future[None]:
        """Note the session that came of a start: no other one will be found for it."""
        values = {**_this(start), "transaction_id": transaction_id}
        return self._group.submit(statements.bind_start, values)

    async def named(self, key: ChargerKey, remote_start_id: int) -> AskedStart | None:
        """Return the start of a number that a 2.x charger tells (F01.FR.25), if it is not bound."""
        values = {**key._asdict(), "remote_start_id": remote_start_id}
        return await self._one(statements.start_named, values)

    async def like(
        self, key: ChargerKey, evse_id: int, id_token: str, since: datetime
    ) -> AskedStart | None:
        """Return the newest start for a token on an EVSE since then that is not bound.

        A 1.6 charger does not tell more of it.
        """
        values = {**key._asdict(), "evse_id": evse_id, "id_token": id_token, "since": since}
        return await self._one(statements.start_like, values)

    async def _one(self, statement: Statement, values: Row) -> AskedStart | None:
        rows = await self._database.fetch(statement, values)
        return AskedStart(**keyed(rows[0])) if rows else None


def _this(start: AskedStart) -> Row:
    return {
        "of_organization": start.key.organization_uuid,
        "of_charger": start.key.charge_box_id,
        "of_start": start.remote_start_id,
    }

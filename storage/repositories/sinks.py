"""Sinks: where each organization's log is exported to, and how far that has got."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import orjson

from storage.database import Database, Row, Write
from storage.records import SinkBatch, SinkProgress, SinkRecord
from storage.repositories.rows import columns
from storage.sealed_columns import CREDENTIALS, TOKEN_KEY
from storage.secrets import Sealer
from storage.statements import sinks as statements
from storage.statements.messages import last_position

_SEALED = (CREDENTIALS, TOKEN_KEY)


class Sinks:
    """Store sinks; credentials are sealed on the way in and opened on the way out."""

    def __init__(self, database: Database, sealer: Sealer) -> None:
        self._database = database
        self._sealer = sealer

    async def create(self, sink: SinkRecord, *, earliest: bool) -> None:
        """Store a new sink, which begins with the oldest message or behind the newest one.

        Raises Conflict where the organization has one of this name.
        """
        async with self._database.transaction() as transaction:
            await transaction.execute(statements.add_sink, self._row(sink))
            [newest] = await transaction.execute(last_position)
            progress = SinkProgress(position=0 if earliest else newest["position"] or 0)
            await transaction.execute(
                statements.add_cursor, {**_of(sink), "sink_id": sink.id, **columns(progress)}
            )

    async def get(self, organization_uuid: str, id: str) -> SinkRecord | None:
        """Return one sink of an organization; raise SealBroken."""
        values = {"organization_uuid": organization_uuid, "id": id}
        rows = await self._database.fetch(statements.sink, values)
        return self._record(rows[0]) if rows else None

    async def count(self, organization_uuid: str) -> int:
        """Return how many sinks an organization has."""
        values = {"organization_uuid": organization_uuid}
        [row] = await self._database.fetch(statements.count_of_sinks, values)
        found: int = row["count"]
        return found

    async def enabled(self) -> list[SinkRecord]:
        """Return all organizations' sinks that are to run; raise SealBroken."""
        return [self._record(row) for row in await self._database.fetch(statements.enabled_sinks)]

    async def replace(self, sink: SinkRecord) -> bool:
        """Store a changed sink, unless it is gone; its type and progress stay.

        Raises Conflict where the organization has another one of this name.
        """
        row = {**self._row(sink), "of_id": sink.id, "of_organization": sink.organization_uuid}
        return bool(await self._database.execute(statements.replace_sink, row))

    async def delete(self, organization_uuid: str, id: str) -> bool:
        """Delete a sink with its progress; what it has stored stays where it is."""
        values = {"organization_uuid": organization_uuid, "id": id}
        return bool(await self._database.execute(statements.delete_sink, values))

    async def progress(self, id: str) -> SinkProgress | None:
        """Tell how far a sink has got, None where there is no such sink."""
        rows = await self._database.fetch(statements.progress, {"sink_id": id})
        return SinkProgress(**rows[0]) if rows else None

    async def batch(self, id: str) -> SinkBatch | None:
        """Return what is to be stored before anything else."""
        rows = await self._database.fetch(statements.batch, {"sink_id": id})
        return SinkBatch(**rows[0]) if rows else None

    async def begin(self, sink: SinkRecord, batch: SinkBatch) -> None:
        """Note what makes up the next object; raise Conflict where another one is begun."""
        row = {**_of(sink), "sink_id": sink.id, **columns(batch)}
        await self._database.execute(statements.add_batch, row)

    async def finish(self, id: str, batch: SinkBatch, octets: int, at: datetime) -> None:
        """Note that an object is stored, if there was anything; once more changes nothing."""
        stored = {
            "of_sink": id,
            "last": batch.last,
            "more_objects": int(batch.records > 0),
            "more_records": batch.records,
            "more_bytes": octets,
            "delivered_at": at if batch.records else None,
        }
        await self._database.write(
            [
                Write(statements.note_stored, [stored]),
                Write(statements.drop_batch, [{"sink_id": id, "last": batch.last}]),
            ]
        )

    def _row(self, sink: SinkRecord) -> dict[str, Any]:
        row = columns(sink)
        row["credentials"] = orjson.dumps(row["credentials"]).decode()
        return row | {
            each.column.name: self._sealer.seal(row[each.column.name], each.place(row))
            for each in _SEALED
        }

    def _record(self, row: Row) -> SinkRecord:
        opened: Mapping[str, Any] = {
            each.column.name: self._sealer.unseal(bytes(row[each.column.name]), each.place(row))
            for each in _SEALED
        }
        credentials = orjson.loads(opened["credentials"])
        return SinkRecord(**{**row, **opened, "credentials": credentials})

    async def list(
        self, organization_uuid: str, limit: int = 100, after: str | None = None
    ) -> list[SinkRecord]:
        """Return sinks by id, those behind ``after``; raise SealBroken."""
        values = {"organization_uuid": organization_uuid, "limit": limit, "after": after or ""}
        rows = await self._database.fetch(statements.sinks_after, values)
        return [self._record(row) for row in rows]


def _of(sink: SinkRecord) -> dict[str, str]:
    return {"organization_uuid": sink.organization_uuid}

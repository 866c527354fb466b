"""An installation whose days go by: things are said, and what is old is removed each day."""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Select, select

from storage.records import (
    ChargerKey,
    Direction,
    Keep,
    MessageType,
    Origin,
    ProxyConfiguration,
    SinkBatch,
    SinkRecord,
)
from storage.retention import Retention
from storage.schema import charger_messages, messages
from storage.store import Storage, open_storage
from tests.storage.doubles import HandClock
from tests.storage.records import charger, proxy, sink

KINDS = frozenset({("1.6", "StartTransaction"), ("1.6", "MeterValues")})
WEEK = Keep(messages=7, meter_values=7, commands=7, audit=7)


class Past:
    """One installation."""

    def __init__(self, storage: Storage, clock: HandClock) -> None:
        self.storage = storage
        self.clock = clock
        self.retention = Retention(storage, clock, KINDS, WEEK, rows=10)
        self.archive = ""  # who keeps everything, so that nothing goes in whole partitions

    # ---- what is there ----

    async def organization(self, **keep: int) -> str:
        organization = await self.storage.organizations.create("Depot")
        await self.storage.organizations.change(organization.organization_uuid, **keep)
        return organization.organization_uuid

    async def charger(self, organization_uuid: str, name: str = "CP-1") -> ChargerKey:
        key = ChargerKey(organization_uuid, name)
        await self.storage.chargers.enroll(charger(key), None)
        return key

    async def proxied(self, organization_uuid: str, name: str = "CP-1") -> ProxyConfiguration:
        key = ChargerKey(organization_uuid, name)
        stored = await self.storage.chargers.enroll(charger(key), proxy(key))
        assert stored
        return stored

    async def exported(self, organization_uuid: str, *, enabled: bool = True) -> SinkRecord:
        """Let an organization have a sink, which is still to get everything."""
        record = sink(organization_uuid, enabled=enabled)
        await self.storage.sinks.create(record, earliest=True)
        return record

    async def begins(self, record: SinkRecord, first: int, last: int) -> SinkBatch:
        """Let an object be begun."""
        batch = SinkBatch(first=first, last=last, records=last - first + 1, object_name=f"{last}")
        await self.storage.sinks.begin(record, batch)
        return batch

    async def stores(self, record: SinkRecord, last: int) -> None:
        """Let everything up to a position be stored."""
        batch = await self.begins(record, 1, last)
        await self.storage.sinks.finish(record.id, batch, 1, self.clock.now())

    def says(self, key: ChargerKey, action: str = "Heartbeat", *, answered: bool = True) -> int:
        """Log a call, with its answer; return the call's position."""
        call = self._log(key, "charger_to_platform", "Call", action)
        if answered:
            self._log(key, "platform_to_charger", "CallResult", None)
        return call

    def tells(self, configuration: ProxyConfiguration, seq: int) -> int:
        """Log the copy of a message that a target is told, and which it does not answer."""
        origin = Origin(seq, maybe_duplicate=False)
        return self.storage.journal.append(
            configuration.key,
            "platform_to_target",
            "1.6",
            "Call",
            f"copy of {seq}",
            "StartTransaction",
            b"[2]",
            configuration.id,
            origin,
        ).position

    def answers_nothing(self, key: ChargerKey) -> int:
        return self._log(key, "charger_to_platform", "CallResult", None, "never asked")

    def _log(
        self,
        key: ChargerKey,
        way: Direction,
        kind: MessageType,
        action: str | None,
        message_id: str = "1",
    ) -> int:
        journal = self.storage.journal
        return journal.append(key, way, "1.6", kind, message_id, action, b"[2]").position

    # ---- time ----

    async def day(self, days: float = 1) -> Counter[tuple[str, str]]:
        """Let a day go by, and remove what is old; return how much of what, by organization."""
        self.clock.pass_time(days=days)
        return await self.sweep()

    async def days(self, number: int) -> Counter[tuple[str, str]]:
        """Let days go by, one after the other."""
        removed: Counter[tuple[str, str]] = Counter()
        for _ in range(number):
            removed += await self.day()
        return removed

    async def leap(self, days: float) -> None:
        """Let many days go by as if what is old had been removed on each."""
        self.clock.pass_time(days=days)
        organizations = await self.storage.organizations.list()
        now = self.clock.now()
        await self.storage.organizations.note_swept(
            {each.organization_uuid: now for each in organizations}
        )

    async def sweep(self) -> Counter[tuple[str, str]]:
        await self.storage.group.flush()
        removed: Counter[tuple[str, str]] = Counter()
        async for one in self.retention.sweep():
            removed[one.organization_uuid, one.what] += one.rows
        return +removed

    # ---- what is left ----

    async def positions(self, organization_uuid: str | None = None) -> list[int]:
        """Return the positions that are taken, of answers too."""
        query = select(messages.c.seq, messages.c.organization_uuid).order_by(messages.c.seq)
        return self._own(await self.rows(query), organization_uuid)

    async def filed(self, organization_uuid: str) -> list[int]:
        query = select(charger_messages.c.seq, charger_messages.c.organization_uuid)
        rows = await self.rows(query.order_by(charger_messages.c.seq))
        return self._own(rows, organization_uuid)

    async def rows(self, query: Select[Any]) -> list[dict[str, Any]]:
        await self.storage.group.flush()
        return [dict(row) for row in await self.storage.database.fetch(query)]

    def _own(self, rows: list[dict[str, Any]], organization_uuid: str | None) -> list[int]:
        return [row["seq"] for row in rows if organization_uuid in (None, row["organization_uuid"])]


@pytest.fixture
async def past(tmp_path: Path, clock: HandClock) -> AsyncIterator[Past]:
    async with open_storage(tmp_path, clock) as storage:
        past = Past(storage, clock)
        past.archive = await past.organization(keep_messages=3650, keep_meter_values=3650)
        yield past

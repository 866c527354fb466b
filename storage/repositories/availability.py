"""Which owner wants what of a connector, and the reset that waits until nothing charges."""

from __future__ import annotations

import asyncio
from datetime import datetime
from typing import Literal, NamedTuple

from storage.database import Database
from storage.group_commit import GroupCommit
from storage.records import ChargerKey
from storage.statements import overlays as statements


class AvailabilityWish(NamedTuple):
    """What an owner wants of a connector; owner 0 is the platform, evse 0 the whole charger."""

    owner: int
    evse_id: int
    connector_id: int
    type: Literal["Operative", "Inoperative"]
    reason: str | None = None


class DeferredReset(NamedTuple):
    """A reset that waits until nothing charges, in the target's words."""

    proxy_configuration_id: int
    payload: bytes
    asked_at: datetime


class AvailabilityWishes:
    """Remember each owner's wish per connector; evse 0 is the whole charger."""

    def __init__(self, database: Database, group: GroupCommit) -> None:
        self._database = database
        self._group = group

    def note(self, key: ChargerKey, wish: AvailabilityWish) -> asyncio.Future[None]:
        """Remember a wish in the place of the owner's last one for the same connector."""
        values = {**key._asdict(), **wish._asdict()}
        return self._group.submit(statements.note_availability, values)

    def drop(self, key: ChargerKey, wish: AvailabilityWish) -> asyncio.Future[None]:
        """Forget what an owner wished of the connector of this wish."""
        place = wish._asdict()
        del place["type"], place["reason"]
        return self._group.submit(statements.drop_availability, {**key._asdict(), **place})

    def forget(self, key: ChargerKey, owner: int) -> asyncio.Future[None]:
        """Forget all that an owner wishes."""
        return self._group.submit(statements.forget_availability, {**key._asdict(), "owner": owner})

    async def of(self, key: ChargerKey) -> list[AvailabilityWish]:
        """Return the wishes of all owners that are still there."""
        rows = await self._database.fetch(statements.availability_of, key._asdict())
        return [AvailabilityWish(**row) for row in rows]

    async def left(self, key: ChargerKey) -> list[AvailabilityWish]:
        """Return the wishes that targets have left behind which are deleted or disabled."""
        rows = await self._database.fetch(statements.availability_left, key._asdict())
        return [AvailabilityWish(**row) for row in rows]


class DeferredResets:
    """Remember the one reset of a target that waits until nothing charges."""

    def __init__(self, database: Database, group: GroupCommit) -> None:
        self._database = database
        self._group = group

    def note(
        self, proxy_configuration_id: int, payload: bytes, asked_at: datetime
    ) -> asyncio.Future[None]:
        """Remember a reset in the place of the target's last one."""
        values = {
            "proxy_configuration_id": proxy_configuration_id,
            "payload": payload,
            "asked_at": asked_at,
        }
        return self._group.submit(statements.note_deferred_reset, values)

    def forget(self, proxy_configuration_id: int) -> asyncio.Future[None]:
        """Forget a target's reset."""
        values = {"proxy_configuration_id": proxy_configuration_id}
        return self._group.submit(statements.forget_deferred_reset, values)

    async def of(self, key: ChargerKey) -> DeferredReset | None:
        """Return the reset that a charger's target waits for."""
        rows = await self._database.fetch(statements.deferred_reset_of, key._asdict())
        return DeferredReset(**rows[0]) if rows else None

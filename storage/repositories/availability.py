"""Which owner wants what of a connector, and the resets that wait until their charger is idle."""

from __future__ import annotations

import asyncio
from datetime import datetime
from typing import Literal, NamedTuple

from storage.database import Database, Row
from storage.group_commit import GroupCommit
from storage.records import ChargerKey
from storage.repositories.rows import columns, keyed
from storage.statements import overlays as statements


class AvailabilityWish(NamedTuple):
    """What an owner wants of a connector; owner 0 is the platform, evse 0 the whole charger."""

    owner: int
    evse_id: int
    connector_id: int
    type: Literal["Operative", "Inoperative"]
    reason: str | None = None


class DeferredReset(NamedTuple):
    """A reset that waits until its charger is not busy, as it will go out."""

    key: ChargerKey
    owner: int  # a proxy configuration; 0 is the platform
    payload: bytes
    asked_at: datetime
    command_id: str | None = None
    # How often it has gone out without an answer.
    attempts: int = 0


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
    """Remember the one reset of each owner that waits until its charger is not busy."""

    def __init__(self, database: Database, group: GroupCommit) -> None:
        self._database = database
        self._group = group

    def note(self, reset: DeferredReset) -> asyncio.Future[None]:
        """Remember a reset in the place of the owner's last one."""
        return self._group.submit(statements.note_deferred_reset, columns(reset))

    async def note_attempts(self, reset: DeferredReset, attempts: int) -> bool:
        """Note how often a reset has gone out; False where it waits no more."""
        values = {**_same(reset), "attempts": attempts}
        return bool(await self._database.execute(statements.note_reset_attempts, values))

    async def end(self, reset: DeferredReset) -> bool:
        """Take this very reset out: of several that try, one is told True."""
        return bool(await self._database.execute(statements.end_deferred_reset, _same(reset)))

    async def of(self, key: ChargerKey) -> list[DeferredReset]:
        """Return what waits for a charger, the oldest first.

        What belongs to a proxy configuration that is deleted or disabled is left out.
        """
        rows = await self._database.fetch(statements.deferred_resets_of, key._asdict())
        return [DeferredReset(**keyed(row)) for row in rows]

    async def take(self, key: ChargerKey, owner: int) -> DeferredReset | None:
        """Take an owner's reset out: of several that try, one gets it."""
        rows = await self._database.execute(statements.take_deferred_reset, _this(key, owner))
        return DeferredReset(**keyed(rows[0])) if rows else None

    async def awaits_job(self, key: ChargerKey, since: datetime) -> bool:
        """Tell whether a firmware update or an upload that began since then goes on."""
        values = {**key._asdict(), "since": since}
        return bool(await self._database.fetch(statements.job_running, values))


def _same(reset: DeferredReset) -> Row:
    return {**_this(reset.key, reset.owner), "of_moment": reset.asked_at}


def _this(key: ChargerKey, owner: int) -> Row:
    own = {"of_owner": owner}
    return {"of_organization": key.organization_uuid, "of_charger": key.charge_box_id, **own}

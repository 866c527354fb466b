"""Queues: what waits in the journal for each target, and what of it no target will get."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

from storage.database import Database, Row, Transaction, Write
from storage.group_commit import GroupCommit
from storage.journal import message_of
from storage.records import ChargerKey, Copy, Message, Purged, Undelivered, Waiting
from storage.statements import deliveries as statements
from storage.statements.deliveries import FOREVER, Kinds
from storage.statements.messages import last_position


class Place(NamedTuple):
    """Which queue, and up to where its target has got."""

    proxy_configuration_id: int
    key: ChargerKey
    position: int


class Queues:
    """Read the queues, and take out of them what is not to be delivered."""

    def __init__(self, database: Database, group: GroupCommit) -> None:
        self._database = database
        self._group = group

    # ---- what waits ----

    async def waiting(self, place: Place, limit: int) -> list[Message]:
        """Return a charger's committed CALLs behind a place, in order, without what is skipped."""
        rows = await self._fetch(statements.waiting_after, place, limit=limit)
        return [message_of(row) for row in rows]

    async def kept(self, place: Place, kinds: Kinds, limit: int) -> list[Message]:
        """Return the messages of these kinds that wait behind a place, in order."""
        rows = await self._fetch(statements.kept_page(kinds), place, limit=limit)
        return [message_of(row) for row in rows]

    async def page(self, place: Place, kinds: Kinds, limit: int) -> list[Undelivered]:
        """Return what an owner sees of what waits, in order."""
        rows = await self._fetch(statements.queue_page(kinds), place, limit=limit)
        return [_undelivered(row) for row in rows]

    async def size(self, place: Place, kinds: Kinds, through: int = FOREVER) -> Waiting:
        """Tell how much waits of these kinds, up to a position."""
        [row] = await self._fetch(statements.queue_size(kinds), place, through=through)
        return Waiting(**row)

    async def skipped(self, proxy_configuration_id: int) -> int:
        """Count what was taken out of a queue so far."""
        values = {"proxy_configuration_id": proxy_configuration_id}
        [row] = await self._database.fetch(statements.skipped_messages, values)
        return int(row["messages"])

    async def of_organization(self, organization_uuid: str) -> list[Place]:
        """Return the places of all queues of an organization."""
        values = {"organization_uuid": organization_uuid}
        rows = await self._database.fetch(statements.queues_of_organization, values)
        return [
            Place(row["id"], ChargerKey(organization_uuid, row["charge_box_id"]), row["position"])
            for row in rows
        ]

    # ---- how far a target has got ----

    def note_position(self, proxy_configuration_id: int, position: int) -> asyncio.Future[None]:
        """Note how far a target has got; it never goes back."""
        row = {"of_id": proxy_configuration_id, "reached": position}
        return self._group.submit(statements.note_position, row)

    async def copies_of(self, proxy_configuration_id: int, seq: int) -> list[Copy]:
        """Return what a target was told of one message of the charger."""
        values = {"proxy_configuration_id": proxy_configuration_id, "seq": seq}
        return [Copy(**row) for row in await self._database.fetch(statements.copies_of, values)]

    async def copies_after(self, place: Place, limit: int = 10_000) -> list[Copy]:
        """Return what a target was told last of the charger's messages behind a place, in order."""
        rows = await self._fetch(statements.copies_after, place, limit=limit)
        return [Copy(row["origin"], row["answer_type"], row["answer"]) for row in reversed(rows)]

    # ---- what no target will get ----

    def note_skipped(
        self, proxy_configuration_id: int, seq: int, reason: str, messages: int = 1
    ) -> None:
        """Note that one message is not delivered; what is noted next shares its commit."""
        row = _range(proxy_configuration_id, seq, seq, reason, messages)
        self._group.submit(statements.add_skipped, row)

    async def skip(self, proxy_configuration_id: int, seqs: Iterable[int], reason: str) -> None:
        """Take single messages out of a queue."""
        rows = [_range(proxy_configuration_id, seq, seq, reason) for seq in seqs]
        await self._database.write([Write(statements.add_skipped, rows)])

    async def purge(self, place: Place, kinds: Kinds, through: int, reason: str) -> Purged:
        """Take out all that waits up to a position, and the dead letters; return how many."""
        async with self._database.transaction() as transaction:
            waiting = await self._discard(transaction, place, kinds, through, reason)
            dead = await transaction.execute(
                statements.drop_dead_letters,
                {"proxy_configuration_id": place.proxy_configuration_id, "through": through},
            )
        return Purged(waiting, len(dead))

    async def discard(self, place: Place, kinds: Kinds, through: int, reason: str) -> int:
        """Take out all that waits up to a position; return how many."""
        async with self._database.transaction() as transaction:
            return await self._discard(transaction, place, kinds, through, reason)

    async def _discard(
        self, transaction: Transaction, place: Place, kinds: Kinds, through: int, reason: str
    ) -> int:
        asked = {**_behind(place), "through": through}
        [found] = await transaction.execute(statements.queue_size(kinds), asked)
        id, count = place.proxy_configuration_id, found["messages"]
        if count:
            row = _range(id, place.position + 1, through, reason, count)
            await transaction.execute(statements.add_skipped, row)
        await transaction.execute(statements.note_position, {"of_id": id, "reached": through})
        return int(count)

    async def _fetch(self, statement: Any, place: Place, **more: int) -> Sequence[Row]:
        return await self._database.fetch(statement, {**_behind(place), **more})


async def pause(transaction: Transaction, proxy_configuration_id: int) -> None:
    """Queue nothing for a configuration from now on."""
    if not await transaction.execute(statements.open_range, {"of_id": proxy_configuration_id}):
        first = await _newest(transaction) + 1
        row = _range(proxy_configuration_id, first, FOREVER, "disabled", 0)
        await transaction.execute(statements.add_skipped, row)


async def resume(transaction: Transaction, proxy_configuration_id: int) -> None:
    """Queue again what is said from now on."""
    through = await _newest(transaction)
    row = {"of_id": proxy_configuration_id, "through": through}
    await transaction.execute(statements.close_range, row)


async def _newest(transaction: Transaction) -> int:
    [newest] = await transaction.execute(last_position)
    return int(newest["position"])


def _range(id: int, first: int, last: int, reason: str, messages: int = 1) -> dict[str, Any]:
    return {"of_id": id, "first": first, "last": last, "reason": reason, "messages": messages}


def _behind(place: Place) -> dict[str, Any]:
    return {
        **place.key._asdict(),
        "proxy_configuration_id": place.proxy_configuration_id,
        "after": place.position,
    }


def _undelivered(row: Row) -> Undelivered:
    return Undelivered(
        seq=row["seq"],
        action=row["action"],
        queued_at=row["timestamp"],
        bytes=row["bytes"],
        attempts=row["attempts"],
        maybe_duplicate=bool(row["maybe_duplicate"]),
    )

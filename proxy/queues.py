"""What its owner does with a target's queue, whether the charger is there or not."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, TypeAlias

from proxy.backlog import place, undelivered
from proxy.policy import KEPT
from storage.records import AuditEntry, Cursor, Purged

if TYPE_CHECKING:
    from proxy.delivery import Delivery
    from storage.clock import Clock
    from storage.records import ChargerKey, ProxyConfiguration, Undelivered
    from storage.store import Storage

# What delivers for a charger's configuration right now, if anything does.
Live: TypeAlias = Callable[["ChargerKey", int], "Delivery | None"]


class Queues:
    """Show the queues and change them: on disk first, then where they are being delivered."""

    def __init__(self, storage: Storage, clock: Clock, live: Live) -> None:
        self._storage = storage
        self._clock = clock
        self._live = live

    async def page(
        self, configuration: ProxyConfiguration, after: int, limit: int
    ) -> list[Undelivered]:
        """Return what a target did not take or has yet to get, by position, behind ``after``."""
        position = await self._position(configuration)
        return await undelivered(self._storage, configuration, position, after, limit)

    async def purge(self, configuration: ProxyConfiguration) -> Purged:
        """Take out all that waits and the dead letters; return how many there were of each."""
        through = self._storage.journal.head
        there = place(configuration, await self._position(configuration))
        purged = await self._storage.queues.purge(there, KEPT, through, "purged")
        if delivery := self._live(configuration.key, configuration.id):
            delivery.purge(through)
            # What died on its way while we wrote was counted among what waited.
            await self._storage.journal.flush()
            await self._storage.dead_letters.drop(configuration.id, through)
        return purged

    async def discard(self, configuration: ProxyConfiguration, reason: str) -> int:
        """Take out all that waits, and leave the dead letters; return how many that were."""
        through = self._storage.journal.head
        there = place(configuration, await self._position(configuration))
        discarded = await self._storage.queues.discard(there, KEPT, through, reason)
        if delivery := self._live(configuration.key, configuration.id):
            delivery.discard(through)
        if discarded:
            await self._tell_discarded(configuration, discarded)
        return discarded

    async def retry(self, configuration: ProxyConfiguration, seq: int) -> bool:
        """Have a dead letter sent again, before all else; return False where there is none."""
        now = self._clock.now()
        if not await self._storage.dead_letters.retry(configuration.id, seq, now):
            return False
        if delivery := self._live(configuration.key, configuration.id):
            delivery.retry(seq)
        return True

    async def _position(self, configuration: ProxyConfiguration) -> int:
        await self._storage.journal.flush()
        if delivery := self._live(configuration.key, configuration.id):
            return delivery.position
        cursor: Cursor | None = await self._storage.proxy_configurations.cursor(configuration.id)
        return cursor.position if cursor else self._storage.journal.head

    async def _tell_discarded(self, configuration: ProxyConfiguration, waiting: int) -> None:
        await self._storage.audit.note(
            AuditEntry(
                timestamp=self._clock.now(),
                organization_uuid=configuration.key.organization_uuid,
                charge_box_id=configuration.key.charge_box_id,
                actor="platform",
                action="queue.discard",
                result="done",
                details={"proxy_configuration_id": configuration.id, "waiting": waiting},
            )
        )

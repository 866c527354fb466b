"""Keep the queues within their bounds: nothing waits for ever, and not without end.

What begins and ends a session is never dropped, nor what tells of an attack. Meter values go first,
every other one of a session at a time (OCPP 2.0.1 E04.FR.08), and then what belongs to no session.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from datetime import datetime, timedelta
from enum import Enum
from math import inf
from typing import TYPE_CHECKING, Any, NamedTuple

import orjson
import structlog

from proxy.policy import KEPT
from proxy.queues import Live
from storage.errors import StorageError
from storage.records import AuditEntry

if TYPE_CHECKING:
    from proxy.parts import RelayParts
    from storage.records import Message
    from storage.repositories.queues import Place

log = structlog.get_logger("ringmain.delivery")

_PAGE = 200
# How many messages one sweep reads; what it leaves is the next one's.
MOST_READ = 100_000


class Worth(Enum):
    """What a message is worth when there is no more room."""

    LEAST = "meter values"
    LITTLE = "belongs to no session"
    MOST = "never dropped"


class Series(NamedTuple):
    """What a message is worth, and what it is one of many of."""

    worth: Worth
    of: str = ""


_ALWAYS = frozenset({"StartTransaction", "StopTransaction", "SecurityEventNotification"})


def series(message: Message) -> Series:
    """Tell what a message is worth; what nobody can read is kept for a person to look at."""
    if message.action in _ALWAYS:
        return Series(Worth.MOST)
    if message.action not in {"MeterValues", "TransactionEvent"}:
        return Series(Worth.LITTLE)
    fields = _fields(message)
    info = fields.get("transactionInfo")
    if message.action == "TransactionEvent":
        of = info.get("transactionId") if isinstance(info, dict) else None
        updated = fields.get("eventType") == "Updated"
        return Series(Worth.LEAST, f"event {of}") if updated else Series(Worth.MOST)
    places = [fields.get(name) for name in ("transactionId", "connectorId", "evseId")]
    return Series(Worth.LEAST, f"meter {places}")


class Bounds:
    """Sweep the queues of all organizations now and then."""

    def __init__(self, parts: RelayParts, live: Live, most_read: int = MOST_READ) -> None:
        self._storage, self._clock = parts.storage, parts.clock
        self._timings = parts.timings
        self._live = live
        self._most_read = most_read
        self._left = most_read

    async def run(self) -> None:
        """Sweep until cancelled."""
        while True:
            await asyncio.sleep(self._timings.sweep)
            try:
                await self.sweep()
            except StorageError as failure:
                log.warning("sweep_failed", error=str(failure))

    async def sweep(self) -> None:
        """Drop what has waited too long and what is too much; raise StorageError."""
        self._left = self._most_read
        for organization in await self._storage.organizations.list():
            dropped = await self._sweep(organization.organization_uuid)
            if dropped.total():
                await self._tell(organization.organization_uuid, dropped)

    async def _sweep(self, organization_uuid: str) -> Counter[str]:
        dropped: Counter[str] = Counter()
        sizes: dict[Place, int] = {}
        for place in await self._storage.queues.of_organization(organization_uuid):
            sizes[place] = await self._expire(place, dropped)
        excess = sum(sizes.values()) - self._timings.largest_queue
        if excess > 0:
            largest_first = sorted(sizes, key=lambda place: -sizes[place])
            await self._shrink(largest_first, excess, dropped)
        return dropped

    async def _expire(self, place: Place, dropped: Counter[str]) -> int:
        """Drop what has waited too long, and return how many bytes are left."""
        before = self._clock.now() - timedelta(seconds=self._timings.longest_wait)
        waiting = await self._storage.queues.size(place, KEPT)
        if waiting.oldest is None or waiting.oldest >= before:
            return waiting.bytes
        gone = await self._lighten(place, inf, _worthless, "expired", dropped, before)
        return waiting.bytes - gone

    async def _shrink(self, places: Sequence[Place], excess: float, dropped: Counter[str]) -> None:
        gone = -1
        while excess > 0 and gone:
            gone = 0
            for place in places:
                gone += await self._lighten(place, excess - gone, EveryOther(), "thinned", dropped)
            excess -= gone
        for place in places:
            excess -= await self._lighten(place, excess, _of_no_session, "overflow", dropped)

    async def _lighten(
        self,
        place: Place,
        excess: float,
        chosen: Callable[[Message], bool],
        reason: str,
        dropped: Counter[str],
        before: datetime | None = None,
    ) -> int:
        """Drop the oldest of what is chosen until enough is gone; return how many bytes went."""
        gone = 0
        if excess <= 0:
            return gone
        async for page in self._pages(place, before):
            spare = []
            for message in page:
                if gone < excess and chosen(message):
                    spare.append(message)
                    gone += len(message.frame)
            dropped[reason] += await self._drop(place, spare, reason)
            if gone >= excess:
                break
        return gone

    async def _pages(
        self, place: Place, before: datetime | None
    ) -> AsyncIterator[Sequence[Message]]:
        while self._left > 0:
            page = await self._storage.queues.kept(place, KEPT, _PAGE)
            self._left -= len(page)
            old = [each for each in page if before is None or each.timestamp < before]
            if old:
                yield old
                place = place._replace(position=old[-1].seq)
            if len(old) < _PAGE:
                return

    async def _drop(self, place: Place, spare: Sequence[Message], reason: str) -> int:
        id = place.proxy_configuration_id
        delivery = self._live(place.key, id)
        reached = delivery.reached if delivery else 0
        seqs = {message.seq for message in spare if message.seq > reached}
        if seqs:
            await self._storage.queues.skip(id, sorted(seqs), reason)
        if delivery := self._live(place.key, id):
            delivery.forget(seqs)
        return len(seqs)

    async def _tell(self, organization_uuid: str, dropped: Counter[str]) -> None:
        log.warning("queues_swept", organization_uuid=organization_uuid, **+dropped)
        await self._storage.audit.note(
            AuditEntry(
                timestamp=self._clock.now(),
                organization_uuid=organization_uuid,
                actor="platform",
                action="queue.sweep",
                result="dropped",
                details=dict(+dropped),
            )
        )


class EveryOther:
    """Choose the first, the third, the fifth … of each series of meter values."""

    def __init__(self) -> None:
        self._seen: Counter[str] = Counter()

    def __call__(self, message: Message) -> bool:
        """Tell whether this one goes."""
        worth, of = series(message)
        if worth is not Worth.LEAST:
            return False
        self._seen[of] += 1
        return self._seen[of] % 2 == 1


def _worthless(message: Message) -> bool:
    return series(message).worth is not Worth.MOST


def _of_no_session(message: Message) -> bool:
    return series(message).worth is Worth.LITTLE


def _fields(message: Message) -> Mapping[str, Any]:
    try:
        fields = orjson.loads(message.frame)[3]
    except (ValueError, LookupError, TypeError):
        return {}
    return fields if isinstance(fields, dict) else {}

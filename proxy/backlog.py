"""Tell what a target has yet to get, and what it did not take."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, NamedTuple

from proxy.policy import KEPT
from storage.repositories.queues import Place

if TYPE_CHECKING:
    from storage.records import ProxyConfiguration, Undelivered
    from storage.store import Storage


class Backlog(NamedTuple):
    """What a target has yet to get and since when, what it did not take, what it never will."""

    queue_length: int
    oldest_queued_at: datetime | None
    dead_letters: int
    skipped: int


async def backlog(storage: Storage, configuration: ProxyConfiguration, position: int) -> Backlog:
    """Count what there is for a target at this position."""
    await storage.journal.flush()
    waiting = await storage.queues.size(place(configuration, position), KEPT)
    return Backlog(
        waiting.messages,
        waiting.oldest,
        await storage.dead_letters.count(configuration.id),
        await storage.queues.skipped(configuration.id),
    )


async def undelivered(
    storage: Storage, configuration: ProxyConfiguration, position: int, after: int, limit: int
) -> list[Undelivered]:
    """Return a page of what a target at this position did not take or has yet to get, in order."""
    await storage.journal.flush()
    dead = await storage.dead_letters.list(configuration.id, after, limit)
    behind = max(position, after, dead[-1].seq if dead else 0)
    rest = limit - len(dead)
    if not rest:
        return dead
    return dead + await storage.queues.page(place(configuration, behind), KEPT, rest)


def place(configuration: ProxyConfiguration, position: int) -> Place:
    """Return a target's place in its queue."""
    return Place(configuration.id, configuration.key, position)

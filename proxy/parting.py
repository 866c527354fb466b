"""Leave one target for another: what becomes of the queue, and of the ids that the old one gave.

With ``on_change: keep`` it is the same system at another address. Otherwise it is another system,
and must never read an id that it has not given: it might stop a stranger's session by it. Which
target a queue and its ids are of is stored with the cursor, so that it is known after a crash.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from proxy.wishes import OnChange, Wishes

if TYPE_CHECKING:
    from proxy.queues import Queues
    from storage.records import ProxyConfiguration
    from storage.store import Storage

DISCARDED = "discarded"


def parting(left: str | None, new: ProxyConfiguration | None) -> OnChange | None:
    """Return what the owner wants for the change, None where it leads to no other target.

    ``left`` is which target was there before, None where nobody knows.
    """
    if new is None or left in {None, new.leads_to}:
        return None
    return Wishes.of(new.policy).on_change


async def discard(left: str | None, new: ProxyConfiguration, queues: Queues) -> None:
    """Take out what waits for the old target, where its owner wants that; raise StorageError."""
    if parting(left, new) == "discard":
        await queues.discard(new, DISCARDED)


async def forget(left: str | None, new: ProxyConfiguration, storage: Storage) -> None:
    """Forget the ids of the old target, where the new one is another; raise StorageError."""
    if left == new.leads_to:
        return
    if parting(left, new) in {"drain", "discard"}:
        await storage.journal.flush()  # it may have given one a moment ago
        await storage.id_pairs.forget(new.id)
    await storage.proxy_configurations.note_target(new)

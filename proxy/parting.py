"""Leave one target for another: what becomes of the queue, and of the ids that the old one gave.

With ``on_change: keep`` it is the same system at another address. Otherwise it is another system,
and must never read an id that it has not given: it might stop a stranger's session by it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from proxy.wishes import OnChange, Wishes

if TYPE_CHECKING:
    from proxy.queues import Queues
    from storage.records import ProxyConfiguration
    from storage.store import Storage

_TARGET = ("target_websocket_url", "target_charge_box_id")
DISCARDED = "discarded"


def parting(old: ProxyConfiguration, new: ProxyConfiguration | None) -> OnChange | None:
    """Return what the owner wants for the change, None where it leads to no other target."""
    if new is None or all(getattr(old, name) == getattr(new, name) for name in _TARGET):
        return None
    return Wishes.of(new.policy).on_change


async def discard(old: ProxyConfiguration, new: ProxyConfiguration | None, queues: Queues) -> None:
    """Take out what waits for the old target, where its owner wants that; raise StorageError."""
    if parting(old, new) == "discard":
        await queues.discard(old, DISCARDED)


async def forget(old: ProxyConfiguration, new: ProxyConfiguration | None, storage: Storage) -> None:
    """Forget the ids of the old target, where the new one is another; raise StorageError."""
    if parting(old, new) in {"drain", "discard"}:
        await storage.journal.flush()  # it may have given one a moment ago
        await storage.id_pairs.forget(old.id)

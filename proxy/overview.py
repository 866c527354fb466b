"""Tell at a glance how many links are: their states from memory, their queues counted at once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, NamedTuple

from proxy.policy import KEPT
from proxy.states import Outlook, State
from storage.repositories.backlogs import Counted

if TYPE_CHECKING:
    from storage.records import ProxyConfiguration
    from storage.store import Storage

# What is to be said of a state where nothing went wrong, or of what goes on.
_SENTENCES: Mapping[State, str] = {
    State.DISABLED: "The proxy configuration is disabled.",
    State.DIALING: "The target is being dialled.",
    State.BOOTING: "The target has not answered the charger's boot yet.",
    State.PENDING: "The target answers the charger's boot with Pending.",
    State.REJECTED: "The target answers the charger's boot with Rejected.",
    State.INCOMPATIBLE: "The target does not speak the charger's OCPP version.",
    State.BACKOFF: "The link has ended, and the target is dialled again soon.",
}
_BY_STATE = frozenset({State.DISABLED, State.PENDING, State.REJECTED})


def reason_of(state: State, last_error: str | None) -> str | None:
    """Say in one sentence why a link is not ready, None where it is.

    What a target answers goes before what was wrong on the way there.
    """
    if state is State.READY:
        return None
    return _SENTENCES[state] if state in _BY_STATE else last_error or _SENTENCES[state]


class LinkStatus(NamedTuple):
    """How a link is; ``queue_is_longer`` is that more may wait than were counted."""

    state: State
    since: datetime | None
    reason: str | None
    next_dial_at: datetime | None
    queue_length: int
    queue_is_longer: bool
    oldest_queued_at: datetime | None
    dead_letters: int


async def statuses(
    storage: Storage, configurations: Sequence[ProxyConfiguration], outlooks: Sequence[Outlook]
) -> list[LinkStatus]:
    """Return how the links of a page of one organization are, in order; raise StorageError.

    What a link that keeps up has yet to deliver is known; only of others the log is asked.
    """
    if not configurations:
        return []
    await storage.journal.flush()
    ids = [one.id for one in configurations]
    organization_uuid = configurations[0].key.organization_uuid
    behind = any(outlook.waiting is None for outlook in outlooks)
    counted = await storage.backlogs.of_page(organization_uuid, ids, KEPT) if behind else {}
    dead = await storage.backlogs.dead_letters(organization_uuid, ids)
    moments = await storage.backlogs.moments_of({one.waiting[0] for one in outlooks if one.waiting})
    return [
        _status(outlook, _backlog(outlook, counted.get(id, Counted()), moments), dead.get(id, 0))
        for id, outlook in zip(ids, outlooks, strict=True)
    ]


def _backlog(outlook: Outlook, counted: Counted, moments: Mapping[int, datetime]) -> Counted:
    if outlook.waiting is None:
        return counted
    first = outlook.waiting[0] if outlook.waiting else 0
    return Counted(len(outlook.waiting), moments.get(first))


def _status(outlook: Outlook, backlog: Counted, dead_letters: int) -> LinkStatus:
    return LinkStatus(
        state=outlook.state,
        since=outlook.since,
        reason=reason_of(outlook.state, outlook.last_error),
        next_dial_at=outlook.next_dial_at,
        queue_length=backlog.messages,
        queue_is_longer=backlog.more,
        oldest_queued_at=backlog.oldest,
        dead_letters=dead_letters,
    )

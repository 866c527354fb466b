"""Say where a target link is."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import NamedTuple


class State(StrEnum):
    """Where a target link is."""

    DISABLED = "disabled"
    DIALING = "dialing"
    BOOTING = "booting"
    PENDING = "pending"
    READY = "ready"
    REJECTED = "rejected"
    INCOMPATIBLE = "incompatible"
    BACKOFF = "backoff"


# Nobody there takes what a charger says, and it is not known when somebody will.
UNAVAILABLE = frozenset({State.PENDING, State.REJECTED, State.INCOMPATIBLE, State.BACKOFF})


class Glance(NamedTuple):
    """Where a target link is, and what was wrong last."""

    state: State
    last_error: str | None = None


class Outlook(NamedTuple):
    """All that is known of a target link without looking at what waits in the log.

    ``waiting`` are the positions of what it has yet to get, None where only the log knows.
    """

    state: State
    last_error: str | None = None
    since: datetime | None = None
    next_dial_at: datetime | None = None
    waiting: tuple[int, ...] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class TargetStatus:
    """What there is to know about a target link.

    ``since`` is when it came into its state, ``next_dial_at`` when a pause ends.
    """

    state: State
    since: datetime | None = None
    last_error: str | None = None
    boot_status: str | None = None
    next_dial_at: datetime | None = None
    queue_length: int = 0
    oldest_queued_at: datetime | None = None
    dead_letters: int = 0
    skipped: int = 0

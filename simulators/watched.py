"""Waiting for what an object becomes, without polling."""

from __future__ import annotations

import asyncio
from collections import Counter, deque
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Literal, Self, TypeAlias, TypeVar

T = TypeVar("T")
Fields: TypeAlias = dict[str, Any]
Now: TypeAlias = Callable[[], datetime]
Kind: TypeAlias = Literal["connected", "refused", "closed", "called", "answer", "asked", "replied"]


def utc_now() -> datetime:
    """Return the time of the machine."""
    return datetime.now(UTC)


def timestamp(moment: datetime) -> str:
    """Write a moment as OCPP wants it: RFC 3339, UTC, milliseconds."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "Z"


def read_timestamp(text: str) -> datetime:
    """Read an OCPP timestamp; one without a zone is UTC."""
    moment = datetime.fromisoformat(text)
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Event:
    """One thing that happened to a simulator.

    ``called`` and ``answer`` are our CALL and what came back, ``asked`` and ``replied`` the peer's
    CALL and what we returned.
    """

    at: datetime
    kind: Kind
    action: str
    fields: Any


class Watched:
    """Keep the latest events; wake whoever waits for a change."""

    def __init__(self, now: Now, keep: int | None) -> None:
        self.now = now
        self.events: deque[Event] = deque(maxlen=keep)
        self.counts: Counter[Kind] = Counter()  # of all events, the forgotten ones too
        self.listeners: list[Callable[[Event], None]] = []
        self._changed = asyncio.Event()

    async def until(self, predicate: Callable[[Self], T], timeout: float | None = 10.0) -> T:
        """Return the first true value of the predicate; raise TimeoutError after ``timeout`` s."""
        async with asyncio.timeout(timeout):
            while not (value := predicate(self)):
                await self._changed.wait()
        return value

    def note(self, kind: Kind, action: str = "", fields: Any = None) -> None:
        """Add an event and tell it to the listeners."""
        event = Event(self.now(), kind, action, fields)
        self.events.append(event)
        self.counts[kind] += 1
        for listener in self.listeners:
            listener(event)
        self.changed()

    def changed(self) -> None:
        """Make everybody look again."""
        seen, self._changed = self._changed, asyncio.Event()
        seen.set()

    def seen(self, kind: Kind, action: str | None = None) -> list[Any]:
        """Return the fields of all events of a kind, oldest first."""
        return [
            event.fields
            for event in self.events
            if event.kind == kind and action in (None, event.action)
        ]

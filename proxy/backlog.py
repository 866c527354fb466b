"""Tell what a target has yet to get."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, NamedTuple

from proxy import policy
from proxy.policy import Hearing

if TYPE_CHECKING:
    from storage.journal import Journal
    from storage.records import ChargerKey

_PAGE = 500


class Backlog(NamedTuple):
    """What a target has yet to get, and since when the oldest of it waits."""

    length: int
    oldest: datetime | None


async def backlog(journal: Journal, key: ChargerKey, position: int) -> Backlog:
    """Count what a target at this position must still be told."""
    length, oldest = 0, None
    while page := await journal.read_calls(key, position, _PAGE):
        for message in page:
            if policy.rule(message.ocpp_version, message.action or "").hearing is Hearing.DURABLE:
                length, oldest = length + 1, oldest or message.timestamp
        position = page[-1].seq
    return Backlog(length, oldest)

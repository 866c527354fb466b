"""Recognise repeats among what is read from the journal.

Where a link or the server ended before a CALL was looked at, it is in the journal and nobody has
said whether its charger had said it before.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection
from typing import TYPE_CHECKING, TypeAlias

from csms import frames
from csms.errors import MalformedFrame
from csms.frames import Call, Dialect, Limits
from proxy.repeats import Repeats

if TYPE_CHECKING:
    from storage.journal import Journal
    from storage.records import ChargerKey, Message


# Tell of messages that the charger got no answer to whether their target has answered none of them
# either, so that it hears what says the same again at a later position.
Untold: TypeAlias = Callable[[Collection[int], int], Awaitable[bool]]


class Echoes:
    """Know what the messages of one charger before a place in the journal have said."""

    def __init__(self, key: ChargerKey, dialect: Dialect, journal: Journal, untold: Untold) -> None:
        self._key, self._dialect, self._journal = key, dialect, journal
        self._untold = untold
        self._repeats: Repeats | None = None

    def forget(self) -> None:
        """Look at the journal again before the next message: something came another way."""
        self._repeats = None

    async def is_one(self, message: Message) -> bool:
        """Tell whether the charger had said this before; raise StorageError."""
        try:
            limits = Limits(max_bytes=len(message.frame))
            call = frames.parse(message.frame, self._dialect, limits)
        except MalformedFrame:
            return False
        if not isinstance(call, Call):
            return False
        self._repeats = self._repeats or Repeats(self._key, self._dialect, self._journal)
        first = await self._repeats.repeated(call, message.seq)
        if first is None or first == message.seq:
            return False
        said = await self._repeats.unanswered(call, message.seq)
        return not (said and await self._untold(said, message.seq))

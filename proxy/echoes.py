"""Recognise repeats among what is read from the journal.

Where a link or the server ended before a CALL was looked at, it is in the journal and nobody has
said whether its charger had said it before.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from csms import frames
from csms.errors import MalformedFrame
from csms.frames import Call, Dialect, Limits
from proxy.repeats import Repeats

if TYPE_CHECKING:
    from storage.journal import Journal
    from storage.records import ChargerKey, Message


class Echoes:
    """Know what the messages of one charger before a place in the journal have said."""

    def __init__(self, key: ChargerKey, dialect: Dialect, journal: Journal) -> None:
        self._key, self._dialect, self._journal = key, dialect, journal
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
        return first is not None and first != message.seq

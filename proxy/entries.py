"""One message of a charger on its way to the target."""

from __future__ import annotations

import asyncio
from typing import TypeAlias

from msgspec import Struct

from csms.frames import Reply
from proxy.policy import DURABLE, Hearing

# Who waits for the target's answer; None is that it gave none.
Waiter: TypeAlias = asyncio.Future[Reply | None]

BEGINS = "StartTransaction"  # the one answer whose id has to be known before what follows


class Entry(Struct, frozen=True, eq=False):
    """One CALL on its way; ``ours`` is the transaction id that our reply to it gave.

    How the target hears of it is looked up once, because it is asked for at every step.
    """

    seq: int
    action: str
    payload: bytes
    version: str
    hearing: Hearing
    ours: str | None = None
    answer: Waiter | None = None

    @property
    def durable(self) -> bool:
        """Tell whether it is delivered whatever happens."""
        return self.hearing is DURABLE

    @property
    def awaited(self) -> bool:
        """Tell whether somebody still waits for the target's answer."""
        return self.answer is not None and not self.answer.done()

    def settle(self, reply: Reply | None) -> None:
        """Tell whoever still waits what the target said, None if it said nothing."""
        if self.answer is not None and not self.answer.done():
            self.answer.set_result(reply)

"""Transaction messages on their way to the CSMS: in order, kept while offline, with retries.

1.6 §3.7 and 2.0.1 E04, E12, E13: they are delivered chronologically; a lost link costs no attempt,
a CALLERROR or a missing answer does.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from csms.errors import AnswerTimeout, CallRefused
from simulators.hardware import Transaction
from simulators.oracle import Oracle
from simulators.watched import Fields


@dataclass(slots=True)
class Entry:
    """One message that waits for its answer."""

    seq: int
    action: str
    fields: Fields
    transaction: Transaction
    meter_wh: float
    written: bool = False  # the oracle knows it
    failures: int = 0


class Outbox:
    """Deliver messages one after the other; drop one only after so many refusals."""

    def __init__(self, oracle: Oracle) -> None:
        self._oracle = oracle
        self._entries: deque[Entry] = deque()
        self.queued = 0  # how many ever

    def __len__(self) -> int:
        return len(self._entries)

    def close(self) -> None:
        """Write nothing down any more."""
        self._oracle.close()

    def holds(self, transaction: Transaction) -> bool:
        """Tell whether messages of a transaction wait."""
        return any(entry.transaction is transaction for entry in self._entries)

    def add(self, action: str, fields: Fields, transaction: Transaction, meter_wh: float) -> None:
        """Queue a message."""
        self.queued += 1
        self._entries.append(Entry(self.queued, action, fields, transaction, meter_wh))

    async def deliver(
        self,
        complete: Callable[[Entry], Fields],
        call: Callable[[str, Fields], Awaitable[Fields]],
        most_attempts: int,
        retry_s: float,
    ) -> tuple[Entry, Fields] | None:
        """Try the first message once; return it with its answer, None where there was none.

        ``complete`` fills in what only the answer to an earlier message told. A failed attempt is
        followed by ``retry_s`` times the attempts so far (1.6 §3.7.1). Raises LinkClosed and
        LinkBusy, and keeps the message then.
        """
        entry = self._entries[0]
        fields = complete(entry)
        if not entry.written:
            entry.written = True
            reference = entry.transaction.reference
            self._oracle.emitted(entry.seq, reference, entry.action, entry.meter_wh, fields)
        try:
            answer = await call(entry.action, fields)
        except (CallRefused, AnswerTimeout):
            entry.failures += 1
            if entry.failures >= most_attempts:
                self._settle(entry, "given_up")
            else:
                await asyncio.sleep(retry_s * entry.failures)
            return None
        self._settle(entry, "answered")
        return entry, answer

    def _settle(self, entry: Entry, outcome: str) -> None:
        self._entries.popleft()
        self._oracle.settled(entry.seq, outcome)

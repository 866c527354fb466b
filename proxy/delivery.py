"""Deliver what a charger said to its target: in order, at least once, through any outage.

The queue is the journal plus a cursor. What was offered since is also kept in a short tail in
memory, so that a target that keeps up costs no reads; what falls out of the tail is read from the
journal again. The newest entry always stays in the tail: of a charger's CALLs only the newest may
be unanswered, so whatever is read from the journal has its answer there too, if it ever had one.
"""

from __future__ import annotations

import asyncio
from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING

import structlog

from csms import frames
from csms.errors import AnswerTimeout, CallRefused, LinkBusy, LinkError
from csms.frames import Call, CallResult, Limits, Reply
from proxy import policy
from proxy.ledger import transaction_id
from proxy.policy import Hearing
from storage.errors import StorageError

if TYPE_CHECKING:
    from csms.link import Link
    from csms.station import Station
    from proxy.ledger import IdMap
    from proxy.timings import Timings
    from storage.journal import Journal
    from storage.records import ChargerKey, Cursor, Message
    from storage.repositories.proxy_configurations import ProxyConfigurations

log = structlog.get_logger("ringmain.delivery")

BEGINS = "StartTransaction"  # the one answer whose id has to be known before what follows
# Refusals that no repetition changes.
_FINAL = frozenset({"NotImplemented", "NotSupported"})


@dataclass(frozen=True, slots=True)
class Entry:
    """One CALL on its way; ``ours`` is the transaction id that our reply to it gave."""

    seq: int
    action: str
    payload: bytes
    version: str
    ours: str | None = None
    answer: asyncio.Future[Reply | None] | None = None

    @property
    def hearing(self) -> Hearing:
        """Tell how the target hears of it."""
        return policy.rule(self.version, self.action).hearing

    def settle(self, reply: Reply | None) -> None:
        """Tell whoever still waits what the target said, None if it said nothing."""
        if self.answer is not None and not self.answer.done():
            self.answer.set_result(reply)

    @property
    def awaited(self) -> bool:
        """Tell whether somebody still waits for the target's answer."""
        return self.answer is not None and not self.answer.done()


class Delivery:
    """Keep one target's place in what one charger says."""

    def __init__(
        self,
        key: ChargerKey,
        cursor: Cursor,
        kind: type[Station],
        *,
        journal: Journal,
        configurations: ProxyConfigurations,
        ids: IdMap,
        timings: Timings,
        longest_tail: int = 256,
        longest_page: int = 100,
    ) -> None:
        self._key = key
        self._configuration_id = cursor.proxy_configuration_id
        self._version = kind.version
        self._dialect = kind.dialect
        self._journal = journal
        self._configurations = configurations
        self.ids = ids
        self._timings = timings
        self._longest_tail = longest_tail
        self._longest_page = longest_page
        self._position = cursor.position  # all up to here is done
        self._tail: deque[Entry] = deque()
        self._page: deque[Message] = deque()
        self._fallen = self._newest = self._live_from = journal.head
        self._listening = False
        self._unsure = True  # whether storage has taken what is in the tail
        self._flowing = asyncio.Event()
        self._offered = asyncio.Event()
        self._failures = 0  # of the entry at the head, on links that lived
        self.dead_letters = 0

    @property
    def position(self) -> int:
        """Tell how far the target has got in the journal."""
        return self._position

    def offer(self, position: int, call: Call, reply: Reply) -> asyncio.Future[Reply | None] | None:
        """Queue a CALL with our reply; return the target's answer, None if it is not listening.

        The answer is None where none comes; cancel it to stop waiting.
        """
        answer = asyncio.get_running_loop().create_future() if self._listening else None
        ours = transaction_id(reply.payload) if isinstance(reply, CallResult) else None
        self._newest = position
        self._tail.append(Entry(position, call.action, call.payload, self._version, ours, answer))
        self._trim()
        self._offered.set()
        return answer

    def listen(self) -> None:
        """Take answers into account from now on: the target has accepted our Boot."""
        self._listening = True
        self._live_from = self._newest

    def flow(self) -> None:
        """Let entries go out, in order."""
        self._flowing.set()

    def hold(self) -> None:
        """Let no further entry go out; nobody waits for an answer any more."""
        self._flowing.clear()
        self._listening, self._unsure = False, True
        for entry in self._tail:
            entry.settle(None)
        self._trim()

    async def run(self, link: Link) -> None:
        """Deliver over this link while it flows; raise LinkClosed, NotStored or StorageError."""
        while True:
            await self._flowing.wait()
            head = await self._head()
            if head is not None:
                await self._serve(head, link)
                self._pass(head.seq)

    async def _serve(self, head: Entry | Message, link: Link) -> None:
        try:
            entry = head if isinstance(head, Entry) else await self._reread(head)
            if await self._wanted(entry):
                await self._deliver(entry, link)
        except (LinkError, StorageError):
            raise
        except Exception as fault:  # noqa: BLE001 - one message must not block all behind it
            self._bury(head, type(fault).__name__)

    async def _head(self) -> Entry | Message | None:
        if self._page:
            return self._page[0]
        if self._position < self._fallen:
            await self._read_page(self._fallen)
        elif self._tail and self._unsure:
            await self._drop_unstored()
        elif self._tail:
            return self._tail[0]
        else:
            self._offered.clear()
            await self._offered.wait()
        return None

    async def _drop_unstored(self) -> None:
        # Where storage failed nobody was answered either: the charger will say it again. While
        # entries flow this is not asked, because what storage refuses ends the target's link too.
        # Only what was offered before the flush: what comes meanwhile is not readable yet.
        offered = tuple(self._tail)
        await self._journal.flush()
        for entry in offered:
            page = await self._journal.read_calls(self._key, entry.seq - 1, 1)
            if entry in self._tail and [message.seq for message in page] != [entry.seq]:
                self._tail.remove(entry)
                entry.settle(None)
        self._unsure = False

    async def _read_page(self, through: int) -> None:
        await self._journal.flush()
        page = await self._journal.read_calls(self._key, self._position, self._longest_page)
        self._page.extend(message for message in page if message.seq <= through)
        if not self._page:
            self._pass(through)

    async def _reread(self, message: Message) -> Entry:
        limits = Limits(max_bytes=len(message.frame))  # accepted once, whatever the limit is now
        call = frames.parse(message.frame, self._dialect, limits)
        ours = await self._our_id(message) if message.action == BEGINS else None
        assert isinstance(call, Call)  # noqa: S101 - the journal was asked for CALLs
        return Entry(message.seq, call.action, call.payload, message.ocpp_version, ours)

    async def _our_id(self, message: Message) -> str | None:
        found = await self._journal.exchanges(
            self._key,
            direction=message.direction,
            message_id=message.message_id,
            before=message.seq + 1,
            limit=1,
        )
        answer = found[0].answer if found else None
        reply = frames.parse(answer.frame, self._dialect) if answer else None
        return transaction_id(reply.payload) if isinstance(reply, CallResult) else None

    async def _wanted(self, entry: Entry) -> bool:
        if entry.version != self._version:
            self._drop_foreign(entry)
            return False
        if entry.action == BEGINS:
            # Where we gave no id the charger begins again; what it repeats, the target has begun.
            return entry.ours is not None and await self.ids.theirs(entry.ours) is None
        live = entry.seq > self._live_from
        heard = {
            Hearing.DURABLE: True,
            Hearing.LATEST: live,
            Hearing.LIVE: live and entry.awaited,
            Hearing.NEVER: False,
        }
        return heard[entry.hearing]

    async def _deliver(self, entry: Entry, link: Link) -> None:
        payload = await self.ids.to_target(entry.action, entry.payload)
        if payload is None:
            return
        while not await self._attempt(entry, payload, link):
            if entry.hearing is not Hearing.DURABLE:
                return
            if self._failures >= self._timings.attempts:
                self._bury(entry, "refused")
                return
            await asyncio.sleep(self._failures * self._timings.attempt_interval)
            await self._flowing.wait()

    async def _attempt(self, entry: Entry, payload: bytes, link: Link) -> bool:
        answer = self._timings.answer
        try:
            # Our own Boot or Heartbeat may be waiting for its answer before us.
            result = await link.call(entry.action, payload, timeout=answer, patience=2 * answer)
        except CallRefused as refused:
            final = refused.error.code in _FINAL
            self._failures = self._timings.attempts if final else self._failures + 1
            entry.settle(refused.error)
            return False
        except (AnswerTimeout, LinkBusy):
            self._failures += 1
            entry.settle(None)
            return False
        self._learn(entry, result)
        entry.settle(result)
        return True

    def _learn(self, entry: Entry, result: CallResult) -> None:
        theirs = transaction_id(result.payload)
        if entry.ours is not None and theirs is not None:
            self.ids.learn(entry.ours, theirs)

    def _drop_foreign(self, entry: Entry) -> None:
        # The charger came back with another OCPP version; nobody can translate what it said.
        if entry.hearing is Hearing.DURABLE:
            self._bury(entry, "another OCPP version")

    def _bury(self, dead: Entry | Message, reason: str) -> None:
        self.dead_letters += 1
        log.warning(
            "dead_letter",
            charge_box_id=self._key.charge_box_id,
            action=dead.action,
            position=dead.seq,
            reason=reason,
        )

    def _pass(self, position: int) -> None:
        self._position = position
        self._failures = 0
        while self._page and self._page[0].seq <= position:
            self._page.popleft()
        while self._tail and self._tail[0].seq <= position:
            self._tail.popleft().settle(None)
        self._configurations.note_cursor(self._configuration_id, position)

    def _trim(self) -> None:
        # While nothing flows the journal alone keeps what is queued.
        while len(self._tail) > (self._longest_tail if self._listening else 1):
            fallen = self._tail.popleft()
            fallen.settle(None)
            self._fallen = fallen.seq

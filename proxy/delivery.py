"""Deliver what a charger said to its target: in order, at least once, through any outage.

The queue is the journal plus a cursor. What was offered since is also kept in a short tail in
memory, so that a target that keeps up costs no reads. Whatever goes out names the charger's
message, so after a restart the journal tells what the target has heard already.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Collection
from typing import TYPE_CHECKING

from csms.frames import CallResult
from proxy import policy
from proxy.attempts import Trial, past_trials
from proxy.bookmark import Bookmark
from proxy.carrier import Carrier
from proxy.echoes import Echoes
from proxy.entries import BEGINS, Entry, Waiter
from proxy.ledger import transaction_id
from proxy.policy import DURABLE, THEIRS, Hearing
from proxy.reader import LONGEST_PAGE, Reader
from proxy.tail import LONGEST, Tail
from storage.repositories.queues import Place

if TYPE_CHECKING:
    from csms.frames import Call, Reply
    from csms.link import Link
    from csms.station import Station
    from proxy.late import LateVerdicts
    from proxy.ledger import IdMap
    from proxy.parts import RelayParts
    from proxy.silence import Silence
    from proxy.timings import Timings
    from storage.records import Cursor, ProxyConfiguration

LIVE = "told live"
# Nothing is noted of it but that the target was told, and the log tells that too.
_OFTEN = frozenset({"MeterValues"})
_GONE = "The message log has it no longer."


class Delivery:
    """Keep one target's place in what one charger says."""

    def __init__(
        self,
        configuration: ProxyConfiguration,
        cursor: Cursor,
        kind: type[Station],
        *,
        ids: IdMap,
        parts: RelayParts,
        late: LateVerdicts,
        longest_tail: int = LONGEST,
        longest_page: int = LONGEST_PAGE,
    ) -> None:
        self._id, self._version = configuration.id, kind.version
        self.ids = ids
        self._storage = parts.storage
        self._position = cursor.position  # all up to here is done
        self._key = key = configuration.key
        dialect, journal = kind.dialect, parts.storage.journal
        self._tail = Tail(journal.head, longest_tail)
        self._reader = reader = Reader(configuration.id, key, dialect, parts.storage, longest_page)
        self._echoes = Echoes(key, dialect, journal, self.are_untold)
        self._bookmark = Bookmark(configuration.id, cursor.position, ids, parts.storage.queues)
        self._listening = False
        self._unsure = True  # whether storage has taken what is in the tail
        self._losses = 0  # of storage, as they were when that was asked
        self._flowing = flowing = asyncio.Event()
        self._resting: asyncio.Future[None] | None = None  # until there is something to do
        self._carrier = Carrier(
            configuration, kind, ids=ids, parts=parts, late=late, reader=reader, flowing=flowing
        )
        self._carrier.live_from = self._tail.newest
        self._trials: dict[int, Trial] = {}  # of what was sent and is not done
        self._recalled = False  # what was sent before we were restarted
        self._again: deque[int] = deque()  # dead letters that are to go out once more
        self._ahead: deque[Entry] = deque()  # what somebody waits for, and nothing depends on
        self.drained = asyncio.Event()  # nothing waits

    @property
    def position(self) -> int:
        """Tell how far the target has got in the journal."""
        return self._position

    @property
    def is_empty(self) -> bool:
        """Tell, as far as memory knows, that nothing waits; also while nobody listens."""
        return not self._is_behind and not self._ahead and self._carrier.in_hand is None

    @property
    def waiting(self) -> tuple[int, ...] | None:
        """Return the positions of what is yet to be delivered, None where only the log knows."""
        if self.drained.is_set():
            return ()
        if self._ahead or self._again or self._position < self._tail.fallen:
            return None
        return tuple(entry.seq for entry in self._tail.entries() if entry.durable)

    @property
    def reached(self) -> int:
        """Tell the position of what went out last."""
        return max(self._position, self._carrier.in_hand or 0)

    @property
    def silence(self) -> Silence:
        """Return what counts the CALLs that the target leaves unanswered."""
        return self._carrier.silence

    def take_up(self, configuration: ProxyConfiguration) -> None:
        """Follow what the owner wants now."""
        self._carrier.take_up(configuration)

    def retime(self, timings: Timings) -> None:
        """Be as patient from now on."""
        self._carrier.retime(timings)

    # ---- what the charger says ----

    def offer(self, position: int, call: Call, reply: Reply) -> Waiter | None:
        """Queue a CALL with our reply; return the target's answer where it has a say and listens.

        The answer is None where none comes; cancel it to stop waiting. What is lost already is not
        queued, unless it turns out to be there: the charger will say it again.
        """
        if self._storage.journal.is_lost(position):
            self.missed(position)
            return None
        action, version, rule = call.action, self._version, policy.rule(self._version, call.action)
        answer = ours = None
        if self._listening and rule.authority is THEIRS:
            answer = asyncio.get_running_loop().create_future()
        if action == BEGINS and isinstance(reply, CallResult):
            ours = transaction_id(reply.payload)
        entry = Entry(position, action, call.payload, version, rule.hearing, ours, answer)
        if answer is not None and rule.hearing is Hearing.LIVE and self._is_behind:
            self._ahead.append(entry)  # other messages may overtake (OCPP 1.6 §3.7)
        else:
            self._tail.add(entry, flowing=self._listening)
        self._stir()
        return answer

    @property
    def _is_behind(self) -> bool:
        return self._tail.first is not None or self._position < self._tail.fallen

    def missed(self, position: int) -> None:
        """Look in the journal for a message whose link ended before it could be offered."""
        if position > self._position:
            self._tail.miss(position)
            self._stir()

    async def are_untold(self, seqs: Collection[int], again: int) -> bool:
        """Tell whether messages are done with and the target has answered none of them.

        A strict target is told past the queue, and may not have answered: what says the same
        ``again`` may be known to it. Raises StorageError.
        """
        if max(seqs) > self._position:
            return False
        await self._storage.journal.flush()  # an answer may be on its way to disk
        told = [await self._storage.queues.copies_of(self._id, seq) for seq in seqs]
        copies = [copy for of_one in told for copy in of_one]
        if any(copy.answer_type is not None for copy in copies):
            return False
        if copies:
            self._trials.setdefault(again, Trial()).doubtful = True
        return True

    def overtaken(self, seq: int) -> None:
        """Do not deliver a message when its turn comes: the target was told already."""
        self._carrier.overtaken(seq)

    def pass_by(self, position: int) -> None:
        """Leave out a message that the target gets on another way, in the commit that stores it."""
        if self._carrier.in_hand is None and not self._is_behind:
            self._advance(position)
            self._bookmark.note(self._position)
        else:
            self.overtaken(position)
            self._storage.queues.note_skipped(self._id, position, LIVE, messages=0)

    # ---- what the target can take ----

    def listen(self) -> None:
        """Take answers into account from now on: the target has accepted our Boot."""
        self._listening = True
        self._carrier.live_from = self._tail.newest

    def flow(self) -> None:
        """Let entries go out, in order."""
        self._flowing.set()

    async def pause(self) -> None:
        """Let no further entry go out, and wait until what is out has been answered."""
        self._flowing.clear()
        await self._carrier.idle()

    def hold(self) -> None:
        """Let no further entry go out; nobody waits for an answer but to what is out already."""
        self._flowing.clear()
        self._listening, self._unsure = False, True
        self._tail.settle(but=self._carrier.in_hand)
        while self._ahead:
            self._ahead.popleft().settle(None)
        self._tail.trim(flowing=False, but=self._carrier.in_hand)
        self._bookmark.note(self._position)

    # ---- what its owner wants of the queue ----

    def discard(self, through: int) -> None:
        """Deliver nothing of what waits up to a position; storage knows already."""
        self._carrier.call_off(self._position + 1, through)
        self._advance(through)

    def purge(self, through: int) -> None:
        """Deliver neither what waits up to a position nor a dead letter; storage knows already."""
        self._again = deque()  # not that which is being read into
        self._carrier.call_off(0, through)
        self._advance(through)

    def forget(self, seqs: Collection[int]) -> None:
        """Do not deliver single entries; storage knows already."""
        self._reader.forget(seqs)
        self._tail.forget(seqs)

    def retry(self, seq: int) -> None:
        """Send a dead letter again, before all else."""
        if seq not in self._again and self._recalled:  # else it will be read
            self._again.append(seq)
            self._stir()

    # ---- the way out ----

    async def run(self, link: Link) -> None:
        """Deliver over this link while it flows; raise LinkClosed, NotStored or StorageError."""
        group = self._storage.group
        await group.back()
        trials = await self._look_back()
        while True:
            if group.away:
                await group.back()  # before, nobody knows what is in the log
            if not self._flowing.is_set():
                await self._flowing.wait()
            if self._ahead:
                await self._carrier.carry(self._ahead.popleft(), link, Trial())
            elif self._again:
                await self._send_again(self._again[0], link, trials)
            elif self._position < self._tail.fallen:
                await self._send_fallen(link, trials)
            elif (entry := self._tail.first) is None:
                await self._rest()
            elif self._unsure or self._losses != group.losses:
                await self._drop_unstored()
            else:
                self._echoes.forget()  # the relay has seen to this one
                trial = trials.setdefault(entry.seq, Trial())
                told = await self._carrier.carry(entry, link, trial) and trial.attempts > 0
                trials.pop(entry.seq, None)
                self._advance(entry.seq)
                if entry.hearing is DURABLE:
                    self._note_done(entry.action, told=told)

    def _rest(self) -> asyncio.Future[None]:
        self.drained.set()
        self._resting = asyncio.get_running_loop().create_future()
        return self._resting

    def _stir(self) -> None:
        self.drained.clear()
        resting, self._resting = self._resting, None
        if resting is not None and not resting.done():
            resting.set_result(None)

    async def _look_back(self) -> dict[int, Trial]:
        """Learn what the owner did meanwhile, and at first what the target was told before."""
        storage = self._storage
        again = self._again = deque()
        self._reader.forget_page()
        await storage.journal.flush()
        if cursor := await storage.proxy_configurations.cursor(self._id):
            self._advance(cursor.position)
        if not self._recalled:
            place = Place(self._id, self._key, self._position)
            past = past_trials(await storage.queues.copies_after(place))
            self._trials, self._recalled = {**past, **self._trials}, True
        letters = await storage.dead_letters.to_retry(self._id)
        again.extend(letter.seq for letter in letters if letter.seq not in again)
        return self._trials

    async def _drop_unstored(self) -> None:
        # Where storage failed nobody was answered either: the charger will say it again.
        # Only what was offered before the flush: what comes meanwhile is not readable yet.
        offered, self._losses = self._tail.entries(), self._storage.group.losses
        await self._storage.journal.flush()
        lost = {entry.seq for entry in offered if not await self._reader.stored(entry.seq)}
        self._tail.forget(lost)
        self._unsure = False

    async def _send_fallen(self, link: Link, trials: dict[int, Trial]) -> None:
        fallen = self._tail.fallen
        message = await self._reader.first(self._position, fallen)
        if message is None:
            self._advance(fallen)
        elif self._flowing.is_set():
            told, is_one = False, await self._echoes.is_one(message)
            if not self._reader.has(message):
                return  # its owner does not want it any more
            if not is_one:
                trial = trials.setdefault(message.seq, Trial())
                told = await self._carrier.carry(message, link, trial) and trial.attempts > 0
            trials.pop(message.seq, None)
            self._advance(message.seq)
            if (message.ocpp_version, message.action) in policy.KEPT:
                self._note_done(message.action, told=told)

    def _note_done(self, action: str | None, *, told: bool) -> None:
        """Note that a message is done with, for many at once where the log says so as well."""
        if told and action in _OFTEN:
            self._bookmark.note_later(self._position, self._carrier.timings.noting)
        else:  # what is noted of it and that it is done with share one commit
            self._bookmark.note(self._position)

    async def _send_again(self, seq: int, link: Link, trials: dict[int, Trial]) -> None:
        letters = self._storage.dead_letters
        message = await self._reader.message_at(seq)
        if seq not in trials:
            copies = await self._storage.queues.copies_of(self._id, seq)
            trials[seq] = Trial(doubtful=any(copy.answer_type is None for copy in copies))
        if seq not in self._again:  # its owner does not want it any more
            trials.pop(seq)
            return
        if message is None:
            self._carrier.bury(seq, "", _GONE, 0)
        elif await self._carrier.carry(message, link, trials[seq]):
            letters.note_delivered(self._id, seq)
        trials.pop(seq, None)
        if seq in self._again:
            self._again.remove(seq)

    def _advance(self, position: int) -> None:
        if self._position < self._tail.fallen:  # what is read is among what has fallen
            self._reader.drop(position)
        self._position = max(self._position, position)
        self._tail.drop(self._position)
        if self._carrier.told:
            self._carrier.forget(self._position)

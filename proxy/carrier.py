"""Have a target take one message after the other, and keep what it does not take."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import structlog

from csms import frames
from csms.errors import LinkError, NotStored
from csms.frames import CallResult, Limits
from proxy.attempts import Attempts, Trial, past_trials
from proxy.entries import BEGINS, Entry
from proxy.errors import NotTaken
from proxy.late import JUDGED
from proxy.ledger import transaction_id
from proxy.telling import ORPHAN, Telling
from proxy.wishes import Wishes
from storage.errors import StorageError
from storage.records import DeadLetter

if TYPE_CHECKING:
    from csms.link import Link
    from csms.station import Station
    from proxy.late import LateVerdicts
    from proxy.ledger import IdMap
    from proxy.parts import RelayParts
    from proxy.reader import Reader
    from proxy.silence import Silence
    from proxy.timings import Timings
    from storage.records import Message, ProxyConfiguration

log = structlog.get_logger("ringmain.delivery")


class Carrier:
    """Carry messages to one target, one at a time; the order is somebody else's."""

    def __init__(
        self,
        configuration: ProxyConfiguration,
        kind: type[Station],
        *,
        ids: IdMap,
        parts: RelayParts,
        late: LateVerdicts,
        reader: Reader,
        flowing: asyncio.Event,
    ) -> None:
        self._id, self._key = configuration.id, configuration.key
        self._dialect = kind.dialect
        self._ids = ids
        self._storage, self._clock = parts.storage, parts.clock
        self._group = parts.storage.group
        self._late = late
        self._reader = reader
        orphans = Wishes.of(configuration.policy).orphan_policy
        self._telling = Telling(kind.version, ids, orphans, self._withhold)
        self._attempts = Attempts(parts.timings, flowing)
        self.told: set[int] = set()  # out of turn
        self.live_from = 0  # what came behind this is news to the target
        self.in_hand: int | None = None
        self._freed: asyncio.Event | None = None  # while somebody waits until nothing is in hand

    @property
    def silence(self) -> Silence:
        """Return what counts the CALLs that the target leaves unanswered."""
        return self._attempts.silence

    def take_up(self, configuration: ProxyConfiguration) -> None:
        """Follow what the owner wants now."""
        self._telling.orphans = Wishes.of(configuration.policy).orphan_policy
        self._late.take_up(configuration)

    @property
    def timings(self) -> Timings:
        """Tell how patient it is."""
        return self._attempts.timings

    def retime(self, timings: Timings) -> None:
        """Be as patient from now on."""
        self._attempts.timings = timings

    def overtaken(self, seq: int) -> None:
        """Do not carry a message when its turn comes: the target was told already."""
        self.told.add(seq)

    def forget(self, through: int) -> None:
        """Let go of what was said out of turn, where its turn has passed."""
        self.told = {seq for seq in self.told if seq > through}

    def call_off(self, first: int, last: int) -> None:
        """Do not say again what is in hand, if it is one of these."""
        if self.in_hand is not None and first <= self.in_hand <= last:
            self._attempts.call_off()

    async def idle(self) -> None:
        """Wait until nothing is in hand."""
        if self.in_hand is not None:
            self._freed = self._freed or asyncio.Event()
            await self._freed.wait()

    async def carry(self, message: Entry | Message, link: Link, trial: Trial) -> bool:
        """Have the target take a message; return False where it is dead now."""
        losses = self._group.losses
        self.in_hand, self._attempts.called_off = message.seq, False
        try:
            entry = message if isinstance(message, Entry) else await self._reader.entry(message)
            if entry.action == BEGINS and not trial.attempts:
                await self._recall(entry, trial)
            if trial.answer is not None:  # before we were restarted, and nobody noted it
                await self._learn(entry, self._known(trial.answer), trial)
            elif entry.seq not in self.told:
                payload = await self._telling.copy_of(entry, self.live_from)
                if payload is None:
                    return True
                if losses != self._group.losses:
                    # The message itself may be lost, and will be said again.
                    raise NotStored  # noqa: TRY301 - a function for it costs a call each time
                answer = await self._attempts.deliver(entry, payload, link, trial)
                if entry.answer is not None or entry.action in JUDGED:
                    await self._learn(entry, answer, trial)
        except (LinkError, StorageError):
            raise
        except Exception as fault:  # noqa: BLE001 - one message must not block all behind it
            self._give_up(message, fault, trial)
            return False
        finally:
            self._let_go(message)
        return True

    def _let_go(self, message: Entry | Message) -> None:
        self.in_hand = None
        if isinstance(message, Entry) and message.answer is not None:
            message.settle(None)
        if self._freed is not None:
            self._freed.set()
            self._freed = None

    def _known(self, text: bytes) -> CallResult | None:
        answer = frames.parse(text, self._dialect, Limits(max_bytes=len(text)))
        return answer if isinstance(answer, CallResult) else None

    async def _recall(self, entry: Entry, trial: Trial) -> None:
        """Know what became of a start that is said again: we were killed before we answered it."""
        for seq in await self._reader.said_before(entry):
            copies = await self._storage.queues.copies_of(self._id, seq)
            for past in past_trials(copies).values():
                trial.doubtful |= past.doubtful
                trial.answer = trial.answer or past.answer

    async def _learn(self, entry: Entry, answer: CallResult | None, trial: Trial) -> None:
        if answer is None:
            return
        trial.answer = answer.text  # should we fail to note it, it is not said again
        theirs = transaction_id(answer.payload) if entry.action == BEGINS else None
        if entry.ours is not None and theirs is not None:
            self._ids.learn(entry.ours, theirs)
        awaited = entry.awaited
        entry.settle(answer)
        if not awaited and entry.action in JUDGED:
            await self._late.judge(entry, answer)

    def _withhold(self, entry: Entry, reason: str) -> None:
        lost = int(reason == ORPHAN)  # a later status than the overtaken one has been told
        self._storage.queues.note_skipped(self._id, entry.seq, reason, messages=lost)

    def _give_up(self, message: Entry | Message, fault: Exception, trial: Trial) -> None:
        if isinstance(fault, NotTaken):
            self.bury(message.seq, message.action, str(fault), fault.attempts)
        else:
            self.bury(message.seq, message.action, type(fault).__name__, trial.attempts)

    def bury(self, seq: int, action: str | None, reason: str, attempts: int) -> None:
        """Keep a message as a dead letter; what is noted next shares its commit."""
        if self._attempts.called_off:
            return
        log.warning(
            "dead_letter",
            charge_box_id=self._key.charge_box_id,
            action=action,
            position=seq,
            reason=reason,
        )
        letter = DeadLetter(
            proxy_configuration_id=self._id,
            seq=seq,
            action=action or "",
            reason=reason,
            attempts=attempts,
            created_at=self._clock.now(),
        )
        self._storage.dead_letters.note(letter)

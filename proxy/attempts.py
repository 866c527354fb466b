"""Have a target take one message: how often, how long apart, and when to give up.

Only what says that the target cannot process a message counts against it: a CALLERROR, or silence
on a link that lives (OCPP 1.6 §3.7.1, 2.0.1 E13). A lost link does not, unless the target hangs up
on the same message time and again.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from csms.errors import AnswerTimeout, CallRefused, LinkBusy, LinkClosed
from proxy.errors import NotTaken
from storage.records import Copy, Origin

if TYPE_CHECKING:
    from csms.frames import CallResult
    from csms.link import Link
    from proxy.entries import Entry
    from proxy.timings import Timings

# Refusals that no repetition changes.
_FINAL = frozenset({"NotImplemented", "NotSupported"})
_LONGEST_REASON = 300
_REFUSED = "The target refused it."
_SILENT = "The target did not answer in time."
_HUNG_UP = "The target hung up each time that it was sent."


@dataclass(slots=True)
class Trial:
    """How it has gone with one message so far."""

    attempts: int = 0
    failures: int = 0  # on links that lived
    losses: int = 0  # links that were lost with it in flight
    doubtful: bool = False  # an attempt ended without an answer, so the target may have it
    reason: str = ""  # of the last failure
    answer: bytes | None = None  # that the target gave before we were restarted


def past_trials(copies: Iterable[Copy]) -> dict[int, Trial]:
    """Return how it went with each message that a target was told, by position."""
    trials: dict[int, Trial] = {}
    for copy in copies:
        trial = trials.setdefault(copy.origin, Trial())
        trial.attempts += 1
        if copy.answer_type == "CallResult":
            trial.answer = copy.answer
        elif copy.answer_type == "CallError":
            trial.failures, trial.reason = trial.failures + 1, _REFUSED
        else:
            trial.doubtful = True
    return trials


class Attempts:
    """Say things to a target until it has taken them."""

    def __init__(self, timings: Timings, flowing: asyncio.Event) -> None:
        self.timings = timings
        self._flowing = flowing
        self._called_off = asyncio.Event()

    @property
    def called_off(self) -> bool:
        """Tell whether what is being said is wanted no more."""
        return self._called_off.is_set()

    def begin(self) -> None:
        """Turn to another message."""
        self._called_off.clear()

    def call_off(self) -> None:
        """Do not say again what is being said."""
        self._called_off.set()

    async def deliver(
        self, entry: Entry, payload: bytes, link: Link, trial: Trial
    ) -> CallResult | None:
        """Return the target's answer, None where the message need not be said again.

        Raises NotTaken where it is given up, else LinkClosed or NotStored.
        """
        while not self._exhausted(trial):
            answer = await self._attempt(entry, payload, link, trial)
            if answer is not None or not entry.durable:
                return answer
            if not self._exhausted(trial):
                await self._wait(trial.failures * self.timings.attempt_interval)
                await self._flowing.wait()
            if self.called_off:
                return None
        raise NotTaken(trial.reason, trial.attempts)

    def _exhausted(self, trial: Trial) -> bool:
        if trial.losses >= self.timings.hang_ups:
            trial.reason = _HUNG_UP
            return True
        return trial.failures >= self.timings.attempts

    async def _attempt(
        self, entry: Entry, payload: bytes, link: Link, trial: Trial
    ) -> CallResult | None:
        known, trial.doubtful = trial.doubtful, True  # until there is an answer
        trial.attempts += 1
        try:
            return await self._call(entry, payload, link, maybe_duplicate=known)
        except CallRefused as refused:
            trial.doubtful = known
            self._count(trial, refused)
            entry.settle(refused.error)
        except AnswerTimeout:
            trial.failures, trial.reason = trial.failures + 1, _SILENT
            entry.settle(None)
        except LinkBusy:  # nothing was said
            trial.doubtful = known
            trial.attempts -= 1
            entry.settle(None)
            await self._wait(self.timings.attempt_interval)
        except (LinkClosed, asyncio.CancelledError):
            # One that never said a word is no target, but something in front of it.
            trial.losses += link.closed is not None and link.traffic.frames_received > 0
            raise
        return None

    async def _call(
        self, entry: Entry, payload: bytes, link: Link, *, maybe_duplicate: bool
    ) -> CallResult:
        answer = self.timings.answer
        return await link.call(
            entry.action,
            payload,
            timeout=answer,
            patience=2 * answer,  # our own Boot or Heartbeat may be waiting for its answer
            note=Origin(entry.seq, maybe_duplicate),
        )

    def _count(self, trial: Trial, refused: CallRefused) -> None:
        code, description = refused.error.code, refused.error.description
        final = code in _FINAL
        trial.failures = self.timings.attempts if final else trial.failures + 1
        said = f"The target answered {code}" + (f": {description}" if description else ".")
        trial.reason = "".join(filter(str.isprintable, said))[:_LONGEST_REASON]

    async def _wait(self, seconds: float) -> None:
        try:
            async with asyncio.timeout(seconds):
                await self._called_off.wait()
        except TimeoutError:
            return

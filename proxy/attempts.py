"""Have a target take one message: how often, how long apart, and when to give up.

Only what says that the target cannot process a message counts against it: a CALLERROR, or silence
on a link that lives (OCPP 1.6 §3.7.1, 2.0.1 E13). A lost link does not, nor what had no answer on
it, unless links are lost on the same message time and again.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Iterable
from typing import TYPE_CHECKING, TypeAlias

from msgspec import Struct

from csms.errors import AnswerTimeout, CallRefused, LinkBusy, LinkClosed
from proxy.errors import NotTaken
from proxy.policy import DURABLE
from proxy.silence import MUTE, Silence
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
_LOST = "The link ended each time that it was sent."
_Failure: TypeAlias = CallRefused | AnswerTimeout | LinkBusy


class Trial(Struct):
    """How it has gone with one message so far."""

    attempts: int = 0
    failures: int = 0  # on links that lived
    silences: int = 0  # of these, on the link of now: nobody knows yet whether it lives
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
        self.silence = Silence(timings.silent_calls)
        self.called_off = False  # whether what is being said is wanted no more
        self._interrupted = asyncio.Event()

    def call_off(self) -> None:
        """Do not say again what is being said."""
        self.called_off = True
        self._interrupted.set()

    async def deliver(
        self, entry: Entry, payload: bytes, link: Link, trial: Trial
    ) -> CallResult | None:
        """Return the target's answer, None where the message need not be said again.

        Raises NotTaken where it is given up, else LinkClosed or NotStored.
        """
        while not (trial.attempts and self._exhausted(trial)):
            if not self._flowing.is_set():  # it was held while the message was looked up
                await self._flowing.wait()
            answer = self.timings.answer
            known, trial.doubtful = trial.doubtful, True  # until there is an answer
            trial.attempts += 1
            try:
                return await link.call(
                    entry.action,
                    payload,
                    timeout=answer,
                    patience=2 * answer,  # our own Boot or Heartbeat may be waiting for its answer
                    note=Origin(entry.seq, known),
                )
            except (CallRefused, AnswerTimeout, LinkBusy) as failure:
                entry.settle(failure.error if isinstance(failure, CallRefused) else None)
                if await self._is_over(entry, link, trial, failure, doubtful=known):
                    return None
            except (LinkClosed, asyncio.CancelledError):
                lose(link, trial)
                raise
        lost = trial.losses >= self.timings.hang_ups
        raise NotTaken(_LOST if lost else trial.reason, trial.attempts)

    def _exhausted(self, trial: Trial) -> bool:
        timings = self.timings
        return trial.failures >= timings.attempts or trial.losses >= timings.hang_ups

    async def _is_over(
        self, entry: Entry, link: Link, trial: Trial, failure: _Failure, *, doubtful: bool
    ) -> bool:
        """Note a failure, and tell after a pause whether the message is not said again."""
        if not isinstance(failure, AnswerTimeout):
            trial.doubtful = doubtful
        if isinstance(failure, CallRefused):
            self._count(trial, failure)
        elif isinstance(failure, AnswerTimeout):
            self._count_silence(link, trial)
        else:  # nothing was said
            trial.attempts -= 1
            await self._wait(self.timings.attempt_interval)
        if entry.hearing is not DURABLE:
            return True
        if not self._exhausted(trial):
            await self._pause(link, trial)
        return self.called_off

    async def _pause(self, link: Link, trial: Trial) -> None:
        try:
            await self._wait(trial.failures * self.timings.attempt_interval)
            await self._flowing.wait()
        except asyncio.CancelledError:
            if trial.silences:
                lose(link, trial)
            raise

    def _count_silence(self, link: Link, trial: Trial) -> None:
        """Note that there was no answer; raise LinkClosed where the target answers nobody."""
        in_a_row = self.silence.noted(link)
        trial.silences = trial.silences + 1 if in_a_row > 1 else 1
        trial.failures, trial.reason = trial.failures + 1, _SILENT
        if link.closed is not None:
            lose(link, trial)
            raise link.closed

    def _count(self, trial: Trial, refused: CallRefused) -> None:
        code, description = refused.error.code, refused.error.description
        final = code in _FINAL
        trial.failures = self.timings.attempts if final else trial.failures + 1
        trial.silences = 0  # the link lives
        said = f"The target answered {code}" + (f": {description}" if description else ".")
        trial.reason = "".join(filter(str.isprintable, said))[:_LONGEST_REASON]

    async def _wait(self, seconds: float) -> None:
        if self.called_off:
            return
        self._interrupted.clear()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._interrupted.wait()


def lose(link: Link, trial: Trial) -> None:
    """Count the loss of a link, if it is lost, in the place of what had no answer on it."""
    if link.closed is None:
        return
    trial.failures, trial.silences = trial.failures - trial.silences, 0
    if link.closed.reason == MUTE and link.traffic.answered:
        trial.failures += 1  # it had answered: it may be this message that it cannot process
    else:
        # One that never said a word is no target, but something in front of it.
        trial.losses += link.traffic.frames_received > 0

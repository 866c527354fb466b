"""One OCPP-J conversation over one socket, the same class on both sides of the proxy.

A Link owns its socket: one task reads it, one task answers what was read, and whoever wants to
call the peer waits in one line, because OCPP-J allows a single unanswered CALL per direction
(J 1.6 §4.1.1, 2.0.1 Part 4 §4.1.2). Reading never waits for an answer, so a peer may call before
it answers. Nothing leaves before everything up to it is stored: the tap tells when a text may go.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from functools import partial
from time import monotonic
from typing import TYPE_CHECKING, Any, TypeAlias

import structlog

from csms import frames
from csms.deadline import Deadline
from csms.errors import (
    AnswerTimeout,
    CallRefused,
    LinkClosed,
    MalformedFrame,
    NotStored,
    place_of,
)
from csms.frames import Call, CallError, CallResult, CallResultError, Dialect, Limits, Reply, Send
from csms.inbox import Inbox
from csms.outbox import Outbox
from csms.pace import FRAME_BYTES, Pace, no_pace
from csms.ports import Answer, Receipt, Socket, Tap, no_tap
from csms.traffic import Traffic
from csms.turns import PATIENCE, Turns, Urgency

if TYPE_CHECKING:
    from csms.tallies import LinkTally

log = structlog.get_logger("ringmain.link")

# The same as the unions of their names, but quicker to ask for.
_CALLS, _REPLIES = (Call, Send), (CallResult, CallError)
_Fault: TypeAlias = CallResultError | tuple[MalformedFrame, bytes]
_Item: TypeAlias = Call | Send | _Fault  # that has to be stored, and answered if it can be
GOING_AWAY, POLICY_VIOLATION, INTERNAL_ERROR = 1001, 1008, 1011
SERVICE_RESTART, TRY_AGAIN_LATER = 1012, 1013


def tolerate_all(_fault: str) -> bool:
    """Bear with whatever the peer sends."""
    return True


class Link:
    """Hold one conversation: answer what the peer calls, call the peer one CALL at a time.

    ``tolerate`` is told of each frame of the peer that makes no sense; False ends the conversation.
    Who sends faster than ``pace`` is read later.
    """

    def __init__(
        self,
        socket: Socket,
        *,
        dialect: Dialect,
        tap: Tap = no_tap,
        new_id: Callable[[], str] | None = None,
        limits: Limits | None = None,
        max_inbox: int = 64,
        max_waiting: int = 64,
        answer_seconds: float = 30.0,
        tolerate: Callable[[str], bool] = tolerate_all,
        pace: Pace | None = None,
        tally: LinkTally | None = None,
    ) -> None:
        self._socket = socket
        self._dialect = dialect
        self._tap = tap
        self._new_id = new_id or frames.message_ids().__next__
        self._limits = limits or Limits()
        self._inbox: Inbox[_Item] = Inbox(max_inbox)
        self._turns = Turns(max_waiting)
        self._deadline = Deadline()  # of the CALL that is out
        self._answer_seconds = answer_seconds
        self.traffic = Traffic()
        self._outbox = Outbox(socket, self.traffic, self._broken)
        self._tolerate = tolerate
        self._pace = pace or no_pace()
        self._tally = tally
        self._tasks: tuple[asyncio.Task[None], ...] = ()
        self._closed: LinkClosed | None = None

    @property
    def closed(self) -> LinkClosed | None:
        """Tell why the link ended, None while it lives."""
        return self._closed

    async def run(self, answer: Answer) -> LinkClosed:
        """Let ``answer`` serve the peer's CALLs until the end, and return why it ended.

        Every waiter is woken then. Calling the peer needs a running link.
        """
        self._socket.listen(self._hear)
        if self._tally is not None:
            self._tally.begin(self.traffic)
        self._tasks = (
            asyncio.create_task(self._read()),
            asyncio.create_task(self._answer_calls(answer)),
        )
        try:
            if self._closed is None:
                await asyncio.wait(self._tasks, return_when=asyncio.FIRST_COMPLETED)
        finally:
            closed = self._end(_reason(self._tasks))
            await asyncio.gather(*self._tasks, return_exceptions=True)
            await self._outbox.close()
            await self._socket.close(closed.code, closed.reason)
            self._forget(closed)
            if self._tally is not None:
                self._tally.end(self.traffic)
        return closed

    def hang_up(self, code: int = GOING_AWAY, reason: str = "") -> None:
        """End the conversation now, and leave the good-bye to ``run``; callers get LinkClosed."""
        self._end(LinkClosed(code, reason))

    async def answers(self, patience: float) -> bool:
        """Tell whether the peer gives a sign of life within so many s."""
        return self._closed is None and await self._socket.answers(patience)

    async def close(self, code: int = GOING_AWAY, reason: str = "") -> None:
        """End the conversation and wait for the peer's good-bye."""
        self.hang_up(code, reason)
        await self._socket.close(code, reason)

    async def call(
        self,
        action: str,
        payload: bytes,
        *,
        timeout: float | None = None,
        patience: float = PATIENCE,
        urgency: Urgency = Urgency.OWNER,
        note: Any = None,
    ) -> CallResult:
        """Call the peer and wait for its answer.

        ``patience`` bounds the wait for our turn, ``timeout`` the wait for the answer, both in s
        (by default the link's ``answer_seconds``);
        of those that wait the most urgent is next; ``note`` is for the tap alone.
        Raises CallRefused, AnswerTimeout, LinkBusy, LinkClosed or NotStored.
        """
        turns, deadline = self._turns, self._deadline
        if not turns.take_at_once():
            await turns.take(patience, urgency)
        try:
            if self._closed:
                raise self._closed
            request = frames.call(self._new_id(), action, payload)
            answer, begun = turns.ask(request.id, action), monotonic()
            deadline.begin(answer, self._answer_seconds if timeout is None else timeout)
            stored = partial(self._called, request.text, answer)
            self._tap("sent", request, request.text, action, note, stored)
            reply = await answer
        except TimeoutError:
            if self._tally is not None:
                self._tally.miss(action)
            raise AnswerTimeout from None
        finally:
            deadline.end()
            turns.leave()
        if self._tally is not None:  # what came last is the answer, or came just behind it
            self._tally.asked[action].note(self.traffic.heard_at - begun)
        if isinstance(reply, CallError):
            if self._tally is not None:
                self._tally.refuse(action)
            raise CallRefused(reply)
        return reply

    def send(self, action: str, payload: bytes, *, note: Any = None) -> None:
        """Send the peer what is never answered (2.1); it waits for no CALL's turn.

        What a peer would get late that does not read is not sent. ``note`` is for the tap alone.
        """
        if self._closed is None and not self._outbox.behind:
            frame = frames.send(self._new_id(), action, payload)
            stored = partial(self._noted, frame.text)
            self._tap("sent", frame, frame.text, action, note, stored)

    async def _read(self) -> None:
        while True:
            text = await self._socket.receive()
            while not self._hear(text):
                # That stops the reading, so the peer feels its own haste.
                await self._inbox.room()
                await asyncio.sleep(self._pace.pause())

    def _hear(self, text: bytes) -> bool:
        """Take a text in, whatever it is; return False where it has to wait for room or time."""
        item: _Item | None = None
        calls, sizes = self._pace.calls, self._pace.bytes
        if (calls.left <= 0 or sizes.left <= 0) and self._pace.pause() > 0:
            return False
        try:
            frame = frames.parse(text, self._dialect, self._limits)
            if isinstance(frame, _REPLIES):
                self._take_answer(frame)
            else:
                item = frame
        except MalformedFrame as malformed:
            if text and not text.isspace():  # some chargers send empty texts as keep-alive
                item = _bare(malformed), text
        except Exception as fault:  # noqa: BLE001 - whoever hands it over knows nothing of us
            self._end(_failed(fault))
        if item is not None:
            if not self._inbox.add(item):
                return False
            if not isinstance(item, _CALLS):
                self._note_fault(item)
            calls.left -= 1
        size = len(text)
        sizes.left -= size + FRAME_BYTES
        self.traffic.came(size)
        return True

    def _note_fault(self, fault: _Fault) -> None:
        if isinstance(fault, CallResultError):
            self.traffic.unsolicited += 1
            self._mind("a complaint about an answer")
        else:
            self.traffic.malformed += 1
            self._mind(f"a frame that is no OCPP ({fault[0].reason})")

    def _take_answer(self, frame: Reply) -> None:
        asked = self._turns.answered(frame.id)
        if asked is None:
            self._unsolicited()
            return
        self.traffic.answered += 1
        self._tap("received", frame, frame.text, asked.action, None, None)
        if not asked.answer.done():
            asked.answer.set_result(frame)

    def _unsolicited(self) -> None:
        self.traffic.unsolicited += 1
        self._mind("an answer to nothing that was asked")

    def _mind(self, fault: str) -> None:
        if not self._tolerate(fault):
            self.hang_up(POLICY_VIOLATION, "too much that is no OCPP")

    async def _answer_calls(self, answer: Answer) -> None:
        while True:
            item = await self._inbox.take()
            begun = self.traffic.heard_at  # of whoever waits for his answers, which is nearly all
            if self._outbox.busy:  # what was said before is stored before more is served
                await self._outbox.quiet()
            if not isinstance(item, _CALLS):
                self._refuse(item)
                continue
            # A Send is served and never answered; a flood of them still feels how slow the disk is.
            stored = None if isinstance(item, Call) else self._outbox.wait_for()
            asked = self._tap("received", item, item.text, item.action, None, stored)
            if asked.fault is not None:  # storage is away, so there is nothing to be said
                raise NotStored from asked.fault
            try:
                reply = await answer(item, asked.position)
            except NotStored:
                raise  # unanswered, so the charger keeps the message and sends it again
            except (Exception, asyncio.CancelledError) as fault:  # ours, and no end of the link
                if _cancelled():
                    raise
                reply = _failure(item, fault)
            if stored is None:
                self._reply(reply, item.action, asked, begun)

    def _refuse(self, fault: _Fault) -> None:
        frame, text = fault if isinstance(fault, tuple) else (fault, fault.text)
        if isinstance(frame, MalformedFrame) and frame.answerable:
            asked = self._tap("received", frame, text, None, None, None)
            error = frames.call_error(frame.id, frame.code, frame.reason)
            self._reply(error, None, asked)
        else:
            self._tap("received", frame, text, None, None, self._outbox.wait_for())

    def _reply(
        self, reply: Reply, action: str | None, asked: Receipt, begun: float | None = None
    ) -> None:
        if self._closed:
            raise self._closed
        self._outbox.promise()
        stored = partial(self._replied, reply.text, asked, action, begun)
        self._tap("sent", reply, reply.text, action, None, stored)

    def _replied(
        self,
        text: bytes,
        asked: Receipt,
        action: str | None,
        begun: float | None,
        fault: Exception | None,
    ) -> None:
        # Both are in one commit; the first may have been refused for what it is.
        fault = fault or asked.fault
        if fault is not None:
            self._end(_failed(NotStored(), fault))
        elif self._closed is None:
            self._outbox.keep(text)
            if self._tally is not None and action is not None and begun is not None:
                self._tally.served[action].note(monotonic() - begun)

    def _called(self, text: bytes, answer: asyncio.Future[Reply], fault: Exception | None) -> None:
        if answer.done():  # whoever called has no patience left, or the link has ended
            return
        if fault is None:
            self._outbox.post(text)
        else:
            failure = NotStored()
            failure.__cause__ = fault
            answer.set_exception(failure)

    def _noted(self, text: bytes, fault: Exception | None) -> None:
        if fault is None and self._closed is None:
            self._outbox.post(text)

    def _forget(self, closed: LinkClosed) -> None:
        """Let go of what was read last; see `_bare`."""
        faults = [task.exception() for task in self._tasks if not task.cancelled()]
        for fault in (closed, *faults):
            if fault is not None:
                fault.__traceback__ = fault.__context__ = fault.__cause__ = None
        self._tasks = ()

    def _broken(self, fault: Exception) -> None:
        self._end(_failed(fault))

    def _end(self, reason: LinkClosed) -> LinkClosed:
        self._closed = self._closed or reason
        self._turns.end(self._closed)
        self._deadline.close()
        for task in self._tasks:  # the reader may wait for room, an answer for somebody else
            task.cancel()
        return self._closed


def _bare(fault: MalformedFrame) -> MalformedFrame:
    """Return a fault without the way to it.

    That leads back here in a circle, and holds all that was read of a frame of up to 1 MiB until
    the garbage collector comes, which it rarely does.
    """
    fault.__traceback__ = fault.__context__ = fault.__cause__ = None
    return fault


def _failure(call: Call | Send, fault: BaseException) -> CallError:
    log.error("answer_failed", action=call.action, fault=place_of(fault))
    return frames.call_error(call.id, "InternalError", "The request could not be handled.")


def _cancelled() -> bool:
    """Tell whether this task is to end; what it waited for may be cancelled by others."""
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0


def _reason(tasks: Iterable[asyncio.Task[None]]) -> LinkClosed:
    faults = [task.exception() for task in tasks if task.done() and not task.cancelled()]
    if not faults:
        return LinkClosed(GOING_AWAY, "shutting down")
    return _failed(faults[0])


def _failed(fault: BaseException | None, cause: Exception | None = None) -> LinkClosed:
    if isinstance(fault, LinkClosed):
        return fault
    cause_of = cause or (fault.__cause__ if fault else None) or fault
    log.warning("link_failed", fault=place_of(cause_of) if cause_of else "ended")
    return LinkClosed(INTERNAL_ERROR, "temporarily unable to store messages")

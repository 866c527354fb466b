"""Whose CALL is out on one link: callers in lines, and the answers that may still come.

OCPP-J allows a single unanswered CALL per direction (J 1.6 §4.1.1, 2.0.1 Part 4 §4.1.2).
"""

from __future__ import annotations

import asyncio
import contextlib
from collections import deque
from collections.abc import AsyncIterator
from enum import IntEnum

from msgspec import Struct

from csms.errors import LinkBusy, LinkClosed
from csms.frames import Reply

PATIENCE = 20.0  # s, of who waits for others
_REMEMBERED = 16  # CALLs that were given up


@contextlib.asynccontextmanager
async def held(lock: asyncio.Lock, patience: float = PATIENCE) -> AsyncIterator[None]:
    """Hold what commands to one charger change one by one; raise LinkBusy after ``patience`` s.

    Those before may each wait for a charger that never answers.
    """
    try:
        async with asyncio.timeout(patience):
            await lock.acquire()
    except TimeoutError:
        raise LinkBusy from None
    try:
        yield
    finally:
        lock.release()


class Urgency(IntEnum):
    """Who is called for first: of two that wait, the lower number."""

    LIMIT = 0  # what keeps a charger within the power of its site
    OWNER = 1  # what the platform's users want
    TARGET = 2  # what a third-party CSMS wants


class Pending(Struct, frozen=True, eq=False):
    """A CALL whose answer has not come."""

    id: str
    action: str
    answer: asyncio.Future[Reply]


class Turns:
    """Let one caller after the other call the peer; ``max_waiting`` of each urgency at most."""

    def __init__(self, max_waiting: int) -> None:
        self._loop: asyncio.AbstractEventLoop | None = None
        self._max_waiting = max_waiting
        self._taken = False
        # Who waits for the turn, the most urgent line first.
        self._lines: tuple[deque[asyncio.Future[None]], ...] = tuple(deque() for _ in Urgency)
        self._pending: Pending | None = None
        self._given_up: deque[Pending] = deque(maxlen=_REMEMBERED)  # answers may still come, late

    def take_at_once(self) -> bool:
        """Take the turn if it is nobody's; False if it is somebody's."""
        taken, self._taken = self._taken, True
        return not taken

    async def take(self, patience: float, urgency: Urgency = Urgency.OWNER) -> None:
        """Wait in line for somebody's turn, ``patience`` s at most; raise LinkBusy."""
        line = self._lines[urgency]
        if len(line) + 1 >= self._max_waiting:
            raise LinkBusy
        mine = asyncio.get_running_loop().create_future()
        line.append(mine)
        try:
            async with asyncio.timeout(patience):
                await mine
        except TimeoutError:
            self._step_out(mine, line)
            raise LinkBusy from None
        except BaseException:
            self._step_out(mine, line)
            raise

    def leave(self) -> None:
        """Hand the turn to who is the most urgent, and among equals to who came first.

        An answer that has not come may come late.
        """
        if self._pending is not None:
            self._given_up.append(self._pending)
            self._pending = None
        for line in self._lines:
            while line:
                following = line.popleft()
                if not following.done():
                    following.set_result(None)
                    return
        self._taken = False

    def ask(self, id: str, action: str) -> asyncio.Future[Reply]:
        """Note that this CALL is out, and return its answer; within one's turn."""
        loop = self._loop = self._loop or asyncio.get_running_loop()
        answer: asyncio.Future[Reply] = loop.create_future()
        self._pending = Pending(id, action, answer)
        return answer

    def answered(self, id: str) -> Pending | None:
        """Take out whom this answer is for: whatever comes again is unsolicited."""
        if self._pending is not None and self._pending.id == id:
            pending, self._pending = self._pending, None
            return pending
        late = next((pending for pending in self._given_up if pending.id == id), None)
        if late is not None:
            self._given_up.remove(late)
        return late

    def end(self, reason: LinkClosed) -> None:
        """Wake whoever waits for an answer."""
        if self._pending is not None and not self._pending.answer.done():
            self._pending.answer.set_exception(reason)
            self._pending.answer.exception()  # its caller may end for another reason

    def _step_out(self, mine: asyncio.Future[None], line: deque[asyncio.Future[None]]) -> None:
        if mine in line:
            line.remove(mine)
        elif not mine.cancelled():  # the turn was handed over in the very moment
            self.leave()

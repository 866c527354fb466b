"""Interrupt one user after the other, with a timer that mostly stays as it is.

``asyncio.timeout`` sets up a timer for each use and takes it down again, which costs more than
what a short answer is waited for with. Nearly no wait ever ends this way: so the timer is left
alone, and where it comes too early it is set anew.
"""

from __future__ import annotations

import asyncio
from types import TracebackType
from typing import Self


class Deadline:
    """Raise TimeoutError in whoever is still inside after the time that he gave himself."""

    def __init__(self) -> None:
        self._loop: asyncio.AbstractEventLoop | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._seconds = 0.0
        self._at = 0.0
        self._user: asyncio.Task[object] | None = None
        self._cancelling = 0  # of the user, before us
        self._expired = False

    def within(self, seconds: float) -> Self:
        """Give the next user this long; there is one at a time."""
        self._seconds = seconds
        return self

    def __enter__(self) -> None:
        """Let the time begin."""
        loop = self._loop = self._loop or asyncio.get_running_loop()
        self._user = user = asyncio.current_task(loop)
        assert user is not None  # noqa: S101 - only a task can wait
        self._cancelling, self._expired = user.cancelling(), False
        self._at = loop.time() + self._seconds
        if self._timer is None or self._timer.when() > self._at:
            self._set()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        fault: BaseException | None,
        _trace: TracebackType | None,
    ) -> None:
        """Let the time end."""
        user, self._user = self._user, None
        if not self._expired or user is None:
            return
        # Who was cancelled by others too ends by that.
        if user.uncancel() <= self._cancelling and kind is asyncio.CancelledError:
            raise TimeoutError from fault

    def close(self) -> None:
        """Take the timer down, while nobody is inside."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _set(self) -> None:
        self.close()
        assert self._loop is not None  # noqa: S101 - somebody has come in
        self._timer = self._loop.call_at(self._at, self._strike)

    def _strike(self) -> None:
        assert self._loop is not None  # noqa: S101 - as above
        self._timer = None
        if self._user is None or self._expired:
            return
        if self._loop.time() < self._at:
            self._set()
        else:
            self._expired = True
            self._user.cancel()

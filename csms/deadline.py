"""Fail what is waited for too long, with a timer that mostly stays as it is.

``asyncio.timeout`` sets up a timer for each use and takes it down again, which costs more than
what a short answer is waited for with. Nearly no wait ever ends this way: so the timer is left
alone, and where it comes too early it is set anew.
"""

from __future__ import annotations

import asyncio
from typing import Any


class Deadline:
    """Have a Future raise TimeoutError that is still waited for when the time is up."""

    def __init__(self) -> None:
        self._awaited: asyncio.Future[Any] | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._at = 0.0

    def begin(self, awaited: asyncio.Future[Any], seconds: float) -> None:
        """Wait for a Future no longer than this; there is one at a time."""
        self._awaited = awaited
        loop = self._loop = self._loop or asyncio.get_running_loop()
        self._at = loop.time() + seconds
        if self._timer is None or self._timer.when() > self._at:
            self._set(loop)

    def end(self) -> None:
        """Let the time end."""
        self._awaited = None

    def close(self) -> None:
        """Take the timer down, while nobody waits."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _set(self, loop: asyncio.AbstractEventLoop) -> None:
        self.close()
        self._timer = loop.call_at(self._at, self._strike, loop)

    def _strike(self, loop: asyncio.AbstractEventLoop) -> None:
        self._timer = None
        if self._awaited is None or self._awaited.done():
            return
        if loop.time() < self._at:
            self._set(loop)
        else:
            self._awaited.set_exception(TimeoutError())

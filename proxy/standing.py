"""Where one target link stands, since when and why; and who waits for it to change."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import structlog

from proxy.states import UNAVAILABLE, State

if TYPE_CHECKING:
    from storage.clock import Clock

log = structlog.get_logger("ringmain.target")


def _unheard() -> None:
    """Make nothing of a change."""


class Standing:
    """Keep the state of one target link; ``lost`` is called when its target is unavailable.

    ``changed`` is called whenever it is another one, or for another reason.
    """

    def __init__(
        self,
        charge_box_id: str,
        clock: Clock,
        lost: Callable[[], None],
        changed: Callable[[], None] = _unheard,
    ) -> None:
        self._charge_box_id = charge_box_id
        self._clock = clock
        self._lost = lost
        self._changed = changed
        self._news = asyncio.Event()
        self._rest_ends: float | None = None  # by the event loop's clock
        self.state = State.DISABLED
        self.since = clock.now()
        self.last_error: str | None = None
        self.closing = False  # for good

    @property
    def ready(self) -> bool:
        """Tell whether the target has accepted us and is to stay."""
        return self.state is State.READY and not self.closing

    @property
    def next_dial_at(self) -> datetime | None:
        """Return when a pause ends."""
        if self._rest_ends is None:
            return None
        left = self._rest_ends - asyncio.get_running_loop().time()
        return self._clock.now() + timedelta(seconds=max(left, 0.0))

    def enter(self, state: State, error: str | None = None) -> None:
        """Come into a state, or stay in it for another reason."""
        reason, self.last_error = self.last_error, error or self.last_error
        if (state, self.last_error) != (self.state, reason):
            # Whoever looks does so once this has been gone through.
            self._changed()
        if state is self.state:
            return
        self.state, self.since = state, self._clock.now()
        log.info("target_link", charge_box_id=self._charge_box_id, state=state.value, error=error)
        self.tell()
        if state in UNAVAILABLE:
            self._lost()

    def close(self) -> None:
        """Be about to end."""
        self.closing = True
        self.tell()

    async def rest(self, seconds: float) -> None:
        """Wait before the next dial."""
        self._rest_ends = asyncio.get_running_loop().time() + seconds
        await asyncio.sleep(seconds)
        self._rest_ends = None

    def tell(self) -> None:
        """Wake whoever waits for news."""
        self._news.set()
        self._news = asyncio.Event()

    async def news(self, other: asyncio.Event | None = None) -> None:
        """Wait for a change, or for another event that is sooner."""
        events = [event for event in (self._news, other) if event is not None]
        waits = [asyncio.ensure_future(event.wait()) for event in events]
        try:
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for wait in waits:
                wait.cancel()

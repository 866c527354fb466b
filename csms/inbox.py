"""What has come and waits for its answer: a bounded line from one task to one other."""

from __future__ import annotations

import asyncio
from collections import deque
from typing import Generic, TypeVar

Item = TypeVar("Item")


class Inbox(Generic[Item]):
    """Pass items on in order; who puts in waits while there are ``room``, who takes waits for one.

    One future is enough, since only one side ever waits; asyncio's queue serves many.
    """

    def __init__(self, room: int) -> None:
        self._room = room
        self._items: deque[Item] = deque()
        self._waiting: asyncio.Future[None] | None = None

    def add(self, item: Item) -> bool:
        """Put one in behind the others; return False where there is no room."""
        if len(self._items) >= self._room:
            return False
        self._items.append(item)
        if self._waiting is not None:
            self._wake(self._waiting)
        return True

    async def room(self) -> None:
        """Wait until there is room for one more."""
        while len(self._items) >= self._room:
            waiting = self._waiting = asyncio.get_running_loop().create_future()
            await waiting

    async def take(self) -> Item:
        """Take the first one out."""
        while not self._items:
            waiting = self._waiting = asyncio.get_running_loop().create_future()
            await waiting
        item = self._items.popleft()
        if self._waiting is not None:
            self._wake(self._waiting)
        return item

    def _wake(self, waiting: asyncio.Future[None]) -> None:
        self._waiting = None
        if not waiting.done():
            waiting.set_result(None)

"""Tell who listens that something about a charger has changed that is stored nowhere."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeAlias

from storage.records import ChargerKey

Hear: TypeAlias = Callable[[ChargerKey], None]


class News:
    """Who comes and goes, and how the links to targets are."""

    def __init__(self) -> None:
        self._listeners: tuple[Hear, ...] = ()

    @contextmanager
    def heard_by(self, hear: Hear) -> Iterator[None]:
        """Let somebody hear of every charger until the context ends; it must not wait."""
        self._listeners = (*self._listeners, hear)
        try:
            yield
        finally:
            self._listeners = tuple(each for each in self._listeners if each != hear)

    def tell(self, key: ChargerKey) -> None:
        """Tell that something has changed."""
        for hear in self._listeners:
            hear(key)

"""Let others hear whose rows change; they note it without waiting and without raising."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

from storage.records import ChargerKey

Changed: TypeAlias = Callable[[ChargerKey], None]


def nobody_listens(_key: ChargerKey) -> None:
    """Make nothing of it."""

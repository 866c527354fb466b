"""The tokens that a charger may accept without asking (1.6 §4.10, §5.15, 2.0.1 D01, D02)."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Literal

from simulators.watched import Fields, read_timestamp

Update = Literal["Accepted", "Failed", "VersionMismatch"]

# What the versions call the end of an entry.
_EXPIRIES = ("expiryDate", "cacheExpiryDateTime")


class LocalList:
    """Keep one version of the list; entries are kept as they came, by token."""

    def __init__(self) -> None:
        self.version = 0
        self.entries: dict[str, Fields] = {}

    def update(self, version: int, kind: str, entries: Mapping[str, Fields | None]) -> Update:
        """Replace the list or change single entries; an entry of None is taken out.

        0 and -1 are no versions to install: they tell of an empty list and of none. Without
        entries a change has no effect (D01.FR.05).
        """
        if version <= 0:
            return "Failed"
        if kind == "Full":
            self.entries = {}
        elif version <= self.version:
            return "VersionMismatch"
        for token, entry in entries.items():
            self.entries.pop(token, None)
            if entry is not None:
                self.entries[token] = entry
        self.version = version if self.entries or kind != "Full" else 0
        return "Accepted"

    def accepts(self, token: str, now: datetime) -> bool | None:
        """Tell whether a token may charge, None for one that is not listed."""
        entry = self.entries.get(token)
        if entry is None:
            return None
        ends = [read_timestamp(entry[name]) for name in _EXPIRIES if name in entry]
        return bool(entry.get("status") == "Accepted" and all(now < end for end in ends))

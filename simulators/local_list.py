"""The tokens that a charger may accept without asking."""

from __future__ import annotations

from typing import Literal

from simulators.watched import Fields

Update = Literal["Accepted", "Failed", "VersionMismatch"]


class LocalList:
    """Keep one version of the list; entries are kept as they came, by token."""

    def __init__(self) -> None:
        self.version = 0
        self.entries: dict[str, Fields] = {}

    def update(self, version: int, kind: str, entries: dict[str, Fields | None]) -> Update:
        """Replace the list or change single entries; an entry of None is taken out."""
        if kind == "Full":
            self.entries = {}
        elif version <= self.version:
            return "VersionMismatch"
        for token, entry in entries.items():
            self.entries.pop(token, None)
            if entry is not None:
                self.entries[token] = entry
        self.version = version
        return "Accepted"

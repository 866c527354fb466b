"""The newest entries of one queue, in memory; what falls out of here is read from the journal."""

from __future__ import annotations

from collections import deque
from collections.abc import Collection

from proxy.entries import Entry

LONGEST = 256
MOST_BYTES = 1 << 18


class Tail:
    """Keep the newest entries, few and small, and the very newest always.

    Of a charger's CALLs only the newest may be unanswered, so whatever is read from the journal
    has its answer there too, if it ever had one.
    """

    def __init__(self, head: int, longest: int = LONGEST, most_bytes: int = MOST_BYTES) -> None:
        self._longest = longest
        self._most_bytes = most_bytes
        self._entries: deque[Entry] = deque()
        self._bytes = 0
        self.fallen = head  # up to here only the journal has what waits
        self.newest = head

    @property
    def first(self) -> Entry | None:
        """Return the oldest entry."""
        return self._entries[0] if self._entries else None

    def entries(self) -> tuple[Entry, ...]:
        """Return all entries, oldest first."""
        return tuple(self._entries)

    def add(self, entry: Entry, *, flowing: bool) -> None:
        """Take in the newest entry; while nothing flows it is the only one that is kept."""
        self._entries.append(entry)
        self._bytes += len(entry.payload)
        self.newest = entry.seq
        if self._entries[0] is not entry:
            self.trim(flowing=flowing)

    def trim(self, *, flowing: bool, but: int | None = None) -> None:
        """Leave to the journal what is too much; the answer to one of it may come yet."""
        longest = self._longest if flowing else 1
        while len(self._entries) > 1 and (
            len(self._entries) > longest or self._bytes > self._most_bytes
        ):
            fallen = self._take_first(but)
            self.fallen = fallen.seq

    def miss(self, position: int) -> None:
        """Leave to the journal what was never added, and all before it."""
        if any(entry.seq == position for entry in self._entries):
            return
        while self._entries and self._entries[0].seq < position:
            self._take_first()
        self.fallen = max(self.fallen, position)
        self.newest = max(self.newest, position)

    def drop(self, through: int) -> None:
        """Let go of what is done with."""
        entries = self._entries
        while entries and entries[0].seq <= through:
            entry = entries.popleft()
            self._bytes -= len(entry.payload)
            if entry.answer is not None:
                entry.settle(None)

    def forget(self, seqs: Collection[int]) -> None:
        """Let go of single entries; nobody waits for their answers."""
        kept = [entry for entry in self._entries if entry.seq not in seqs]
        for entry in self._entries:
            if entry.seq in seqs:
                entry.settle(None)
        self._entries = deque(kept)
        self._bytes = sum(len(entry.payload) for entry in kept)

    def settle(self, but: int | None) -> None:
        """Let nobody wait for an answer any more, but for the one that may come yet."""
        for entry in self._entries:
            if entry.seq != but:
                entry.settle(None)

    def _take_first(self, but: int | None = None) -> Entry:
        entry = self._entries.popleft()
        self._bytes -= len(entry.payload)
        if entry.answer is not None and entry.seq != but:
            entry.settle(None)
        return entry

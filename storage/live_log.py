"""
Follow the message log of one organization as it is committed, from now or from a position on.

What was committed lately is kept once for all who follow an organization, so that a hundred of them
cost no more memory than one, and nobody who says or stores anything waits for them. Who does not
keep up is told how many messages he has missed. Where nobody follows, nothing is kept.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, NamedTuple, cast

from storage.bus import LogReader
from storage.clock import EPOCH, MICROSECOND
from storage.commits import Commits
from storage.database import Database, Write
from storage.journal import Journal
from storage.records import ChargerKey, Direction, Message
from storage.schema import messages
from storage.statements.messages import append_message

_COLUMNS = tuple(messages.c.keys())

# How much is kept of each organization that somebody follows; one message at least.
MOST_KEPT, MOST_OCTETS = 2048, 1 << 21
# What who has missed something goes on with.
NEWEST = 100
# How much is handed over at once, in bytes: whoever is slow holds no more than that.
PORTION = 1 << 16
# How far back somebody may go on from; it is read from the log a page at a time.
MOST_RESUMED = 10_000
# s: what comes within it is handed over together.
REST = 0.05


class Entry:
    """A message as it was committed, and what was made of it for all who follow."""

    __slots__ = ("event", "row")

    def __init__(self, row: tuple[Any, ...]) -> None:
        self.row = row  # in the order of the columns, as the writer is given it
        self.event: bytes | None = None

    @property
    def seq(self) -> int:
        """Return its position."""
        return int(self.row[0])

    @property
    def answers(self) -> int | None:
        """Return the position of the call that it answers, where that is known."""
        return self.row[11] or None

    @property
    def message(self) -> Message:
        """Return it as a record."""
        seq, moment, organization, name, direction, version, kind, id, action, *more = self.row
        frame, target, _answers, origin, again = more
        return Message(
            seq=seq,
            timestamp=EPOCH + moment * MICROSECOND,
            key=ChargerKey(organization, name),
            direction=direction,
            ocpp_version=version,
            message_type=kind,
            message_id=id,
            action=action,
            frame=frame,
            proxy_configuration_id=target,
            origin=origin,
            maybe_duplicate=None if again is None else bool(again),
        )


class Wanted(NamedTuple):
    """Which messages somebody wants: None wants all."""

    charge_box_id: str | None = None
    action: str | None = None
    direction: Direction | None = None

    def has(self, row: tuple[Any, ...]) -> bool:
        """Tell whether a message is one of them."""
        return (
            self.charge_box_id in {None, row[3]}
            and self.action in {None, row[8]}
            and self.direction in {None, row[4]}
        )


class Missed(NamedTuple):
    """How many messages went by unseen, wanted or not."""

    messages: int


class _Tail:
    """What was committed lately of one organization."""

    def __init__(self, most: int, octets: int) -> None:
        self.followers = 0
        self.first = 0  # the place of the oldest that is kept, counted from the beginning
        self.let_go = 0  # the position of the newest that is not
        self.returns = 0  # how often something may have been committed that is not here
        self.news = asyncio.Event()
        self._entries: deque[Entry] = deque()
        self._most = most
        self._room = octets

    @property
    def end(self) -> int:
        """Return the place behind the newest."""
        return self.first + len(self._entries)

    def add(self, row: tuple[Any, ...]) -> None:
        """Keep one more, and let go of what there is no room for."""
        self._entries.append(Entry(row))
        self._room -= len(row[9])
        while len(self._entries) > 1 and (self._room < 0 or len(self._entries) > self._most):
            gone = self._entries.popleft()
            self._room += len(gone.row[9])
            self.let_go = gone.seq
            self.first += 1

    def portion(self, place: int) -> list[Entry]:
        """Return what there is from a place on, one message at least and not much at once."""
        taken, octets = [], 0
        # One by one: whoever keeps up is at the end, and nobody goes there through all before it.
        for each in range(place - self.first, len(self._entries)):
            entry = self._entries[each]
            taken.append(entry)
            octets += len(entry.row[9])
            if octets >= PORTION:
                break
        return taken

    def place_behind(self, position: int) -> int | None:
        """Return the place behind a position, None where more than that was let go of."""
        if self.let_go > position:
            return None
        return self.first + sum(entry.seq <= position for entry in self._entries)

    def tell(self) -> None:
        """Wake whoever waits for more."""
        self.news.set()
        self.news = asyncio.Event()


class LiveLog:
    """Keep what is committed for those who follow it."""

    def __init__(
        self,
        database: Database,
        journal: Journal,
        most_kept: int = MOST_KEPT,
        most_octets: int = MOST_OCTETS,
    ) -> None:
        self._database = database
        self._journal = journal
        self._bounds = (most_kept, most_octets)
        self._tails: dict[str, _Tail] = {}

    @contextmanager
    def listening(self, commits: Commits) -> Iterator[None]:
        """Hear what is committed until the context ends."""
        with commits.heard_by(self):
            yield

    def committed(self, writes: Sequence[Write]) -> None:
        """Keep the messages that were committed, where somebody follows them."""
        if not self._tails:
            return
        told = set()
        for statement, rows in writes:
            if statement is append_message:
                for row in cast("Sequence[tuple[Any, ...]]", rows):
                    tail = self._tails.get(row[2])
                    if tail is not None:
                        tail.add(row)
                        told.add(tail)
        for tail in told:
            tail.tell()

    def returned(self, _writes: Sequence[Write]) -> None:
        """Have everybody look into the log again."""
        for tail in self._tails.values():
            tail.returns += 1
            tail.tell()

    @contextmanager
    def follow(
        self, organization_uuid: str, wanted: Wanted, after: int | None = None
    ) -> Iterator[Follower]:
        """Follow an organization's messages from now, or from behind a position on."""
        tail = self._tails.setdefault(organization_uuid, _Tail(*self._bounds))
        tail.followers += 1
        head = self._journal.head
        # Of another log, or of one that was brought back: there is nothing behind it yet.
        after = None if after is not None and after > head else after
        try:
            yield Follower(LogReader(self._database), organization_uuid, tail, wanted, after, head)
        finally:
            tail.followers -= 1
            if not tail.followers:
                del self._tails[organization_uuid]


class Follower:
    """One who follows an organization's messages, and how far he has got."""

    def __init__(
        self,
        log: LogReader,
        organization_uuid: str,
        tail: _Tail,
        wanted: Wanted,
        after: int | None,
        head: int,
    ) -> None:
        self._log = log
        self._organization_uuid = organization_uuid
        self._tail = tail
        self._wanted = wanted
        self._place = tail.end
        self._returns = tail.returns
        self._resuming = after is not None
        self._begin = head if after is None else after
        self._seen = 0 if after is None else after

    async def messages(self) -> AsyncIterator[Missed | Sequence[Entry]]:
        """Yield what is wanted, in order and once, and what was missed; raise StorageError."""
        while True:
            if self._resuming or self._returns != self._tail.returns:
                self._returns, self._resuming = self._tail.returns, False
                async for some in self._logged():
                    yield some
                # What the log has told was not missed, however much came meanwhile.
                place = self._tail.place_behind(self._seen)
                self._place = max(self._place, place or 0)
            if self._place < self._tail.first:
                yield self._skip()
            entries = self._tail.portion(self._place)
            self._place += len(entries)
            if some := self._pick(entries):
                yield some
            elif not entries and self._returns == self._tail.returns:
                await self._tail.news.wait()
                await asyncio.sleep(REST)

    def _pick(self, entries: Sequence[Entry]) -> Sequence[Entry]:
        fresh = [each for each in entries if each.row[0] > self._seen]
        if fresh:
            self._seen = fresh[-1].seq
        return [each for each in fresh if self._wanted.has(each.row)]

    def _skip(self) -> Missed:
        place = max(self._tail.first, self._tail.end - NEWEST)
        missed, self._place = place - self._place, place
        return Missed(missed)

    async def _logged(self) -> AsyncIterator[Missed | Sequence[Entry]]:
        """Yield what the log has behind what was seen: the newest of it, where that is much."""
        seen = max(self._seen, self._begin)
        after, left_out = await self._log.left_out(self._organization_uuid, seen, MOST_RESUMED)
        if left_out:
            yield Missed(left_out)
        async for rows in self._log.rows(self._organization_uuid, after):
            if some := self._pick([Entry(as_written(row)) for row in rows]):
                yield some


def as_written(row: Any) -> tuple[Any, ...]:
    """Return a row that was read as the writer was given it."""
    values = dict(row)
    values["timestamp"] = (values["timestamp"] - EPOCH) // MICROSECOND
    return tuple(values[name] for name in _COLUMNS)

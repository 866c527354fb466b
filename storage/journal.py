"""
The message log: every frame of every link, byte for byte, in one order.

It is also the queue to each target, read by position. A position is given when a frame is
appended; as one task commits in that order, no reader passes a row that is committed later.
Positions grow; where the log is divided, some are left out when a new week begins.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any, TypeAlias, cast

from msgspec import Struct

from storage import exchanges
from storage.clock import Clock
from storage.database import NO_VALUES, Database, Row
from storage.errors import StorageUnavailable
from storage.group_commit import Batch, GroupCommit, Submitted, Tell
from storage.records import ChargerKey, Direction, Exchange, Message, MessageType, Origin
from storage.room import NO_ROOM, Ahead
from storage.statements import messages as statements
from storage.statements.positions import positions_between
from storage.statements.spoken import file_messages

# Where an answer goes, its call came from.
OPPOSITE: Mapping[Direction, Direction] = {
    "charger_to_platform": "platform_to_charger",
    "platform_to_charger": "charger_to_platform",
    "platform_to_target": "target_to_platform",
    "target_to_platform": "platform_to_target",
}
# A CallResultError is none: it has the id of an answer, and stands for itself (2.1).
ANSWERS: frozenset[MessageType] = frozenset({"CallResult", "CallError"})

# What an answer answers when nobody asked.
UNKNOWN = 0

# How many calls may wait for their answers; older ones are taken for unanswered.
MAX_OPEN = 65_536

# How far the log may run ahead of what is filed by charger: each read by charger may look through
# that much, each filing writes a page for each charger.
FILED_AT_ONCE = 32_768

_Open: TypeAlias = tuple[ChargerKey, Direction, int | None, str | None]


class Receipt(Struct, frozen=True, eq=False):
    """What an appended frame is given: its position, and its place in a batch."""

    position: int
    batch: Batch
    place: int

    @property
    def fault(self) -> Exception | None:
        """Tell why the frame is not on disk, once that is known; None where it is."""
        return self.batch.faults.get(self.place)


class Journal:
    """Append what was said and read it again."""

    def __init__(
        self,
        database: Database,
        group: GroupCommit,
        clock: Clock,
        filed_at_once: int = FILED_AT_ONCE,
        head: int = 0,
        filed: int = 0,
        newest: int | None = None,
    ) -> None:
        self._database = database
        self.group = group
        self._now = clock.microseconds
        self._filed_at_once = filed_at_once
        self._head = head
        self._files_at = filed + filed_at_once
        self._newest = newest  # when the last message before the present room was logged
        self._room = NO_ROOM
        self._ahead = Ahead(group)
        self._open: dict[_Open, int] = {}  # calls without answer, oldest first
        self._lost: dict[int, None] = {}  # positions of what is not on disk, oldest first
        # Of those, since storage went away, with when each was logged.
        self._doubtful: dict[int, int] = {}
        # By organization: is told how long each message is, before it is on disk.
        self.heard: dict[str, Callable[[int], None]] = {}
        group.lost, group.recount = self._lose, self._recount
        group.numbered = statements.append_message

    @classmethod
    async def open(
        cls,
        database: Database,
        group: GroupCommit,
        clock: Clock,
        filed_at_once: int = FILED_AT_ONCE,
    ) -> Journal:
        """Return the journal of a database, to be continued after its last row."""
        (last,) = await database.fetch(statements.last_position)
        newest = [row["logged_at"] for row in await database.fetch(statements.newest_message)]
        head, filed = last["position"], last["filed"]
        return cls(database, group, clock, filed_at_once, head, filed, *newest)

    @property
    def head(self) -> int:
        """Tell the position of the newest frame, committed or not; 0 before the first."""
        return self._head

    def append(
        self,
        key: ChargerKey,
        direction: Direction,
        ocpp_version: str,
        message_type: MessageType,
        message_id: str | None,
        action: str | None,
        frame: bytes,
        proxy_configuration_id: int | None = None,
        origin: Origin | None = None,
        tell: Tell | None = None,
    ) -> Receipt:
        """Log one frame, without waiting; ``origin`` is what a target's copy was made of.

        ``tell`` is told when the frame is on disk, or why it is not. Raises StorageUnavailable for
        a copy of what is not: it will be said again, and nobody could tell that it was sent before.
        """
        if origin is not None and origin.seq in self._lost:
            raise StorageUnavailable
        position, now = self._next()
        answers = None
        if message_type == "Call":
            self._ask((key, direction, proxy_configuration_id, message_id), position)
        elif message_type in ANSWERS:
            asked = (key, OPPOSITE[direction], proxy_configuration_id, message_id)
            answers = self._open.pop(asked, UNKNOWN)
        # In the order of the columns, because there are four such rows for each proxied CALL.
        row = (
            position,
            now,
            key.organization_uuid,
            key.charge_box_id,
            direction,
            ocpp_version,
            message_type,
            message_id,
            action,
            frame,
            proxy_configuration_id,
            answers,
            None if origin is None else origin.seq,
            None if origin is None else int(origin.maybe_duplicate),
        )
        batch = self.group.add(statements.append_message, row, tell)
        if (hear := self.heard.get(key.organization_uuid)) is not None:
            hear(len(frame))
        return Receipt(position, batch, len(batch.rows) - 1)

    def is_lost(self, position: int) -> bool:
        """Tell whether a frame is not on disk, of those that were lost lately.

        While storage is away a frame may be told lost that is not.
        """
        return position in self._lost

    def _lose(self, rows: Sequence[Submitted]) -> None:
        for statement, values in rows:
            if statement is statements.append_message:
                position, moment, *_ = cast("tuple[Any, ...]", values)
                self._lost[position] = None
                # What is refused is nowhere. The first ones may be there, the others were never
                # written.
                if self.group.away and len(self._doubtful) < MAX_OPEN:
                    self._doubtful[position] = moment
        while len(self._lost) > MAX_OPEN:
            del self._lost[next(iter(self._lost))]

    async def _recount(self) -> None:
        """Find what is on disk after all: its batch was committed, and nobody could be told.

        Positions go on behind those that another server has given meanwhile; what is its own was
        logged at another moment.
        """
        [last] = await self._database.fetch(statements.last_position)
        self._head = max(self._head, last["position"])
        if self._doubtful:
            span = {"first": min(self._doubtful), "last": max(self._doubtful)}
            for row in await self._database.fetch(positions_between, span):
                if self._doubtful.get(row["seq"]) == row["logged_at"]:
                    self._lost.pop(row["seq"], None)
            self._doubtful.clear()

    async def read_calls(self, key: ChargerKey, after: int, limit: int) -> list[Message]:
        """Return a charger's committed CALLs behind a position, in order."""
        values = {**key._asdict(), "after": after, "limit": limit}
        rows = await self._database.fetch(statements.calls_after, values)
        return [message_of(row) for row in rows]

    async def exchanges(
        self,
        key: ChargerKey,
        *,
        action: str | None = None,
        direction: Direction | None = None,
        message_id: str | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
        limit: int = 100,
        before: int | None = None,
    ) -> list[Exchange]:
        """Return what is no answer, newest first, each with its answer; `until` is exclusive."""
        filters = {
            "action": action,
            "direction": direction,
            "message_id": message_id,
            "since": since,
            "until": until,
        }
        given = {name: value for name, value in filters.items() if value is not None}
        bounds = await exchanges.bounds_of(self._database, since, until, before)
        calls = await exchanges.newest(self._database, key, bounds, given, limit)
        answered = await exchanges.answers(self._database, calls)
        return [exchange_of(call, answered.get(call["seq"])) for call in calls]

    def _ask(self, said: _Open, position: int) -> None:
        """Keep in mind what waits for its answer."""
        self._open[said] = position
        if len(self._open) > MAX_OPEN:
            del self._open[next(iter(self._open))]

    def _next(self) -> tuple[int, int]:
        """Return the next position, for which there is room by now, and the moment."""
        position, now, room = self._head + 1, self._now(), self._room
        if (
            position > room.last
            or not room.since <= now < room.until
            or self._ahead.losses != self.group.losses
        ):
            position = self._enter(position, now)
        self._head = position
        if position > self._files_at:
            self._file()
        return position, now

    def _enter(self, position: int, now: int) -> int:
        """Have room made for the next message, and return its position."""
        self._room = room = self._database.division.of_log(position, now, self._newest)
        self._newest = now
        self._ahead.make(room)
        return room.position

    def _file(self) -> None:
        # What is lost with its batch is filed the next time.
        self.group.add(file_messages, NO_VALUES)
        self._files_at = self._head + self._filed_at_once

    async def flush(self) -> None:
        """Wait until all that has been appended is committed or has failed.

        Raises StorageUnavailable where that is not known.
        """
        await self.group.flush()
        if self.group.away:
            raise StorageUnavailable


def message_of(row: Row) -> Message:
    """Return the message of a row."""
    return Message(
        seq=row["seq"],
        timestamp=row["timestamp"],
        key=ChargerKey(row["organization_uuid"], row["charge_box_id"]),
        direction=row["direction"],
        ocpp_version=row["ocpp_version"],
        message_type=row["message_type"],
        message_id=row["message_id"],
        action=row["action"],
        frame=row["frame"],
        proxy_configuration_id=row["proxy_configuration_id"],
        origin=row["origin"],
        maybe_duplicate=row["maybe_duplicate"],
    )


def exchange_of(call: Row, answer: Row | None) -> Exchange:
    """Return a message's row and its answer's as they are told."""
    return Exchange(message_of(call), None if answer is None else message_of(answer))

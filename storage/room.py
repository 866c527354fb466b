"""
Where the next row of a growing table can lie, and what has to be made before it does.

PostgreSQL refuses a row that no partition takes. So partitions are made ahead of the first row
that needs them, by the one writer and in the same order; asking whether one is there costs nothing.
"""

from __future__ import annotations

from typing import NamedTuple, Protocol

from storage import partitions
from storage.database import NO_VALUES, Statement
from storage.group_commit import GroupCommit

_FURTHEST = 2**63  # behind all positions and moments
_NEVER = -1


class Room(NamedTuple):
    """Where rows can lie: up to the position ``last``, from ``since`` on and before ``until``.

    The first of them has the ``position``; before it is submitted, ``making`` is.
    """

    position: int
    last: int
    since: int
    until: int
    making: Statement | None


# Before anything is known.
NO_ROOM = Room(0, -1, 0, 0, None)


class Division(Protocol):
    """How the tables that grow with time are divided; moments are in µs since 1970."""

    @property
    def listing(self) -> Statement | None:
        """Return the query for a table's partitions, None where there are none."""
        ...

    def of_log(self, position: int, moment: int, newest: int | None) -> Room:
        """Return the room for the next message; ``newest`` is the moment of the one before."""
        ...

    def of_readings(self, moment: int) -> Room:
        """Return the room for readings that come at a moment."""
        ...


class Whole:
    """Tables that are not divided."""

    listing: Statement | None = None

    def of_log(self, position: int, moment: int, newest: int | None) -> Room:
        """Return room for everything."""
        return Room(position, _FURTHEST, -_FURTHEST, _FURTHEST, None)

    def of_readings(self, moment: int) -> Room:
        """Return room for everything."""
        return self.of_log(0, moment, None)


class Divided:
    """Tables in partitions: the log by position and by week, readings by week."""

    listing: Statement | None = partitions.LISTING

    def of_log(self, position: int, moment: int, newest: int | None) -> Room:
        """Return the room in a partition, a new one where another week has begun.

        So each partition holds messages of one week, also where the clock is set back.
        """
        since = partitions.week_of(moment)
        if newest is not None and partitions.week_of(newest) != since:
            position += -position % partitions.SPAN
        parts = (partitions.messages(position), partitions.charger_messages(position))
        until = since + partitions.WEEK
        return Room(position, parts[0].end - 1, since, until, partitions.made(*parts))

    def of_readings(self, moment: int) -> Room:
        """Return the room in the partition of a week."""
        part = partitions.meter_readings(moment)
        return Room(0, _FURTHEST, part.first, part.end, partitions.made(part))


class Ahead:
    """Have the writer make room, and know for how long that can be relied upon.

    What made it may be lost with its batch: it is relied upon only while ``losses`` is what the
    writer's is, and made again after any loss.
    """

    __slots__ = ("_group", "losses")

    def __init__(self, group: GroupCommit) -> None:
        """Rely on nothing yet: what is there was made by another process."""
        self._group = group
        self.losses = _NEVER

    def make(self, room: Room) -> None:
        """Submit what makes room, before the first row that needs it."""
        self.losses = self._group.losses
        if room.making is not None:
            self._group.add(room.making, NO_VALUES, self._told)

    def doubt(self) -> None:
        """Rely on nothing any more."""
        self.losses = _NEVER

    def _told(self, fault: Exception | None) -> None:
        if fault is not None:
            self.doubt()

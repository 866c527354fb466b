"""The history of a fleet, made up: what its links said, what its transactions measured.

1,000 chargers of four organizations say 10^7 frames in 60 days, a shorter history is the end of
that. One charger says as much as twenty others. Every fourth message is passed on to a target, so
its copy and the answer to that are in the log too. All of it is the same every time.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, NamedTuple, TypeAlias

from storage.clock import EPOCH, MICROSECOND
from storage.database import Statement
from storage.records import ChargerKey
from storage.room import NO_ROOM, Division, Room, Whole

Row: TypeAlias = tuple[Any, ...]

ORGANIZATIONS = tuple(f"6f1c2a52-0d4f-4f0a-9f3e-5a8f5b0c7d0{n}" for n in range(4))
CHARGERS = tuple(ChargerKey(ORGANIZATIONS[n % 4], f"CP-{n:06d}") for n in range(1_000))
BUSY = CHARGERS[0]
BUSY_EVERY = 50  # exchanges
PROXIED_EVERY = 4
STEP = timedelta(days=60) / 4_000_000  # between two exchanges, of 2.5 frames on average
CYCLE = 64  # exchanges of a charger: a transaction and what lies between it and the next
METERINGS = 50  # of a transaction
VERSION = "1.6"

CALL = b'[2,"%b","%b",%b]'
RESULT = b'[3,"%b",%b]'
STATUS = (
    '{"connectorId":1,"errorCode":"NoError","status":"Available","timestamp":"%s","info":'
    '"nothing to report from this connector, all is well","vendorId":"Ringmain"}'
)
METER = (
    '{"connectorId":1,"transactionId":%d,"meterValue":[{"timestamp":"%s","sampledValue":[{"value":'
    '"%d.5","context":"Sample.Periodic","measurand":"Energy.Active.Import.Register","unit":"Wh"}]}]}'
)
START = '{"connectorId":1,"idTag":"0123456789ABCDEF","meterStart":0,"timestamp":"%s"}'
STOP = '{"transactionId":%d,"meterStop":%d,"timestamp":"%s","reason":"Local"}'
ACCEPTED = b'{"idTagInfo":{"status":"Accepted"}}'


class Chunk(NamedTuple):
    """Some rows of three tables, in the order of the columns and as drivers take them.

    Before they can be added, the statements of ``making`` have to make room for them.
    """

    making: list[Statement]
    messages: list[Row]
    readings: list[Row]
    transactions: list[Row]


class Said(NamedTuple):
    """What a charger says next, and what it is answered."""

    action: str
    payload: str
    answer: bytes = b"{}"


@dataclass(slots=True)
class Running:
    """Where a charger is in its cycle, and its last transaction."""

    key: ChargerKey
    turn: int = 0
    id: int = 0
    began: int = 0  # µs


@dataclass(slots=True)
class History:
    """So many frames, the last of them just before a moment."""

    rows: int
    end: datetime
    division: Division = field(default_factory=Whole)
    _seq: int = 0
    _newest: int | None = None
    _log_room: Room = NO_ROOM
    _readings_room: Room = NO_ROOM
    _ids: int = 0
    _transactions: int = 0
    _chunk: Chunk = field(default_factory=lambda: Chunk([], [], [], []))

    @property
    def begin(self) -> datetime:
        """Return the moment of the first frame."""
        return self.end - self.rows * 2 // 5 * STEP

    def chunks(self, size: int) -> Iterator[Chunk]:
        """Yield the history in parts of about this many frames, oldest first."""
        chargers = [Running(key) for key in CHARGERS]
        now, step = (self.begin - EPOCH) // MICROSECOND, STEP // MICROSECOND
        made, number = 0, 0
        while made + len(self._chunk.messages) < self.rows:
            self._exchange(chargers[_whose(number)], now + number * step, number)
            number += 1
            if len(self._chunk.messages) >= size:
                made += len(self._chunk.messages)
                yield self._take()
        self._chunk.transactions.extend(
            _running(one) for one in chargers if 0 < one.turn % CYCLE <= METERINGS + 1
        )
        yield self._take()

    def _take(self) -> Chunk:
        chunk, self._chunk = self._chunk, _empty()
        return chunk

    def _exchange(self, charger: Running, now: int, number: int) -> None:
        said = self._next(charger, now)
        call = self._say(charger, now, "charger_to_platform", said)
        self._answer(charger, now + 2_000, "platform_to_charger", said, *call)
        if number % PROXIED_EVERY == 0:
            copy = self._say(charger, now + 3_000, "platform_to_target", said, origin=call[1])
            self._answer(charger, now + 80_000, "target_to_platform", said, *copy, target=1)

    def _next(self, charger: Running, now: int) -> Said:
        turn, charger.turn = charger.turn % CYCLE, charger.turn + 1
        moment = _text(now)
        if not turn:
            self._transactions += 1
            charger.id, charger.began = self._transactions, now
            answer = b'{"transactionId":%d,' % charger.id + ACCEPTED[1:]
            return Said("StartTransaction", START % moment, answer)
        if turn <= METERINGS:
            self._measure(_reading(charger, now, 100 * turn))
            return Said("MeterValues", METER % (charger.id, moment, 100 * turn))
        if turn == METERINGS + 1:
            self._chunk.transactions.append(_ended(charger, now, 100 * turn))
            return Said("StopTransaction", STOP % (charger.id, 100 * turn, moment), ACCEPTED)
        if turn % 2:
            return Said("Heartbeat", "{}", b'{"currentTime":"%b"}' % moment.encode())
        return Said("StatusNotification", STATUS % moment)

    def _say(
        self, charger: Running, now: int, direction: str, said: Said, origin: int | None = None
    ) -> tuple[str, int]:
        """Log a CALL; return its id and position."""
        self._ids += 1
        id = message_id(self._ids)
        frame = CALL % (id.encode(), said.action.encode(), said.payload.encode())
        target = None if origin is None else 1
        maybe = None if origin is None else 0
        row = (VERSION, "Call", id, said.action, frame, target, None, origin, maybe)
        return id, self._log(charger, now, direction, row)

    def _answer(
        self,
        charger: Running,
        now: int,
        direction: str,
        said: Said,
        id: str,
        call: int,
        target: int | None = None,
    ) -> None:
        frame = RESULT % (id.encode(), said.answer)
        row = (VERSION, "CallResult", id, None, frame, target, call, None, None)
        self._log(charger, now, direction, row)

    def _measure(self, reading: Row) -> None:
        *_, now = reading
        if now >= self._readings_room.until:
            self._readings_room = self._made(self.division.of_readings(now))
        self._chunk.readings.append(reading)

    def _made(self, room: Room) -> Room:
        if room.making is not None:
            self._chunk.making.append(room.making)
        return room

    def _log(self, charger: Running, now: int, direction: str, row: Row) -> int:
        self._seq += 1
        if self._seq > self._log_room.last or now >= self._log_room.until:
            self._log_room = self._made(self.division.of_log(self._seq, now, self._newest))
            self._seq = self._log_room.position
        self._newest = now
        self._chunk.messages.append((self._seq, now, *charger.key, direction, *row))
        return self._seq


def _empty() -> Chunk:
    return Chunk([], [], [], [])


def message_id(number: int) -> str:
    """Return the id of a history's CALL, counted from 1: as random as a UUID."""
    digest = hashlib.md5(b"%d" % number, usedforsecurity=False).hexdigest()
    return f"{digest[:8]}-{digest[8:12]}-{digest[12:16]}-{digest[16:20]}-{digest[20:]}"


def _whose(number: int) -> int:
    """Return who speaks: neighbours in the log are different chargers."""
    return 0 if number % BUSY_EVERY == 0 else 1 + number * 7919 % (len(CHARGERS) - 1)


def _text(now: int) -> str:
    return (EPOCH + now * MICROSECOND).strftime("%Y-%m-%dT%H:%M:%SZ")


def _reading(charger: Running, now: int, register: int) -> Row:
    sample = {
        "evse_id": 1,
        "taken_at": (EPOCH + now * MICROSECOND).isoformat(),
        "measurand": "Energy.Active.Import.Register",
        "value": register + 0.5,
        "unit": "Wh",
        "phase": None,
        "context": "Sample.Periodic",
        "location": None,
    }
    return (*charger.key, str(charger.id), json.dumps([sample], separators=(",", ":")), now)


def _ended(charger: Running, now: int, stop: int) -> Row:
    ends: Sequence[Any] = (now, 0.0, float(stop), float(stop), "ended", "Local")
    return _transaction(charger, ends, "charger")


def _running(charger: Running) -> Row:
    return _transaction(charger, (None, 0.0, None, None, "running", None), None)


def _transaction(charger: Running, ends: Sequence[Any], ended_by: str | None) -> Row:
    began = _text(charger.began)
    head = (*charger.key, str(charger.id), 1, 1, "0123456789ABCDEF", charger.began)
    return (*head, *ends, None, began, ended_by, None, "[]", None)

"""Read what the server wrote down, from its data directory and with SQLite alone."""

from __future__ import annotations

import contextlib
import json
import sqlite3
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from simulators.oracle import Emission, content

DATABASE = "ringmain.sqlite3"
_DEAD = "seq IN (SELECT seq FROM dead_letters)"
ACTIONS = ("StartTransaction", "StopTransaction", "TransactionEvent", "MeterValues")


@dataclass(frozen=True, slots=True)
class LedgerRow:
    """One transaction as the ledger has it."""

    charger: str
    transaction_id: str
    start: tuple[Any, ...]  # what tells it from another one
    state: str
    energy_wh: float


@dataclass(frozen=True, slots=True)
class Books:
    """The ledger and what the journal says of transaction events.

    ``journal`` counts the committed events by (charger, content); ``flagged`` are message ids that
    went to a target as perhaps not for the first time; ``dead`` are events that were given up.
    """

    ledger: Sequence[LedgerRow]
    journal: Counter[tuple[str, str]]
    flagged: frozenset[str]
    dead: frozenset[tuple[str, str]]


def read(data_dir: Path) -> Books:
    """Read all of it; the server may run meanwhile."""
    with contextlib.closing(_open(data_dir)) as database:
        return Books(
            ledger=list(_ledger(database)),
            journal=Counter(_events(database, "1")),
            flagged=frozenset(_flagged(database)),
            dead=frozenset(_events(database, _DEAD)),
        )


def dead(data_dir: Path) -> frozenset[tuple[str, str]]:
    """Return the events that were given up, by (charger, content)."""
    with contextlib.closing(_open(data_dir)) as database:
        return frozenset(_events(database, _DEAD))


def _open(data_dir: Path) -> sqlite3.Connection:
    return sqlite3.connect(f"file:{data_dir / DATABASE}?mode=ro", uri=True)


def _ledger(database: sqlite3.Connection) -> Iterator[LedgerRow]:
    rows = database.execute(
        "SELECT charge_box_id, transaction_id, evse_id, id_token, start_timestamp, meter_start_wh,"
        " meter_stop_wh, state FROM transactions"
    )
    for charger, id, evse, token, started, start_wh, stop_wh, state in rows:
        energy = (stop_wh or 0.0) - (start_wh or 0.0) if state == "ended" else 0.0
        yield LedgerRow(charger, id, (charger, evse, token, started, start_wh), state, energy)


def _events(database: sqlite3.Connection, condition: str) -> Iterator[tuple[str, str]]:
    rows = database.execute(
        "SELECT charge_box_id, frame FROM messages WHERE message_type = 'Call'"
        f" AND direction = 'charger_to_platform' AND action IN {ACTIONS} AND {condition}"
    )
    for charger, frame in rows:
        _, _, action, fields = json.loads(frame)
        if isinstance(fields, dict):
            yield charger, content(action, fields)


def _flagged(database: sqlite3.Connection) -> Iterator[str]:
    rows = database.execute(
        "SELECT message_id FROM messages WHERE direction = 'platform_to_target' AND maybe_duplicate"
    )
    for (message_id,) in rows:
        yield message_id


@dataclass(frozen=True, slots=True)
class LedgerCount:
    """What the ledger has against what the chargers were answered."""

    lost: int  # answered, and not in the journal
    duplicates: int  # transactions that are there twice
    phantom: int  # transactions that nobody began
    open: int  # answered to the end, and still running
    energy_wh: float
    problems: Sequence[str]


def count(books: Books, emitted: Sequence[Emission]) -> LedgerCount:
    """Count the ledger and the journal of these chargers."""
    chargers = {one.charger for one in emitted}
    rows = [row for row in books.ledger if row.charger in chargers]
    lost = [
        one
        for one in emitted
        if one.outcome == "answered" and not books.journal[one.charger, one.sha]
    ]
    starts = Counter(row.start for row in rows)
    begun = Counter(one.charger for one in emitted if one.moment == "begin")
    recorded = Counter(row.charger for row in rows)
    ended = Counter(one.charger for one in emitted if _ended(one))
    closed = Counter(row.charger for row in rows if row.state == "ended")
    return LedgerCount(
        lost=len(lost),
        duplicates=sum(starts.values()) - len(starts),
        phantom=sum((recorded - begun).values()),
        open=sum((ended - closed).values()),
        energy_wh=sum(row.energy_wh for row in rows),
        problems=[f"not in the journal: {one.charger} {one.seq} {one.action}" for one in lost[:5]],
    )


def _ended(one: Emission) -> bool:
    return one.moment == "end" and one.outcome == "answered"


def story(data_dir: Path, suspect: tuple[str, str]) -> list[str]:
    """Tell what the message log has of one event: each copy that came, and each that went out."""
    charger, sha = suspect
    with contextlib.closing(_open(data_dir)) as database:
        rows = database.execute(
            "SELECT c.seq, c.timestamp, c.direction, c.frame, c.origin, c.maybe_duplicate, a.seq"
            " FROM messages c LEFT JOIN messages a ON a.answers = c.seq"
            f" WHERE c.charge_box_id = ? AND c.message_type = 'Call' AND c.action IN {ACTIONS}"
            " ORDER BY c.seq",
            (charger,),
        )
        return [
            f"{seq} at {at / 1e6 % 1000:.3f} {way}, origin {origin}, flag {flag}, answer {answer}"
            for seq, at, way, frame, origin, flag, answer in rows
            if content(*json.loads(frame)[2:]) == sha
        ]


def late_answers(data_dir: Path, chargers: set[str], seconds: float) -> int:
    """Count what these chargers were told and answered after so many s."""
    with contextlib.closing(_open(data_dir)) as database:
        rows = database.execute(
            "SELECT a.charge_box_id FROM messages a JOIN messages c ON c.seq = a.answers"
            " WHERE a.direction = 'charger_to_platform' AND c.action = 'ClearCache'"
            " AND a.timestamp > c.timestamp + ?",
            (round(seconds * 1_000_000),),
        )
        return sum(charger in chargers for (charger,) in rows)


def stored(data_dir: Path, message_id: str) -> list[bytes]:
    """Return the frames that a charger sent under an id."""
    with contextlib.closing(_open(data_dir)) as database:
        rows = database.execute(
            "SELECT frame FROM messages WHERE message_id = ? AND direction = 'charger_to_platform'",
            (message_id,),
        )
        return [bytes(frame) for (frame,) in rows]

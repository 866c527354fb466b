"""Read what the server wrote down, with the database's driver alone."""

from __future__ import annotations

import contextlib
import json
import sqlite3
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, TypeAlias

import psycopg2
from sqlalchemy import URL

from simulators.oracle import Emission, content

# Asks one question, with ? for its values.
Ask: TypeAlias = Callable[..., Sequence[Sequence[Any]]]

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


def read(database: URL) -> Books:
    """Read all of it; the server may run meanwhile."""
    with _open(database) as ask:
        return Books(
            ledger=list(_ledger(ask)),
            journal=Counter(_events(ask, "TRUE")),
            flagged=frozenset(_flagged(ask)),
            dead=frozenset(_events(ask, _DEAD)),
        )


def dead(database: URL) -> frozenset[tuple[str, str]]:
    """Return the events that were given up, by (charger, content)."""
    with _open(database) as ask:
        return frozenset(_events(ask, _DEAD))


@contextlib.contextmanager
def _open(database: URL) -> Iterator[Ask]:
    mark, connection = "?", None
    if database.get_backend_name() == "postgresql":
        dsn = database.set(drivername="postgresql").render_as_string(hide_password=False)
        mark, connection = "%s", psycopg2.connect(dsn)
    else:
        connection = sqlite3.connect(f"file:{database.database}?mode=ro", uri=True)
    with contextlib.closing(connection), contextlib.closing(connection.cursor()) as cursor:

        def ask(question: str, *values: object) -> Sequence[Sequence[Any]]:
            cursor.execute(question.replace("?", mark), values)
            return cursor.fetchall()

        yield ask


def _ledger(ask: Ask) -> Iterator[LedgerRow]:
    rows = ask(
        "SELECT charge_box_id, transaction_id, evse_id, id_token, start_timestamp, meter_start_wh,"
        " meter_stop_wh, state FROM transactions"
    )
    for charger, id, evse, token, started, start_wh, stop_wh, state in rows:
        energy = (stop_wh or 0.0) - (start_wh or 0.0) if state == "ended" else 0.0
        yield LedgerRow(charger, id, (charger, evse, token, started, start_wh), state, energy)


def _events(ask: Ask, condition: str) -> Iterator[tuple[str, str]]:
    rows = ask(
        "SELECT charge_box_id, frame FROM messages WHERE message_type = 'Call'"
        f" AND direction = 'charger_to_platform' AND action IN {ACTIONS} AND {condition}"
    )
    for charger, frame in rows:
        _, _, action, fields = json.loads(bytes(frame))
        if isinstance(fields, dict):
            yield charger, content(action, fields)


def _flagged(ask: Ask) -> Iterator[str]:
    rows = ask(
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


def story(database: URL, suspect: tuple[str, str]) -> list[str]:
    """Tell what the message log has of one event: each copy that came, and each that went out."""
    charger, sha = suspect
    with _open(database) as ask:
        rows = ask(
            "SELECT c.seq, c.timestamp, c.direction, c.frame, c.origin, c.maybe_duplicate, a.seq"
            " FROM messages c LEFT JOIN messages a ON a.answers = c.seq"
            f" WHERE c.charge_box_id = ? AND c.message_type = 'Call' AND c.action IN {ACTIONS}"
            " ORDER BY c.seq",
            charger,
        )
        return [
            f"{seq} at {at / 1e6 % 1000:.3f} {way}, origin {origin}, flag {flag}, answer {answer}"
            for seq, at, way, frame, origin, flag, answer in rows
            if content(*json.loads(bytes(frame))[2:]) == sha
        ]


def late_answers(database: URL, chargers: set[str], seconds: float) -> int:
    """Count what these chargers were told and answered after so many s."""
    with _open(database) as ask:
        rows = ask(
            "SELECT a.charge_box_id FROM messages a JOIN messages c ON c.seq = a.answers"
            " WHERE a.direction = 'charger_to_platform' AND c.action = 'ClearCache'"
            " AND a.timestamp > c.timestamp + ?",
            round(seconds * 1_000_000),
        )
        return sum(charger in chargers for (charger,) in rows)


class Spoken(NamedTuple):
    """One message of the log, as far as an export tells it; ``at`` is in microseconds."""

    seq: int
    at: int
    charger: str
    direction: str
    version: str
    kind: str
    id: str | None
    action: str | None
    frame: bytes
    configuration: int | None


def spoken(database: URL, organization: str, through: int) -> list[Spoken]:
    """Return what the log has of an organization, up to a position."""
    with _open(database) as ask:
        rows = ask(
            "SELECT seq, timestamp, charge_box_id, direction, ocpp_version, message_type,"
            " message_id, action, frame, proxy_configuration_id FROM messages"
            " WHERE organization_uuid = ? AND seq <= ? ORDER BY seq",
            *(organization, through),
        )
        return [Spoken._make((*row[:8], bytes(row[8]), row[9])) for row in rows]


def behind(database: URL, organization: str, position: int) -> tuple[int, int, int]:
    """Count an organization's messages behind a position; return when the first one was, and last.

    The moment is in microseconds, the last is a position; both are 0 where there is none.
    """
    with _open(database) as ask:
        [(count, last)] = ask(
            "SELECT count(*), coalesce(max(seq), 0) FROM messages"
            " WHERE organization_uuid = ? AND seq > ?",
            *(organization, position),
        )
        first = ask(
            "SELECT timestamp FROM messages WHERE organization_uuid = ? AND seq > ?"
            " ORDER BY seq LIMIT 1",
            *(organization, position),
        )
        return count, first[0][0] if first else 0, last


def stored(database: URL, message_id: str) -> list[bytes]:
    """Return the frames that a charger sent under an id."""
    with _open(database) as ask:
        rows = ask(
            "SELECT frame FROM messages WHERE message_id = ? AND direction = 'charger_to_platform'",
            message_id,
        )
        return [bytes(frame) for (frame,) in rows]

"""Two enrolled chargers, a real database in memory of a directory, and stations to speak to."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any

import orjson

from csms import frames
from csms.books import Books, open_books
from csms.commands import Outcome
from csms.frames import Call, CallError, CallResult, Reply
from csms.link import Link
from csms.station import Station
from csms.stations import STATIONS
from storage.records import Charger, ChargerKey, ConnectorStatus, MeterValue, Transaction
from storage.store import Storage, open_storage
from tests.doubles import Conversation, conversation, socket_pair
from tests.storage.doubles import ALICE, BOB, ORGANIZATION, HandClock

SUBPROTOCOLS = {kind.version: subprotocol for subprotocol, kind in STATIONS.items()}


def received(action: str, payload: Any, id: str = "1") -> Call:
    """Return a CALL as the link hands it over."""
    frame = frames.parse(frames.call(id, action, orjson.dumps(payload)).text)
    assert isinstance(frame, Call)
    return frame


@dataclass(frozen=True)
class Desk:
    """What a station works with."""

    storage: Storage
    clock: HandClock
    books: Books

    def station(self, version: str, key: ChargerKey = ALICE) -> Station:
        """Return a station whose link leads nowhere."""
        kind = STATIONS[SUBPROTOCOLS[version]]
        link = Link(socket_pair()[0], dialect=kind.dialect)
        return kind(key, self.books, link)

    @contextlib.asynccontextmanager
    async def connected(self, version: str) -> AsyncIterator[tuple[Station, Conversation]]:
        """Yield a station and the conversation that its commands go into."""
        kind = STATIONS[SUBPROTOCOLS[version]]
        async with conversation(dialect=kind.dialect) as talk:
            yield kind(ALICE, self.books, talk.link), talk

    async def charger(self, key: ChargerKey = ALICE) -> Charger:
        """Return what is stored of a charger."""
        await self.storage.group.flush()
        charger = await self.storage.chargers.get(key)
        assert charger is not None
        return charger

    async def connectors(self, key: ChargerKey = ALICE) -> list[ConnectorStatus]:
        """Return the stored status of each connector."""
        await self.storage.group.flush()
        return await self.storage.chargers.connectors(key)

    async def transactions(self, key: ChargerKey = ALICE) -> list[Transaction]:
        """Return a charger's stored transactions, oldest first."""
        await self.storage.group.flush()
        found = await self.storage.transactions.list(ORGANIZATION, key.charge_box_id, 1000)
        return found[::-1]

    async def measured(self, transaction_id: str, key: ChargerKey = ALICE) -> list[MeterValue]:
        """Return what is stored of a transaction's meter values."""
        await self.storage.group.flush()
        return await self.storage.transactions.meter_values(key, transaction_id)


async def accepted(station: Station, action: str, payload: Any) -> Any:
    """Let the charger call, and return the decoded payload of the answer, which is no error."""
    reply = await station.answer(received(action, payload), 0)
    assert isinstance(reply, CallResult), reply
    assert station.schemas.response(action, orjson.loads(reply.payload)) is None
    assert reply.id == "1"
    return orjson.loads(reply.payload)


async def refused(station: Station, action: str, payload: Any) -> str:
    """Let the charger call, and return the code of the CALLERROR."""
    reply: Reply = await station.answer(received(action, payload), 0)
    assert isinstance(reply, CallError), reply
    return reply.code


async def answering(
    talk: Conversation, asking: Awaitable[Outcome], *answers: Any
) -> tuple[Outcome, list[Any]]:
    """Let the charger give these answers, and return what came of it with what it was asked."""
    asked = asyncio.ensure_future(asking)
    heard = [(await talk.peer.answers(orjson.dumps(answer)))[2:] for answer in answers]
    return await asked, heard


@contextlib.asynccontextmanager
async def open_desk(
    data_dir: Path, new_transaction_id: Callable[[], int] | None = None
) -> AsyncIterator[Desk]:
    """Enrol Alice and Bob, whose transactions are numbered from 1 on.

    The same directory again is the server started again.
    """
    clock, numbers = HandClock(), count(1)
    async with open_storage(data_dir, clock, lambda: ORGANIZATION) as storage:
        if not await storage.organizations.list():
            await _enrol(storage, clock)
        new_id = new_transaction_id or (lambda: next(numbers))
        yield Desk(storage, clock, open_books(storage, clock, new_id, settling=0.0))


async def _enrol(storage: Storage, clock: HandClock) -> None:
    await storage.organizations.create("Tests")
    for key in (ALICE, BOB):
        charger = Charger(
            key=key,
            charger_name=key.charge_box_id,
            password_digest=b"",
            created_at=clock.now(),
        )
        await storage.chargers.enroll(charger, None)

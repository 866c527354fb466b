"""What is asked of a history: the same of a short one and of a long one, as the API asks it."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import cycle
from typing import TypeAlias

from sqlalchemy import select

from bench.history import BUSY
from storage.records import ChargerKey
from storage.repositories.transactions import Wanted
from storage.schema import messages
from storage.store import Storage
from storage.tenancy import on_behalf_of

PAGE = 50
HOUR = timedelta(hours=1)
IDS = 20  # messages that are looked for by their ids, all over the log


@dataclass(frozen=True, slots=True)
class Past:
    """A history that can be asked about: when it was, and what is looked for in it."""

    storage: Storage
    begin: datetime
    end: datetime
    ids: Sequence[tuple[ChargerKey, str]]
    transaction: str

    @classmethod
    async def of(cls, storage: Storage, begin: datetime, end: datetime) -> Past:
        """Choose what will be looked for."""
        ended = Wanted(state="ended", until=begin + (end - begin) / 2)
        [transaction] = await storage.transactions.list(*BUSY, limit=1, wanted=ended)
        return cls(storage, begin, end, await _ids(storage), transaction.transaction_id)


async def _ids(storage: Storage) -> list[tuple[ChargerKey, str]]:
    found = []
    for number in range(IDS):
        call = (
            select(messages)
            .where(
                messages.c.seq > storage.journal.head * number // IDS,
                messages.c.direction == "charger_to_platform",
                messages.c.message_type == "Call",
            )
            .order_by(messages.c.seq)
            .limit(1)
        )
        [row] = await storage.database.fetch(call)
        key = ChargerKey(row["organization_uuid"], row["charge_box_id"])
        found.append((key, row["message_id"]))
    return found


# Each asks once and returns how many rows there were.
Ask: TypeAlias = Callable[[], Awaitable[int]]


def _newest_page(past: Past) -> Ask:
    async def ask() -> int:
        return len(await past.storage.journal.exchanges(BUSY, limit=PAGE))

    return ask


def _later_page(past: Past) -> Ask:
    async def ask() -> int:
        return len(await past.storage.journal.exchanges(BUSY, limit=PAGE, before=before))

    before = past.storage.journal.head * 3 // 4
    return ask


def _last_hour(past: Past) -> Ask:
    async def ask() -> int:
        since = past.end - HOUR
        return len(await past.storage.journal.exchanges(BUSY, since=since, until=past.end))

    return ask


def _first_hour(past: Past) -> Ask:
    async def ask() -> int:
        until = past.begin + HOUR
        return len(await past.storage.journal.exchanges(BUSY, since=past.begin, until=until))

    return ask


def _message_by_id(past: Past) -> Ask:
    async def ask() -> int:
        key, id = next(ids)
        with on_behalf_of(key.organization_uuid):
            return len(await past.storage.journal.exchanges(key, message_id=id))

    ids = cycle(past.ids)
    return ask


def _transaction(past: Past) -> Ask:
    async def ask() -> int:
        found = await ledger.find(BUSY.organization_uuid, past.transaction)
        assert found is not None
        return len(await ledger.readings(BUSY, past.transaction, limit=100))

    ledger = past.storage.transactions
    return ask


def _newest_transactions(past: Past) -> Ask:
    async def ask() -> int:
        return len(await past.storage.transactions.list(BUSY.organization_uuid, limit=PAGE))

    return ask


QUESTIONS: Mapping[str, Callable[[Past], Ask]] = {
    "newest page of a charger": _newest_page,
    "a page further back": _later_page,
    "its last hour": _last_hour,
    "its first hour": _first_hour,
    "one message by id": _message_by_id,
    "one transaction with its readings": _transaction,
    "newest transactions of all": _newest_transactions,
}


async def waited(ask: Ask, organization: str, times: int) -> list[float]:
    """Return how long each of some askings took, in µs, on behalf of an organization."""
    waits = []
    with on_behalf_of(organization):
        for _ in range(times):
            begun = time.perf_counter()
            found = await ask()
            waits.append((time.perf_counter() - begun) * 1e6)
            assert found, "A question that finds nothing tells nothing."
    return waits

"""Transactions with their meter values, and the id maps towards targets."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import datetime
from operator import attrgetter
from typing import Any, NamedTuple

from storage.clock import EPOCH, MICROSECOND, Clock
from storage.database import Database, Row
from storage.group_commit import GroupCommit
from storage.records import ChargerKey, MeterValue, Transaction
from storage.repositories.hearing import Changed, nobody_listens
from storage.repositories.rows import columns, keyed, rows_of_each
from storage.room import NO_ROOM, Ahead
from storage.statements import transactions as statements

_FOREVER = datetime.fromisoformat("9999-12-31T23:59:59+00:00")
_SAMPLED = tuple(name for name in MeterValue._fields if name not in ("key", "transaction_id"))
_sampled = attrgetter(*_SAMPLED)
_NEWEST = {False: statements.transactions_before, True: statements.running_before}
_NEWEST_OF_CHARGER = {
    False: statements.transactions_of_charger_before,
    True: statements.running_of_charger_before,
}


class Wanted(NamedTuple):
    """Which transactions: those that began from ``since`` on and before ``until``."""

    state: str | None = None
    evse_id: int | None = None
    since: datetime = EPOCH
    until: datetime = _FOREVER


ALL = Wanted()


class Reading(NamedTuple):
    """What one message measured; ids grow."""

    id: int
    values: Sequence[MeterValue]


class Transactions:
    """Keep the ledger of charging transactions; no charger reaches another one's."""

    def __init__(self, database: Database, group: GroupCommit, clock: Clock) -> None:
        self._database = database
        self._group = group
        self._clock = clock
        self._room = NO_ROOM  # of readings
        self._ahead = Ahead(group)
        # Told whose have begun, ended or changed otherwise than by what is measured.
        self.changed: Changed = nobody_listens

    async def get(self, key: ChargerKey, transaction_id: str) -> Transaction | None:
        """Return one transaction of a charger."""
        values = {**key._asdict(), "transaction_id": transaction_id}
        return _one(await self._database.fetch(statements.transaction, values))

    async def find(self, organization_uuid: str, transaction_id: str) -> Transaction | None:
        """Return an organization's transaction, the newest where 2.0.1 chargers share an id."""
        values = {"organization_uuid": organization_uuid, "transaction_id": transaction_id}
        return _one(await self._database.fetch(statements.transaction_named, values))

    async def find_start(
        self,
        key: ChargerKey,
        evse_id: int,
        id_token: str | None,
        start_timestamp: str,
        meter_start_wh: float | None,
    ) -> Transaction | None:
        """Return the running transaction that began exactly so."""
        start = {
            "evse_id": evse_id,
            "id_token": id_token,
            "start_timestamp": start_timestamp,
            "meter_start_wh": meter_start_wh,
        }
        return _one(await self._database.fetch(statements.started_like, {**key._asdict(), **start}))

    async def running(self, key: ChargerKey) -> list[Transaction]:
        """Return what runs on a charger, oldest first."""
        rows = await self._database.fetch(statements.running_transactions, key._asdict())
        return [_transaction(row) for row in rows]

    async def running_of(
        self, organization_uuid: str, charge_box_ids: Sequence[str]
    ) -> dict[str, list[Transaction]]:
        """Return what runs on the chargers of one page, by charge_box_id, oldest first."""
        rows = await rows_of_each(
            self._database, statements.running_among, organization_uuid, charge_box_ids
        )
        return {name: [_transaction(row) for row in own] for name, own in rows.items()}

    async def meter_values(self, key: ChargerKey, transaction_id: str) -> list[MeterValue]:
        """Return what was measured within a transaction, in the order it was told."""
        rows = await self._database.fetch(statements.readings, self._within(key, transaction_id))
        return [
            _meter_value(key, transaction_id, sample) for row in rows for sample in row["samples"]
        ]

    async def readings(
        self, key: ChargerKey, transaction_id: str, limit: int, after: int = 0
    ) -> list[Reading]:
        """Return what the messages behind ``after`` measured, each of them whole."""
        page = {"after": after, "limit": limit}
        rows = await self._database.fetch(
            statements.readings_after, {**self._within(key, transaction_id), **page}
        )
        return [
            Reading(
                row["id"], [_meter_value(key, transaction_id, sample) for sample in row["samples"]]
            )
            for row in rows
        ]

    async def taken(self, organization_uuid: str, transaction_id: str) -> bool:
        """Tell whether an id names a transaction of this organization already."""
        values = {"organization_uuid": organization_uuid, "transaction_id": transaction_id}
        return bool(await self._database.fetch(statements.transaction_taken, values))

    def note_started(self, transaction: Transaction) -> asyncio.Future[None]:
        """Note a transaction; one of the same charger and id is left as it is.

        An orphan is not: it becomes what it was a part of.
        """
        self.changed(transaction.key)
        return self._group.submit(statements.add_transaction, columns(transaction))

    def note_orphan(self, orphan: Transaction) -> asyncio.Future[None]:
        """Note what was told of a transaction without a start, unless its id is there already."""
        return self._group.submit(statements.add_orphan, columns(orphan))

    def note_changed(self, transaction: Transaction) -> asyncio.Future[None]:
        """Note a transaction as it is now, unless its charger has ended it before."""
        self.changed(transaction.key)
        values = {**columns(transaction), **_this(transaction.key, transaction.transaction_id)}
        return self._group.submit(statements.change_transaction, values)

    def note_meter_values(
        self, values: Sequence[MeterValue], metered: Transaction | None = None
    ) -> asyncio.Future[None]:
        """Note what one message measured, and the transaction's energy if that told it."""
        first = values[0]
        if metered is not None:
            energy = {"meter_start_wh": metered.meter_start_wh, "energy_wh": metered.energy_wh}
            this = _this(metered.key, metered.transaction_id)
            self._group.submit(statements.note_progress, {**this, **energy})
        reading = {
            **first.key._asdict(),
            "transaction_id": first.transaction_id,
            "samples": [_sample(value) for value in values],
            "received_at": self._received(),
        }
        noted = self._group.submit(statements.add_reading, reading)
        noted.add_done_callback(self._heed)
        return noted

    async def list(
        self,
        organization_uuid: str,
        charge_box_id: str | None = None,
        limit: int = 100,
        before: Transaction | None = None,
        wanted: Wanted = ALL,
    ) -> list[Transaction]:
        """Return transactions, newest first, those that began before the given one."""
        values = {
            "organization_uuid": organization_uuid,
            **_upper_bound(before, wanted.until),
            "since": wanted.since,
            "only_evse_id": wanted.evse_id,
            "only_state": wanted.state,
            "limit": limit,
        }
        running = wanted.state == "running"
        if charge_box_id is None:
            rows = await self._database.fetch(_NEWEST[running], values)
        else:
            values["charge_box_id"] = charge_box_id
            rows = await self._database.fetch(_NEWEST_OF_CHARGER[running], values)
        return [_transaction(row) for row in rows]

    def _within(self, key: ChargerKey, transaction_id: str) -> Row:
        return {**key._asdict(), "transaction_id": transaction_id, "now": self._clock.now()}

    def _heed(self, noted: asyncio.Future[None]) -> None:
        # A week may have been dropped that the clock has come back to.
        if noted.cancelled() or noted.exception():
            self._ahead.doubt()

    def _received(self) -> datetime:
        """Return the present moment, for a reading that there is room for."""
        moment = self._clock.microseconds()
        room = self._room
        if not room.since <= moment < room.until or self._ahead.losses != self._group.losses:
            self._room = self._database.division.of_readings(moment)
            self._ahead.make(self._room)
        return EPOCH + moment * MICROSECOND


def _upper_bound(before: Transaction | None, until: datetime) -> Row:
    if before is not None and before.started_at < until:
        place = (before.started_at, before.key.charge_box_id, before.transaction_id)
    else:
        place = (until, "", "")
    names = ("before_started_at", "before_charge_box_id", "before_transaction_id")
    return dict(zip(names, place, strict=True))


def _this(key: ChargerKey, transaction_id: str) -> Row:
    return {
        "of_organization": key.organization_uuid,
        "of_charger": key.charge_box_id,
        "of_transaction": transaction_id,
    }


def _transaction(row: Row) -> Transaction:
    values = keyed(row)
    if values["energy_wh"] is not None:
        # The difference of two registers has no more digits than a meter has.
        values["energy_wh"] = round(values["energy_wh"], 3)
    values["doubts"] = tuple(values["doubts"])
    return Transaction(**values)


def _one(rows: Sequence[Row]) -> Transaction | None:
    return _transaction(rows[0]) if rows else None


def _sample(value: MeterValue) -> dict[str, Any]:
    return dict(zip(_SAMPLED, _sampled(value), strict=True))


def _meter_value(key: ChargerKey, transaction_id: str, sample: dict[str, Any]) -> MeterValue:
    taken_at = datetime.fromisoformat(sample["taken_at"])
    return MeterValue(key=key, transaction_id=transaction_id, **{**sample, "taken_at": taken_at})

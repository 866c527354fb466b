"""Transactions with their meter values, and the id maps towards targets."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import datetime
from operator import attrgetter
from typing import Any

from storage.database import Database, Row
from storage.group_commit import GroupCommit
from storage.records import ChargerKey, MeterValue, Transaction
from storage.repositories.rows import columns, keyed, rows_of_page
from storage.statements import transactions as statements

_FOREVER = datetime.fromisoformat("9999-12-31T23:59:59+00:00")
_SAMPLED = tuple(name for name in MeterValue._fields if name not in ("key", "transaction_id"))
_sampled = attrgetter(*_SAMPLED)


class Transactions:
    """Keep the ledger of charging transactions; no charger reaches another one's."""

    def __init__(self, database: Database, group: GroupCommit) -> None:
        self._database = database
        self._group = group

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
        rows = await rows_of_page(
            self._database, statements.running_between, organization_uuid, charge_box_ids
        )
        return {name: [_transaction(row) for row in own] for name, own in rows.items()}

    async def meter_values(self, key: ChargerKey, transaction_id: str) -> list[MeterValue]:
        """Return what was measured within a transaction, in the order it was told."""
        values = {**key._asdict(), "transaction_id": transaction_id}
        rows = await self._database.fetch(statements.readings, values)
        return [
            _meter_value(key, transaction_id, sample) for row in rows for sample in row["samples"]
        ]

    async def taken(self, organization_uuid: str, transaction_id: str) -> bool:
        """Tell whether an id names a transaction of this organization already."""
        values = {"organization_uuid": organization_uuid, "transaction_id": transaction_id}
        return bool(await self._database.fetch(statements.transaction_taken, values))

    def note_started(self, transaction: Transaction) -> asyncio.Future[None]:
        """Note a transaction; one of the same charger and id is left as it is."""
        return self._group.submit(statements.add_transaction, columns(transaction))

    def note_particulars(self, transaction: Transaction) -> asyncio.Future[None]:
        """Note what a running transaction did not tell at its start; what it told stays.

        EVSE 0 counts as not told.
        """
        particulars = {
            "claimed_evse_id": transaction.evse_id,
            "claimed_connector_id": transaction.connector_id,
            "claimed_id_token": transaction.id_token,
            "claimed_remote_start_id": transaction.remote_start_id,
        }
        values = {**_this(transaction.key, transaction.transaction_id), **particulars}
        return self._group.submit(statements.note_particulars, values)

    def note_ended(
        self,
        key: ChargerKey,
        transaction_id: str,
        *,
        stopped_at: datetime,
        meter_stop_wh: float | None,
        stop_reason: str | None,
    ) -> asyncio.Future[None]:
        """Note the end of a running transaction of this charger, with the energy between."""
        end = {"stopped_at": stopped_at, "meter": meter_stop_wh, "stop_reason": stop_reason}
        return self._group.submit(statements.end_transaction, {**_this(key, transaction_id), **end})

    def note_meter_values(
        self, values: Sequence[MeterValue], register_wh: float | None = None
    ) -> asyncio.Future[None]:
        """Note what one message measured, and the energy register if it told that."""
        first = values[0]
        if register_wh is not None:
            progress = {**_this(first.key, first.transaction_id), "meter": register_wh}
            self._group.submit(statements.note_progress, progress)
        reading = {
            **first.key._asdict(),
            "transaction_id": first.transaction_id,
            "samples": [_sample(value) for value in values],
        }
        return self._group.submit(statements.add_reading, reading)

    async def list(
        self,
        organization_uuid: str,
        charge_box_id: str | None = None,
        limit: int = 100,
        before: Transaction | None = None,
    ) -> list[Transaction]:
        """Return transactions, newest first, those that began before the given one."""
        values = {
            "organization_uuid": organization_uuid,
            "before_started_at": before.started_at if before else _FOREVER,
            "before_charge_box_id": before.key.charge_box_id if before else "",
            "before_transaction_id": before.transaction_id if before else "",
            "limit": limit,
        }
        if charge_box_id is None:
            rows = await self._database.fetch(statements.transactions_before, values)
        else:
            values["charge_box_id"] = charge_box_id
            rows = await self._database.fetch(statements.transactions_of_charger_before, values)
        return [_transaction(row) for row in rows]


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
    return Transaction(**values)


def _one(rows: Sequence[Row]) -> Transaction | None:
    return _transaction(rows[0]) if rows else None


def _sample(value: MeterValue) -> dict[str, Any]:
    return dict(zip(_SAMPLED, _sampled(value), strict=True))


def _meter_value(key: ChargerKey, transaction_id: str, sample: dict[str, Any]) -> MeterValue:
    taken_at = datetime.fromisoformat(sample["taken_at"])
    return MeterValue(key=key, transaction_id=transaction_id, **{**sample, "taken_at": taken_at})

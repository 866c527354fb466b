"""The ledger's records: found as last noted, though no read shows what is not committed yet."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import structlog

from csms.noted import Noted
from storage.records import ChargerKey, MeterValue, Transaction
from storage.repositories.transactions import Transactions

log = structlog.get_logger("ringmain.transactions")


class TransactionRecords:
    """Find and note transactions; nothing that is noted is waited for."""

    def __init__(self, transactions: Transactions, max_known: int) -> None:
        self._transactions = transactions
        self._noted = Noted(max_known)

    async def find(self, key: ChargerKey, transaction_id: str) -> Transaction | None:
        """Return a transaction of a charger; raise StorageError."""
        known = self._noted.get(key, transaction_id)
        if known is not None:
            return known
        stored = await self._transactions.get(key, transaction_id)
        known = self._noted.get(key, transaction_id)  # noted while we read?
        if known is None and stored is not None:
            self._noted.remember(stored)
        return known or stored

    async def running(self, key: ChargerKey) -> list[Transaction]:
        """Return what runs on a charger, oldest first; raise StorageError."""
        fresh = self._noted.fresh(key)
        stored = await self._transactions.running(key)
        found = {one.transaction_id: one for one in (*fresh, *stored)}
        running = [one for one in map(self.latest, found.values()) if one.state == "running"]
        return sorted(running, key=lambda one: one.started_at)

    async def started_like(self, start: Transaction) -> Transaction | None:
        """Return what runs and began exactly so, by R-3; raise StorageError."""
        for fresh in self._noted.fresh(start.key):
            if fresh.state == "running" and _natural_key(fresh) == _natural_key(start):
                return fresh
        stored = await self._transactions.find_start(*_natural_key(start))
        latest = stored and self.latest(stored)
        return latest if latest and latest.state == "running" else None

    async def mint(self, organization_uuid: str, new_id: Callable[[], int]) -> str:
        """Return an id that no transaction of the organization has; raise StorageError."""
        while True:
            minted = str(new_id())
            # In this order: what is committed between both questions is seen by the second.
            if self._noted.promised(organization_uuid, minted):
                continue
            if not await self._transactions.taken(organization_uuid, minted):
                return minted

    def latest(self, known: Transaction) -> Transaction:
        """Return a transaction that was found as it is now."""
        return self._noted.get(known.key, known.transaction_id) or known

    def begin(self, begun: Transaction) -> Transaction:
        """Note a transaction that begins, and return it."""
        self._noted.keep(begun, self._transactions.note_started(begun))
        return begun

    def adopt(self, orphan: Transaction) -> Transaction:
        """Note a transaction whose start we never had, and return it."""
        log.warning(
            "unknown_transaction",
            charge_box_id=orphan.key.charge_box_id,
            transaction_id=orphan.transaction_id,
        )
        self._noted.keep(orphan, self._transactions.note_orphan(orphan))
        return orphan

    def change(self, latest: Transaction) -> None:
        """Note a transaction as it is now."""
        self._noted.keep(latest, self._transactions.note_changed(latest))

    def measure(self, values: Sequence[MeterValue], latest: Transaction, *, counted: bool) -> None:
        """Note what was measured, and the transaction's energy where it was ``counted``."""
        told = self._transactions.note_meter_values(values, latest if counted else None)
        if counted:
            self._noted.keep(latest, told)


def _natural_key(
    start: Transaction,
) -> tuple[ChargerKey, int, str | None, str, float | None]:
    return (
        start.key,
        start.evse_id,
        start.id_token,
        start.start_timestamp,
        start.meter_start_wh,
    )

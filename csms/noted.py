"""Transactions as last noted: what is not committed yet is shown by no read."""

from __future__ import annotations

from asyncio import Future
from functools import partial

from storage.records import ChargerKey, Transaction


class Noted:
    """Keep in mind what is on its way to the disk, and the latest of what has got there."""

    def __init__(self, max_settled: int) -> None:
        self._max_settled = max_settled
        self._fresh: dict[ChargerKey, dict[str, Transaction]] = {}  # noted, not yet committed
        self._settled: dict[tuple[ChargerKey, str], Transaction] = {}  # as they are on disk

    def get(self, key: ChargerKey, transaction_id: str) -> Transaction | None:
        """Return a transaction as last noted, None where that was too long ago."""
        fresh = self._fresh.get(key)
        known = fresh.get(transaction_id) if fresh else None
        return known or self._settled.get((key, transaction_id))

    def fresh(self, key: ChargerKey) -> list[Transaction]:
        """Return those of a charger that a read may not show as they are."""
        return list(self._fresh.get(key, {}).values())

    def promised(self, organization_uuid: str, transaction_id: str) -> bool:
        """Tell whether an id names a transaction of this organization that is not yet on disk."""
        return any(
            transaction_id in fresh
            for key, fresh in self._fresh.items()
            if key.organization_uuid == organization_uuid
        )

    def keep(self, latest: Transaction, noted: Future[None]) -> None:
        """Keep a transaction in mind that is being noted."""
        self._fresh.setdefault(latest.key, {})[latest.transaction_id] = latest
        self._settled.pop((latest.key, latest.transaction_id), None)
        noted.add_done_callback(partial(self._settle, latest))

    def remember(self, stored: Transaction) -> None:
        """Keep a transaction in mind that was read."""
        self._settled[stored.key, stored.transaction_id] = stored
        if len(self._settled) > self._max_settled:
            del self._settled[next(iter(self._settled))]

    def _settle(self, latest: Transaction, noted: Future[None]) -> None:
        fresh = self._fresh.get(latest.key, {})
        if fresh.get(latest.transaction_id) is not latest:
            return
        del fresh[latest.transaction_id]
        if not fresh:
            del self._fresh[latest.key]
        # What could not be stored was not answered either: the charger will send it again.
        if not noted.cancelled() and noted.exception() is None:
            self.remember(latest)

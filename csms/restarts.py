"""What chargers ran when they restarted: in question until they say more of it."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from storage.records import ChargerKey, Transaction


class Restarts:
    """Remember, for the chargers that last restarted, what each of them may have lost."""

    def __init__(self, max_chargers: int) -> None:
        self._max_chargers = max_chargers
        self._suspects: dict[ChargerKey, tuple[datetime, list[Transaction]]] = {}

    def begin(self, key: ChargerKey, at: datetime, running: list[Transaction]) -> None:
        """Note what ran on a charger when it restarted."""
        self._suspects.pop(key, None)
        if running:
            self._suspects[key] = (at, running)
        if len(self._suspects) > self._max_chargers:
            del self._suspects[next(iter(self._suspects))]

    def take(
        self, key: ChargerKey, evse_id: int, connector_id: int
    ) -> Iterable[tuple[datetime, Transaction]]:
        """Return what is in question on a connector, with the restart's moment, and forget it."""
        if key not in self._suspects:
            return []
        at, suspects = self._suspects[key]
        here = (connector_id, None)
        taken = [one for one in suspects if one.evse_id == evse_id and one.connector_id in here]
        self._leave(key, at, [one for one in suspects if one not in taken])
        return [(at, one) for one in taken]

    def clear(self, known: Transaction, told_at: datetime) -> None:
        """Forget a transaction that was told of since the restart: it goes on."""
        if known.key not in self._suspects:
            return
        at, suspects = self._suspects[known.key]
        if told_at > at:
            left = [one for one in suspects if one.transaction_id != known.transaction_id]
            self._leave(known.key, at, left)

    def _leave(self, key: ChargerKey, at: datetime, suspects: list[Transaction]) -> None:
        if suspects:
            self._suspects[key] = (at, suspects)
        else:
            del self._suspects[key]

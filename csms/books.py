"""Where stations look up and write down, and who else hears what chargers tell."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeAlias

from csms.transactions import TransactionLedger, random_transaction_id
from storage.clock import Clock
from storage.records import ChargerKey
from storage.repositories.chargers import Chargers
from storage.repositories.charging_profiles import ChargingProfiles
from storage.repositories.id_tokens import IdTokens

if TYPE_CHECKING:
    from csms.frames import Call, Send
    from storage.store import Storage

# Notes what a charger told, without waiting and without raising.
Hear: TypeAlias = "Callable[[ChargerKey, Call | Send], None]"


@dataclass(frozen=True, slots=True)
class Books:
    """What stations work with; ``heartbeat_interval`` is in s, ``hearing`` is by action."""

    chargers: Chargers
    transactions: TransactionLedger
    id_tokens: IdTokens
    clock: Clock
    profiles: ChargingProfiles
    hearing: Mapping[str, Sequence[Hear]] = field(default_factory=dict)
    heartbeat_interval: int = 300


def open_books(
    storage: Storage,
    clock: Clock,
    new_transaction_id: Callable[[], int] = random_transaction_id,
) -> Books:
    """Return the books that are kept in a storage."""
    return Books(
        chargers=storage.chargers,
        transactions=TransactionLedger(storage.transactions, clock, new_transaction_id),
        id_tokens=storage.id_tokens,
        clock=clock,
        profiles=storage.charging_profiles,
    )

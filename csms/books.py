"""Where stations look up and write down, and who else hears what chargers tell."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeAlias

from csms import late_parts, reservations, station_limits
from csms.authorization import Authorization
from csms.certificates import Take, take_none
from csms.transactions import TransactionLedger, nobody_minds, random_transaction_id
from storage.clock import Clock
from storage.records import ChargerKey
from storage.repositories.availability import AvailabilityWishes, DeferredResets
from storage.repositories.chargers import Chargers
from storage.repositories.charging_profiles import ChargingProfiles
from storage.repositories.commands import Commands
from storage.repositories.id_tokens import IdTokens
from storage.repositories.local_lists import LocalLists
from storage.repositories.password_rotations import PasswordRotations
from storage.repositories.remote_starts import RemoteStarts
from storage.repositories.reservations import Reservations
from storage.repositories.visits import Visits

if TYPE_CHECKING:
    from csms.frames import Call, Send
    from storage.store import Storage

# Notes what a charger told, without waiting and without raising.
Hear: TypeAlias = "Callable[[ChargerKey, Call | Send], None]"


@dataclass(frozen=True, slots=True)
class Books:
    """What stations work with; ``hearing`` is by action.

    ``heartbeat_interval`` is in s, and so is ``pending_interval``: after it, who is held back boots
    again. So is ``settling``: what a charger is given to say before we act on what it has said.
    """

    chargers: Chargers
    transactions: TransactionLedger
    id_tokens: IdTokens
    authorization: Authorization
    clock: Clock
    profiles: ChargingProfiles
    availability: AvailabilityWishes
    deferred_resets: DeferredResets
    remote_starts: RemoteStarts
    commands: Commands
    reservations: Reservations
    local_lists: LocalLists
    rotations: PasswordRotations
    visits: Visits
    hearing: Mapping[str, Sequence[Hear]] = field(default_factory=dict)
    # What a charger wants to have signed.
    take_request: Take = take_none
    heartbeat_interval: int = 300
    pending_interval: int = 60
    settling: float = 2.0


def open_books(
    storage: Storage,
    clock: Clock,
    new_transaction_id: Callable[[], int] = random_transaction_id,
    settling: float = 2.0,
    hearing: Mapping[str, Hear] | None = None,
    take_request: Take = take_none,
    unknown: Callable[[ChargerKey, str], None] = nobody_minds,
) -> Books:
    """Return the books that are kept in a storage; ``hearing`` is who else hears what.

    ``unknown`` is told of transactions that a charger names and that are not its own.
    """
    return Books(
        chargers=storage.chargers,
        transactions=TransactionLedger(
            storage.transactions,
            storage.remote_starts,
            clock,
            new_transaction_id,
            unknown=unknown,
        ),
        id_tokens=storage.id_tokens,
        authorization=Authorization(storage.known_tokens, storage.id_tokens, clock),
        clock=clock,
        profiles=storage.charging_profiles,
        availability=storage.availability,
        deferred_resets=storage.deferred_resets,
        remote_starts=storage.remote_starts,
        commands=storage.commands,
        reservations=storage.reservations,
        local_lists=storage.local_lists,
        rotations=storage.password_rotations,
        visits=storage.visits,
        hearing=_by_action(
            late_parts.hearing(storage.commands, clock),
            reservations.hearing(storage.reservations, clock),
            station_limits.hearing(storage.station_limits, clock),
            hearing or {},
        ),
        take_request=take_request,
        settling=settling,
    )


def _by_action(*heard: Mapping[str, Hear]) -> Mapping[str, Sequence[Hear]]:
    actions = {action for one in heard for action in one}
    return {action: [one[action] for one in heard if action in one] for action in actions}

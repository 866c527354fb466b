"""What the platform can ask of a charger, in words no OCPP version owns.

Commands are frozen data, so the same object can be recorded, compared or cross to another
process. The stations translate them (`station16.py`, `station201.py`).
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal, TypeAlias

TokenType: TypeAlias = Literal["RFID", "APP_USER", "AD_HOC_USER", "OTHER"]
Condition: TypeAlias = Literal["whenNoCloudConnection", "whenSessionNotAuthorized"]
LimitKind: TypeAlias = Literal["acMaxPowerA", "acMaxPowerKw", "dcMaxPowerKw"]


@dataclass(frozen=True, slots=True)
class RemoteStart:
    """Start a transaction on one EVSE, or on any where ``evse_id`` is None.

    ``remote_start_id`` is ours and comes back in the 2.0.1 TransactionEvent (F01.FR.25).
    ``profile`` is a TxProfile in the words of 2.0.1, without a transaction, and ``meta`` is kept
    with it. The ``details`` are attached to the session that comes of it.
    """

    evse_id: int | None
    id_token: str
    id_token_type: TokenType = "RFID"  # noqa: S105 - the kind of token, not the token
    remote_start_id: int = 0
    contract_id: str | None = None
    profile: Mapping[str, Any] | None = None
    meta: Mapping[str, Any] = field(default_factory=dict)
    details: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class RemoteStop:
    """Stop a running transaction."""

    transaction_id: str


@dataclass(frozen=True, slots=True)
class Reset:
    """Restart the charger, or one EVSE of 2.x; ``hard`` may lose queued messages on 1.6.

    ``command_id`` names the record that ends when a reset which has to wait has gone out.
    """

    kind: Literal["Immediate", "OnIdle"] = "Immediate"
    hard: bool = False
    evse_id: int | None = None
    command_id: str | None = None


@dataclass(frozen=True, slots=True)
class ChangeAvailability:
    """Make an EVSE operative or not, or the whole station where ``evse_id`` is 0.

    The ``reason`` is kept with it; OCPP has no field for one. Connector 0 is the whole EVSE.
    """

    evse_id: int
    type: Literal["Operative", "Inoperative"]
    reason: str | None = None
    connector_id: int = 0


@dataclass(frozen=True, slots=True)
class UnlockConnector:
    """Unlock the cable of a connector; on 1.6 the EVSE is the connector."""

    evse_id: int
    connector_id: int = 1


@dataclass(frozen=True, slots=True)
class SetPowerLimit:
    """Limit the power of one EVSE, of the whole station where ``evse_id`` is 0.

    ``value`` is in kW, or in A per phase where ``kind`` says so. ``stack_level`` orders the
    platform's own limits, each of which has its ``profile_id``; None is the one of the scope and
    its options. ``delay`` is in s after the start of charging. With a ``transaction_id`` it is the
    limit of that transaction alone.
    """

    evse_id: int
    kind: LimitKind
    value: float
    profile_id: int | None = None
    stack_level: int | None = None
    meta: Mapping[str, Any] = field(default_factory=dict)
    condition: Condition | None = None
    delay: int | None = None
    transaction_id: str | None = None


@dataclass(frozen=True, slots=True)
class ClearPowerLimit:
    """Lift every power limit of one EVSE, of the whole station where ``evse_id`` is 0.

    With a ``transaction_id`` those of that transaction alone.
    """

    evse_id: int
    transaction_id: str | None = None


@dataclass(frozen=True, slots=True)
class PutProfile:
    """Have a charging profile of the operator, in the words of 2.0.1, hold on an EVSE.

    EVSE 0 is the station. What lies on the charger is made of all that is wanted of it. What is
    wrong is named in the words of the version that it was ``said_in``.
    """

    evse_id: int
    profile: Mapping[str, Any]
    meta: Mapping[str, Any] = field(default_factory=dict)
    said_in: str = field(default="2.0.1", compare=False)


@dataclass(frozen=True, slots=True)
class RemoveProfiles:
    """Take back profiles of the operator: the one of an id, or all that match.

    What is wrong is named in the words of the version that it was ``said_in``.
    """

    profile_id: int | None = None
    evse_id: int | None = None
    purpose: str | None = None
    stack_level: int | None = None
    said_in: str = field(default="2.0.1", compare=False)


@dataclass(frozen=True, slots=True)
class GetCompositeSchedule:
    """Ask for the schedule that the charger reckons with; ``duration`` in s, EVSE 0 the grid."""

    evse_id: int
    duration: int
    unit: Literal["A", "W"] | None = None


@dataclass(frozen=True, slots=True)
class Reserve:
    """Keep an EVSE for a token until a moment; any EVSE of the charger where it is None."""

    reservation_id: int
    evse_id: int | None
    id_token: str
    expires_at: datetime
    id_token_type: TokenType = "RFID"  # noqa: S105 - the kind of token, not the token
    group_id_token: str | None = None
    connector_type: str | None = None


@dataclass(frozen=True, slots=True)
class CancelReservation:
    """Keep nothing for a reservation any more."""

    reservation_id: int


@dataclass(frozen=True, slots=True)
class PutLocalList:
    """Give the charger this list of tokens in place of what it has."""

    entries: Sequence[Mapping[str, Any]]


@dataclass(frozen=True, slots=True)
class ChangeLocalList:
    """Add or replace tokens in the charger's own list, and take others out."""

    put: Sequence[Mapping[str, Any]] = ()
    removed: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class GetLocalListVersion:
    """Ask which version of the list of tokens the charger has; 0 is none."""


@dataclass(frozen=True, slots=True)
class RotatePassword:
    """Give the charger this password for its link to us; the rotation has the command's id."""

    password: bytes = field(repr=False)
    rotation_id: str
    requested_by: str


@dataclass(frozen=True, slots=True)
class RaiseProfile:
    """Send a request that makes the charger come in with this security profile."""

    profile: int
    action: str
    fields: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Ask:
    """Send an action of the charger's OCPP version as it stands."""

    action: str
    fields: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class SetChargingProfile:
    """Put a charging profile, in the words of 2.0.1, on one EVSE (0: the station)."""

    evse_id: int
    profile: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class ClearChargingProfile:
    """Take a charging profile off the charger."""

    profile_id: int


Command: TypeAlias = (
    RemoteStart
    | RemoteStop
    | Reset
    | ChangeAvailability
    | UnlockConnector
    | SetPowerLimit
    | ClearPowerLimit
    | PutProfile
    | RemoveProfiles
    | GetCompositeSchedule
    | Reserve
    | CancelReservation
    | PutLocalList
    | ChangeLocalList
    | GetLocalListVersion
    | RotatePassword
    | RaiseProfile
    | Ask
    | SetChargingProfile
    | ClearChargingProfile
)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What the charger answered: its status word and its whole payload as sent.

    Where it is ``pending`` the charger has yet to be asked, and the record ends later.
    """

    status: str
    response: Mapping[str, Any] = field(default_factory=dict)
    status_info: Mapping[str, Any] | None = None
    pending: bool = False


# What lets a station carry out a command, by its type; performers take the station and the command.
Performers: TypeAlias = Mapping[type[Command], Callable[[Any, Any], Awaitable[Outcome]]]

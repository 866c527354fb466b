"""What the platform can ask of a charger, in words no OCPP version owns.

Commands are frozen data, so the same object can be recorded, compared or cross to another
process. The stations translate them (`station16.py`, `station201.py`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias

TokenType: TypeAlias = Literal["RFID", "APP_USER", "AD_HOC_USER", "OTHER"]
LimitKind: TypeAlias = Literal["acMaxPowerA", "acMaxPowerKw", "dcMaxPowerKw"]


@dataclass(frozen=True, slots=True)
class RemoteStart:
    """Start a transaction on one EVSE, or on any where ``evse_id`` is None.

    ``remote_start_id`` is ours and comes back in the 2.0.1 TransactionEvent (F01.FR.25).
    """

    evse_id: int | None
    id_token: str
    id_token_type: TokenType = "RFID"  # noqa: S105 - the kind of token, not the token
    remote_start_id: int = 0
    contract_id: str | None = None


@dataclass(frozen=True, slots=True)
class RemoteStop:
    """Stop a running transaction."""

    transaction_id: str


@dataclass(frozen=True, slots=True)
class Reset:
    """Restart the charger; ``hard`` may lose queued messages on 1.6."""

    kind: Literal["Immediate", "OnIdle"] = "Immediate"
    hard: bool = False


@dataclass(frozen=True, slots=True)
class SetPowerLimit:
    """Limit the power of one EVSE, of the whole station where ``evse_id`` is 0.

    ``value`` is in kW, or in A per phase where ``kind`` says so. ``stack_level`` orders the
    platform's own limits, each of which has its ``profile_id``; None is the one of the EVSE.
    """

    evse_id: int
    kind: LimitKind
    value: float
    profile_id: int | None = None
    stack_level: int = 0
    meta: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ClearPowerLimit:
    """Lift every power limit of one EVSE, of the whole station where ``evse_id`` is 0."""

    evse_id: int


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
    | SetPowerLimit
    | ClearPowerLimit
    | SetChargingProfile
    | ClearChargingProfile
)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What the charger answered: its status word and its whole payload as sent."""

    status: str
    response: Mapping[str, Any] = field(default_factory=dict)
    status_info: Mapping[str, Any] | None = None

"""
Say what is remembered of what operators ask of chargers: frozen records like `storage.records`.

All moments are aware and in UTC.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

from storage.records import ChargerKey


@dataclass(frozen=True, slots=True, kw_only=True)
class CommandPart:
    """A message that a charger sent after its answer to a command, as it was on the wire."""

    id: int
    command_id: str
    action: str
    payload: bytes
    received_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class CommandBatch:
    """One action asked of many chargers, by charge_box_id; each has a command of its own."""

    batch_id: str
    organization_uuid: str
    action: str
    request: Mapping[str, Any]
    stations: Sequence[str]
    requested_by: str
    created_at: datetime
    finished_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class AskedStart:
    """A start that was asked for, with all that came along; bound to the session it led to."""

    key: ChargerKey
    remote_start_id: int
    evse_id: int | None
    id_token: str
    # The body of the request but for the token and the profile, in camelCase (seed 002).
    details: Mapping[str, Any]
    created_at: datetime
    transaction_id: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownToken:
    """A token that an organization knows, and whether it may charge."""

    organization_uuid: str
    id_token: str
    type: str = "Central"
    status: Literal["Accepted", "Blocked"] = "Accepted"
    group_id_token: str | None = None
    comment: str | None = None
    expires_at: datetime | None = None
    created_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Reservation:
    """An EVSE kept for a token until a moment; EVSE None is any of the charger."""

    key: ChargerKey
    reservation_id: int
    evse_id: int | None
    id_token: str
    id_token_type: str
    expires_at: datetime
    state: str
    created_at: datetime
    updated_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class LocalList:
    """The list of tokens that a charger has for itself, as we have last put it there."""

    key: ChargerKey
    version: int
    entries: Sequence[Mapping[str, Any]]
    updated_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """A firmware update or a log; the command of this id tells how it goes.

    A file comes by a URL whose secret has the ``upload_digest``, once and until ``expires_at``.
    """

    job_id: str
    key: ChargerKey
    kind: Literal["firmware", "log"]
    upload_digest: bytes | None = field(default=None, repr=False)
    file_name: str | None = None
    file_size: int | None = None
    file_sha256: str | None = None
    created_at: datetime
    expires_at: datetime | None = None
    uploaded_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class StationLimit:
    """What limits a charger from outside, as it has told us; EVSE 0 is the whole station."""

    key: ChargerKey
    evse_id: int
    source: str
    # The NotifyChargingLimit's payload.
    payload: Mapping[str, Any]
    updated_at: datetime

"""Say what is remembered of commissioning: sites, connection details, and what is installed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

from storage.records import ChargerKey

ConnectivityMode = Literal["OcppOff", "DualProtocol"]
# halted: the canaries before it failed. superseded: somebody has applied something else since.
StepState = Literal["pending", "applied", "unchanged", "failed", "halted", "superseded", "gone"]
RolloutState = Literal["running", "done", "halted", "superseded"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Site:
    """A place with chargers; which ones are its is said of each charger."""

    site_id: str
    organization_uuid: str
    name: str
    created_at: datetime
    updated_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class ConnectionDetails:
    """How chargers connect to an operator's own server: a version, which never changes.

    ``number`` is 0 until storage has assigned one; later versions have greater ones.
    """

    number: int = 0
    version: str
    organization_uuid: str
    # Of one charger, seen already or not; None is the operator's for all.
    serial_number: str | None = None
    charge_point_id: str | None = None
    connectivity_mode: ConnectivityMode
    url: str | None = None
    ca_certificate: str | None = None
    ca_certificate_domain: str | None = None
    # Clear in memory, sealed in the database.
    basic_auth_password: str | None = field(default=None, repr=False)
    apply_to_new_devices: bool = False
    created_by: str
    created_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Installation:
    """Which version a charger is to have, and which one it has; None is none of ours.

    Whoever applies something claims the charger: a rollout by its id, else by an id of its own.
    """

    key: ChargerKey
    wanted_version: str | None
    applied_version: str | None = None
    # As which the charger is known at the operator's server.
    charge_point_id: str | None = None
    state: StepState = "pending"
    error: str | None = None
    claim: str
    # The id of a key, or AUTOMATIC.
    requested_by: str
    requested_at: datetime
    applied_at: datetime | None = None


AUTOMATIC = "automatic"


@dataclass(frozen=True, slots=True, kw_only=True)
class Rollout:
    """A version applied to all chargers of a site, or such a rollout taken back.

    ``canary_chargers`` go first, and have ``canary_seconds`` to be linked.
    """

    number: int = 0
    rollout_id: str
    organization_uuid: str
    site_id: str
    version: str | None = None
    takes_back: str | None = None
    canary_chargers: int | None = None
    canary_seconds: int | None = None
    state: RolloutState = "running"
    error: str | None = None
    requested_by: str
    created_at: datetime
    finished_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RolloutStep:
    """What becomes of one charger in a rollout; ``before`` is what to go back to."""

    rollout_id: str
    place: int
    key: ChargerKey
    state: StepState = "pending"
    error: str | None = None
    # Holds passwords: sealed in the database.
    before: Mapping[str, Any] | None = field(default=None, repr=False)
    finished_at: datetime | None = None

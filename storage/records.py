"""
Say what is remembered: frozen records and none of their behaviour.

All moments are aware and in UTC, energies in Wh. Secrets are left out of every repr.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal, NamedTuple

from msgspec import Struct

Scope = Literal["read", "operate", "admin"]
Authorization = Literal["accept_all", "known", "reject"]
Direction = Literal[
    "charger_to_platform", "platform_to_charger", "platform_to_target", "target_to_platform"
]
AuditCategory = Literal["api", "target", "platform", "security"]
MessageType = Literal["Call", "CallResult", "CallError", "CallResultError", "Send", "Unreadable"]


class ChargerKey(NamedTuple):
    """Who a charger is: unique everywhere."""

    organization_uuid: str
    charge_box_id: str


class Keep(NamedTuple):
    """For how many days what is kept; None where nothing is said of it."""

    messages: int | None = None
    meter_values: int | None = None
    commands: int | None = None
    audit: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Organization:
    """A tenant: the operator of chargers."""

    organization_uuid: str
    name: str
    # Whose tokens may charge where no target decides.
    authorization: Authorization = "accept_all"
    created_at: datetime
    # For how many days it keeps what; None is as long as the server's default.
    keep_messages: int | None = None
    keep_meter_values: int | None = None
    keep_commands: int | None = None
    keep_audit: int | None = None
    # What the clock said, as far as it was believed, when the old was last removed.
    swept_at: datetime | None = None

    @property
    def retention(self) -> Keep:
        """Return for how long it keeps what, where it has said so."""
        return Keep(self.keep_messages, self.keep_meter_values, self.keep_commands, self.keep_audit)


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiKey:
    """What is known of an API key once it has been handed out: all but the key."""

    key_id: str
    organization_uuid: str
    scope: Scope
    created_at: datetime
    expires_at: datetime | None = None
    revoked_at: datetime | None = None
    last_used_at: datetime | None = None
    # What it is for, in its owner's words.
    name: str | None = None

    def valid_at(self, moment: datetime) -> bool:
        """Tell whether it lets anybody in then."""
        return self.revoked_at is None and (self.expires_at is None or moment < self.expires_at)


@dataclass(frozen=True, slots=True, kw_only=True)
class Charger:
    """An enrolled charger; vendor, model and serial number are claims, never credentials."""

    key: ChargerKey
    charger_name: str
    vendor_name: str | None = None
    model_name: str | None = None
    serial_number: str | None = None
    firmware_version: str | None = None
    ocpp_version: str | None = None
    security_profile: int = 1
    # Subprotocols; empty allows every one that we speak.
    allowed_versions: tuple[str, ...] = ()
    password_digest: bytes = field(repr=False)
    # Whether its boots are accepted or held in Pending.
    boot_policy: Literal["accept", "pending"] = "accept"
    # Of its mains, where it cannot tell by itself; V between a phase and neutral.
    supply_phases: int | None = None
    nominal_voltage: float | None = None
    # The last BootNotification's payload, as received.
    boot_payload: bytes | None = None
    last_seen: datetime | None = None
    last_disconnect: datetime | None = None
    # How the last link ended: its close code and reason.
    last_close_code: int | None = None
    last_close_reason: str | None = None
    created_at: datetime
    site_id: str | None = None
    # Where it last came in from, as an address.
    last_address: str | None = None
    # What its client certificate is issued to (CN); None is its charge_box_id.
    certificate_name: str | None = None
    # Which profile it was told to change to and may use from now on.
    next_security_profile: int | None = None
    # Whether it may present its password as the hex digits that it was sent.
    hex_password: bool = False

    @property
    def entrance(self) -> tuple[object, ...]:
        """Return what it comes in by, which no other of its name has, before it or after it."""
        return self.created_at, self.security_profile, self.password_digest


class ConnectorStatus(NamedTuple):
    """The latest status of one connector, made often; EVSE 0 is the station itself."""

    key: ChargerKey
    evse_id: int
    connector_id: int
    status: str
    # The StatusNotification's payload, as received.
    payload: bytes
    updated_at: datetime
    error_code: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ProxyConfiguration:
    """Where a charger is proxied to; `id` is 0 until storage has assigned one."""

    id: int = 0
    key: ChargerKey
    target_platform_identifier: str
    target_websocket_url: str
    target_authentication_method: str
    target_auth_basic_username: str | None = None
    # Clear in memory, sealed in the database.
    target_auth_basic_password: str | None = field(default=None, repr=False)
    target_auth_client_cert_id: str | None = None
    target_charge_box_id: str | None = None
    target_ca_certificate: str | None = None
    # The name that its certificate has to bear; None is the host of the URL.
    target_ca_certificate_domain: str | None = None
    enabled: bool = True
    mode: str = "hybrid"
    role: str = "control"
    policy: Mapping[str, Any] = field(default_factory=dict)
    created_at: datetime
    updated_at: datetime
    # Whether the target itself has set the password since it was configured.
    password_from_target: bool = False

    @property
    def leads_to(self) -> str:
        """Return which target it is: where, and as whom."""
        name = self.target_charge_box_id or self.key.charge_box_id
        return f"{self.target_websocket_url} {name}"


@dataclass(frozen=True, slots=True)
class Cursor:
    """How far a target has got in the journal; `booted_at` is when it last accepted our Boot.

    ``target`` is which target that is, None where it was never said.
    """

    proxy_configuration_id: int
    position: int
    booted_at: datetime | None = None
    target: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Transaction:
    """One charging transaction of either OCPP version.

    An orphan is what was told of a transaction whose start we never had.
    """

    key: ChargerKey
    transaction_id: str
    evse_id: int
    connector_id: int | None = None
    id_token: str | None = None
    started_at: datetime
    stopped_at: datetime | None = None
    meter_start_wh: float | None = None
    meter_stop_wh: float | None = None
    energy_wh: float | None = None
    state: Literal["running", "ended", "orphan"] = "running"
    stop_reason: str | None = None
    remote_start_id: int | None = None
    # As the charger wrote it: with it a repeated start is recognised.
    start_timestamp: str
    # Superseded and boot are our own conclusions, until the charger tells better.
    ended_by: Literal["charger", "operator", "superseded", "boot"] | None = None
    # When we have asked the charger to end it.
    stop_asked_at: datetime | None = None
    # What was told of it and cannot be (`csms.doubts`).
    doubts: tuple[str, ...] = ()
    # What came along with the start that was asked for, in camelCase (seed 002).
    remote_start: Mapping[str, Any] | None = None


class MeterValue(NamedTuple):
    """One sampled value within a transaction; a tuple, because one message may bring dozens."""

    key: ChargerKey
    transaction_id: str
    evse_id: int
    taken_at: datetime
    measurand: str
    value: float
    unit: str
    phase: str | None = None
    context: str | None = None
    location: str | None = None


@dataclass(frozen=True, slots=True)
class Message:
    """One frame of the message log, byte for byte."""

    seq: int
    timestamp: datetime
    key: ChargerKey
    direction: Direction
    ocpp_version: str
    message_type: MessageType
    message_id: str | None
    action: str | None
    frame: bytes
    proxy_configuration_id: int | None = None
    # The message that it passes on: to a target a charger's, to a charger a target's. And whether
    # the target may have had it before.
    origin: int | None = None
    maybe_duplicate: bool | None = None


class Origin(Struct, frozen=True):
    """Which message is passed on, and whether who is told may have had it before."""

    seq: int
    maybe_duplicate: bool = False


@dataclass(frozen=True, slots=True)
class Exchange:
    """A message that is no answer, with its answer if one came."""

    call: Message
    answer: Message | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Command:
    """Something that a user asked of a charger, and what became of it."""

    command_id: str
    key: ChargerKey
    action: str
    request: Mapping[str, Any]
    requested_by: str
    # collecting: answered, and late parts are yet to come; complete: they are all there.
    state: Literal["sent", "answered", "failed", "timeout", "offline", "collecting", "complete"] = (
        "sent"
    )
    response: Mapping[str, Any] | None = None
    created_at: datetime
    finished_at: datetime | None = None
    batch_id: str | None = None
    # The number that its late parts carry.
    request_id: int | None = None
    progress: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class DeadLetter:
    """A message that a target did not take; ``retry_at`` is since when it is to go out again."""

    id: int = 0
    proxy_configuration_id: int
    seq: int
    action: str
    reason: str
    attempts: int
    created_at: datetime
    retry_at: datetime | None = None


class Waiting(NamedTuple):
    """How much waits for a target, and since when."""

    messages: int
    bytes: int
    oldest: datetime | None


class Purged(NamedTuple):
    """How many messages were taken out of a queue."""

    waiting: int
    dead_letters: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Undelivered:
    """A message that a target has yet to get, or did not take; ``dead`` says which."""

    seq: int
    action: str
    queued_at: datetime | None
    bytes: int | None
    attempts: int
    # Whether the target may have had it: an attempt ended without an answer.
    maybe_duplicate: bool
    dead: DeadLetter | None = None


class Copy(NamedTuple):
    """A message to a target that passed on one of the charger, and the frame of its answer."""

    origin: int
    answer_type: MessageType | None
    answer: bytes | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ChargingProfile:
    """A charging profile as its owner gave it; owner 0 is the platform, else a configuration."""

    key: ChargerKey
    owner: int
    profile_id: int
    evse_id: int
    purpose: str
    stack_level: int
    transaction_id: str | None = None
    profile: Mapping[str, Any]
    meta: Mapping[str, Any] = field(default_factory=dict)
    created_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class InstalledProfile:
    """A charging profile that we have put on a charger."""

    key: ChargerKey
    evse_id: int
    purpose: str
    stack_level: int
    profile: Mapping[str, Any]
    installed_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class ClientCertificate:
    """What a target asks of us: a certificate chain and its key, both PEM."""

    certificate_id: str
    organization_uuid: str
    name: str
    chain: str
    # Clear in memory, sealed in the database.
    private_key: str = field(repr=False)
    sha256: str
    subject: str
    not_before: datetime
    not_after: datetime
    created_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditEntry:
    """What somebody did or was denied.

    The actor is ``key:<id>`` or ``identity:<id>`` at the API, ``target:<configuration>``,
    ``charger:<charge_box_id>``, ``address:<ip>`` at a door, or ``platform`` where it was ourselves.
    """

    id: int = 0
    timestamp: datetime
    organization_uuid: str
    charge_box_id: str | None = None
    category: AuditCategory = "platform"
    actor: str
    action: str
    # What it was done to, for the API a path.
    object: str | None = None
    result: str
    request_id: str | None = None
    details: Mapping[str, Any] = field(default_factory=dict)
    # Its place in the organization's chain, once it has one.
    place: int | None = None


SinkType = Literal["aws_s3", "digital_ocean_spaces", "gcp_storage", "azure_storage"]


@dataclass(frozen=True, slots=True, kw_only=True)
class SinkRecord:
    """Where an organization's message log is exported to; the API calls it a connector."""

    id: str
    organization_uuid: str
    name: str
    type: SinkType
    enabled: bool = True
    # As its owner gave it, without our defaults.
    configuration: Mapping[str, Any]
    # Clear in memory, sealed in the database.
    credentials: Mapping[str, str] = field(repr=False)
    # What tokens are hashed with where the owner wants that; sealed as well.
    token_key: str = field(repr=False)
    inserted_at: datetime
    updated_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class SinkProgress:
    """How far a sink has got: everything up to `position` is stored, in so many objects."""

    position: int
    objects: int = 0
    records: int = 0
    # Of the objects, compressed.
    bytes: int = 0
    delivered_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SinkBatch:
    """What makes up one object: written before the object is, and the same until it is stored."""

    first: int
    last: int
    records: int
    object_name: str
    # What the bytes depend on beside the messages, as it was when the boundary was drawn.
    hash_tokens: bool = False

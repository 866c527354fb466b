"""What a charger says, whatever the OCPP version: the port that voice16 and voice201 fill."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol, TypeAlias

from csms.frames import Dialect
from simulators.hardware import Hardware, Sample, Transaction
from simulators.settings import Settings
from simulators.watched import Fields

if TYPE_CHECKING:
    from simulators.charger import Charger

Message: TypeAlias = tuple[str, Fields]
Handler: TypeAlias = Callable[["Charger", Fields], "Fields | Awaitable[Fields]"]


@dataclass(frozen=True, slots=True)
class Identity:
    """The type plate."""

    serial_number: str
    vendor: str = "Ringmain"
    model: str = "Simulator"
    firmware_version: str = "1.0.0"


@dataclass(frozen=True, slots=True)
class Names:
    """How a version names the settings that steer the charger itself."""

    heartbeat: str
    sample: str
    authorize_remote: str
    stop_on_invalid: str
    password: str
    attempts: str
    retry: str
    max_level: str
    max_periods: str
    max_profiles: str
    local_list: str
    local_first: str
    local_offline: str
    unknown_offline: str
    organization: str
    max_external_id: str = ""  # where ids of profiles are kept for others than the CSMS


class Voice(Protocol):
    """Put what happens at the charger into the messages of one OCPP version."""

    subprotocol: str
    dialect: Dialect
    names: Names
    handlers: Mapping[str, Handler]

    def settings(self, hardware: Hardware, identity: Identity) -> Settings:
        """Return the settings as they leave the factory."""

    def rate_units(self, settings: Settings) -> frozenset[str]:
        """Return the units, A or W, that schedules may have."""

    def secret(self, value: str) -> str | bytes:
        """Return the password that a written password setting means."""

    def boot(self, identity: Identity, reason: str) -> Message:
        """Say hello."""

    def status(self, hardware: Hardware, evse_id: int, at: str) -> Message | None:
        """Tell an EVSE's state (0: the station's), None where the version does not."""

    def authorize(self, id_token: str, token_type: str) -> Message:
        """Ask whether a token may charge."""

    def authorized(self, answer: Fields) -> bool:
        """Tell whether an answer lets a token charge; one that does not say so does."""

    def started(self, transaction: Transaction, sample: Sample, *, offline: bool) -> Message:
        """Tell of a start."""

    def sampled(self, transaction: Transaction, sample: Sample, *, offline: bool) -> Message:
        """Tell the meter during a transaction."""

    def resumed(self, transaction: Transaction, sample: Sample, *, offline: bool) -> Message | None:
        """Tell that charging was suspended or goes on, None where the status tells it."""

    def starts_with_cable(self, settings: Settings) -> bool:
        """Tell whether a transaction begins before anybody has shown a token."""

    def identified(
        self, transaction: Transaction, sample: Sample, *, offline: bool
    ) -> Message | None:
        """Tell who charges, where the start did not; None where it always does."""

    def plugged(self, transaction: Transaction, sample: Sample, *, offline: bool) -> Message | None:
        """Tell that the vehicle has come, None where a start waits for it."""

    def stopped(self, transaction: Transaction, sample: Sample, *, offline: bool) -> Message:
        """Tell of an end."""

    def metered(self, evse_id: int, sample: Sample, running: Transaction | None) -> Message:
        """Tell a meter because it was asked for."""

    def complete(self, fields: Fields, transaction: Transaction) -> Fields:
        """Fill in what was not known when the message was queued."""

    def heard(self, action: str, answer: Fields, transaction: Transaction) -> bool:
        """Take in the answer to a transaction message; tell whether the transaction may go on."""

    def limited(self, evse_id: int, source: str, schedules: list[Fields]) -> Message | None:
        """Tell of a limit from outside (EVSE 0: the station's), None where nobody is told."""

    def unlimited(self, evse_id: int, source: str) -> Message | None:
        """Tell that it is gone, None where nobody is told."""

    def unreserved(self, id: int, status: str) -> Message | None:
        """Tell that a reservation ended by itself, None where nobody is told."""

"""Say in the words of each OCPP version that a charger is to fetch firmware or send a log.

Sources: 1.6 §5.9, §5.19, security white paper §4.5, §5.21; 2.0.1 Part 2 L01, N01.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from csms.commands import Ask
from csms.errors import InvalidCommand
from storage.clock import timestamp

FIRMWARE, LOG = "firmware", "log"
DIAGNOSTICS, SECURITY = "DiagnosticsLog", "SecurityLog"
# By action, which kind of job it is.
KINDS: Mapping[str, str] = {
    "GetDiagnostics": LOG,
    "GetLog": LOG,
    "SignedUpdateFirmware": FIRMWARE,
    "UpdateFirmware": FIRMWARE,
}


@dataclass(frozen=True, slots=True)
class Retries:
    """How often a charger tries again, and after how many s."""

    retries: int | None = None
    interval: int | None = None

    @property
    def fields(self) -> dict[str, Any]:
        """Return them as every version says them."""
        return _given(retries=self.retries, retryInterval=self.interval)


@dataclass(frozen=True, slots=True)
class Firmware:
    """Where new firmware is, and when to fetch and install it; signed in PEM and base64."""

    location: str
    retrieve_at: datetime
    install_at: datetime | None = None
    signature: str | None = None
    certificate: str | None = None
    retries: Retries = Retries()


@dataclass(frozen=True, slots=True)
class Log:
    """Which log to send where, of which time."""

    type: str
    location: str
    since: datetime | None = None
    until: datetime | None = None
    retries: Retries = Retries()


def firmware_request(version: str, firmware: Firmware) -> Ask:
    """Return what is asked, without a number; raise InvalidCommand for what 1.6 cannot say."""
    return _FIRMWARE[version](firmware)


def log_request(version: str, log: Log) -> Ask:
    """Return what is asked, without a number."""
    if version == "1.6" and log.type == DIAGNOSTICS:
        return _diagnostics(log)
    parameters = _given(
        remoteLocation=log.location,
        oldestTimestamp=_written(log.since),
        latestTimestamp=_written(log.until),
    )
    return Ask("GetLog", {"logType": log.type, "log": parameters, **log.retries.fields})


def _diagnostics(log: Log) -> Ask:
    times = _given(startTime=_written(log.since), stopTime=_written(log.until))
    return Ask("GetDiagnostics", {"location": log.location, **times, **log.retries.fields})


def _firmware16(firmware: Firmware) -> Ask:
    if firmware.signature is not None:
        return Ask(
            "SignedUpdateFirmware", {"firmware": _package(firmware), **firmware.retries.fields}
        )
    if firmware.install_at is not None:
        told = "OCPP 1.6 cannot say when to install firmware that is not signed."
        raise InvalidCommand(told, {"installAt": [told]})
    told_when = {"location": firmware.location, "retrieveDate": timestamp(firmware.retrieve_at)}
    return Ask("UpdateFirmware", {**told_when, **firmware.retries.fields})


def _firmware201(firmware: Firmware) -> Ask:
    return Ask("UpdateFirmware", {"firmware": _package(firmware), **firmware.retries.fields})


def _package(firmware: Firmware) -> dict[str, Any]:
    return {
        "location": firmware.location,
        "retrieveDateTime": timestamp(firmware.retrieve_at),
        **_given(
            installDateTime=_written(firmware.install_at),
            signature=firmware.signature,
            signingCertificate=firmware.certificate,
        ),
    }


_FIRMWARE: Mapping[str, Callable[[Firmware], Ask]] = {
    "1.6": _firmware16,
    "2.0.1": _firmware201,
    "2.1": _firmware201,
}


def _written(moment: datetime | None) -> str | None:
    return None if moment is None else timestamp(moment)


def _given(**fields: Any) -> dict[str, Any]:
    return {name: value for name, value in fields.items() if value is not None}

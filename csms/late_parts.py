"""What chargers send after their answer: collected by the number that we gave the request.

OCPP lets a report come in many messages, each with the number of its request and, but for the
last, ``tbc`` (to be continued). Uploads and firmware tell how they get on in the same way; two of
1.6 carry no number, and are of the newest such request of their charger.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, TypeAlias

import orjson

from csms import secrecy
from csms.numbers import OF_THE_PLATFORM
from csms.readings import mapping
from storage.repositories.commands import Awaited

if TYPE_CHECKING:
    from csms.books import Hear
    from csms.frames import Call, Send
    from storage.clock import Clock
    from storage.records import ChargerKey, Command
    from storage.repositories.commands import Commands

IsLast: TypeAlias = Callable[[Mapping[str, Any]], bool]

# By the action that is asked, the action that its late parts come with.
LATE_PARTS: Mapping[str, str] = {
    "CustomerInformation": "NotifyCustomerInformation",
    "GetBaseReport": "NotifyReport",
    "GetChargingProfiles": "ReportChargingProfiles",
    "GetDERControl": "ReportDERControl",
    "GetDiagnostics": "DiagnosticsStatusNotification",
    "GetDisplayMessages": "NotifyDisplayMessages",
    "GetLog": "LogStatusNotification",
    "GetMonitoringReport": "NotifyMonitoringReport",
    "GetReport": "NotifyReport",
    "PublishFirmware": "PublishFirmwareStatusNotification",
    "SignedUpdateFirmware": "SignedFirmwareStatusNotification",
    "UpdateFirmware": "FirmwareStatusNotification",
}
# Of these the charger tells how it gets on, until it says one of the words that end it.
_NO_MORE_FIRMWARE = frozenset(
    {
        "DownloadFailed",
        "InstallVerificationFailed",
        "InstallationFailed",
        "Installed",
        "InvalidSignature",
        "RevokedCertificate",
    }
)
_NO_MORE_LOG = frozenset(
    {
        "AcceptedCanceled",
        "BadMessage",
        "NotSupportedOperation",
        "PermissionDenied",
        "UploadFailed",
        "UploadFailure",
        "Uploaded",
    }
)
_NO_MORE: Mapping[str, frozenset[str]] = {
    "DiagnosticsStatusNotification": _NO_MORE_LOG,
    "FirmwareStatusNotification": _NO_MORE_FIRMWARE,
    "LogStatusNotification": _NO_MORE_LOG,
    "PublishFirmwareStatusNotification": frozenset(
        {"DownloadFailed", "InvalidChecksum", "PublishFailed", "Published"}
    ),
    "SignedFirmwareStatusNotification": _NO_MORE_FIRMWARE,
}
# What 1.6 sends without a number.
_NEWEST = {
    "DiagnosticsStatusNotification": "GetDiagnostics",
    "FirmwareStatusNotification": "UpdateFirmware",
}
# A report takes minutes; a download may be told to begin in the night.
_REPORT, _JOB = timedelta(hours=1), timedelta(hours=24)


def collects(action: str, response: Mapping[str, Any]) -> bool:
    """Tell whether parts will come, by what the charger answered."""
    if action not in LATE_PARTS:
        return False
    if action == "GetDiagnostics":  # without the name of a file there is nothing to upload
        return bool(response.get("fileName"))
    return str(response.get("status", "Accepted")).startswith("Accepted")


def is_overdue(command: Command, now: datetime) -> bool:
    """Tell whether the parts of a command that collects will not come any more."""
    late = LATE_PARTS.get(command.action)
    if command.state != "collecting" or late is None:
        return False
    return now - command.created_at > (_JOB if late in _NO_MORE else _REPORT)


def hearing(commands: Commands, clock: Clock) -> Mapping[str, Hear]:
    """Return who hears which action, and notes it where it answers a command."""
    return dict.fromkeys(LATE_PARTS.values(), LateParts(commands, clock).hear)


class LateParts:
    """Note what chargers send in answer to commands of before."""

    def __init__(self, commands: Commands, clock: Clock) -> None:
        self._commands = commands
        self._clock = clock

    def hear(self, key: ChargerKey, call: Call | Send) -> None:
        """Note a message, if it answers something; that goes with the message's own commit."""
        told = mapping(call.fields)
        awaited = _awaited(key, call.action, told.get("requestId"))
        if awaited is None:
            return
        now = self._clock.now()
        self._commands.note_part(awaited, call.action, _kept(call), now)
        if _is_last(call.action, told):
            self._commands.note_last_part(awaited, now)


def _awaited(key: ChargerKey, action: str, request_id: Any) -> Awaited | None:
    if type(request_id) is int and request_id in OF_THE_PLATFORM:
        return Awaited(key, request_id=request_id)
    if request_id is None and action in _NEWEST:
        return Awaited(key, action=_NEWEST[action])
    return None


def _is_last(action: str, told: Mapping[str, Any]) -> bool:
    if action in _NO_MORE:
        return told.get("status") in _NO_MORE[action]
    return told.get("tbc") is not True


def _kept(call: Call | Send) -> bytes:
    told = secrecy.concealed(call.fields)
    return call.payload if told == call.fields else orjson.dumps(told)

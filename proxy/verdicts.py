"""Decide on what a target asks of the charger: forward it, answer it or refuse it.

The table is the rule. An owner overrides it per action, except where the charger's credentials or
its way to us are concerned, or the platform's power limits would be overruled (2.1 K21.FR.04); an
action that the charger's version has not is nobody's.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import Enum
from types import MappingProxyType
from typing import Any, TypeAlias

import orjson

from csms import frames
from csms.frames import Call
from proxy import keys, splice


@dataclass(frozen=True, slots=True)
class Forward:
    """The charger answers."""


@dataclass(frozen=True, slots=True)
class Answer:
    """We answer with this payload and the charger sees nothing."""

    payload: bytes


@dataclass(frozen=True, slots=True)
class Refuse:
    """We answer with a CALLERROR and the charger sees nothing."""

    code: str
    description: str


@dataclass(frozen=True, slots=True)
class Triggered:
    """We answer with this payload and then send ``message`` of our own on that target's link."""

    message: str
    payload: bytes = b'{"status":"Accepted"}'


Verdict: TypeAlias = Forward | Answer | Refuse | Triggered


class Kind(Enum):
    """What a command of a target does to the charger."""

    READ = "read"
    CONTROL = "control"
    OWNERS = "owners"  # two parties doing it would undo each other's work: the platform's
    LOCKED = "locked"  # changes the charger's link to us, or overrules the platform's power limits


@dataclass(frozen=True, slots=True)
class Command:
    """A command of a target, with our refusal; None where its answer cannot say no."""

    kind: Kind
    refusal: bytes | None


def _says(kind: Kind, payload: bytes | None = b'{"status":"Rejected"}') -> Command:
    return Command(kind, payload)


_READ, _CONTROL = _says(Kind.READ), _says(Kind.CONTROL)
_OWNERS, _LOCKED = _says(Kind.OWNERS), _says(Kind.LOCKED)
_UNKNOWN, _FAILED = b'{"status":"Unknown"}', b'{"status":"Failed"}'

# A trigger counts as reading: it changes nothing at the charger. What several parties own of what
# passes here (keys, availability, resets, profiles) is served by the table in `proxy/orders.py`.
_IN_2: Mapping[str, Command] = {
    "CancelReservation": _CONTROL,
    "CertificateSigned": _LOCKED,
    "ChangeAvailability": _CONTROL,
    "ClearCache": _CONTROL,
    "ClearChargingProfile": _says(Kind.CONTROL, _UNKNOWN),
    "ClearDisplayMessage": _says(Kind.CONTROL, _UNKNOWN),
    "ClearVariableMonitoring": _says(Kind.CONTROL, None),
    "CostUpdated": _says(Kind.CONTROL, None),
    "CustomerInformation": _CONTROL,
    "DataTransfer": _CONTROL,
    "DeleteCertificate": _says(Kind.LOCKED, _FAILED),
    "GetBaseReport": _READ,
    "GetChargingProfiles": _says(Kind.READ, b'{"status":"NoProfiles"}'),
    "GetCompositeSchedule": _READ,
    "GetDisplayMessages": _says(Kind.READ, _UNKNOWN),
    "GetInstalledCertificateIds": _says(Kind.OWNERS, b'{"status":"NotFound"}'),
    "GetLocalListVersion": _says(Kind.OWNERS, b'{"versionNumber":0}'),
    "GetLog": _OWNERS,
    "GetMonitoringReport": _READ,
    "GetReport": _READ,
    "GetTransactionStatus": _says(Kind.READ, b'{"messagesInQueue":false}'),
    "GetVariables": _says(Kind.READ, None),
    "InstallCertificate": _LOCKED,
    "PublishFirmware": _OWNERS,
    "RequestStartTransaction": _CONTROL,
    "RequestStopTransaction": _CONTROL,
    "ReserveNow": _CONTROL,
    "Reset": _CONTROL,
    "SendLocalList": _says(Kind.OWNERS, _FAILED),
    "SetChargingProfile": _CONTROL,
    "SetDisplayMessage": _CONTROL,
    "SetMonitoringBase": _CONTROL,
    "SetMonitoringLevel": _CONTROL,
    "SetNetworkProfile": _LOCKED,
    "SetVariableMonitoring": _says(Kind.CONTROL, None),
    "SetVariables": _says(Kind.CONTROL, None),  # answered variable by variable
    "TriggerMessage": _READ,
    "UnlockConnector": _says(Kind.CONTROL, b'{"status":"UnlockFailed"}'),
    "UnpublishFirmware": _says(Kind.OWNERS, b'{"status":"NoFirmware"}'),
    "UpdateFirmware": _OWNERS,
}
_COMMANDS: Mapping[str, Mapping[str, Command]] = {
    "1.6": {
        "CancelReservation": _CONTROL,
        "CertificateSigned": _LOCKED,
        "ChangeAvailability": _CONTROL,
        "ChangeConfiguration": _CONTROL,
        "ClearCache": _CONTROL,
        "ClearChargingProfile": _says(Kind.CONTROL, _UNKNOWN),
        "DataTransfer": _CONTROL,
        "DeleteCertificate": _says(Kind.LOCKED, _FAILED),
        "ExtendedTriggerMessage": _READ,
        "GetCompositeSchedule": _READ,
        "GetConfiguration": _says(Kind.READ, b"{}"),
        "GetDiagnostics": _says(Kind.OWNERS, b"{}"),  # no file name: nothing is uploaded
        "GetInstalledCertificateIds": _says(Kind.OWNERS, b'{"status":"NotFound"}'),
        "GetLocalListVersion": _says(Kind.OWNERS, b'{"listVersion":-1}'),
        "GetLog": _OWNERS,
        "InstallCertificate": _LOCKED,
        "RemoteStartTransaction": _CONTROL,
        "RemoteStopTransaction": _CONTROL,
        "ReserveNow": _CONTROL,
        "Reset": _CONTROL,
        "SendLocalList": _says(Kind.OWNERS, b'{"status":"NotSupported"}'),
        "SetChargingProfile": _CONTROL,
        "SignedUpdateFirmware": _OWNERS,
        "TriggerMessage": _READ,
        "UnlockConnector": _says(Kind.CONTROL, b'{"status":"NotSupported"}'),
        "UpdateFirmware": _says(Kind.OWNERS, None),
    },
    "2.0.1": _IN_2,
    "2.1": {
        **_IN_2,
        "AFRRSignal": _OWNERS,
        "AdjustPeriodicEventStream": _CONTROL,
        "ChangeTransactionTariff": _CONTROL,
        "ClearDERControl": _OWNERS,
        "ClearTariffs": _says(Kind.CONTROL, None),
        "GetDERControl": _READ,
        "GetPeriodicEventStream": _says(Kind.READ, b"{}"),
        "GetTariffs": _READ,
        "NotifyAllowedEnergyTransfer": _CONTROL,
        "NotifyWebPaymentStarted": _says(Kind.CONTROL, None),
        "RequestBatterySwap": _CONTROL,
        "SetDERControl": _OWNERS,
        "SetDefaultTariff": _CONTROL,
        "UpdateDynamicSchedule": _LOCKED,
        "UsePriorityCharging": _LOCKED,
    },
}
# What an owner may have a verdict on.
ACTIONS = frozenset(action for commands in _COMMANDS.values() for action in commands)
_FORWARDED: Mapping[str, frozenset[Kind]] = {
    "control": frozenset({Kind.READ, Kind.CONTROL}),
    "observe": frozenset({Kind.READ}),
}
_VIOLATION = {
    "1.6": frames.OCPP16.format_violation,
    "2.0.1": frames.OCPP201.format_violation,
    "2.1": frames.OCPP21.format_violation,
}
_NO_OVERRIDES: Mapping[str, str] = MappingProxyType({})


def verdict(
    version: str, call: Call, role: str = "control", overrides: Mapping[str, str] = _NO_OVERRIDES
) -> Verdict:
    """Decide on a target's CALL; ``overrides`` (action: forward, answer or error) open no lock."""
    command = _COMMANDS[version].get(call.action)
    if command is None:
        return Refuse("NotImplemented", f"{call.action} is not known here.")
    if not isinstance(call.fields, dict) or splice.repeats_a_key(call.payload):
        return _unreadable(version)
    if keys.settings_in(call.action, call.fields) is None:
        return _unreadable(version)
    if command.kind is Kind.LOCKED:
        return _answer(command, call)
    default = "forward" if command.kind in _FORWARDED[role] else "answer"
    return _WISHES[overrides.get(call.action, default)](command, call)


def refusal(version: str, action: str) -> bytes:
    """Return the answer that says no to a command which the policy lets pass."""
    return _COMMANDS[version][action].refusal or b'{"status":"Rejected"}'


def _forward(_: Command, call: Call) -> Verdict:
    return _own(call) or Forward()


def _answer(command: Command, call: Call) -> Verdict:
    if call.action in _PER_VARIABLE:
        return _reject_variables(call)
    return _error(command, call) if command.refusal is None else Answer(command.refusal)


def _error(_: Command, call: Call) -> Verdict:
    return Refuse("NotSupported", f"{call.action} is not open to this system.")


_WISHES: Mapping[str, Callable[[Command, Call], Verdict]] = {
    "forward": _forward,
    "answer": _answer,
    "error": _error,
}


def _unreadable(version: str) -> Refuse:
    return Refuse(_VIOLATION[version], "The payload can be read in more than one way, or in none.")


# ---- what a target triggers ----

_ON_ITS_OWN_LINK = {"BootNotification", "Heartbeat"}
_FROM_THE_CHARGER = {
    "DiagnosticsStatusNotification",
    "FirmwareStatusNotification",
    "LogStatusNotification",
    "MeterValues",
    "PublishFirmwareStatusNotification",
    "StatusNotification",
    "TransactionEvent",
}


def _own(call: Call) -> Verdict | None:
    if call.action not in {"TriggerMessage", "ExtendedTriggerMessage"}:
        return None
    message = str(call.fields.get("requestedMessage"))
    if message in _ON_ITS_OWN_LINK:
        return Triggered(message)
    # Certificate signing is left out: it concerns the charger's link to us.
    return None if message in _FROM_THE_CHARGER else Answer(b'{"status":"Rejected"}')


# ---- what is answered variable by variable ----

_PER_VARIABLE = {
    "GetVariables": ("getVariableData", "getVariableResult"),
    "SetVariables": ("setVariableData", "setVariableResult"),
}


def _reject_variables(call: Call) -> Verdict:
    asked, answered = _PER_VARIABLE[call.action]
    items = call.fields.get(asked)
    named = [item for item in items if keys.name_of(item)] if isinstance(items, list) else []
    return Answer(orjson.dumps({answered: [_rejected(item) for item in named]}))


def _rejected(item: Mapping[str, Any]) -> Mapping[str, Any]:
    same = {name: item[name] for name in ("attributeType", "component", "variable") if name in item}
    return {**same, "attributeStatus": "Rejected"}

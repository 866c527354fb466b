"""
Note the security events that chargers report (SecurityEventNotification).

OCPP 2.0.1 A04, security white paper A04 and its list of security events. What a charger reports is
in its organization's audit with the message itself; a type that is on no list is there too, under
one name, so that nobody fills the audit with names of his own.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from csms.readings import mapping, word
from storage.records import ChargerKey

if TYPE_CHECKING:
    from csms.books import Hear
    from csms.frames import Call, Send
    from csms.security_events import SecurityEvents

ACTION = "SecurityEventNotification"
UNKNOWN = "OtherSecurityEvent"
# By the lists of the white paper, of 2.0.1 and of 2.1: whether an operator has to be told.
CRITICAL: Mapping[str, bool] = {
    "AttemptedReplayAttacks": False,
    "CentralSystemFailedToAuthenticate": False,
    "CsmsFailedToAuthenticate": False,
    "FailedToAuthenticateAtCentralSystem": False,
    "FailedToAuthenticateAtCsms": False,
    "FirmwareUpdated": True,
    "InvalidCentralSystemCertificate": False,
    "InvalidChargePointCertificate": False,
    "InvalidChargingStationCertificate": False,
    "InvalidCsmsCertificate": False,
    "InvalidFirmwareSignature": False,
    "InvalidFirmwareSigningCertificate": False,
    "InvalidMessages": False,
    "InvalidTLSCipherSuite": False,
    "InvalidTLSVersion": False,
    "MaintenanceLoginAccepted": True,
    "MaintenanceLoginFailed": True,
    "MemoryExhaustion": True,
    "ReconfigurationOfSecurityParameters": False,
    "ResetOrReboot": True,
    "SecurityLogWasCleared": True,
    "SettingSystemTime": True,
    "StartupOfTheDevice": True,
    "TamperDetectionActivated": True,
}
_LONGEST = {"timestamp": 50, "techInfo": 255}
_LONGEST_TYPE = 50


def hearing(events: SecurityEvents) -> Mapping[str, Hear]:
    """Return who notes what is reported, by action."""

    def reported(key: ChargerKey, call: Call | Send) -> None:
        fields = mapping(call.fields)
        kind = word(fields.get("type"), _LONGEST_TYPE) or ""
        told = {name: word(fields.get(name), most) for name, most in _LONGEST.items()}
        details: dict[str, object] = {name: text for name, text in told.items() if text}
        if kind not in CRITICAL:
            details["type"] = kind
        elif CRITICAL[kind]:
            details["critical"] = True
        name = kind if kind in CRITICAL else UNKNOWN
        events.note(key, name, f"charger:{key.charge_box_id}", "reported", **details)

    return {ACTION: reported}

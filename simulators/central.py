"""What a plain CSMS answers to each action of a charger, per version; pure tables."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TypeAlias

from csms.frames import OCPP16, OCPP21, OCPP201, Dialect
from simulators.watched import Fields


@dataclass(frozen=True, slots=True)
class Desk:
    """What an answer is made from: the time, the boot verdict, a fresh id, a token's status."""

    at: str
    boot: str
    interval: int
    transaction_id: Callable[[], int]
    token_status: str


Answerer: TypeAlias = Callable[[Desk, Fields], Fields]


def boot(desk: Desk, _fields: Fields) -> Fields:
    """Take a charger in, or let it wait."""
    return {"status": desk.boot, "currentTime": desk.at, "interval": desk.interval}


def heartbeat(desk: Desk, _fields: Fields) -> Fields:
    """Tell the time."""
    return {"currentTime": desk.at}


def nothing(_desk: Desk, _fields: Fields) -> Fields:
    """Take note."""
    return {}


def always(answer: Fields) -> Answerer:
    """Answer the same to everybody."""
    return lambda _desk, _fields: answer


def id_tag(desk: Desk, _fields: Fields) -> Fields:
    """Judge a 1.6 token."""
    return {"idTagInfo": {"status": desk.token_status}}


def start(desk: Desk, _fields: Fields) -> Fields:
    """Give a 1.6 transaction its id."""
    return {
        "transactionId": desk.transaction_id(),
        "idTagInfo": {"status": desk.token_status},
    }


def id_token(desk: Desk, _fields: Fields) -> Fields:
    """Judge a 2.0.1 token."""
    return {"idTokenInfo": {"status": desk.token_status}}


def transaction_event(desk: Desk, fields: Fields) -> Fields:
    """Judge the token of an event that has one (E01.FR.12)."""
    return id_token(desk, fields) if "idToken" in fields else {}


def chain_status(desk: Desk, fields: Fields) -> Fields:
    """Know nothing of any certificate."""
    return {
        "certificateStatus": [
            {
                "certificateHashData": asked["certificateHashData"],
                "source": asked["source"],
                "status": "Unknown",
                "nextUpdate": desk.at,
            }
            for asked in fields["certificateStatusRequests"]
        ]
    }


def vat_number(_desk: Desk, fields: Fields) -> Fields:
    """Believe everybody."""
    return {"status": "Accepted", "vatNumber": fields["vatNumber"]}


_BOTH: Mapping[str, Answerer] = {
    "BootNotification": boot,
    "DataTransfer": always({"status": "Accepted"}),
    "FirmwareStatusNotification": nothing,
    "Heartbeat": heartbeat,
    "LogStatusNotification": nothing,
    "MeterValues": nothing,
    "SecurityEventNotification": nothing,
    "SignCertificate": always({"status": "Rejected"}),
    "StatusNotification": nothing,
}

ANSWERS16: Mapping[str, Answerer] = {
    **_BOTH,
    "Authorize": id_tag,
    "DiagnosticsStatusNotification": nothing,
    "SignedFirmwareStatusNotification": nothing,
    "StartTransaction": start,
    "StopTransaction": id_tag,
}

ANSWERS201: Mapping[str, Answerer] = {
    **_BOTH,
    "Authorize": id_token,
    "ClearedChargingLimit": nothing,
    "Get15118EVCertificate": always({"status": "Failed", "exiResponse": ""}),
    "GetCertificateStatus": always({"status": "Failed"}),
    "NotifyChargingLimit": nothing,
    "NotifyCustomerInformation": nothing,
    "NotifyDisplayMessages": nothing,
    "NotifyEVChargingNeeds": always({"status": "Rejected"}),
    "NotifyEVChargingSchedule": always({"status": "Accepted"}),
    "NotifyEvent": nothing,
    "NotifyMonitoringReport": nothing,
    "NotifyReport": nothing,
    "PublishFirmwareStatusNotification": nothing,
    "ReportChargingProfiles": nothing,
    "ReservationStatusUpdate": nothing,
    "TransactionEvent": transaction_event,
}


ANSWERS21: Mapping[str, Answerer] = {
    **ANSWERS201,
    "BatterySwap": nothing,
    "ClosePeriodicEventStream": nothing,
    "GetCertificateChainStatus": chain_status,
    "NotifyDERAlarm": nothing,
    "NotifyDERStartStop": nothing,
    "NotifyPeriodicEventStream": nothing,  # a Send: what is answered here nobody hears
    "NotifyPriorityCharging": nothing,
    "NotifySettlement": nothing,
    "OpenPeriodicEventStream": always({"status": "Accepted"}),
    "PullDynamicScheduleUpdate": always({"status": "Rejected"}),
    "ReportDERControl": nothing,
    "VatNumberValidation": vat_number,
}


@dataclass(frozen=True, slots=True)
class Tongue:
    """One OCPP version as a CSMS speaks it."""

    dialect: Dialect
    answers: Mapping[str, Answerer]


TONGUES: Mapping[str, Tongue] = {
    "ocpp1.6": Tongue(OCPP16, ANSWERS16),
    "ocpp2.0.1": Tongue(OCPP201, ANSWERS201),
    "ocpp2.1": Tongue(OCPP21, ANSWERS21),
}

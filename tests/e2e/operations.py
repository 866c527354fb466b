"""Every operation of the API on a charger: what is asked, what goes out, what comes back.

``Case`` holds what only one run knows: the OCPP version, the id of its transaction, numbers that
the platform drew. Frames and bodies are whole, so that nothing slips in or out unseen.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias

Fields: TypeAlias = Mapping[str, Any]

NOW = "2026-11-21T10:00:00.000Z"
BEGUN = "2026-11-21T09:59:00.000Z"  # 60 s ago (smart-charging 3)
LATER = "2026-11-21T12:00:00.000Z"
CARD = "04E91A2B"
TOKEN = {"idToken": CARD, "type": "ISO14443"}


@dataclass
class Case:
    """One run of one operation."""

    version: str
    transaction_id: str = ""
    sent: Fields = field(default_factory=dict)  # the frame that went out
    made: Fields = field(default_factory=dict)  # the body that came back

    @property
    def old(self) -> bool:
        return self.version == "1.6"


Made: TypeAlias = Callable[[Case], Any]


@dataclass(frozen=True)
class Operation:
    """One operation; ``frame`` and the bodies are made for a case, the rest is said as it is."""

    name: str
    method: str
    path: str
    body: Any
    action: Made  # the action that goes out
    frame: Made
    accepted: Made = lambda _: {"status": "Accepted"}
    rejected: Made = lambda _: {"status": "Rejected"}
    told: Made = lambda _: {"response": "Accepted"}
    told_rejected: Made = lambda _: {"response": "Rejected"}
    # Asked and accepted before.
    first: tuple[str, str, Any] | None = None
    in_transaction: bool = False


def both(one: Any, two: Any) -> Made:
    """Name what 1.6 and 2.x call differently."""
    return lambda case: one if case.old else two


def same(name: Any) -> Made:
    return lambda _: name


# ---- profiles ----


def limit(value: float, unit: str, id: int, purpose: str, evse_id: int) -> Made:
    """Say a power limit as a profile in the words of a version."""

    def frame(case: Case) -> Any:
        period = {"startPeriod": 0, "limit": value}
        schedule = {
            "startSchedule": BEGUN,
            "chargingRateUnit": unit,
            "chargingSchedulePeriod": [period],
        }
        return profile(case, id, purpose, evse_id, schedule)

    return frame


def profile(
    case: Case, id: int, purpose: str, evse_id: int, schedule: Fields, kind: str = "Absolute"
) -> Any:
    bound: dict[str, Any] = {"transactionId": case.transaction_id} if purpose == "TxProfile" else {}
    common = {"stackLevel": 0, "chargingProfileKind": kind}
    if case.old:
        purpose = purpose.replace("ChargingStationMax", "ChargePointMax")
        bound = {name: int(value) for name, value in bound.items()}
        named = {"chargingProfileId": id, "chargingProfilePurpose": purpose}
        return {
            "connectorId": evse_id,
            "csChargingProfiles": {**common, **named, **bound, "chargingSchedule": schedule},
        }
    named = {"id": id, "chargingProfilePurpose": purpose}
    return {
        "evseId": evse_id,
        "chargingProfile": {
            **common,
            **named,
            **bound,
            "chargingSchedule": [{"id": id, **schedule}],
        },
    }


def cleared(id: int) -> Made:
    return lambda case: {"id" if case.old else "chargingProfileId": id}


def put_limit(where: str, frame: Made, body: Any, **more: Any) -> Operation:
    return Operation(
        name=f"limit {where or 'station'}",
        method="PUT",
        path=f"{where}/powerLimit",
        body=body,
        action=same("SetChargingProfile"),
        frame=frame,
        **more,
    )


def lift_limit(where: str, id: int, **more: Any) -> Operation:
    """A charger that knows nothing of a profile has none: what it says changes nothing."""
    return Operation(
        name=f"lift {where or 'station'}",
        method="DELETE",
        path=f"{where}/powerLimit",
        body=None,
        action=same("ClearChargingProfile"),
        frame=cleared(id),
        rejected=same({"status": "Unknown"}),
        told_rejected=lambda _: {"response": "Accepted"},
        first=("PUT", f"{where}/powerLimit", {"limit": {"acMaxPowerKw": 11}}),
        **more,
    )


OWN_SCHEDULE = {
    "startSchedule": BEGUN,
    "chargingRateUnit": "A",
    "chargingSchedulePeriod": [{"startPeriod": 0, "limit": 16}],
}


def own(id: int, purpose: str) -> Any:
    """Return a profile as the API takes it."""
    return {
        "chargingProfile": {
            "id": id,
            "stackLevel": 0,
            "chargingProfilePurpose": purpose,
            "chargingProfileKind": "Absolute",
            "chargingSchedule": [{"id": id, **OWN_SCHEDULE}],
        }
    }


# ---- requests of both versions ----


def _start(case: Case) -> Any:
    if case.old:
        return {"idTag": CARD, "connectorId": 1}
    return {"idToken": TOKEN, "evseId": 1, "remoteStartId": case.sent["remoteStartId"]}


def _reserve(case: Case) -> Any:
    if case.old:
        number = {"reservationId": case.sent["reservationId"]}
        return {"connectorId": 1, "idTag": CARD, "expiryDate": LATER, **number}
    return {"id": case.sent["id"], "expiryDateTime": LATER, "idToken": TOKEN, "evseId": 1}


def _reserved(word: str) -> Made:
    def told(case: Case) -> Any:
        number = case.sent["reservationId" if case.old else "id"]
        return {"response": word, "reservationId": number}

    return told


def _availability(evse_id: int) -> Made:
    def frame(case: Case) -> Any:
        if case.old:
            return {"connectorId": evse_id, "type": "Inoperative"}
        place = {"evse": {"id": evse_id}} if evse_id else {}
        return {"operationalStatus": "Inoperative", **place}

    return frame


def _from_station(word: str) -> Made:
    return lambda _: {"responseFromStation": word}


def _listed(case: Case) -> Any:
    info = {"status": "Accepted"}
    if case.old:
        entry: Any = {"idTag": CARD, "idTagInfo": info}
        return {"listVersion": 1, "updateType": "Full", "localAuthorizationList": [entry]}
    entry = {"idToken": TOKEN, "idTokenInfo": info}
    return {"versionNumber": 1, "updateType": "Full", "localAuthorizationList": [entry]}


def _firmware(case: Case) -> Any:
    location = {"location": "https://example.com/fw.bin"}
    if case.old:
        return {**location, "retrieveDate": NOW}
    number = {"requestId": case.sent["requestId"]}
    return {**number, "firmware": {**location, "retrieveDateTime": NOW}}


def _schedule(value: float | None) -> Any:
    period = {"startPeriod": 0, "limit": value}
    return {
        "evseId": 1,
        "duration": 600,
        "scheduleStart": NOW,
        "chargingRateUnit": "A",
        "chargingSchedulePeriod": [period],
    }


def _composite(case: Case) -> Any:
    periods = {"chargingSchedulePeriod": [{"startPeriod": 0, "limit": 16}]}
    common = {"duration": 600, "chargingRateUnit": "A", **periods}
    if case.old:
        named = {"connectorId": 1, "scheduleStart": NOW}
        return {"status": "Accepted", **named, "chargingSchedule": common}
    return {"status": "Accepted", "schedule": {"evseId": 1, "scheduleStart": NOW, **common}}


CHANGED = {
    "reasonCode": "PurposeChanged",
    "additionalInfo": "Sent as ChargingStationMaxProfile.",
}


OPERATIONS = (
    put_limit(
        "",
        limit(11_000, "W", 3000, "ChargingStationMaxProfile", 0),
        {"limit": {"acMaxPowerKw": 11}},
    ),
    put_limit(
        "/evses/1", limit(16, "A", 3006, "TxDefaultProfile", 1), {"limit": {"acMaxPowerA": 16}}
    ),
    put_limit(
        "/transactions/{transaction_id}",
        limit(8_000, "W", 4146, "TxProfile", 1),
        {"limit": {"dcMaxPowerKw": 8}},
        in_transaction=True,
    ),
    lift_limit("", 3000),
    lift_limit("/evses/1", 3006),
    lift_limit("/transactions/{transaction_id}", 4146, in_transaction=True),
    Operation(
        name="profile station",
        method="PUT",
        path="/chargingProfile",
        body=own(7, "ChargingStationExternalConstraints"),
        action=same("SetChargingProfile"),
        frame=lambda case: profile(case, 7, "ChargingStationMaxProfile", 0, OWN_SCHEDULE),
        told=lambda _: {"response": "Accepted", "statusInfo": CHANGED},
        told_rejected=lambda _: {"response": "Rejected", "statusInfo": CHANGED},
    ),
    Operation(
        name="profile evse",
        method="PUT",
        path="/evses/1/chargingProfile",
        body=own(7, "TxDefaultProfile"),
        action=same("SetChargingProfile"),
        frame=lambda case: profile(case, 7, "TxDefaultProfile", 1, OWN_SCHEDULE),
    ),
    Operation(
        name="clear profile",
        method="POST",
        path="/chargingProfile/clear",
        body={"chargingProfileId": 7},
        action=same("ClearChargingProfile"),
        frame=cleared(7),
        rejected=same({"status": "Unknown"}),
        told_rejected=lambda _: {"response": "Accepted"},
        first=("PUT", "/evses/1/chargingProfile", own(7, "TxDefaultProfile")),
    ),
    Operation(
        name="composite schedule",
        method="GET",
        path="/compositeSchedule?evseId=1&duration=600&unit=A",
        body=None,
        action=same("GetCompositeSchedule"),
        frame=lambda case: {
            "connectorId" if case.old else "evseId": 1,
            "duration": 600,
            "chargingRateUnit": "A",
        },
        accepted=_composite,
        told=lambda _: {
            "status": "Accepted",
            "schedule": _schedule(16.0),
            "computed": _schedule(None),
            "differs": False,
        },
        told_rejected=lambda _: {
            "status": "Rejected",
            "computed": _schedule(None),
            "differs": "unknown",
        },
    ),
    Operation(
        name="availability station",
        method="PUT",
        path="/availability",
        body={"type": "Inoperative", "disableTextReason": "works"},
        action=same("ChangeAvailability"),
        frame=_availability(0),
        told=_from_station("Accepted"),
        told_rejected=_from_station("Rejected"),
    ),
    Operation(
        name="availability evse",
        method="PUT",
        path="/evses/1/availability",
        body={"type": "Inoperative"},
        action=same("ChangeAvailability"),
        frame=_availability(1),
        accepted=same({"status": "Scheduled"}),
        told=_from_station("Scheduled"),
        told_rejected=_from_station("Rejected"),
    ),
    Operation(
        name="unlock",
        method="POST",
        path="/evses/1/unlock",
        body={},
        action=same("UnlockConnector"),
        frame=lambda case: {"connectorId": 1} if case.old else {"evseId": 1, "connectorId": 1},
        accepted=same({"status": "Unlocked"}),
        rejected=same({"status": "UnlockFailed"}),
        told=_from_station("Unlocked"),
        told_rejected=_from_station("UnlockFailed"),
    ),
    Operation(
        name="reset",
        method="POST",
        path="/reset",
        body={"type": "Immediate"},
        action=same("Reset"),
        frame=lambda case: {"type": "Soft" if case.old else "Immediate"},
        told=_from_station("Accepted"),
        told_rejected=_from_station("Rejected"),
    ),
    Operation(
        name="reset when idle",
        method="POST",
        path="/reset",
        body={"type": "OnIdle"},
        action=same("Reset"),
        frame=lambda case: {"type": "Soft" if case.old else "OnIdle"},
        told=_from_station("Accepted"),
        told_rejected=_from_station("Rejected"),
    ),
    Operation(
        name="start",
        method="POST",
        path="/evses/1/transactions",
        body={"idToken": CARD, "authorizationReference": "ref-1"},
        action=both("RemoteStartTransaction", "RequestStartTransaction"),
        frame=_start,
        told=lambda _: {"transactionStartResponse": {"status": "Accepted"}},
        told_rejected=lambda _: {"transactionStartResponse": {"status": "Rejected"}},
    ),
    Operation(
        name="stop",
        method="POST",
        path="/transactions/{transaction_id}/stop",
        body=None,
        action=both("RemoteStopTransaction", "RequestStopTransaction"),
        frame=lambda case: {
            "transactionId": int(case.transaction_id) if case.old else case.transaction_id
        },
        told=lambda _: {"transactionStopResponse": {"status": "Accepted"}},
        told_rejected=lambda _: {"transactionStopResponse": {"status": "Rejected"}},
        in_transaction=True,
    ),
    Operation(
        name="reserve",
        method="POST",
        path="/evses/1/reservations",
        body={"idToken": CARD, "expiresAt": LATER},
        action=same("ReserveNow"),
        frame=_reserve,
        rejected=same({"status": "Occupied"}),
        told=_reserved("Accepted"),
        told_rejected=_reserved("Occupied"),
    ),
    Operation(
        name="local list",
        method="PUT",
        path="/localList",
        body={"entries": [{"idToken": CARD}]},
        action=same("SendLocalList"),
        frame=_listed,
        rejected=same({"status": "Failed"}),
        told_rejected=lambda _: {"response": "Failed"},
    ),
    Operation(
        name="firmware",
        method="POST",
        path="/firmware",
        body={"location": "https://example.com/fw.bin"},
        action=same("UpdateFirmware"),
        frame=_firmware,
        accepted=both({}, {"status": "Accepted"}),
        rejected=both({}, {"status": "Rejected"}),
        told=lambda case: {"response": "Accepted", "jobId": case.made["jobId"]},
        # 1.6 has no word for a refusal.
        told_rejected=lambda case: {
            "response": "Accepted" if case.old else "Rejected",
            "jobId": case.made["jobId"],
        },
    ),
    Operation(
        name="any other",
        method="POST",
        path="/commands/TriggerMessage",
        body={"requestedMessage": "Heartbeat"},
        action=same("TriggerMessage"),
        frame=lambda _: {"requestedMessage": "Heartbeat"},
        rejected=same({"status": "NotImplemented"}),
        told=lambda _: {"status": "Accepted"},
        told_rejected=lambda _: {"status": "NotImplemented"},
    ),
)

"""Say which messages carry an id that one side chose, where, and what happens to a foreign one.

In OCPP 2.x the station chooses the transaction id (E01.FR.08): it has no place here. Profile ids
neither: a target's profiles never reach the charger.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum

from proxy.splice import EACH, Path
from storage.repositories.id_pairs import IdKind


class Foreign(Enum):
    """What happens to a charger's message with an id that is not this target's."""

    MINUS_ONE = "minus one"  # it names no transaction (1.6 errata v4 §3.18)
    LEFT_OUT = "left out"  # the message concerns the target, the number does not
    ENTRY_LEFT_OUT = "entry left out"  # nor does the entry of a list that it is in
    WITHHELD = "withheld"  # the message answers somebody else


class Choice(Enum):
    """Where our number for an id of a target's command comes from."""

    # It names what was agreed before, else the command is not for this charger; of a list the
    # others are left out.
    KNOWN = "known"
    KEPT = "kept"  # the same again for the same: a reservation is changed under its id
    FRESH = "fresh"  # each request has its own, also where the target repeats its


@dataclass(frozen=True, slots=True)
class Told:
    """An id in what the charger says."""

    kind: IdKind
    path: Path
    foreign: Foreign


@dataclass(frozen=True, slots=True)
class Ordered:
    """An id in what a target asks of the charger."""

    kind: IdKind
    path: Path
    choice: Choice


_TRANSACTION = Told("transaction", ("transactionId",), Foreign.MINUS_ONE)
_ANSWER = Told("request", ("requestId",), Foreign.WITHHELD)
_RESERVED = Told("reservation", ("reservationId",), Foreign.LEFT_OUT)
_DISPLAYED = Told("display", ("messageInfo", EACH, "id"), Foreign.ENTRY_LEFT_OUT)

_TOLD_IN_2: Mapping[str, tuple[Told, ...]] = {
    "FirmwareStatusNotification": (_ANSWER,),
    "LogStatusNotification": (_ANSWER,),
    "NotifyCustomerInformation": (_ANSWER,),
    "NotifyDisplayMessages": (_ANSWER, _DISPLAYED),
    "NotifyMonitoringReport": (_ANSWER,),
    "NotifyReport": (_ANSWER,),
    "PublishFirmwareStatusNotification": (_ANSWER,),
    "ReportChargingProfiles": (_ANSWER,),
    "ReservationStatusUpdate": (Told("reservation", ("reservationId",), Foreign.WITHHELD),),
    "TransactionEvent": (
        Told("remote_start", ("transactionInfo", "remoteStartId"), Foreign.LEFT_OUT),
        _RESERVED,
    ),
}
TO_TARGET: Mapping[str, Mapping[str, tuple[Told, ...]]] = {
    "1.6": {
        "LogStatusNotification": (_ANSWER,),
        "MeterValues": (_TRANSACTION,),
        "SignedFirmwareStatusNotification": (_ANSWER,),
        "StartTransaction": (_RESERVED,),
        "StopTransaction": (_TRANSACTION,),
    },
    "2.0.1": _TOLD_IN_2,
    # Of a battery swap that it begins itself the station chooses the number.
    "2.1": {**_TOLD_IN_2, "ReportDERControl": (_ANSWER,)},
}

_REQUEST = (Ordered("request", ("requestId",), Choice.FRESH),)
_CANCELLED = (Ordered("reservation", ("reservationId",), Choice.KNOWN),)

_ORDERED_IN_2: Mapping[str, tuple[Ordered, ...]] = {
    "CancelReservation": _CANCELLED,
    "ClearDisplayMessage": (Ordered("display", ("id",), Choice.KNOWN),),
    "CustomerInformation": _REQUEST,
    "GetBaseReport": _REQUEST,
    "GetChargingProfiles": _REQUEST,
    "GetDisplayMessages": (Ordered("display", ("id", EACH), Choice.KNOWN), *_REQUEST),
    "GetLog": _REQUEST,
    "GetMonitoringReport": _REQUEST,
    "GetReport": _REQUEST,
    "PublishFirmware": _REQUEST,
    "RequestStartTransaction": (Ordered("remote_start", ("remoteStartId",), Choice.FRESH),),
    "ReserveNow": (Ordered("reservation", ("id",), Choice.KEPT),),
    "SetDisplayMessage": (Ordered("display", ("message", "id"), Choice.KEPT),),
    "UpdateFirmware": _REQUEST,
}
TO_CHARGER: Mapping[str, Mapping[str, tuple[Ordered, ...]]] = {
    "1.6": {
        "CancelReservation": _CANCELLED,
        "GetLog": _REQUEST,
        "RemoteStartTransaction": (
            Ordered("transaction", ("chargingProfile", "transactionId"), Choice.KNOWN),
        ),
        "RemoteStopTransaction": (Ordered("transaction", ("transactionId",), Choice.KNOWN),),
        "ReserveNow": (Ordered("reservation", ("reservationId",), Choice.KEPT),),
        "SetChargingProfile": (
            Ordered("transaction", ("csChargingProfiles", "transactionId"), Choice.KNOWN),
        ),
        "SignedUpdateFirmware": _REQUEST,
    },
    "2.0.1": _ORDERED_IN_2,
    "2.1": {**_ORDERED_IN_2, "GetDERControl": _REQUEST},
}

"""What an OCPP 2.1 charger says and answers: as in 2.0.1, and no to what is new."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from csms.frames import OCPP21
from simulators.answers201 import HANDLERS
from simulators.voice201 import Voice201
from simulators.watched import Fields

if TYPE_CHECKING:
    from simulators.charger import Charger
    from simulators.voice import Handler


def _always(answer: Fields) -> Handler:
    def handler(_charger: Charger, _fields: Fields) -> Fields:
        return answer

    return handler


_REJECTED = _always({"status": "Rejected"})
_NOT_SUPPORTED = _always({"status": "NotSupported"})

# It has no tariffs, no battery to swap, no streams, no vehicle to discharge, and no profile that
# may be changed without being set again.
HANDLERS21: Mapping[str, Handler] = {
    **HANDLERS,
    "AFRRSignal": _REJECTED,
    "AdjustPeriodicEventStream": _REJECTED,
    "ChangeTransactionTariff": _REJECTED,
    "ClearDERControl": _NOT_SUPPORTED,
    "ClearTariffs": _always({"clearTariffsResult": [{"status": "NoTariff"}]}),
    "GetDERControl": _NOT_SUPPORTED,
    "GetPeriodicEventStream": _always({}),
    "GetTariffs": _always({"status": "NoTariff"}),
    "NotifyAllowedEnergyTransfer": _REJECTED,
    "NotifyWebPaymentStarted": _always({}),
    "RequestBatterySwap": _REJECTED,
    "SetDERControl": _NOT_SUPPORTED,
    "SetDefaultTariff": _REJECTED,
    "UpdateDynamicSchedule": _REJECTED,
    "UsePriorityCharging": _always({"status": "NoProfile"}),
}


class Voice21(Voice201):
    """Speak OCPP 2.1; every EVSE has one connector, number 1."""

    subprotocol = "ocpp2.1"
    dialect = OCPP21
    handlers = HANDLERS21

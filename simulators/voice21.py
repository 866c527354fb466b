"""What an OCPP 2.1 charger says and answers: as in 2.0.1, and no to what is new."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from csms.frames import OCPP21
from simulators.answers201 import HANDLERS, set_charging_profile
from simulators.hardware import Hardware
from simulators.settings import Setting, Settings, fixed
from simulators.voice import Identity
from simulators.voice201 import Voice201
from simulators.watched import Fields

if TYPE_CHECKING:
    from simulators.charger import Charger
    from simulators.voice import Handler


def _always(answer: Fields) -> Handler:
    def handler(_charger: Charger, _fields: Fields) -> Fields:
        return answer

    return handler


def _set_charging_profile(charger: Charger, fields: Fields) -> Fields:
    """Obey a profile of limits, and no other: 2.1 has setpoints and Dynamic ones as well."""
    profile = fields["chargingProfile"]
    periods = [
        period
        for schedule in profile["chargingSchedule"]
        for period in schedule.get("chargingSchedulePeriod", ())
    ]
    limits = bool(periods) and all("limit" in period for period in periods)
    if profile["chargingProfileKind"] == "Dynamic" or not limits:
        return {"status": "Rejected", "statusInfo": {"reasonCode": "UnsupportedParam"}}
    return set_charging_profile(charger, fields)


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
    "SetChargingProfile": _set_charging_profile,
    "SetDERControl": _NOT_SUPPORTED,
    "SetDefaultTariff": _REJECTED,
    "UpdateDynamicSchedule": _REJECTED,
    "UsePriorityCharging": _always({"status": "NoProfile"}),
}


_VARIABLES: Mapping[str, Setting] = {
    "SmartChargingCtrlr.MaxExternalConstraintsId": Setting("0"),
    "SmartChargingCtrlr.SupportedAdditionalPurposes": fixed("", "text"),
    "SmartChargingCtrlr.SupportsDynamicProfiles": fixed("false", "boolean"),
    "SmartChargingCtrlr.SupportsMaxOfflineDuration": fixed("true", "boolean"),
}


class Voice21(Voice201):
    """Speak OCPP 2.1; every EVSE has one connector, number 1."""

    subprotocol = "ocpp2.1"
    dialect = OCPP21
    handlers = HANDLERS21

    def settings(self, hardware: Hardware, identity: Identity) -> Settings:
        """Return the device model of 2.0.1, and what 2.1 asks of smart charging."""
        return Settings({**super().settings(hardware, identity), **_VARIABLES})

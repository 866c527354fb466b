"""The device model of OCPP 2.0.1 over the charger's settings (Part 2 A01, B05-B08, N02-N08).

A setting is named ``Component[instance]#evse.Variable[instance]``, brackets and EVSE only where
there are any.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from simulators.hardware import Hardware
from simulators.parts import parts
from simulators.settings import TAKEN, Setting, Settings, Verdict, fixed
from simulators.voice import Identity
from simulators.watched import Fields, timestamp

if TYPE_CHECKING:
    from simulators.charger import Charger

_NAME = re.compile(r"(\w+)(?:\[([^]]*)\])?(?:#(\d+))?\.(\w+)(?:\[([^]]*)\])?")
_DATA_TYPES = {"integer": "integer", "boolean": "boolean", "text": "string"}
_WRITTEN: Mapping[Verdict, str] = {
    "Accepted": "Accepted",
    "Rejected": "Rejected",
    "RebootRequired": "RebootRequired",
    "NotSupported": "UnknownVariable",
}


def factory_settings(hardware: Hardware, identity: Identity) -> Settings:
    """Return the device model as it leaves the factory."""
    settings = Settings(_VARIABLES)
    settings["ChargingStation.SerialNumber"] = fixed(identity.serial_number, "text")
    settings["ChargingStation.VendorName"] = fixed(identity.vendor, "text")
    settings["ChargingStation.Model"] = fixed(identity.model, "text")
    settings["ChargingStation.AvailabilityState"] = fixed("Available", "text")
    for evse_id in hardware.evses:
        settings[f"EVSE#{evse_id}.AvailabilityState"] = fixed("Available", "text")
        settings[f"EVSE#{evse_id}.Available"] = fixed("true", "boolean")
        settings[f"EVSE#{evse_id}.Power"] = fixed(round(hardware.max_power_w))
        settings[f"EVSE#{evse_id}.SupplyPhases"] = fixed(hardware.supply.phases)
    return settings


def name_of(component: Fields, variable: Fields) -> str:
    """Return the setting's name for a component and a variable."""
    evse = component.get("evse")
    place = f"#{evse['id']}" if evse else ""
    return f"{_with_instance(component)}{place}.{_with_instance(variable)}"


def parts_of(name: str) -> tuple[Fields, Fields]:
    """Return the component and the variable of a setting's name."""
    found = _NAME.fullmatch(name)
    if found is None:
        raise ValueError(name)
    component, instance, evse, variable, variable_instance = found.groups()
    placed = {"evse": {"id": int(evse)}} if evse else {}
    return (
        {"name": component, **_instance(instance), **placed},
        {"name": variable, **_instance(variable_instance)},
    )


def _with_instance(part: Fields) -> str:
    return f"{part['name']}[{part['instance']}]" if "instance" in part else str(part["name"])


def _instance(instance: str | None) -> Fields:
    return {} if instance is None else {"instance": instance}


# ---- reading and writing ----


def get_variables(charger: Charger, fields: Fields) -> Fields:
    """Read variables, each with its own verdict."""
    _look(charger)
    return {"getVariableResult": [_read(charger, item) for item in fields["getVariableData"]]}


def set_variables(charger: Charger, fields: Fields) -> Fields:
    """Write variables, each with its own verdict."""
    results = [_write(charger, item) for item in fields["setVariableData"]]
    charger.changed()
    return {"setVariableResult": results}


def _look(charger: Charger) -> None:
    """Bring the variables up to date that show the hardware's state."""
    status = charger.voice.status
    for evse_id in charger.hardware.evses:
        message = status(charger.hardware, evse_id, "")
        if message is not None:
            state = message[1]["connectorStatus"]
            charger.settings.put(f"EVSE#{evse_id}.AvailabilityState", state)


def _read(charger: Charger, item: Fields) -> Fields:
    name = name_of(item["component"], item["variable"])
    status = _unreadable(charger.settings, name, item) or "Accepted"
    value = {"attributeValue": charger.settings.text(name)} if status == "Accepted" else {}
    return {**_echo(item), "attributeStatus": status, **value}


def _unreadable(settings: Settings, name: str, item: Fields) -> str | None:
    if name not in settings:
        return _unknown(settings, item)
    if item.get("attributeType", "Actual") != "Actual":
        return "NotSupportedAttributeType"
    return None if settings[name].readable else "Rejected"


def _write(charger: Charger, item: Fields) -> Fields:
    name = name_of(item["component"], item["variable"])
    if name not in charger.settings:
        status = _unknown(charger.settings, item)
    elif item.get("attributeType", "Actual") != "Actual":
        status = "NotSupportedAttributeType"
    else:
        status = _WRITTEN[charger.settings.change(name, item["attributeValue"])]
    if status in TAKEN and name == charger.voice.names.password:
        charger.take_password(item["attributeValue"], at_once=status == "Accepted")
    return {**_echo(item), "attributeStatus": status}


def _unknown(settings: Settings, item: Fields) -> str:
    component = name_of(item["component"], {"name": ""})
    known = any(name.startswith(component) for name in settings)
    return "UnknownVariable" if known else "UnknownComponent"


def _echo(item: Fields) -> Fields:
    wanted = ("attributeType", "component", "variable")
    return {name: item[name] for name in wanted if name in item}


# ---- reports ----


def get_base_report(charger: Charger, fields: Fields) -> Fields:
    """Report all variables, or the states alone."""
    summary = fields["reportBase"] == "SummaryInventory"
    names = [name for name in charger.settings if not summary or name.endswith("State")]
    return _report(charger, fields["requestId"], names)


def get_report(charger: Charger, fields: Fields) -> Fields:
    """Report the variables asked for; criteria choose none, since nothing here has a problem."""
    wanted = fields.get("componentVariable")
    names = [name for name in charger.settings if not wanted or wanted_by(wanted, *parts_of(name))]
    problems = set(fields.get("componentCriteria", [])) == {"Problem"}
    return _report(charger, fields["requestId"], [] if problems else names)


def wanted_by(wanted: Sequence[Fields], component: Fields, variable: Fields) -> bool:
    """Tell whether one of these asks for a variable."""
    return any(
        _covers(one["component"], component) and _covers(one.get("variable", {}), variable)
        for one in wanted
    )


def _covers(wanted: Fields, part: Fields) -> bool:
    return all(part.get(name) == value for name, value in wanted.items())


def _report(charger: Charger, request_id: int, names: list[str]) -> Fields:
    if not names:
        return {"status": "EmptyResultSet"}
    _look(charger)
    items = [_described(charger.settings, name) for name in names]
    charger.later(send_parts(charger, "NotifyReport", "reportData", items, request_id))
    return {"status": "Accepted"}


async def send_parts(
    charger: Charger, action: str, key: str, items: Sequence[Fields], request_id: int
) -> None:
    """Send a long list in parts; ``tbc`` tells that more follow."""
    for seq_no, part, more in parts(items, charger.habits.items_per_part):
        head = {"requestId": request_id, "seqNo": seq_no, "tbc": more}
        await charger.call(action, {**head, "generatedAt": timestamp(charger.now()), key: part})


def _described(settings: Settings, name: str) -> Fields:
    setting, (component, variable) = settings[name], parts_of(name)
    mutability = ("ReadWrite" if setting.readable else "WriteOnly") if setting.writable else None
    attribute: Fields = {"type": "Actual", "mutability": mutability or "ReadOnly"}
    if setting.readable:
        attribute["value"] = setting.value
    data_type = {"dataType": _DATA_TYPES[setting.kind], "supportsMonitoring": False}
    return {
        "component": component,
        "variable": variable,
        "variableAttribute": [attribute],
        "variableCharacteristics": data_type,
    }


_VARIABLES: Mapping[str, Setting] = {
    "AlignedDataCtrlr.Interval": Setting("0"),
    "AuthCtrlr.AuthorizeRemoteStart": Setting("false", "boolean"),
    "AuthCtrlr.LocalAuthorizeOffline": Setting("true", "boolean"),
    "AuthCtrlr.LocalPreAuthorize": Setting("false", "boolean"),
    "AuthCtrlr.OfflineTxForUnknownIdEnabled": Setting("true", "boolean"),
    "ClockCtrlr.TimeSource": Setting("Heartbeat", "text"),
    "DeviceDataCtrlr.BytesPerMessage[GetReport]": fixed(65_536),
    "DeviceDataCtrlr.BytesPerMessage[GetVariables]": fixed(65_536),
    "DeviceDataCtrlr.BytesPerMessage[SetVariables]": fixed(65_536),
    "DeviceDataCtrlr.ItemsPerMessage[GetReport]": fixed(100),
    "DeviceDataCtrlr.ItemsPerMessage[GetVariables]": fixed(100),
    "DeviceDataCtrlr.ItemsPerMessage[SetVariables]": fixed(100),
    "LocalAuthListCtrlr.BytesPerMessage": fixed(65_536),
    "LocalAuthListCtrlr.Enabled": Setting("true", "boolean"),
    "LocalAuthListCtrlr.ItemsPerMessage": fixed(100),
    "OCPPCommCtrlr.FileTransferProtocols": fixed("HTTPS", "text"),
    "OCPPCommCtrlr.HeartbeatInterval": Setting("300"),
    "OCPPCommCtrlr.MessageAttemptInterval[TransactionEvent]": Setting("10"),
    "OCPPCommCtrlr.MessageAttempts[TransactionEvent]": Setting("3"),
    "OCPPCommCtrlr.MessageTimeout[Default]": fixed(30),
    "OCPPCommCtrlr.NetworkConfigurationPriority": Setting("1", "text"),
    "OCPPCommCtrlr.NetworkProfileConnectionAttempts": Setting("3"),
    "OCPPCommCtrlr.OfflineThreshold": Setting("60"),
    "OCPPCommCtrlr.ResetRetries": Setting("1"),
    "OCPPCommCtrlr.RetryBackOffRandomRange": Setting("5"),
    "OCPPCommCtrlr.RetryBackOffRepeatTimes": Setting("3"),
    "OCPPCommCtrlr.RetryBackOffWaitMinimum": Setting("1"),
    "OCPPCommCtrlr.UnlockOnEVSideDisconnect": Setting("true", "boolean"),
    "OCPPCommCtrlr.WebSocketPingInterval": Setting("20"),
    "ReservationCtrlr.Available": fixed("true", "boolean"),
    "ReservationCtrlr.NonEvseSpecific": fixed("true", "boolean"),
    "SampledDataCtrlr.TxEndedInterval": Setting("0"),
    "SampledDataCtrlr.TxEndedMeasurands": Setting("Energy.Active.Import.Register", "text"),
    "SampledDataCtrlr.TxStartedMeasurands": Setting("Energy.Active.Import.Register", "text"),
    "SampledDataCtrlr.TxUpdatedInterval": Setting("60"),
    "SampledDataCtrlr.TxUpdatedMeasurands": Setting(
        "Energy.Active.Import.Register,Power.Active.Import,Current.Import,Voltage", "text"
    ),
    "SecurityCtrlr.BasicAuthPassword": Setting("", "text", readable=False),
    "SecurityCtrlr.CertificateEntries": fixed(0),
    "SecurityCtrlr.OrganizationName": Setting("Ringmain", "text"),
    "SecurityCtrlr.SecurityProfile": fixed(1),
    "SmartChargingCtrlr.Enabled": fixed("true", "boolean"),
    "SmartChargingCtrlr.Entries[ChargingProfiles]": fixed(20),
    "SmartChargingCtrlr.LimitChangeSignificance": Setting("1", "text"),
    "SmartChargingCtrlr.PeriodsPerSchedule": fixed(24),
    "SmartChargingCtrlr.ProfileStackLevel": fixed(8),
    "SmartChargingCtrlr.RateUnit": fixed("A,W", "text"),
    "TxCtrlr.EVConnectionTimeOut": Setting("60"),
    "TxCtrlr.StopTxOnEVSideDisconnect": Setting("true", "boolean"),
    "TxCtrlr.StopTxOnInvalidId": Setting("true", "boolean"),
    "TxCtrlr.TxStartPoint": Setting("Authorized", "text"),
    "TxCtrlr.TxStopPoint": Setting("Authorized,EVConnected", "text"),
}

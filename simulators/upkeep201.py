"""Upkeep in OCPP 2.0.1: monitors, display messages, customers, firmware, certificates."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from simulators.controls import report_progress
from simulators.device201 import name_of, send_parts
from simulators.watched import Fields, timestamp

if TYPE_CHECKING:
    from simulators.charger import Charger
    from simulators.voice import Handler

_INSTALLING = ("Downloading", "Downloaded", "Installing", "Installed")
_PUBLISHING = ("Downloading", "Downloaded", "ChecksumVerified")


# ---- monitors ----


def set_variable_monitoring(charger: Charger, fields: Fields) -> Fields:
    """Keep monitors; they never fire."""
    return {"setMonitoringResult": [_monitor(charger, one) for one in fields["setMonitoringData"]]}


def _monitor(charger: Charger, one: Fields) -> Fields:
    echo = {name: one[name] for name in ("type", "component", "variable", "severity")}
    if name_of(one["component"], one["variable"]) not in charger.settings:
        return {**echo, "status": "UnknownVariable"}
    monitors = charger.shelves["monitors"]
    id = one.get("id", max(monitors, default=0) + 1)
    monitors[id] = one
    return {**echo, "id": id, "status": "Accepted"}


def clear_variable_monitoring(charger: Charger, fields: Fields) -> Fields:
    """Forget monitors."""
    monitors = charger.shelves["monitors"]
    return {
        "clearMonitoringResult": [
            {"id": id, "status": "Accepted" if monitors.pop(id, None) else "NotFound"}
            for id in fields["id"]
        ]
    }


def get_monitoring_report(charger: Charger, fields: Fields) -> Fields:
    """Report all monitors."""
    items = [_reported(id, one) for id, one in charger.shelves["monitors"].items()]
    if not items:
        return {"status": "EmptyResultSet"}
    request_id = fields["requestId"]
    charger.later(send_parts(charger, "NotifyMonitoringReport", "monitor", items, request_id))
    return {"status": "Accepted"}


def _reported(id: int, one: Fields) -> Fields:
    details = {name: one[name] for name in ("value", "type", "severity")}
    monitoring = {"id": id, "transaction": one.get("transaction", False), **details}
    place = {name: one[name] for name in ("component", "variable")}
    return {**place, "variableMonitoring": [monitoring]}


# ---- display messages and customers ----


def set_display_message(charger: Charger, fields: Fields) -> Fields:
    """Keep a message."""
    charger.shelves["messages"][fields["message"]["id"]] = fields["message"]
    return {"status": "Accepted"}


def clear_display_message(charger: Charger, fields: Fields) -> Fields:
    """Forget a message."""
    known = charger.shelves["messages"].pop(fields["id"], None)
    return {"status": "Accepted" if known else "Unknown"}


def get_display_messages(charger: Charger, fields: Fields) -> Fields:
    """Report the messages with these ids, priority and state."""
    found = [one for one in charger.shelves["messages"].values() if _asked(one, fields)]
    if not found:
        return {"status": "Unknown"}
    report = {"requestId": fields["requestId"], "tbc": False, "messageInfo": found}
    charger.later(charger.call("NotifyDisplayMessages", report))
    return {"status": "Accepted"}


def _asked(message: Fields, wanted: Fields) -> bool:
    if message["id"] not in wanted.get("id", [message["id"]]):
        return False
    choices = {name: wanted[name] for name in ("priority", "state") if name in wanted}
    return all(message.get(name) == value for name, value in choices.items())


def customer_information(charger: Charger, fields: Fields) -> Fields:
    """Report that nothing is kept about a customer."""
    if fields["report"]:
        report = {
            "requestId": fields["requestId"],
            "generatedAt": timestamp(charger.now()),
            "seqNo": 0,
            "tbc": False,
            "data": "",
        }
        charger.later(charger.call("NotifyCustomerInformation", report))
    return {"status": "Accepted"}


# ---- firmware ----


def update_firmware(charger: Charger, fields: Fields) -> Fields:
    """Pretend to install."""
    request = {"requestId": fields["requestId"]}
    charger.later(report_progress(charger, "FirmwareStatusNotification", _INSTALLING, request))
    return {"status": "Accepted"}


def publish_firmware(charger: Charger, fields: Fields) -> Fields:
    """Pretend to fetch firmware for others and to offer it."""
    charger.later(_publish(charger, fields["requestId"]))
    charger.shelves["firmware"][fields["requestId"]] = {"checksum": fields["checksum"]}
    return {"status": "Accepted"}


async def _publish(charger: Charger, request_id: int) -> None:
    action, request = "PublishFirmwareStatusNotification", {"requestId": request_id}
    await report_progress(charger, action, _PUBLISHING, request)
    location = {"location": [f"http://{charger.identity.serial_number}.local/firmware"]}
    await charger.call(action, {"status": "Published", **location, **request})


def unpublish_firmware(charger: Charger, fields: Fields) -> Fields:
    """Stop offering firmware."""
    shelf = charger.shelves["firmware"]
    known = [id for id, kept in shelf.items() if kept["checksum"] == fields["checksum"]]
    for id in known:
        del shelf[id]
    return {"status": "Unpublished" if known else "NoFirmware"}


# ---- certificates ----


def get_installed_certificate_ids(charger: Charger, fields: Fields) -> Fields:
    """List root certificates of some kinds, or all."""
    found = charger.certificates.of_kinds(fields.get("certificateType", []))
    chains = [{"certificateType": kind, "certificateHashData": data} for kind, data in found]
    if not chains:
        return {"status": "NotFound"}
    return {"status": "Accepted", "certificateHashDataChain": chains}


def take_note(_charger: Charger, _fields: Fields) -> Fields:
    """Do nothing, and say that it is done."""
    return {"status": "Accepted"}


def cost_updated(_charger: Charger, _fields: Fields) -> Fields:
    """Show no cost."""
    return {}


UPKEEP: Mapping[str, Handler] = {
    "ClearDisplayMessage": clear_display_message,
    "ClearVariableMonitoring": clear_variable_monitoring,
    "CostUpdated": cost_updated,
    "CustomerInformation": customer_information,
    "GetDisplayMessages": get_display_messages,
    "GetInstalledCertificateIds": get_installed_certificate_ids,
    "GetMonitoringReport": get_monitoring_report,
    "PublishFirmware": publish_firmware,
    "SetDisplayMessage": set_display_message,
    "SetMonitoringBase": take_note,
    "SetMonitoringLevel": take_note,
    "SetNetworkProfile": take_note,
    "SetVariableMonitoring": set_variable_monitoring,
    "UnpublishFirmware": unpublish_firmware,
    "UpdateFirmware": update_firmware,
}

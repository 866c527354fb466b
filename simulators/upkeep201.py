"""Upkeep in OCPP 2.0.1: monitors, display messages, customers, firmware, certificates."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from simulators.device201 import name_of, send_parts, wanted_by
from simulators.hardware import Transaction
from simulators.jobs import install, order, publish
from simulators.parts import parts
from simulators.watched import Fields, timestamp

if TYPE_CHECKING:
    from simulators.charger import Charger
    from simulators.voice import Handler

_TEXT_PER_PART = 512  # characters, as the schema of NotifyCustomerInformation allows


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
    """Report all monitors, or those of some variables."""
    wanted = fields.get("componentVariable")
    items = [
        _reported(id, one)
        for id, one in charger.shelves["monitors"].items()
        if not wanted or wanted_by(wanted, one["component"], one["variable"])
    ]
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
    charger.later(_report_messages(charger, fields["requestId"], found))
    return {"status": "Accepted"}


async def _report_messages(charger: Charger, request_id: int, found: list[Fields]) -> None:
    for _, part, more in parts(found, charger.habits.items_per_part):
        report = {"requestId": request_id, "tbc": more, "messageInfo": part}
        await charger.call("NotifyDisplayMessages", report)


def _asked(message: Fields, wanted: Fields) -> bool:
    if message["id"] not in wanted.get("id", [message["id"]]):
        return False
    choices = {name: wanted[name] for name in ("priority", "state") if name in wanted}
    return all(message.get(name) == value for name, value in choices.items())


def customer_information(charger: Charger, fields: Fields) -> Fields:
    """Report what was charged with a token; it is all that is kept about a customer (N09, N10)."""
    token = fields.get("idToken", {}).get("idToken", fields.get("customerIdentifier"))
    if fields["report"]:
        own = [one for one in charger.transactions if token in (None, one.id_token)]
        text = "\n".join(map(_remembered, own)) or "nothing is known"
        charger.later(_report_customer(charger, fields["requestId"], text))
    return {"status": "Accepted"}


def _remembered(own: Transaction) -> str:
    return f"{timestamp(own.started_at)} {own.id_token} on EVSE {own.evse_id}: transaction {own.id}"


async def _report_customer(charger: Charger, request_id: int, text: str) -> None:
    for seq_no, part, more in parts(text, _TEXT_PER_PART):
        head = {"requestId": request_id, "seqNo": seq_no, "tbc": more}
        report = {**head, "generatedAt": timestamp(charger.now()), "data": part}
        await charger.call("NotifyCustomerInformation", report)


# ---- firmware ----


def update_firmware(charger: Charger, fields: Fields) -> Fields:
    """Fetch and install firmware."""
    action, firmware = "FirmwareStatusNotification", fields["firmware"]
    job = order(action, fields, firmware["location"])
    signed = "signature" in firmware
    last = charger.jobs.begin(charger, action, install(charger, job, signed=signed))
    return {"status": "Accepted" if last is None else "AcceptedCanceled"}


def publish_firmware(charger: Charger, fields: Fields) -> Fields:
    """Fetch firmware for others and offer it."""
    action = "PublishFirmwareStatusNotification"
    job = order(action, fields, fields["location"])
    charger.jobs.begin(charger, action, publish(charger, job, str(fields["checksum"])))
    return {"status": "Accepted"}


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

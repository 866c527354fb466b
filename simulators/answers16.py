"""What an OCPP 1.6 charger answers: one handler for every action that a CSMS may call."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from simulators import charging, controls
from simulators.answers import BOTH, accepted
from simulators.jobs import install, log_name, order, send_log
from simulators.restarts import restart
from simulators.settings import TAKEN
from simulators.triggers import TRIGGERS
from simulators.watched import Fields, read_timestamp, timestamp

if TYPE_CHECKING:
    from simulators.charger import Charger
    from simulators.voice import Handler


# ---- transactions ----


async def remote_start(charger: Charger, fields: Fields) -> Fields:
    """Start for a token."""
    return accepted(
        await controls.remote_start(
            charger,
            fields.get("connectorId"),
            fields["idTag"],
            "",
            profile=fields.get("chargingProfile"),
        )
    )


def remote_stop(charger: Charger, fields: Fields) -> Fields:
    """Stop a transaction that is known."""
    return accepted(controls.remote_stop(charger, fields["transactionId"]))


def unlock(charger: Charger, fields: Fields) -> Fields:
    """Unlock a plug."""
    if fields["connectorId"] not in charger.hardware.evses:
        return {"status": "NotSupported"}
    controls.unlock(charger, fields["connectorId"])
    return {"status": "Unlocked"}


# ---- the station ----


def reset(charger: Charger, fields: Fields) -> Fields:
    """Restart; what runs is stopped and told first."""
    charger.later(restart(charger, f"{fields['type']}Reset", "RemoteReset"))
    return {"status": "Accepted"}


def change_availability(charger: Charger, fields: Fields) -> Fields:
    """Take a connector in or out of service."""
    operative = fields["type"] == "Operative"
    status = controls.set_availability(charger, fields["connectorId"], operative=operative)
    return {"status": status}


def reserve_now(charger: Charger, fields: Fields) -> Fields:
    """Keep a connector for a token."""
    expires_at = read_timestamp(fields["expiryDate"])
    place = (fields["reservationId"], fields["connectorId"], fields["idTag"])
    return {"status": controls.reserve(charger, *place, expires_at)}


def get_configuration(charger: Charger, fields: Fields) -> Fields:
    """Read keys, all where none is named; what may only be written has no value."""
    names = fields.get("key") or [key for key in charger.settings if _readable(charger, key)]
    known = [name for name in names if name in charger.settings]
    return {
        "configurationKey": [_described(charger, name) for name in known],
        "unknownKey": [name for name in names if name not in charger.settings],
    }


def _readable(charger: Charger, key: str) -> bool:
    return charger.settings[key].readable


def _described(charger: Charger, key: str) -> Fields:
    setting = charger.settings[key]
    described = {"key": key, "readonly": not setting.writable}
    return {**described, "value": setting.value} if setting.readable else described


def change_configuration(charger: Charger, fields: Fields) -> Fields:
    """Write a key; a new password is used for a new connection (A01)."""
    status = charger.settings.change(fields["key"], fields["value"])
    charger.changed()
    if status in TAKEN and fields["key"] == charger.voice.names.password:
        secret = charger.voice.secret(fields["value"])
        charger.take_password(secret, at_once=status == "Accepted")
    return {"status": status}


# ---- local list ----


def get_local_list_version(charger: Charger, fields: Fields) -> Fields:  # noqa: ARG001 - has no fields
    """Tell the version, -1 where no list is kept (§5.10)."""
    kept = charger.settings.flag(charger.voice.names.local_list)
    return {"listVersion": charger.local_list.version if kept else -1}


def send_local_list(charger: Charger, fields: Fields) -> Fields:
    """Replace or change the list."""
    if not charger.settings.flag(charger.voice.names.local_list):
        return {"status": "NotSupported"}
    entries = {
        item["idTag"]: item.get("idTagInfo") for item in fields.get("localAuthorizationList", [])
    }
    version, kind = fields["listVersion"], fields["updateType"]
    return {"status": charger.local_list.update(version, kind, entries)}


# ---- smart charging ----


def set_charging_profile(charger: Charger, fields: Fields) -> Fields:
    """Obey a profile."""
    refusal = charging.install_profile(charger, fields["connectorId"], fields["csChargingProfiles"])
    return accepted(refusal is None)


def clear_charging_profile(charger: Charger, fields: Fields) -> Fields:
    """Forget profiles by id, connector, purpose and level."""
    purpose = fields.get("chargingProfilePurpose")
    wanted = {
        "id": fields.get("id"),
        "evse_id": fields.get("connectorId"),
        "purpose": _PURPOSES.get(purpose, purpose) if purpose else None,
        "level": fields.get("stackLevel"),
    }
    cleared = charging.clear_profiles(charger, charging.matches(wanted))
    return {"status": "Accepted" if cleared else "Unknown"}


def get_composite_schedule(charger: Charger, fields: Fields) -> Fields:
    """Tell what will hold."""
    connector_id, duration = fields["connectorId"], fields["duration"]
    if connector_id not in (0, *charger.hardware.evses):
        return {"status": "Rejected"}
    unit = fields.get("chargingRateUnit", "W")
    start = timestamp(charger.now())
    steps = charging.schedule(charger, connector_id, duration, unit)
    return {
        "status": "Accepted",
        "connectorId": connector_id,
        "scheduleStart": start,
        "chargingSchedule": {"duration": duration, "startSchedule": start, **steps},
    }


_PURPOSES = {"ChargePointMaxProfile": "ChargingStationMaxProfile"}


# ---- triggers, firmware, logs, certificates ----


def trigger_message(charger: Charger, fields: Fields) -> Fields:
    """Send what is asked for."""
    trigger = TRIGGERS.get(fields["requestedMessage"])
    connector_id = fields.get("connectorId")
    if trigger is None:
        return {"status": "NotImplemented"}
    if connector_id is not None and connector_id not in (0, *charger.hardware.evses):
        return {"status": "Rejected"}
    charger.later(trigger(charger, connector_id))
    return {"status": "Accepted"}


def update_firmware(charger: Charger, fields: Fields) -> Fields:
    """Fetch and install firmware."""
    action = "FirmwareStatusNotification"
    job = order(action, fields, fields["location"])
    charger.jobs.begin(charger, action, install(charger, job))
    return {}


def signed_update_firmware(charger: Charger, fields: Fields) -> Fields:
    """Fetch and install firmware; its signature is not looked at."""
    action = "SignedFirmwareStatusNotification"
    job = order(action, fields, fields["firmware"]["location"])
    last = charger.jobs.begin(charger, action, install(charger, job, signed=True))
    return {"status": "Accepted" if last is None else "AcceptedCanceled"}


def get_diagnostics(charger: Charger, fields: Fields) -> Fields:
    """Send the log."""
    action = "DiagnosticsStatusNotification"
    job = order(action, fields, fields["location"])
    charger.jobs.begin(charger, action, send_log(charger, job, "UploadFailed"))
    return {"fileName": log_name(charger)}


def get_installed_certificate_ids(charger: Charger, fields: Fields) -> Fields:
    """List root certificates of one kind."""
    found = [data for _, data in charger.certificates.of_kinds([fields["certificateType"]])]
    return {"status": "Accepted", "certificateHashData": found} if found else {"status": "NotFound"}


HANDLERS: Mapping[str, Handler] = {
    **BOTH,
    "ChangeAvailability": change_availability,
    "ChangeConfiguration": change_configuration,
    "ClearChargingProfile": clear_charging_profile,
    "ExtendedTriggerMessage": trigger_message,
    "GetCompositeSchedule": get_composite_schedule,
    "GetConfiguration": get_configuration,
    "GetDiagnostics": get_diagnostics,
    "GetInstalledCertificateIds": get_installed_certificate_ids,
    "GetLocalListVersion": get_local_list_version,
    "RemoteStartTransaction": remote_start,
    "RemoteStopTransaction": remote_stop,
    "ReserveNow": reserve_now,
    "Reset": reset,
    "SendLocalList": send_local_list,
    "SetChargingProfile": set_charging_profile,
    "SignedUpdateFirmware": signed_update_firmware,
    "TriggerMessage": trigger_message,
    "UnlockConnector": unlock,
    "UpdateFirmware": update_firmware,
}

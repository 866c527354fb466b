"""What an OCPP 2.0.1 charger answers: one handler for every action that a CSMS may call."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from simulators import answers, charging, controls
from simulators.answers import BOTH, accepted
from simulators.device201 import get_base_report, get_report, get_variables, set_variables
from simulators.profiles import Profile
from simulators.restarts import restart, restart_evse, restart_when_idle
from simulators.triggers import TRIGGERS
from simulators.upkeep201 import UPKEEP
from simulators.watched import Fields, read_timestamp, timestamp

if TYPE_CHECKING:
    from simulators.charger import Charger
    from simulators.voice import Handler


# ---- transactions ----


async def request_start(charger: Charger, fields: Fields) -> Fields:
    """Start for a token; Started will carry the remoteStartId (F01.FR.25)."""
    token = fields["idToken"]
    started = await controls.remote_start(
        charger,
        fields.get("evseId"),
        token["idToken"],
        token["type"],
        fields["remoteStartId"],
        fields.get("chargingProfile"),
    )
    return accepted(started)


def request_stop(charger: Charger, fields: Fields) -> Fields:
    """Stop a transaction that is known."""
    return accepted(controls.remote_stop(charger, fields["transactionId"]))


def get_transaction_status(charger: Charger, fields: Fields) -> Fields:
    """Tell whether a transaction runs, and whether messages (of it) wait (E14)."""
    wanted = fields.get("transactionId")
    if wanted is None:
        return {"messagesInQueue": charger.waiting > 0}
    waits = any(own.id == wanted and charger.messages_wait(own) for own in charger.transactions)
    ongoing = controls.running(charger, wanted) is not None
    return {"ongoingIndicator": ongoing, "messagesInQueue": waits}


def unlock(charger: Charger, fields: Fields) -> Fields:
    """Unlock a plug that nobody is charging with (F05)."""
    evse = charger.hardware.evses.get(fields["evseId"])
    if evse is None or fields["connectorId"] != 1:
        return {"status": "UnknownConnector"}
    return {"status": "OngoingAuthorizedTransaction" if evse.transaction else "Unlocked"}


# ---- the station ----


def reset(charger: Charger, fields: Fields) -> Fields:
    """Restart the station or one EVSE, at once or when no transaction is running (B11, B12)."""
    evse_id = fields.get("evseId")
    if evse_id is not None:
        return _reset_evse(charger, evse_id)
    if fields["type"] == "OnIdle" and charger.hardware.transactions:
        charger.meanwhile(restart_when_idle(charger, "SoftReset", "ScheduledReset"))
        return {"status": "Scheduled"}
    charger.later(restart(charger, "SoftReset", "RemoteReset"))
    return {"status": "Accepted"}


def _reset_evse(charger: Charger, evse_id: int) -> Fields:
    if evse_id not in charger.hardware.evses:
        return {"status": "Rejected"}
    charger.meanwhile(restart_evse(charger, evse_id, "SoftReset"))
    return {"status": "Accepted"}


def change_availability(charger: Charger, fields: Fields) -> Fields:
    """Take an EVSE or the station in or out of service."""
    operative = fields["operationalStatus"] == "Operative"
    evse_id = fields.get("evse", {"id": 0})["id"]
    return {"status": controls.set_availability(charger, evse_id, operative=operative)}


def reserve_now(charger: Charger, fields: Fields) -> Fields:
    """Keep an EVSE for a token."""
    expires_at = read_timestamp(fields["expiryDateTime"])
    place = (fields["id"], fields.get("evseId"), fields["idToken"]["idToken"])
    return {"status": controls.reserve(charger, *place, expires_at)}


def trigger_message(charger: Charger, fields: Fields) -> Fields:
    """Send what is asked for."""
    trigger = TRIGGERS.get(fields["requestedMessage"])
    evse_id = fields.get("evse", {}).get("id")
    if trigger is None:
        return {"status": "NotImplemented"}
    if evse_id is not None and evse_id not in charger.hardware.evses:
        return {"status": "Rejected"}
    charger.later(trigger(charger, evse_id))
    return {"status": "Accepted"}


def get_local_list_version(charger: Charger, _fields: Fields) -> Fields:
    """Tell the version, 0 where no list is kept (D02)."""
    kept = charger.settings.flag(charger.voice.names.local_list)
    return {"versionNumber": charger.local_list.version if kept else 0}


def send_local_list(charger: Charger, fields: Fields) -> Fields:
    """Replace or change the list."""
    if not charger.settings.flag(charger.voice.names.local_list):
        return {"status": "Failed"}
    entries = {
        item["idToken"]["idToken"]: item.get("idTokenInfo")
        for item in fields.get("localAuthorizationList", [])
    }
    version, kind = fields["versionNumber"], fields["updateType"]
    return {"status": charger.local_list.update(version, kind, entries)}


# ---- smart charging ----


def set_charging_profile(charger: Charger, fields: Fields) -> Fields:
    """Obey a profile, or say why not."""
    place, profile = fields["evseId"], fields["chargingProfile"]
    if charging.has_rival(charger, place, profile):
        return _refused("DuplicateProfile")  # K01.FR.06
    refusal = charging.install_profile(charger, place, profile)
    return accepted(done=True) if refusal is None else _refused(refusal)


def _refused(reason: str) -> Fields:
    return {"status": "Rejected", "statusInfo": {"reasonCode": reason}}


def clear_charging_profile(charger: Charger, fields: Fields) -> Fields:
    """Forget the profile with an id, or those that fit the criteria (K10)."""
    criteria = fields.get("chargingProfileCriteria", {})
    wanted = {"id": fields.get("chargingProfileId"), **_criteria(criteria)}
    cleared = charging.clear_profiles(charger, charging.matches(wanted))
    return {"status": "Accepted" if cleared else "Unknown"}


def _criteria(criteria: Fields) -> Fields:
    return {
        "evse_id": criteria.get("evseId"),
        "purpose": criteria.get("chargingProfilePurpose"),
        "level": criteria.get("stackLevel"),
    }


def get_charging_profiles(charger: Charger, fields: Fields) -> Fields:
    """Report installed profiles, one message for each EVSE and source (K09)."""
    criteria = fields["chargingProfile"]
    wanted = {**_criteria(criteria), "evse_id": fields.get("evseId")}
    chosen, ids = charging.matches(wanted), criteria.get("chargingProfileId")
    sources = criteria.get("chargingLimitSource")
    found = [
        profile
        for profile in charger.hardware.profiles
        if chosen(profile)
        and (ids is None or profile.id in ids)
        and (sources is None or profile.source in sources)
    ]
    if not found:
        return {"status": "NoProfiles"}
    charger.later(_report_profiles(charger, fields["requestId"], found))
    return {"status": "Accepted"}


async def _report_profiles(charger: Charger, request_id: int, found: list[Profile]) -> None:
    places = sorted({(profile.evse_id, profile.source) for profile in found})
    for place in places:
        evse_id, source = place
        await charger.call(
            "ReportChargingProfiles",
            {
                "requestId": request_id,
                "chargingLimitSource": source,
                "evseId": evse_id,
                "chargingProfile": [
                    one.fields for one in found if (one.evse_id, one.source) == place
                ],
                "tbc": place != places[-1],
            },
        )


def get_composite_schedule(charger: Charger, fields: Fields) -> Fields:
    """Tell what will hold."""
    evse_id, duration = fields["evseId"], fields["duration"]
    if evse_id not in (0, *charger.hardware.evses):
        return {"status": "Rejected"}
    steps = charging.schedule(charger, evse_id, duration, fields.get("chargingRateUnit", "W"))
    return {
        "status": "Accepted",
        "schedule": {
            "evseId": evse_id,
            "duration": duration,
            "scheduleStart": timestamp(charger.now()),
            **steps,
        },
    }


# ---- logs ----


def get_log(charger: Charger, fields: Fields) -> Fields:
    """Send the log, and tell that one is given up for it (N01.FR.20)."""
    action = "LogStatusNotification"
    before = charger.jobs.current(action)
    answer = answers.get_log(charger, fields)
    if before.get("status") != "Idle":
        charger.later(charger.call(action, {**before, "status": "AcceptedCanceled"}))
    return answer


HANDLERS: Mapping[str, Handler] = {
    **BOTH,
    **UPKEEP,
    "ChangeAvailability": change_availability,
    "ClearChargingProfile": clear_charging_profile,
    "GetBaseReport": get_base_report,
    "GetChargingProfiles": get_charging_profiles,
    "GetCompositeSchedule": get_composite_schedule,
    "GetLocalListVersion": get_local_list_version,
    "GetLog": get_log,
    "GetReport": get_report,
    "GetTransactionStatus": get_transaction_status,
    "GetVariables": get_variables,
    "RequestStartTransaction": request_start,
    "RequestStopTransaction": request_stop,
    "ReserveNow": reserve_now,
    "Reset": reset,
    "SendLocalList": send_local_list,
    "SetChargingProfile": set_charging_profile,
    "SetVariables": set_variables,
    "TriggerMessage": trigger_message,
    "UnlockConnector": unlock,
}

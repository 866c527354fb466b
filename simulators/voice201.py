"""What a charger says in OCPP 2.0.1."""

from __future__ import annotations

from collections.abc import Mapping

from csms.frames import OCPP201
from simulators.answers201 import HANDLERS
from simulators.device201 import factory_settings
from simulators.hardware import Hardware, Sample, State, Transaction
from simulators.settings import Settings
from simulators.voice import Identity, Message, Names
from simulators.watched import Fields, timestamp

_STATUS: Mapping[State, str] = {
    "Available": "Available",
    "Preparing": "Occupied",
    "Charging": "Occupied",
    "SuspendedEVSE": "Occupied",
    "Finishing": "Occupied",
    "Reserved": "Reserved",
    "Unavailable": "Unavailable",
}

# What 1.6 calls the reason of a stop, as 2.0.1's (triggerReason, stoppedReason).
_ENDED: Mapping[str, tuple[str, str]] = {
    "Local": ("StopAuthorized", "Local"),
    "Remote": ("RemoteStop", "Remote"),
    "DeAuthorized": ("Deauthorized", "DeAuthorized"),
    "SoftReset": ("ResetCommand", "ImmediateReset"),
    "HardReset": ("ResetCommand", "ImmediateReset"),
    "UnlockCommand": ("UnlockCommand", "Remote"),
    "EVDisconnected": ("EVDeparted", "EVDisconnected"),
}


class Voice201:
    """Speak OCPP 2.0.1; every EVSE has one connector, number 1."""

    subprotocol = "ocpp2.0.1"
    dialect = OCPP201
    names = Names(
        heartbeat="OCPPCommCtrlr.HeartbeatInterval",
        sample="SampledDataCtrlr.TxUpdatedInterval",
        authorize_remote="AuthCtrlr.AuthorizeRemoteStart",
        stop_on_invalid="TxCtrlr.StopTxOnInvalidId",
        password="SecurityCtrlr.BasicAuthPassword",  # noqa: S106 - the name of a variable
        attempts="OCPPCommCtrlr.MessageAttempts[TransactionEvent]",
        retry="OCPPCommCtrlr.MessageAttemptInterval[TransactionEvent]",
        max_level="SmartChargingCtrlr.ProfileStackLevel",
        max_periods="SmartChargingCtrlr.PeriodsPerSchedule",
        max_profiles="SmartChargingCtrlr.Entries[ChargingProfiles]",
        local_list="LocalAuthListCtrlr.Enabled",
        local_first="AuthCtrlr.LocalPreAuthorize",
        local_offline="AuthCtrlr.LocalAuthorizeOffline",
        unknown_offline="AuthCtrlr.OfflineTxForUnknownIdEnabled",
        organization="SecurityCtrlr.OrganizationName",
        max_external_id="SmartChargingCtrlr.MaxExternalConstraintsId",
    )
    handlers = HANDLERS

    def settings(self, hardware: Hardware, identity: Identity) -> Settings:
        """Return the device model as it leaves the factory."""
        return factory_settings(hardware, identity)

    def rate_units(self, settings: Settings) -> frozenset[str]:
        """Return the units, A or W, that schedules may have."""
        return frozenset(settings.text("SmartChargingCtrlr.RateUnit").split(","))

    def secret(self, value: str) -> str | bytes:
        """Return the password as it was written."""
        return value

    def boot(self, identity: Identity, reason: str) -> Message:
        """Say hello."""
        station = {
            "serialNumber": identity.serial_number,
            "model": identity.model,
            "vendorName": identity.vendor,
            "firmwareVersion": identity.firmware_version,
        }
        return "BootNotification", {"chargingStation": station, "reason": reason}

    def status(self, hardware: Hardware, evse_id: int, at: str) -> Message | None:
        """Tell a connector's state; the station itself has none here."""
        if evse_id == 0:
            return None
        return "StatusNotification", {
            "timestamp": at,
            "connectorStatus": _STATUS[hardware.state(evse_id)],
            "evseId": evse_id,
            "connectorId": 1,
        }

    def authorize(self, id_token: str, token_type: str) -> Message:
        """Ask whether a token may charge."""
        return "Authorize", {"idToken": {"idToken": id_token, "type": token_type}}

    def authorized(self, answer: Fields) -> bool:
        """Tell whether an answer lets a token charge; one that does not say so does."""
        status: str = answer.get("idTokenInfo", {}).get("status", "Accepted")
        return status == "Accepted"

    def started(self, transaction: Transaction, sample: Sample, *, offline: bool) -> Message:
        """Tell of a start."""
        transaction.id = transaction.id or transaction.reference
        event = self._event(transaction, "Started", sample, "Transaction.Begin", offline=offline)
        event["timestamp"] = timestamp(transaction.started_at)
        if transaction.reservation_id is not None:
            event["reservationId"] = transaction.reservation_id
        event["triggerReason"] = "CablePluggedIn"
        return "TransactionEvent", _identify(event, transaction)

    def starts_with_cable(self, settings: Settings) -> bool:
        """Tell whether a transaction begins before anybody has shown a token."""
        return "EVConnected" in settings.text("TxCtrlr.TxStartPoint").split(",")

    def identified(
        self, transaction: Transaction, sample: Sample, *, offline: bool
    ) -> Message | None:
        """Tell who charges in a transaction that the cable has started."""
        event = self._event(transaction, "Updated", sample, "Other", offline=offline)
        return "TransactionEvent", _identify(event, transaction)

    def plugged(self, transaction: Transaction, sample: Sample, *, offline: bool) -> Message | None:
        """Tell that the vehicle has come, and where."""
        event = self._event(transaction, "Updated", sample, "Other", offline=offline)
        event["triggerReason"] = "CablePluggedIn"
        return "TransactionEvent", event

    def sampled(self, transaction: Transaction, sample: Sample, *, offline: bool) -> Message:
        """Tell the meter during a transaction."""
        event = self._event(transaction, "Updated", sample, "Sample.Periodic", offline=offline)
        event["triggerReason"] = "MeterValuePeriodic"
        return "TransactionEvent", event

    def resumed(self, transaction: Transaction, sample: Sample, *, offline: bool) -> Message | None:
        """Tell that charging was suspended or goes on."""
        event = self._event(transaction, "Updated", sample, "Other", offline=offline)
        event["triggerReason"] = "ChargingStateChanged"
        return "TransactionEvent", event

    def stopped(self, transaction: Transaction, sample: Sample, *, offline: bool) -> Message:
        """Tell of an end."""
        trigger, reason = _ENDED[transaction.stop_reason or "Local"]
        event = self._event(transaction, "Ended", sample, "Transaction.End", offline=offline)
        event["triggerReason"] = trigger
        state = "EVConnected" if transaction.plugged else "Idle"
        event["transactionInfo"] |= {"stoppedReason": reason, "chargingState": state}
        return "TransactionEvent", event

    def metered(self, evse_id: int, sample: Sample, running: Transaction | None) -> Message:
        """Tell a meter because it was asked for."""
        return "MeterValues", {"evseId": evse_id, "meterValue": [_meter(sample, "Trigger")]}

    def complete(self, fields: Fields, transaction: Transaction) -> Fields:
        """Leave the message as it is: the id is the station's own."""
        return fields

    def heard(self, action: str, answer: Fields, transaction: Transaction) -> bool:
        """Tell whether the transaction may go on."""
        transaction.confirmed = True
        return self.authorized(answer)

    def limited(self, evse_id: int, source: str, schedules: list[Fields]) -> Message | None:
        """Tell of a limit from outside (EVSE 0: the station's)."""
        limit = {"chargingLimitSource": source, "isGridCritical": False}
        said = {"chargingLimit": limit, "chargingSchedule": schedules}
        return "NotifyChargingLimit", {**said, **_place(evse_id)}

    def unlimited(self, evse_id: int, source: str) -> Message | None:
        """Tell that it is gone."""
        return "ClearedChargingLimit", {"chargingLimitSource": source, **_place(evse_id)}

    def unreserved(self, id: int, status: str) -> Message | None:
        """Tell that a reservation ended by itself."""
        said = {"reservationId": id, "reservationUpdateStatus": status}
        return "ReservationStatusUpdate", said

    def _event(
        self, transaction: Transaction, kind: str, sample: Sample, context: str, *, offline: bool
    ) -> Fields:
        event: Fields = {
            "eventType": kind,
            "timestamp": timestamp(sample.at),
            "seqNo": transaction.events,
            "transactionInfo": {
                "transactionId": transaction.id,
                "chargingState": _state(transaction, sample),
            },
            "meterValue": [_meter(sample, context)],
        }
        if transaction.plugged:
            event["evse"] = {"id": transaction.evse_id, "connectorId": 1}
        transaction.events += 1
        return {**event, "offline": True} if offline else event


def _identify(event: Fields, transaction: Transaction) -> Fields:
    """Say who started a transaction, as far as that is known."""
    remote = transaction.remote_start_id
    if transaction.authorized:
        event["triggerReason"] = "Authorized" if remote is None else "RemoteStart"
        event["idToken"] = {"idToken": transaction.id_token, "type": transaction.token_type}
    if remote is not None:
        event["transactionInfo"]["remoteStartId"] = remote
    return event


def _state(transaction: Transaction, sample: Sample) -> str:
    if not transaction.plugged:
        return "Idle"
    if not transaction.authorized:
        return "EVConnected"
    return "Charging" if sample.power_w > 0 else "SuspendedEVSE"


def _place(evse_id: int) -> Fields:
    return {"evseId": evse_id} if evse_id else {}


def _meter(sample: Sample, context: str) -> Fields:
    values = [
        _value(sample.energy_wh, "Energy.Active.Import.Register", "Wh", context),
        _value(sample.power_w, "Power.Active.Import", "W", context),
        _value(sample.supply.amperes(sample.power_w), "Current.Import", "A", context),
        _value(sample.supply.voltage, "Voltage", "V", context),
    ]
    return {"timestamp": timestamp(sample.at), "sampledValue": values}


def _value(value: float, measurand: str, unit: str, context: str) -> Fields:
    return {
        "value": round(value, 1),
        "context": context,
        "measurand": measurand,
        "unitOfMeasure": {"unit": unit},
    }

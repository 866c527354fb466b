"""What a charger says in OCPP 1.6."""

from __future__ import annotations

from csms.frames import OCPP16
from simulators.answers16 import HANDLERS
from simulators.hardware import Hardware, Sample, Transaction
from simulators.settings import Setting, Settings, fixed
from simulators.voice import Identity, Message, Names
from simulators.watched import Fields, timestamp

RAW_KEY_DIGITS = range(32, 42, 2)

_UNSTARTED = -1
_UNITS = {"Current": "A", "Power": "W"}


class Voice16:
    """Speak OCPP 1.6 with the security whitepaper."""

    subprotocol = "ocpp1.6"
    dialect = OCPP16
    names = Names(
        heartbeat="HeartbeatInterval",
        sample="MeterValueSampleInterval",
        authorize_remote="AuthorizeRemoteTxRequests",
        stop_on_invalid="StopTransactionOnInvalidId",
        password="AuthorizationKey",  # noqa: S106 - the name of a key
        attempts="TransactionMessageAttempts",
        retry="TransactionMessageRetryInterval",
        max_level="ChargeProfileMaxStackLevel",
        max_periods="ChargingScheduleMaxPeriods",
        max_profiles="MaxChargingProfilesInstalled",
        local_list="LocalAuthListEnabled",
        local_first="LocalPreAuthorize",
        local_offline="LocalAuthorizeOffline",
        unknown_offline="AllowOfflineTxForUnknownId",
        organization="CpoName",
    )
    handlers = HANDLERS

    def settings(self, hardware: Hardware, identity: Identity) -> Settings:
        """Return the configuration keys as they leave the factory."""
        return Settings(
            {
                **_KEYS,
                "NumberOfConnectors": fixed(len(hardware.evses)),
                "ChargeBoxSerialNumber": fixed(identity.serial_number, "text"),
            }
        )

    def rate_units(self, settings: Settings) -> frozenset[str]:
        """Return the units, A or W, that schedules may have."""
        allowed = settings.text("ChargingScheduleAllowedChargingRateUnit").split(",")
        return frozenset(_UNITS[word.strip()] for word in allowed)

    def secret(self, value: str) -> str | bytes:
        """Return the password behind an AuthorizationKey: hex digits are 16 to 20 raw bytes."""
        try:
            return bytes.fromhex(value) if len(value) in RAW_KEY_DIGITS else value
        except ValueError:
            return value

    def boot(self, identity: Identity, reason: str) -> Message:
        """Say hello."""
        return "BootNotification", {
            "chargePointVendor": identity.vendor,
            "chargePointModel": identity.model,
            "chargePointSerialNumber": identity.serial_number,
            "chargeBoxSerialNumber": identity.serial_number,
            "firmwareVersion": identity.firmware_version,
        }

    def status(self, hardware: Hardware, evse_id: int, at: str) -> Message | None:
        """Tell a connector's state; connector 0 is the main controller."""
        station = "Available" if hardware.operative else "Unavailable"
        return "StatusNotification", {
            "connectorId": evse_id,
            "errorCode": "NoError",
            "status": hardware.state(evse_id) if evse_id else station,
            "timestamp": at,
        }

    def authorize(self, id_token: str, token_type: str) -> Message:
        """Ask whether a token may charge."""
        return "Authorize", {"idTag": id_token}

    def authorized(self, answer: Fields) -> bool:
        """Tell whether an answer lets a token charge; one that does not say so does."""
        status: str = answer.get("idTagInfo", {}).get("status", "Accepted")
        return status == "Accepted"

    def started(self, transaction: Transaction, sample: Sample, *, offline: bool) -> Message:
        """Tell of a start."""
        fields = {
            "connectorId": transaction.evse_id,
            "idTag": transaction.id_token,
            "meterStart": round(transaction.meter_start_wh),
            "timestamp": timestamp(transaction.started_at),
        }
        if transaction.reservation_id is not None:
            fields["reservationId"] = transaction.reservation_id
        return "StartTransaction", fields

    def sampled(self, transaction: Transaction, sample: Sample, *, offline: bool) -> Message:
        """Tell the meter during a transaction."""
        return self._meter(transaction.evse_id, sample, "Sample.Periodic")

    def resumed(self, transaction: Transaction, sample: Sample, *, offline: bool) -> Message | None:
        """Say nothing: the StatusNotification tells it."""
        return None

    def starts_with_cable(self, settings: Settings) -> bool:
        """Say no: a start names its token."""
        return False

    def identified(
        self, transaction: Transaction, sample: Sample, *, offline: bool
    ) -> Message | None:
        """Say nothing: the start has told it."""
        return None

    def plugged(self, transaction: Transaction, sample: Sample, *, offline: bool) -> Message | None:
        """Say nothing: the StatusNotification tells it."""
        return None

    def stopped(self, transaction: Transaction, sample: Sample, *, offline: bool) -> Message:
        """Tell of an end."""
        return "StopTransaction", {
            "idTag": transaction.id_token,
            "meterStop": round(sample.energy_wh),
            "timestamp": timestamp(sample.at),
            "reason": transaction.stop_reason,
        }

    def metered(self, evse_id: int, sample: Sample, running: Transaction | None) -> Message:
        """Tell a meter because it was asked for."""
        action, fields = self._meter(evse_id, sample, "Trigger")
        if running is None or not running.id:
            return action, fields
        return action, self.complete(fields, running)

    def complete(self, fields: Fields, transaction: Transaction) -> Fields:
        """Add the transaction's id, -1 where its start was never answered (errata 3.18)."""
        if "meterStart" in fields:
            return fields
        return {**fields, "transactionId": int(transaction.id or _UNSTARTED)}

    def heard(self, action: str, answer: Fields, transaction: Transaction) -> bool:
        """Keep the id that the CSMS gave; tell whether the transaction may go on."""
        if action != "StartTransaction":
            return True
        transaction.id = str(answer.get("transactionId", _UNSTARTED))
        transaction.confirmed = True
        return self.authorized(answer)

    def limited(self, evse_id: int, source: str, schedules: list[Fields]) -> Message | None:
        """Say nothing: 1.6 has no word for it."""
        return None

    def unlimited(self, evse_id: int, source: str) -> Message | None:
        """Say nothing: 1.6 has no word for it."""
        return None

    def unreserved(self, id: int, status: str) -> Message | None:
        """Say nothing: the StatusNotification tells it."""
        return None

    def _meter(self, evse_id: int, sample: Sample, context: str) -> Message:
        values = [
            _value(sample.energy_wh, "Energy.Active.Import.Register", "Wh", context),
            _value(sample.power_w, "Power.Active.Import", "W", context),
            _value(sample.supply.amperes(sample.power_w), "Current.Import", "A", context),
            _value(sample.supply.voltage, "Voltage", "V", context),
        ]
        at = timestamp(sample.at)
        meter = {"timestamp": at, "sampledValue": values}
        return "MeterValues", {"connectorId": evse_id, "meterValue": [meter]}


def _value(value: float, measurand: str, unit: str, context: str) -> Fields:
    return {"value": f"{value:.1f}", "context": context, "measurand": measurand, "unit": unit}


_KEYS = {
    "AllowOfflineTxForUnknownId": Setting("true", "boolean"),
    "AuthorizationCacheEnabled": Setting("false", "boolean"),
    "AuthorizationKey": Setting("", "text", readable=False),
    "AuthorizeRemoteTxRequests": Setting("false", "boolean"),
    "BlinkRepeat": Setting("3"),
    "ChargeProfileMaxStackLevel": fixed(8),
    "ChargingScheduleAllowedChargingRateUnit": fixed("Current,Power", "text"),
    "ChargingScheduleMaxPeriods": fixed(24),
    "ClockAlignedDataInterval": Setting("0"),
    "ConnectionTimeOut": Setting("60"),
    "ConnectorPhaseRotation": Setting("NotApplicable", "text"),
    "ConnectorSwitch3to1PhaseSupported": fixed("false", "boolean"),
    "CpoName": Setting("", "text"),
    "GetConfigurationMaxKeys": fixed(100),
    "HeartbeatInterval": Setting("300"),
    "LocalAuthListEnabled": Setting("true", "boolean"),
    "LocalAuthListMaxLength": fixed(1000),
    "LocalAuthorizeOffline": Setting("true", "boolean"),
    "LocalPreAuthorize": Setting("false", "boolean"),
    "MaxChargingProfilesInstalled": fixed(20),
    "MeterValueSampleInterval": Setting("60"),
    "MeterValuesAlignedData": Setting("", "text"),
    "MeterValuesSampledData": Setting(
        "Energy.Active.Import.Register,Power.Active.Import,Current.Import,Voltage", "text"
    ),
    "ReserveConnectorZeroSupported": fixed("true", "boolean"),
    "ResetRetries": Setting("1"),
    "SecurityProfile": Setting("1", needs_reboot=True),
    "SendLocalListMaxLength": fixed(100),
    "StopTransactionOnEVSideDisconnect": Setting("true", "boolean"),
    "StopTransactionOnInvalidId": Setting("true", "boolean"),
    "StopTxnAlignedData": Setting("", "text"),
    "StopTxnSampledData": Setting("", "text"),
    "SupportedFeatureProfiles": fixed(
        "Core,FirmwareManagement,LocalAuthListManagement,Reservation,SmartCharging,RemoteTrigger",
        "text",
    ),
    "TransactionMessageAttempts": Setting("3"),
    "TransactionMessageRetryInterval": Setting("10"),
    "UnlockConnectorOnEVSideDisconnect": Setting("true", "boolean"),
    "WebSocketPingInterval": Setting("20"),
}

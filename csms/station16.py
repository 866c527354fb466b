"""OCPP 1.6 with its security extension: what we answer, and how a command is said."""

from __future__ import annotations

import contextlib
from types import MappingProxyType
from typing import Any, ClassVar

import orjson
from ocpp.v16 import ChargePoint, call, call_result, datatypes
from ocpp.v16.enums import (
    Action,
    ChargingRateUnitType,
    DataTransferStatus,
    GenericStatus,
    RegistrationStatus,
    ResetType,
)

from csms import capabilities
from csms.certificates import Wanted
from csms.commands import (
    ClearChargingProfile,
    GetCompositeSchedule,
    Outcome,
    Performers,
    RemoteStart,
    RemoteStop,
    Reset,
    SetChargingProfile,
    UnlockConnector,
)
from csms.errors import CallRefused, InvalidCommand, LinkBusy, NotStored
from csms.frames import OCPP16, Call, CallResult
from csms.limits import Abilities
from csms.payloads import encode
from csms.profile_words import to_16
from csms.readings import mapping, whole, word
from csms.schemas import Schemas
from csms.station import Station, always, on
from csms.tokens import LONGEST_16
from csms.turns import Urgency
from csms.verdict_words import id_tag_info
from storage.errors import StorageError


class Station16(Station, ChargePoint):
    """Speak OCPP 1.6 with one charger; its connector n is our EVSE n."""

    version = "1.6"
    subprotocol = "ocpp1.6"
    dialect = OCPP16
    schemas = Schemas("1.6")
    replaces_rivals = True
    reports_profiles = False
    supply_by_evse = False
    always_answered = frozenset(
        {
            Action.boot_notification,
            Action.heartbeat,
            Action.meter_values,
            Action.start_transaction,
            Action.status_notification,
            Action.stop_transaction,
        }
    )

    # ---- what the charger tells ----

    @on(Action.boot_notification)
    async def on_boot_notification(
        self,
        message: Call,
        /,
        charge_point_vendor: Any = None,
        charge_point_model: Any = None,
        charge_point_serial_number: Any = None,
        charge_box_serial_number: Any = None,
        firmware_version: Any = None,
        **_: Any,
    ) -> call_result.BootNotification:
        """Accept the charger or hold it back, and note what it says it is."""
        # First, because nothing may come between the note and the proxy, which waits for it.
        interval, status = await self.admission()
        self.note_boot(
            message,
            vendor=charge_point_vendor,
            model=charge_point_model,
            serial_number=charge_point_serial_number or charge_box_serial_number,
            firmware_version=firmware_version,
        )
        return call_result.BootNotification(self.now, interval, RegistrationStatus(status))

    @on(Action.heartbeat)
    def on_heartbeat(self, _: Call, /, **_fields: Any) -> call_result.Heartbeat:
        """Tell the time."""
        self.note_seen()
        return call_result.Heartbeat(self.now)

    @on(Action.status_notification)
    def on_status_notification(
        self,
        message: Call,
        /,
        connector_id: Any = None,
        status: Any = None,
        error_code: Any = None,
        **_: Any,
    ) -> call_result.StatusNotification:
        """Note the status of a connector, or with connectorId 0 of the charger."""
        evse_id = whole(connector_id)
        self.note_status(message, evse_id, 1 if evse_id else 0, status, error_code)
        return call_result.StatusNotification()

    # What follows is only to be remembered, and the journal does that.
    on_diagnostics_status_notification = always(call_result.DiagnosticsStatusNotification())
    on_firmware_status_notification = always(call_result.FirmwareStatusNotification())
    on_log_status_notification = always(call_result.LogStatusNotification())
    on_security_event_notification = always(call_result.SecurityEventNotification())
    on_signed_firmware_status_notification = always(call_result.SignedFirmwareStatusNotification())

    # ---- transactions ----

    @on(Action.start_transaction)
    async def on_start_transaction(
        self,
        _: Call,
        /,
        connector_id: Any = None,
        id_tag: Any = None,
        timestamp: Any = None,
        meter_start: Any = None,
        **_fields: Any,
    ) -> call_result.StartTransaction:
        """Give the transaction its id, positive whatever the verdict on the tag is."""
        transaction_id = await self.books.transactions.start(
            self.key,
            evse_id=connector_id,
            id_token=id_tag,
            timestamp=timestamp,
            meter_start=meter_start,
        )
        return call_result.StartTransaction(transaction_id, await self._verdict(id_tag))

    async def witness(self, call: Call, answer: CallResult) -> None:
        """Note what another system has answered: a transaction under the id that it gave."""
        if call.action != Action.start_transaction:
            await super().witness(call, answer)
            return
        if given := whole(mapping(answer.fields).get("transactionId")):
            told = mapping(call.fields)
            try:
                await self.books.transactions.start(
                    self.key,
                    evse_id=told.get("connectorId"),
                    id_token=told.get("idTag"),
                    timestamp=told.get("timestamp"),
                    meter_start=told.get("meterStart"),
                    given=given,
                )
            except StorageError as cause:
                raise NotStored from cause
        self.heard(call)

    @on(Action.meter_values)
    async def on_meter_values(
        self,
        _: Call,
        /,
        connector_id: Any = None,
        transaction_id: Any = None,
        meter_value: Any = None,
        **_fields: Any,
    ) -> call_result.MeterValues:
        """Record what was measured within a transaction; 0 and -1 name none (errata §3.18)."""
        if ours := whole(transaction_id):
            await self.books.transactions.meter(self.key, str(ours), meter_value, connector_id)
        return call_result.MeterValues()

    @on(Action.stop_transaction)
    async def on_stop_transaction(
        self,
        _: Call,
        /,
        transaction_id: Any = None,
        id_tag: Any = None,
        timestamp: Any = None,
        meter_stop: Any = None,
        reason: Any = None,
        transaction_data: Any = None,
        **_fields: Any,
    ) -> call_result.StopTransaction:
        """Record the end of a transaction; 0 and -1 name none (errata §3.18)."""
        ours = whole(transaction_id)
        await self.books.transactions.stop(
            self.key,
            str(ours) if ours else None,
            timestamp=timestamp,
            meter_stop=meter_stop,
            reason=reason,
            transaction_data=transaction_data,
            id_token=id_tag,
        )
        return call_result.StopTransaction(None if id_tag is None else await self._verdict(id_tag))

    # ---- what the charger asks ----

    @on(Action.authorize)
    async def on_authorize(
        self, _: Call, /, id_tag: Any = None, **_fields: Any
    ) -> call_result.Authorize:
        """Say whether a tag may charge."""
        return call_result.Authorize(await self._verdict(id_tag))

    async def _verdict(self, id_tag: Any) -> datatypes.IdTagInfo:
        return id_tag_info(await self.books.authorization.verdict(self.key, word(id_tag)))

    # No vendor's extension is known.
    on_data_transfer = always(call_result.DataTransfer(DataTransferStatus.unknown_vendor_id))

    @on(Action.sign_certificate)
    async def on_sign_certificate(
        self, _: Call, /, csr: str, **_fields: Any
    ) -> call_result.SignCertificate:
        """Take what is to be signed, or refuse it at once (security white paper A02)."""
        taken = await self.books.take_request(self.key, Wanted(csr))
        return call_result.SignCertificate(
            GenericStatus.accepted if taken else GenericStatus.rejected
        )

    # ---- what we ask ----

    async def remote_start(self, command: RemoteStart) -> Outcome:
        """Send RemoteStartTransaction; 1.6 has no words for the token's type or our id."""
        if len(command.id_token) > LONGEST_16:
            told = f"OCPP 1.6 has tokens of at most {LONGEST_16} characters."
            raise InvalidCommand(told, {"idToken": [told]})
        profile: Any = None if command.profile is None else to_16(command.profile)
        return await self.ask(
            call.RemoteStartTransaction(command.id_token, command.evse_id or None, profile)
        )

    async def remote_stop(self, command: RemoteStop) -> Outcome:
        """Send RemoteStopTransaction."""
        transaction_id = whole(command.transaction_id)
        if transaction_id is None:
            raise InvalidCommand("A 1.6 transaction id is a number.")
        return await self.ask(call.RemoteStopTransaction(transaction_id))

    async def reset(self, command: Reset) -> Outcome:
        """Send Reset: Soft ends transactions first, as Immediate does in 2.0.1.

        1.6 has no word for OnIdle: while the charger is busy the reset waits with us.
        """
        if command.evse_id is not None:
            told = "Only OCPP 2.x can restart a single EVSE."
            raise InvalidCommand(told, {"evseId": [told]})
        request = call.Reset(ResetType.hard if command.hard else ResetType.soft)
        if command.kind != "OnIdle":
            return await self.resets.at_once(await self.ask(request))
        if not await self.resets.busy():
            with contextlib.suppress(LinkBusy):  # behind another CALL a session may begin
                return await self.resets.at_once(await self.ask(request, patience=0.0))
        return await self.resets.schedule(encode(request), command.command_id)

    async def unlock_connector(self, command: UnlockConnector) -> Outcome:
        """Send UnlockConnector."""
        return await self.ask(call.UnlockConnector(command.evse_id))

    async def set_charging_profile(self, command: SetChargingProfile) -> Outcome:
        """Send SetChargingProfile."""
        return await self.ask(
            call.SetChargingProfile(command.evse_id, to_16(command.profile)), Urgency.LIMIT
        )

    async def clear_charging_profile(self, command: ClearChargingProfile) -> Outcome:
        """Send ClearChargingProfile with an id alone (errata 3.25)."""
        return await self.ask(call.ClearChargingProfile(command.profile_id), Urgency.LIMIT)

    async def get_composite_schedule(self, command: GetCompositeSchedule) -> Outcome:
        """Send GetCompositeSchedule."""
        unit = ChargingRateUnitType(command.unit) if command.unit else None
        return await self.ask(call.GetCompositeSchedule(command.evse_id, command.duration, unit))

    async def abilities(self, evse_id: int) -> Abilities:
        """Ask for configuration keys; 1.6 has none that tells the phases."""
        try:
            answer = await self.link.call(
                Action.get_configuration, orjson.dumps(capabilities.CONFIGURATION)
            )
        except CallRefused:
            return Abilities()
        return capabilities.from_configuration(answer.fields)

    performers: ClassVar[Performers] = MappingProxyType(
        {
            ClearChargingProfile: clear_charging_profile,
            Reset: reset,
            GetCompositeSchedule: get_composite_schedule,
            SetChargingProfile: set_charging_profile,
            UnlockConnector: unlock_connector,
        }
    )

"""OCPP 2.0.1: what we answer, and how a command is said."""

from __future__ import annotations

import contextlib
from types import MappingProxyType
from typing import Any, ClassVar

import orjson
from ocpp.v201 import ChargePoint, call, call_result, datatypes
from ocpp.v201.enums import (
    Action,
    ChargingRateUnitEnumType,
    DataTransferStatusEnumType,
    GenericStatusEnumType,
    GetCertificateStatusEnumType,
    IdTokenEnumType,
    Iso15118EVCertificateStatusEnumType,
    NotifyEVChargingNeedsStatusEnumType,
    RegistrationStatusEnumType,
    ResetEnumType,
)

from csms import capabilities
from csms.authorization import FREE
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
from csms.errors import CallRefused
from csms.frames import OCPP201, Call
from csms.limits import Abilities
from csms.readings import availabilities, mapping, whole, word
from csms.schemas import Schemas
from csms.station import Station, always, on
from csms.tokens import type_of
from csms.turns import Urgency
from csms.verdict_words import id_token_info


class Station201(Station, ChargePoint):
    """Speak OCPP 2.0.1 with one charging station."""

    version = "2.0.1"
    subprotocol = "ocpp2.0.1"
    dialect = OCPP201
    schemas = Schemas("2.0.1")
    always_answered = frozenset(
        {
            Action.boot_notification,
            Action.heartbeat,
            Action.meter_values,
            Action.security_event_notification,
            Action.status_notification,
            Action.transaction_event,
        }
    )

    # ---- what the station tells ----

    @on(Action.boot_notification)
    async def on_boot_notification(
        self, message: Call, /, charging_station: Any = None, **_: Any
    ) -> call_result.BootNotification:
        """Accept the station or hold it back, and note what it says it is."""
        # First, because nothing may come between the note and the proxy, which waits for it.
        interval, status = await self.admission()
        described = mapping(charging_station)
        self.note_boot(
            message,
            vendor=described.get("vendorName"),
            model=described.get("model"),
            serial_number=described.get("serialNumber"),
            firmware_version=described.get("firmwareVersion"),
        )
        return call_result.BootNotification(self.now, interval, RegistrationStatusEnumType(status))

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
        evse_id: Any = None,
        connector_id: Any = None,
        connector_status: Any = None,
        **_: Any,
    ) -> call_result.StatusNotification:
        """Note the status of a connector."""
        self.note_status(message, whole(evse_id), whole(connector_id), connector_status)
        return call_result.StatusNotification()

    @on(Action.notify_event)
    def on_notify_event(
        self, message: Call, /, event_data: Any = None, **_: Any
    ) -> call_result.NotifyEvent:
        """Note the status of connectors that report it as a variable."""
        for event, evse_id, connector_id in availabilities(event_data):
            status = event.get("actualValue")
            self.note_status(message, whole(evse_id), whole(connector_id), status)
        return call_result.NotifyEvent()

    # What follows is only to be remembered, and the journal does that.
    on_cleared_charging_limit = always(call_result.ClearedChargingLimit())
    on_firmware_status_notification = always(call_result.FirmwareStatusNotification())
    on_log_status_notification = always(call_result.LogStatusNotification())
    on_meter_values = always(call_result.MeterValues())
    on_notify_charging_limit = always(call_result.NotifyChargingLimit())
    on_notify_customer_information = always(call_result.NotifyCustomerInformation())
    on_notify_display_messages = always(call_result.NotifyDisplayMessages())
    on_notify_monitoring_report = always(call_result.NotifyMonitoringReport())
    on_notify_report = always(call_result.NotifyReport())
    on_publish_firmware_status_notification = always(
        call_result.PublishFirmwareStatusNotification()
    )
    on_report_charging_profiles = always(call_result.ReportChargingProfiles())
    on_reservation_status_update = always(call_result.ReservationStatusUpdate())
    on_security_event_notification = always(call_result.SecurityEventNotification())

    # ---- transactions ----

    @on(Action.transaction_event)
    async def on_transaction_event(
        self,
        _: Call,
        /,
        event_type: Any = None,
        timestamp: Any = None,
        transaction_info: Any = None,
        evse: Any = None,
        id_token: Any = None,
        meter_value: Any = None,
        **_fields: Any,
    ) -> call_result.TransactionEvent:
        """Record the event; a verdict is given only on a token that came (E01.FR.12)."""
        await self.books.transactions.event(
            self.key,
            event_type=event_type,
            timestamp=timestamp,
            transaction_info=transaction_info,
            evse=evse,
            id_token=id_token,
            meter_value=meter_value,
        )
        return call_result.TransactionEvent(
            id_token_info=None if id_token is None else await self._verdict(id_token)
        )

    # ---- what the station asks ----

    @on(Action.authorize)
    async def on_authorize(
        self, _: Call, /, id_token: Any = None, **_fields: Any
    ) -> call_result.Authorize:
        """Say whether a token may charge; certificates are not looked at, so nothing is of them."""
        return call_result.Authorize(await self._verdict(id_token))

    async def _verdict(self, id_token: Any) -> datatypes.IdTokenInfoType:
        told = mapping(id_token)
        if told.get("type") == IdTokenEnumType.no_authorization:  # and empty: nobody is asked (C02)
            return id_token_info(FREE)
        judge = self.books.authorization.verdict
        return id_token_info(await judge(self.key, word(told.get("idToken"))))

    # No vendor's extension is known (P01.FR.05).
    on_data_transfer = always(
        call_result.DataTransfer(DataTransferStatusEnumType.unknown_vendor_id)
    )
    # No contract certificates, no OCSP responder, no schedules for cars: nothing is promised.
    on_get15118_ev_certificate = always(
        call_result.Get15118EVCertificate(
            Iso15118EVCertificateStatusEnumType.failed, exi_response=""
        )
    )
    on_get_certificate_status = always(
        call_result.GetCertificateStatus(GetCertificateStatusEnumType.failed)
    )
    on_notify_ev_charging_needs = always(
        call_result.NotifyEVChargingNeeds(NotifyEVChargingNeedsStatusEnumType.rejected)
    )
    # The car may charge as it says it will: no limit of ours stands against it.
    on_notify_ev_charging_schedule = always(
        call_result.NotifyEVChargingSchedule(GenericStatusEnumType.accepted)
    )

    @on(Action.sign_certificate)
    async def on_sign_certificate(
        self,
        _: Call,
        /,
        csr: str,
        certificate_type: str | None = None,
        request_id: int | None = None,
        **_fields: Any,
    ) -> call_result.SignCertificate:
        """Take what is to be signed, or refuse it at once (A02); 2.1 numbers it."""
        taken = await self.books.take_request(self.key, Wanted(csr, certificate_type, request_id))
        return call_result.SignCertificate(
            GenericStatusEnumType.accepted if taken else GenericStatusEnumType.rejected
        )

    # ---- what we ask ----

    async def remote_start(self, command: RemoteStart) -> Outcome:
        """Send RequestStartTransaction; its id comes back in the TransactionEvent (F01.FR.25)."""
        profile: Any = command.profile  # on the wire as it stands
        return await self.ask(
            call.RequestStartTransaction(
                id_token=_id_token(command),
                remote_start_id=command.remote_start_id,
                evse_id=command.evse_id or None,
                charging_profile=profile,
            )
        )

    async def remote_stop(self, command: RemoteStop) -> Outcome:
        """Send RequestStopTransaction."""
        return await self.ask(call.RequestStopTransaction(command.transaction_id))

    async def reset(self, command: Reset) -> Outcome:
        """Send Reset; 2.0.1 knows no harder one, and OnIdle is its own affair."""
        asked = await self.ask(call.Reset(ResetEnumType(command.kind), command.evse_id))
        return asked if command.evse_id else await self.resets.at_once(asked)

    async def unlock_connector(self, command: UnlockConnector) -> Outcome:
        """Send UnlockConnector."""
        return await self.ask(call.UnlockConnector(command.evse_id, command.connector_id))

    async def set_charging_profile(self, command: SetChargingProfile) -> Outcome:
        """Send SetChargingProfile."""
        profile: Any = command.profile  # on the wire as it stands
        return await self.ask(call.SetChargingProfile(command.evse_id, profile), Urgency.LIMIT)

    async def clear_charging_profile(self, command: ClearChargingProfile) -> Outcome:
        """Send ClearChargingProfile with an id alone (K10.FR.02)."""
        return await self.ask(call.ClearChargingProfile(command.profile_id), Urgency.LIMIT)

    async def get_composite_schedule(self, command: GetCompositeSchedule) -> Outcome:
        """Send GetCompositeSchedule."""
        unit = ChargingRateUnitEnumType(command.unit) if command.unit else None
        return await self.ask(call.GetCompositeSchedule(command.duration, command.evse_id, unit))

    async def abilities(self, evse_id: int) -> Abilities:
        """Ask for variables, and for our ids where the station keeps them for others."""
        asked = orjson.dumps(capabilities.variables(evse_id, self.version))
        try:
            answer = await self.link.call(Action.get_variables, asked)
        except CallRefused:
            return Abilities()
        if freeing := capabilities.ids_to_free(answer.fields):
            with contextlib.suppress(CallRefused):
                await self.link.call(Action.set_variables, orjson.dumps(freeing))
        return capabilities.from_variables(answer.fields)

    performers: ClassVar[Performers] = MappingProxyType(
        {
            ClearChargingProfile: clear_charging_profile,
            Reset: reset,
            GetCompositeSchedule: get_composite_schedule,
            SetChargingProfile: set_charging_profile,
            UnlockConnector: unlock_connector,
        }
    )


def _id_token(command: RemoteStart) -> datatypes.IdTokenType:
    contract = command.contract_id
    emaid = [datatypes.AdditionalInfoType(contract, "eMAID")] if contract else None
    kind = IdTokenEnumType(type_of(command.id_token, command.id_token_type))
    return datatypes.IdTokenType(command.id_token, kind, emaid)

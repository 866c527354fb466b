"""OCPP 2.1: what 2.0.1 did not have; all else is said in its words.

What both versions know reads the same on the wire, so 2.0.1's handlers and requests serve here
too, checked against the schemas of 2.1.
"""

from __future__ import annotations

from typing import Any

from ocpp.v21 import call_result, datatypes
from ocpp.v21.enums import (
    Action,
    CertificateStatusEnumType,
    ChargingProfileStatusEnumType,
    GenericStatusEnumType,
)

from csms.frames import OCPP21, Call
from csms.schemas import Schemas
from csms.station import always, on
from csms.station201 import Station201


class Station21(Station201):
    """Speak OCPP 2.1 with one charging station."""

    version = "2.1"
    subprotocol = "ocpp2.1"
    dialect = OCPP21
    schemas = Schemas("2.1")

    # ---- what the station tells ----

    # What follows is only to be remembered, and the journal does that.
    on_battery_swap = always(call_result.BatterySwap())
    on_close_periodic_event_stream = always(call_result.ClosePeriodicEventStream())
    on_notify_der_alarm = always(call_result.NotifyDERAlarm())
    on_notify_der_start_stop = always(call_result.NotifyDERStartStop())
    on_notify_priority_charging = always(call_result.NotifyPriorityCharging())
    on_notify_settlement = always(call_result.NotifySettlement())
    on_open_periodic_event_stream = always(
        call_result.OpenPeriodicEventStream(GenericStatusEnumType.accepted)
    )
    on_report_der_control = always(call_result.ReportDERControl())

    @on("NotifyPeriodicEventStream")  # which the library does not know
    def on_notify_periodic_event_stream(self, _: Call, /, **_fields: Any) -> None:
        """Take what a stream tells: it comes as a SEND, which has no answer."""

    # ---- what the station asks ----

    @on(Action.get_certificate_chain_status)
    def on_get_certificate_chain_status(
        self, _: Call, /, certificate_status_requests: Any, **_fields: Any
    ) -> call_result.GetCertificateChainStatus:
        """Tell of each certificate that nothing was found out: there is no OCSP responder."""
        return call_result.GetCertificateChainStatus(
            [
                datatypes.CertificateStatusType(
                    asked["certificateHashData"],
                    self.now,
                    asked["source"],
                    CertificateStatusEnumType.failed,
                )
                for asked in certificate_status_requests
            ]
        )

    # No profile of ours is dynamic.
    on_pull_dynamic_schedule_update = always(
        call_result.PullDynamicScheduleUpdate(ChargingProfileStatusEnumType.rejected)
    )

    @on(Action.vat_number_validation)
    def on_vat_number_validation(
        self, _: Call, /, vat_number: Any, **_fields: Any
    ) -> call_result.VatNumberValidation:
        """Confirm no VAT number: there is no register to look it up in."""
        return call_result.VatNumberValidation(GenericStatusEnumType.rejected, vat_number)

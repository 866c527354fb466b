"""Availability, unlock, restart, start and stop (seed 002): what is asked, what is answered."""

from __future__ import annotations

from marshmallow import fields, validate

from api.schemas.charging_profiles import AsItStands, ChargingProfile, short
from api.schemas.fields import (
    Boolean,
    Digits,
    Flag,
    FreeForm,
    Integer,
    Moment,
    choice,
    nullable,
    text,
)
from api.schemas.power_limits import StatusInfo
from api.schemas.stations import CamelCase

MOST_EVSES = 99_999


class FromStation(CamelCase):
    """The charger's own word, and what there is to tell besides."""

    response_from_station = fields.String(required=True)
    status_info = fields.Nested(StatusInfo)


# ---- availability, unlock ----


class AvailabilityRequest(CamelCase):
    """Whether it may be charged with."""

    type = choice("Operative", "Inoperative", required=True)
    disable_text_reason = text(
        255, shortest=0, about="Kept and shown; OCPP has no field for it.", **nullable()
    )


class Wish(CamelCase):
    """Who keeps which place closed, and why."""

    evse_id = fields.Integer(required=True, metadata={"description": "0 is the whole station."})
    connector_id = fields.Integer(required=True, metadata={"description": "0 is the whole EVSE."})
    type = choice("Operative", "Inoperative", required=True)
    owner = choice("platform", "target", required=True)
    disable_text_reason = fields.String(attribute="reason", allow_none=True, required=True)


class Wishes(CamelCase):
    """What is to be closed; what nobody names is open."""

    availability = fields.List(fields.Nested(Wish), required=True)


class UnlockRequest(CamelCase):
    """Which plug of the EVSE."""

    connector_id = Integer(
        validate=validate.Range(min=1, max=MOST_EVSES),
        load_default=1,
        metadata={"description": "OCPP 2.x: the connector of the EVSE."},
    )


# ---- restart ----


class ResetRequest(CamelCase):
    """When to restart."""

    type = choice("Immediate", "OnIdle", required=True)


class ResetQuery(CamelCase):
    """How to restart."""

    hard = Flag(
        load_default=False,
        metadata={"description": "OCPP 1.6: a hard reset, which may lose queued messages."},
    )
    evse_id = Digits(
        validate=validate.Range(min=1, max=MOST_EVSES),
        load_default=None,
        metadata={"description": "OCPP 2.x: restart this EVSE alone."},
    )


class WaitingReset(CamelCase):
    """A restart that waits until nothing goes on at the charger."""

    type = choice("OnIdle", required=True)
    hard = Boolean(required=True)
    asked_at = Moment(required=True)
    command_id = fields.String(allow_none=True, required=True)


class OneWaitingReset(CamelCase):
    """The restart that waits."""

    reset = fields.Nested(WaitingReset, required=True)


# ---- start, stop ----


class StartRequest(CamelCase):
    """Whom to charge for; all of it is kept with the session that comes of it."""

    id_token = text(36, about="Without one, an ad-hoc token is made.", **nullable())
    id_token_type = choice("AD_HOC_USER", "APP_USER", "OTHER", "RFID", **nullable())
    id_token_issuer = text(255, **nullable())
    contract_id = text(36, about="The eMA id; goes along with the token on OCPP 2.x.", **nullable())
    authorization_reference = text(255, **nullable())
    emsp_country_code = text(2, **nullable())
    emsp_party_id = text(3, **nullable())
    ocpi_connection_profile_id = text(255, **nullable())
    vehicle_identification = FreeForm(validate=[short], **nullable())
    charging_profile = AsItStands(ChargingProfile, **nullable())


class Status(CamelCase):
    """The charger's own word, and what was changed about the profile that went along."""

    status = fields.String(required=True)
    status_info = fields.Nested(StatusInfo)


class Started(CamelCase):
    """What the charger answered to a start."""

    transaction_start_response = fields.Nested(Status, required=True)


class Stopped(CamelCase):
    """What the charger answered to a stop."""

    transaction_stop_response = fields.Nested(Status, required=True)

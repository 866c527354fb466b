"""Charger operations (seed 002): the same chargers, in camelCase."""

from __future__ import annotations

from typing import Any

from marshmallow import Schema, fields

from api.schemas.chargers import Connector
from api.schemas.common import next_cursor
from api.schemas.fields import (
    Boolean,
    Flag,
    Moment,
    NotYet,
    choice,
    nullable,
    text,
)
from api.schemas.transactions import Transaction


class CamelCase(Schema):
    """Names in camelCase outside, in snake_case inside."""

    def on_bind_field(self, field_name: str, field_obj: fields.Field[Any]) -> None:
        """Rename a field."""
        head, *tail = (field_obj.data_key or field_name).split("_")
        field_obj.data_key = head + "".join(part.capitalize() for part in tail)


class StationConnector(CamelCase, Connector):
    """The latest status of one connector."""


class StationTransaction(CamelCase, Transaction):
    """One charging transaction."""

    class Meta:
        """Leave out what the path says."""

        exclude = ("charge_box_id",)


class Station(CamelCase):
    """A charger, and what it is doing."""

    station_id = fields.String(attribute="charge_box_id", required=True)
    name = fields.String(attribute="charger_name", required=True)
    vendor_name = fields.String(allow_none=True)
    model_name = fields.String(allow_none=True)
    serial_number = fields.String(allow_none=True)
    firmware_version = fields.String(allow_none=True)
    ocpp_version = fields.String(allow_none=True)
    connected = Boolean(required=True)
    last_seen = Moment(allow_none=True)
    last_disconnect = Moment(allow_none=True)
    connectors = fields.List(fields.Nested(StationConnector), required=True)
    running_transactions = fields.List(fields.Nested(StationTransaction), required=True)


class Stations(CamelCase):
    """A page of stations."""

    charging_stations = fields.List(fields.Nested(Station), required=True)
    next_cursor = next_cursor()


class OneStation(CamelCase):
    """One station."""

    charging_station = fields.Nested(Station, required=True)


class StationTransactions(CamelCase):
    """A page of a station's transactions, newest first."""

    transactions = fields.List(fields.Nested(StationTransaction), required=True)
    next_cursor = next_cursor()


class StartRequest(CamelCase):
    """Whom to charge for; all of it is stored with the command."""

    id_token = text(36, about="Without one, an ad-hoc token is made.", **nullable())
    id_token_type = choice("AD_HOC_USER", "APP_USER", "OTHER", "RFID", **nullable())
    id_token_issuer = text(255, **nullable())
    contract_id = text(36, about="The eMA id; goes along with the token on 2.0.1.", **nullable())
    authorization_reference = text(255, **nullable())
    emsp_country_code = text(2, **nullable())
    emsp_party_id = text(3, **nullable())
    ocpi_connection_profile_id = text(255, **nullable())
    vehicle_identification = fields.Dict(**nullable())
    charging_profile = fields.Dict(validate=NotYet(), **nullable())


class Status(CamelCase):
    """The charger's own word."""

    status = fields.String(required=True)


class Started(CamelCase):
    """What the charger answered to a start."""

    transaction_start_response = fields.Nested(Status, required=True)


class Stopped(CamelCase):
    """What the charger answered to a stop."""

    transaction_stop_response = fields.Nested(Status, required=True)


class ResetRequest(CamelCase):
    """When to restart."""

    type = choice("Immediate", "OnIdle", required=True)


class ResetQuery(Schema):
    """How to restart."""

    hard = Flag(
        load_default=False,
        metadata={"description": "OCPP 1.6: a hard reset, which may lose queued messages."},
    )


class Reset(CamelCase):
    """What the charger answered to a reset."""

    response_from_station = fields.String(required=True)

"""Charger operations (seed 002): the same chargers, in camelCase."""

from __future__ import annotations

from typing import Any

from marshmallow import Schema, fields

from api.schemas.chargers import Connector
from api.schemas.common import next_cursor
from api.schemas.fields import Boolean, Moment
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

"""Charger operations (seed 002): the same chargers, in camelCase."""

from __future__ import annotations

from typing import Any

from marshmallow import fields

from api.schemas.chargers import Connector
from api.schemas.common import Schema, next_cursor
from api.schemas.fields import Boolean, Moment
from api.schemas.transactions import Transaction

UNKNOWN = "unknown"


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


def verdict(about: str) -> fields.Raw:
    """Return a field that says yes, no or that nobody knows."""
    choices: list[Any] = [True, False, UNKNOWN]
    return fields.Raw(required=True, metadata={"enum": choices, "description": about})


_OBEYS = (
    "Whether what the charger measures keeps to the limit, with 5 % to spare; unknown without a "
    "transaction, without recent meter values or within a minute of a new limit."
)


class EffectiveLimit(CamelCase):
    """The limit that holds now, by what lies on the charger and what it has told of others."""

    value = fields.Float(required=True)
    unit = fields.String(required=True, metadata={"enum": ["A", "W"]})
    phases = fields.Integer()
    kw = fields.Float(required=True)
    source = fields.String(
        required=True,
        metadata={
            "description": "platform (a power limit), profile (of the operator), target (of the "
            "third-party CSMS), or the name that the charger gave to a limit from outside."
        },
    )
    charging_profile_id = fields.Integer(
        allow_none=True, required=True, metadata={"description": "The id that its owner knows."}
    )
    until = Moment(
        allow_none=True,
        required=True,
        metadata={"description": "When another limit will hold, if that is within a day."},
    )


class Evse(CamelCase):
    """What limits one EVSE, on OCPP 1.6 one connector."""

    evse_id = fields.Integer(required=True)
    effective_limit = fields.Nested(EffectiveLimit, allow_none=True, required=True)
    obeys = verdict(_OBEYS)


class ReportedLimit(CamelCase):
    """A limit from outside, as the charger has told it (OCPP 2.x NotifyChargingLimit)."""

    evse_id = fields.Integer(required=True, metadata={"description": "0 is the whole station."})
    source = fields.String(required=True)
    is_local_generation = Boolean(
        required=True,
        metadata={"description": "It is not a limit: it comes on top of the station's (2.1)."},
    )
    updated_at = Moment(required=True)


class PowerLimit(CamelCase):
    """A power limit that was asked for: several of one place lie on the charger as one profile."""

    charging_profile_id = fields.Integer(
        allow_none=True,
        required=True,
        metadata={"description": "null as long as the transaction has no EVSE."},
    )
    evse_id = fields.Integer(required=True, metadata={"description": "0 is the whole station."})
    transaction_id = fields.String(allow_none=True, required=True)
    limit = fields.Dict(
        keys=fields.String(),
        values=fields.Float(),
        required=True,
        metadata={"description": "acMaxPowerA, acMaxPowerKw or dcMaxPowerKw, as it was asked for."},
    )
    stack_level = fields.Integer(required=True)
    condition = fields.String(allow_none=True, required=True)
    relative_delay = fields.Integer(allow_none=True, required=True, metadata={"description": "s"})
    comment = fields.String(allow_none=True, required=True)
    created_by = fields.String(
        allow_none=True,
        required=True,
        metadata={"description": "The id of an API key, or of a person."},
    )
    created_at = Moment(required=True)


class Truth(CamelCase):
    """What really limits a station."""

    effective_limit = fields.Nested(
        EffectiveLimit,
        allow_none=True,
        required=True,
        metadata={"description": "Of the whole station, at its mains."},
    )
    obeys = verdict(_OBEYS)
    evses = fields.List(fields.Nested(Evse), required=True)
    power_limits = fields.List(fields.Nested(PowerLimit), required=True)
    reported_limits = fields.List(fields.Nested(ReportedLimit), required=True)


class Station(Truth):
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

"""The fleet overview: one row of each charger, in pages and as events."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from marshmallow import fields

from api.schemas.common import PageQuery, Schema, Success, next_cursor
from api.schemas.fields import CHARGE_BOX_ID, Boolean, Integer, Moment, choice, text
from proxy.states import State


class FleetQuery(PageQuery):
    """Which page of the fleet, or which one charger of it."""

    charge_box_id = text(48, pattern=CHARGE_BOX_ID, load_default=None)


class FleetConnector(Schema):
    """The latest status of one connector; EVSE 0 is the station itself."""

    evse_id = Integer(required=True)
    connector_id = Integer(required=True)
    status = fields.String(required=True)
    error_code = fields.String(allow_none=True, required=True)


class FleetTarget(Schema):
    """Where a charger is proxied to, and how that link is."""

    proxy_configuration_id = Integer(required=True)
    target_platform_identifier = fields.String(required=True)
    state = choice(*(state.value for state in State), required=True)
    reason = fields.String(
        allow_none=True,
        required=True,
        metadata={"description": "Why it is not ready, where that is known."},
    )


class FleetRow(Schema):
    """One charger as the overview shows it."""

    charge_box_id = fields.String(required=True)
    charger_name = fields.String(required=True)
    site_id = fields.String(allow_none=True, required=True)
    vendor_name = fields.String(allow_none=True, required=True)
    model_name = fields.String(allow_none=True, required=True)
    ocpp_version = fields.String(allow_none=True, required=True)
    connected = Boolean(required=True)
    last_seen = Moment(allow_none=True, required=True)
    state = choice(
        "offline",
        "faulted",
        "charging",
        "occupied",
        "reserved",
        "unavailable",
        "available",
        "unknown",
        required=True,
        about="The most telling of its connectors' while it is connected.",
    )
    connectors = fields.List(fields.Nested(FleetConnector), required=True)
    power_w = fields.Float(
        allow_none=True,
        required=True,
        metadata={"description": "What all it charges takes, in W; null where it is not told."},
    )
    running_transactions = Integer(required=True)
    target = fields.Nested(FleetTarget, allow_none=True, required=True)


class Fleet(Success):
    """A page of the fleet, by charge_box_id."""

    chargers = fields.List(fields.Nested(FleetRow), required=True)
    next_cursor = next_cursor()

    def dump(self, obj: Mapping[str, Any], **_: Any) -> Mapping[str, Any]:
        """Return a page, whose rows are made as they are written: a thousand would take 60 ms."""
        return {"success": True, **obj}


class ChargersEvent(Schema):
    """What has changed of the fleet; the first event may hold nothing."""

    chargers = fields.List(fields.Nested(FleetRow), required=True)
    removed = fields.List(
        fields.String(),
        required=True,
        metadata={"description": "The charge_box_ids of chargers that are enrolled no more."},
    )

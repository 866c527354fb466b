"""Chargers: how they are enrolled (seed 000), shown and changed, and how they are connected."""

from __future__ import annotations

from marshmallow import fields, validate

from api.schemas.common import Done, PageQuery, Schema, Success, next_cursor
from api.schemas.fields import Boolean, Integer, Moment, Number, choice, nullable, text
from api.schemas.proxy_configurations import ProxyFields, charge_box_id

VERSIONS = ("1.6", "2.0.1", "2.1")


class ChargerChange(Schema):
    """What can be said of a charger; its boot fills in vendor, model and serial number."""

    charger_name = text(255, about="By default the charge_box_id.", **nullable())
    vendor_name = text(255, **nullable())
    model_name = text(255, **nullable())
    serial_number = text(255, **nullable())
    security_profile = Integer(
        validate=validate.Range(min=0, max=3),
        metadata={
            "description": "Of OCPP; it comes in with no other. By default 2 where chargers reach "
            "this server by TLS, else 1. Only an admin can lower it, or set 0: no password."
        },
    )
    certificate_name = text(
        64,
        about="The CN of its client certificate; null is its charge_box_id. Only an admin can "
        "change it.",
        **nullable(),
    )
    hex_password = Boolean(
        load_default=False,
        metadata={
            "description": "Whether it may present its password as hex digits: some chargers "
            "send the AuthorizationKey just as they were given it."
        },
    )
    allowed_versions = fields.List(
        choice(*VERSIONS),
        load_default=list,
        validate=validate.Length(max=len(VERSIONS)),
        metadata={"description": "OCPP versions that it may connect with; empty: any."},
    )
    boot_policy = choice(
        "accept",
        "pending",
        load_default="accept",
        about="Pending holds the charger back at its boots, until it is configured.",
    )
    supply_phases = Integer(
        validate=validate.Range(min=1, max=3),
        metadata={"description": "Of its mains; OCPP 1.6 cannot tell. By default 3."},
        **nullable(),
    )
    nominal_voltage = Number(
        100, 1000, "V between a phase and neutral. By default 230.", **nullable()
    )
    site_id = text(64, about="Where it stands: one of `sites`; null is nowhere.", **nullable())


class ChargersQuery(PageQuery):
    """Which page of the chargers, and of which of them."""

    site_id = text(64, load_default=None, about="Only the chargers of this site.")


class ChargerRequest(ChargerChange):
    """A charger to enrol."""

    charge_box_id = charge_box_id(required=True)


class EnrolmentRequest(ChargerRequest, ProxyFields):
    """A charger to enrol, and where it is proxied to."""


class EnrolledCharger(Schema):
    """What the installer needs; the password is told only this once."""

    charge_box_id = fields.String(attribute="key.charge_box_id", required=True)
    ocpp_proxy_url = fields.String(required=True)
    ocpp_password = fields.String(required=True)


class EnrolledProxy(Schema):
    """The proxy configuration that was created along with a charger."""

    id = Integer(required=True)
    target_platform_identifier = fields.String(required=True)
    target_websocket_url = fields.String(required=True)


class Enrolment(Done):
    """A charger and its proxy configuration, both or none."""

    charger = fields.Nested(EnrolledCharger, required=True)
    proxy_configuration = fields.Nested(EnrolledProxy, required=True)


class Connector(Schema):
    """The latest status of one connector."""

    evse_id = Integer(required=True)
    connector_id = Integer(required=True)
    status = fields.String(required=True)
    error_code = fields.String(allow_none=True)
    updated_at = Moment()


class RunningTransaction(Schema):
    """A transaction that has not ended."""

    transaction_id = fields.String(required=True)
    evse_id = Integer(required=True)
    connector_id = Integer(allow_none=True)
    id_token = fields.String(allow_none=True)
    started_at = Moment(required=True)


class Charger(Schema):
    """A charger, and what it is doing."""

    charge_box_id = fields.String(required=True)
    charger_name = fields.String(required=True)
    vendor_name = fields.String(allow_none=True)
    model_name = fields.String(allow_none=True)
    serial_number = fields.String(allow_none=True)
    firmware_version = fields.String(allow_none=True)
    ocpp_version = fields.String(allow_none=True)
    connected = Boolean(required=True)
    last_seen = Moment(allow_none=True)
    last_disconnect = Moment(allow_none=True)
    site_id = fields.String(allow_none=True)
    security_profile = Integer(required=True)
    next_security_profile = Integer(
        required=True,
        allow_none=True,
        metadata={"description": "What it was told to change to, and has not yet come in with."},
    )
    certificate_name = fields.String(required=True, allow_none=True)
    hex_password = Boolean(required=True)
    allowed_versions = fields.List(fields.String(), required=True)
    boot_policy = fields.String(required=True)
    supply_phases = Integer(allow_none=True)
    nominal_voltage = fields.Float(allow_none=True)
    client_certificate_sha256 = fields.String(allow_none=True)
    ocpp_url = fields.String(required=True)
    connectors = fields.List(fields.Nested(Connector), required=True)
    running_transactions = fields.List(fields.Nested(RunningTransaction), required=True)
    created_at = Moment(required=True)


class NewCharger(Charger):
    """A charger that has just been enrolled; the password is told only this once."""

    ocpp_password = fields.String(required=True)


class OneCharger(Success):
    """One charger."""

    charger = fields.Nested(Charger, required=True)


class OneNewCharger(Done):
    """One charger that has just been enrolled."""

    charger = fields.Nested(NewCharger, required=True)


class Chargers(Success):
    """A page of chargers."""

    chargers = fields.List(fields.Nested(Charger), required=True)
    next_cursor = next_cursor()


class Connection(Schema):
    """A charger's link to us."""

    connected = Boolean(required=True)
    since = Moment(allow_none=True, required=True)
    remote_address = fields.String(allow_none=True, required=True)
    subprotocol = fields.String(allow_none=True, required=True)
    security_profile = Integer(required=True)
    last_seen = Moment(allow_none=True, required=True)
    last_disconnect = Moment(allow_none=True, required=True)
    last_close_code = Integer(allow_none=True, required=True)
    last_close_reason = fields.String(allow_none=True, required=True)
    frames_received = Integer(allow_none=True, required=True)
    frames_sent = Integer(allow_none=True, required=True)
    bytes_received = Integer(allow_none=True, required=True)
    bytes_sent = Integer(allow_none=True, required=True)


class OneConnection(Success):
    """One charger's link to us."""

    connection = fields.Nested(Connection, required=True)

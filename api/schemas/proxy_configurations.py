"""Proxy configurations (seed 000), and what we add to them with safe defaults."""

from __future__ import annotations

import ssl
from typing import Any

from marshmallow import ValidationError, fields, validate

from api.schemas.common import Done, Schema, Success, next_cursor
from api.schemas.fields import (
    CHARGE_BOX_ID,
    HOST_NAME,
    LINES,
    Boolean,
    Integer,
    Moment,
    choice,
    nullable,
    text,
)
from api.schemas.policies import Policy, whole_policy
from proxy.installing import DECIDED
from proxy.states import State


def charge_box_id(**more: Any) -> fields.String:
    """Return the field for a charger's id."""
    return text(48, pattern=CHARGE_BOX_ID, about="Your unique identifier for the charger.", **more)


def certificate(pem: str) -> str:
    """Return PEM text that holds a certificate and no key, or raise ValidationError."""
    if "PRIVATE KEY-----" in pem:  # what stands here is kept unsealed, and comes back
        raise ValidationError("A private key has no place here.")
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(cadata=pem)
    except (ssl.SSLError, TypeError, ValueError):
        raise ValidationError("This holds no certificate in PEM.") from None
    return pem


class ProxyFields(Schema):
    """What a proxy configuration says of its target."""

    target_platform_identifier = text(
        100, required=True, about="A name for the third-party platform."
    )
    target_websocket_url = text(
        2000,
        required=True,
        about="The full WebSocket URL of the third-party platform. `{organization_uuid}`, "
        "`{charge_box_id}` and `{target_charge_box_id}` are filled in; nothing is appended.",
    )
    target_authentication_method = choice("None", "Basic", "ClientCertificate", required=True)
    target_auth_basic_password = text(
        255, about="Required with Basic; never comes back.", load_only=True, **nullable()
    )
    target_auth_basic_username = text(
        255,
        pattern=r"[^\x00-\x1f\x7f:]*",
        about="With Basic; by default the id that is used at the target.",
        **nullable(),
    )
    target_auth_client_cert_id = text(
        64, about="Required with ClientCertificate: one of `client_certificates`.", **nullable()
    )
    target_charge_box_id = text(
        48,
        pattern=CHARGE_BOX_ID,
        about="The charger's id on the target platform; by default its charge_box_id.",
        **nullable(),
    )
    target_ca_certificate = text(
        65536,
        pattern=LINES,
        validate=[certificate],
        about="PEM: trust this authority only.",
        **nullable(),
    )
    target_ca_certificate_domain = text(
        253,
        pattern=HOST_NAME,
        about="With wss://: the name that the target's certificate has to bear; by default the "
        "host of the URL.",
        **nullable(),
    )
    enabled = Boolean(load_default=True)
    mode = choice(
        "hybrid",
        "strict",
        about="hybrid: the platform answers and the target hears of it, now or later. strict: the "
        "target answers everything live; while it is away the charger is turned away.",
        load_default="hybrid",
    )
    role = choice(
        "control",
        "observe",
        about="What the target may do: what a platform does, or only read.",
        load_default="control",
    )
    policy = fields.Nested(Policy, load_default=whole_policy)


class ProxyConfigurationRequest(ProxyFields):
    """A whole proxy configuration."""

    charge_box_id = charge_box_id(required=True)


class ProxyConfigurationChange(ProxyConfigurationRequest):
    """Some fields of a proxy configuration."""


class ProxyConfiguration(Schema):
    """A proxy configuration as it is told; its password never is."""

    id = Integer(required=True)
    charge_box_id = fields.String(attribute="key.charge_box_id", required=True)
    organization_uuid = fields.String(attribute="key.organization_uuid", required=True)
    target_platform_identifier = fields.String(required=True)
    target_websocket_url = fields.String(required=True)
    target_authentication_method = fields.String(required=True)
    target_auth_basic_username = fields.String(allow_none=True)
    target_auth_client_cert_id = fields.String(allow_none=True)
    target_charge_box_id = fields.String(allow_none=True)
    target_ca_certificate = fields.String(allow_none=True)
    target_ca_certificate_domain = fields.String(allow_none=True)
    enabled = Boolean()
    mode = fields.String()
    role = fields.String()
    policy = fields.Nested(Policy)
    connection_version = fields.String(
        required=True,
        allow_none=True,
        validate=validate.Length(max=64),
        metadata={"description": "Of which connection details it was made; null: by hand."},
    )
    drift = fields.List(
        fields.String(validate=validate.OneOf(DECIDED)),
        required=True,
        validate=validate.Length(max=len(DECIDED)),
        metadata={"description": "What is not as that version has it: changed by hand since."},
    )
    created_at = Moment()
    updated_at = Moment()


class ProxyConfigurations(Success):
    """A page of proxy configurations."""

    proxy_configurations = fields.List(fields.Nested(ProxyConfiguration), required=True)
    next_cursor = next_cursor()


class OneProxyConfiguration(Done):
    """One proxy configuration."""

    proxy_configuration = fields.Nested(ProxyConfiguration, required=True)


class TargetStatus(Schema):
    """How the link to the target is, and what waits for it."""

    state = fields.String(
        required=True,
        validate=validate.OneOf([state.value for state in State]),
    )
    since = Moment(allow_none=True, required=True)
    last_error = fields.String(allow_none=True, required=True)
    boot_status = fields.String(
        allow_none=True, required=True, metadata={"description": "The target's word on our boot."}
    )
    next_dial_at = Moment(
        allow_none=True,
        required=True,
        metadata={"description": "When the pause between two dials ends."},
    )
    queue_length = Integer(required=True)
    oldest_age_seconds = fields.Float(allow_none=True, required=True)
    dead_letters = Integer(required=True)
    skipped = Integer(
        required=True,
        metadata={"description": "Purged, thinned or expired: no target will get them."},
    )


class OneTargetStatus(Success):
    """How the link to one target is."""

    status = fields.Nested(TargetStatus, required=True)

"""Client certificates, which targets ask us for."""

from __future__ import annotations

from marshmallow import fields

from api.schemas.common import Done, Schema, Success, next_cursor
from api.schemas.fields import LINES, Moment, nullable, text


class ClientCertificateRequest(Schema):
    """A certificate to show to targets, with its key."""

    name = text(100, about="What you call it; by default its subject.", **nullable())
    certificate_chain = text(
        65536, pattern=LINES, required=True, about="PEM: the certificate first, then its issuers."
    )
    private_key = text(
        8192,
        pattern=LINES,
        required=True,
        load_only=True,
        about="PEM, RSA of 2048 bits or EC of 224 bits or more, not encrypted; never comes back.",
    )


class ClientCertificate(Schema):
    """What is known of a client certificate: all but its key."""

    id = fields.String(
        attribute="certificate_id",
        required=True,
        metadata={"description": "For `target_auth_client_cert_id`."},
    )
    name = fields.String(required=True)
    subject = fields.String(required=True)
    sha256 = fields.String(required=True, metadata={"description": "Of the certificate, in hex."})
    not_before = Moment(required=True)
    not_after = Moment(required=True)
    created_at = Moment(required=True)
    warning = fields.String(
        allow_none=True,
        required=True,
        metadata={"description": "From 30 days before it expires on."},
    )


class ClientCertificates(Success):
    """A page of client certificates."""

    client_certificates = fields.List(fields.Nested(ClientCertificate), required=True)
    next_cursor = next_cursor()


class OneClientCertificate(Done):
    """One client certificate."""

    client_certificate = fields.Nested(ClientCertificate, required=True)

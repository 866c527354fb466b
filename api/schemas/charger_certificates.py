"""Client certificates of chargers, and what chargers have asked an authority to sign."""

from __future__ import annotations

from marshmallow import fields

from api.schemas.common import Done, Schema, Success
from api.schemas.fields import LINES, Integer, Moment, text


class PinRequest(Schema):
    """A certificate that a charger is to come in with."""

    certificate = text(
        65536,
        pattern=LINES,
        required=True,
        about="PEM. Of a chain the first one counts, which is the charger's.",
    )


class ChargerCertificate(Schema):
    """A client certificate of a charger."""

    sha256 = fields.String(
        required=True, metadata={"description": "Of the certificate, in hex: its name here."}
    )
    subject = fields.String(required=True)
    issuer = fields.String(required=True)
    serial_number = fields.String(required=True, metadata={"description": "In hex."})
    not_before = Moment(required=True)
    not_after = Moment(required=True)
    source = fields.String(
        required=True,
        metadata={"description": "`pinned` by you, or `issued` to it by the authority."},
    )
    created_at = Moment(required=True)
    revoked_at = Moment(allow_none=True, required=True)


class ChargerCertificates(Success):
    """All client certificates of a charger, newest first."""

    certificates = fields.List(fields.Nested(ChargerCertificate), required=True)


class OneChargerCertificate(Done):
    """One client certificate of a charger."""

    certificate = fields.Nested(ChargerCertificate, required=True)


class CertificateRequest(Schema):
    """What a charger has asked a certificate authority to sign (SignCertificate)."""

    request_id = fields.String(required=True)
    certificate_type = fields.String(allow_none=True, required=True)
    charger_request_id = Integer(
        allow_none=True, required=True, metadata={"description": "What a 2.1 charger calls it."}
    )
    state = fields.String(
        required=True,
        metadata={
            "description": "`asking` the authority, `sending` its answer to the charger, "
            "`installed` there, or `failed`."
        },
    )
    error = fields.String(allow_none=True, required=True)
    csr = fields.String(required=True, metadata={"description": "PEM."})
    chain = fields.String(
        allow_none=True, required=True, metadata={"description": "PEM, as the charger gets it."}
    )
    requested_at = Moment(required=True)
    finished_at = Moment(allow_none=True, required=True)


class CertificateRequests(Success):
    """The newest requests of a charger, newest first."""

    certificate_requests = fields.List(fields.Nested(CertificateRequest), required=True)

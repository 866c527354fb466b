"""The connections that a charger had."""

from __future__ import annotations

from marshmallow import fields

from api.schemas.common import Schema, Success, next_cursor
from api.schemas.fields import Integer, Moment


class PastConnection(Schema):
    """One connection of a charger, from its beginning to its end."""

    since = Moment(required=True)
    until = Moment(
        allow_none=True,
        required=True,
        metadata={
            "description": "Null while it lasts. Where the server was killed: when the charger "
            "was last seen."
        },
    )
    remote_address = fields.String(required=True)
    subprotocol = fields.String(required=True)
    security_profile = Integer(required=True)
    close_code = Integer(allow_none=True, required=True)
    close_reason = fields.String(allow_none=True, required=True)
    frames_received = Integer(
        allow_none=True,
        required=True,
        metadata={"description": "Null, as what follows, where the server was killed."},
    )
    frames_sent = Integer(allow_none=True, required=True)
    bytes_received = Integer(allow_none=True, required=True)
    bytes_sent = Integer(allow_none=True, required=True)


class PastConnections(Success):
    """A page of a charger's connections, newest first."""

    connections = fields.List(fields.Nested(PastConnection), required=True)
    next_cursor = next_cursor()

"""How the password of a charger is changed, and what is known of it."""

from __future__ import annotations

from marshmallow import fields

from api.schemas.common import Done, Nothing, Schema, Success
from api.schemas.fields import Moment, choice

STATES = ("asked", "at_restart", "by_hand")


class RotationRequest(Nothing):
    """Who gives the charger its new password."""

    by = choice(
        "ocpp",
        "hand",
        load_default="ocpp",
        about="`ocpp`: we do, and nobody else sees it. `hand`: a person, for a charger that is "
        "offline.",
    )


class OpenRotation(Schema):
    """A password that the charger may come in with, beside the one that it has."""

    rotation_id = fields.String(required=True)
    state = choice(
        *STATES,
        about="asked: the charger did not answer, and may have it or not. at_restart: it takes it "
        "at its next restart. by_hand: a person gives it to the charger.",
        required=True,
    )
    requested_by = fields.String(required=True)
    requested_at = Moment(required=True)
    expires_at = Moment(
        allow_none=True,
        required=True,
        metadata={"description": "From then on only the old one counts; null: it waits."},
    )


class OpenRotations(Success):
    """The passwords that the charger may come in with beside its own, oldest first."""

    rotations = fields.List(fields.Nested(OpenRotation), required=True)


class Rotated(Done):
    """What became of a new password."""

    rotation_id = fields.String(
        required=True, metadata={"description": "Also the id of its command, by ocpp."}
    )
    state = choice(
        "accepted",
        "refused",
        "at_restart",
        "by_hand",
        about="accepted: only the new one counts. refused: only the old one. at_restart, by_hand: "
        "both, until the charger comes in with the new one.",
        required=True,
    )
    response = fields.String(
        allow_none=True, required=True, metadata={"description": "What the charger said."}
    )
    expires_at = Moment(
        allow_none=True,
        required=True,
        metadata={"description": "Until when the new one counts beside the old one."},
    )
    ocpp_password = fields.String(
        allow_none=True,
        required=True,
        metadata={"description": "By hand only, and only this once; else null."},
    )

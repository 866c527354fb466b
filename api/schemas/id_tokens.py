"""Tokens that an organization knows, and whose tokens may charge."""

from __future__ import annotations

from marshmallow import fields

from api.schemas.common import Done, Schema, Success, next_cursor
from api.schemas.fields import Moment, choice, nullable, text

LONGEST = 255  # OCPP 2.1; 2.0.1 has 36, 1.6 has 20
# No blanks at its ends: nobody sees them.
WRITTEN = r"(?! )[\x20-\x7e]*(?<! )"
_TYPES = (
    "Central",
    "DirectPayment",
    "eMAID",
    "EVCCID",
    "ISO14443",
    "ISO15693",
    "KeyCode",
    "Local",
    "MacAddress",
    "VIN",
)


class IdTokenChange(Schema):
    """What can be said of a token."""

    type = choice(*_TYPES, load_default="Central", about="As OCPP 2.x names it; not compared.")
    status = choice("Accepted", "Blocked", load_default="Accepted")
    group_id_token = text(LONGEST, pattern=WRITTEN, about="Told to the charger.", **nullable())
    comment = text(1000, **nullable())
    expires_at = Moment(**nullable())


class IdTokenRequest(IdTokenChange):
    """A token to know."""

    id_token = text(
        LONGEST,
        pattern=WRITTEN,
        required=True,
        about="Upper case is lower case, as OCPP has it; it is shown as it was written.",
    )


class IdToken(Schema):
    """A token that the organization knows."""

    id_token = fields.String(required=True)
    type = fields.String(required=True)
    status = choice("Accepted", "Blocked", required=True)
    group_id_token = fields.String(allow_none=True, required=True)
    comment = fields.String(allow_none=True, required=True)
    expires_at = Moment(allow_none=True, required=True)
    created_at = Moment(required=True)


class IdTokens(Success):
    """A page of tokens, by their letters."""

    id_tokens = fields.List(fields.Nested(IdToken), required=True)
    next_cursor = next_cursor()


class OneIdToken(Done):
    """One token."""

    id_token = fields.Nested(IdToken, required=True)

"""What may be asked of a charger, and how."""

from __future__ import annotations

from marshmallow import fields

from api.schemas.common import Schema, Success
from api.schemas.fields import choice
from api.schemas.organizations import SCOPES

_SCHEMA = {
    "description": "JSON Schema 2020-12; it refers to its own `$defs` only. What is `readOnly` is "
    "chosen by the platform."
}


class AskedAction(Schema):
    """One action of OCPP that a charger may be asked for."""

    action = fields.String(required=True)
    scope = choice(*SCOPES, about="What asking takes.", required=True)
    description = fields.String(allow_none=True, required=True)


class AskedActions(Success):
    """All that a charger may be asked for; nothing where its OCPP version is not known."""

    ocpp_version = fields.String(allow_none=True, required=True)
    actions = fields.List(fields.Nested(AskedAction), required=True)


class ActionSchemas(Success):
    """What an action's request and response look like in the charger's OCPP version."""

    action = fields.String(required=True)
    ocpp_version = fields.String(required=True)
    scope = choice(*SCOPES, about="What asking takes.", required=True)
    description = fields.String(allow_none=True, required=True)
    request = fields.Dict(keys=fields.String(), required=True, metadata=_SCHEMA)
    response = fields.Dict(keys=fields.String(), required=True, metadata=_SCHEMA)

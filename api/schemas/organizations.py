"""Organizations and their API keys."""

from __future__ import annotations

from typing import get_args

from marshmallow import Schema, fields

from api.schemas.common import Done, Success, next_cursor
from api.schemas.fields import Moment, choice, nullable
from storage.records import Scope

# Each includes those before it.
SCOPES: tuple[Scope, ...] = get_args(Scope)


class Organization(Schema):
    """A tenant: the operator of chargers."""

    organization_uuid = fields.String(required=True)
    name = fields.String(required=True)
    created_at = Moment(required=True)


class Organizations(Success):
    """The organizations that the key can see: its own."""

    organizations = fields.List(fields.Nested(Organization), required=True)
    next_cursor = next_cursor()


class ApiKeyRequest(Schema):
    """A key to make."""

    scope = choice(
        *SCOPES, load_default="read", about="read: GET; operate: writes; admin: also keys."
    )
    expires_at = Moment(**nullable())


class ApiKey(Schema):
    """What is known of a key once it has been handed out: all but the key."""

    key_id = fields.String(required=True)
    scope = choice(*SCOPES, required=True)
    created_at = Moment(required=True)
    expires_at = Moment(allow_none=True, required=True)
    revoked_at = Moment(allow_none=True, required=True)
    last_used_at = Moment(allow_none=True, required=True)


class NewApiKey(ApiKey):
    """A new key, told only this once."""

    api_key = fields.String(required=True)


class ApiKeys(Success):
    """The organization's keys."""

    api_keys = fields.List(fields.Nested(ApiKey), required=True)
    next_cursor = next_cursor()


class OneNewApiKey(Done):
    """A new key."""

    api_key = fields.Nested(NewApiKey, required=True)

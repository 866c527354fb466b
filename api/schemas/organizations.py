"""Organizations and their API keys."""

from __future__ import annotations

from typing import get_args

from marshmallow import fields, validate

from api.schemas.common import Done, Schema, Success, next_cursor
from api.schemas.fields import Integer, Moment, choice, nullable, text
from storage.records import Authorization, Scope
from storage.retention_terms import DEFAULT, LEAST, MOST

# Each includes those before it.
SCOPES: tuple[Scope, ...] = get_args(Scope)


class Organization(Schema):
    """A tenant: the operator of chargers."""

    organization_uuid = fields.String(required=True)
    name = fields.String(required=True)
    created_at = Moment(required=True)
    role = choice(*SCOPES, required=True, about="What who asks may do there.")


class Organizations(Success):
    """The organizations of who asks."""

    organizations = fields.List(fields.Nested(Organization), required=True)
    next_cursor = next_cursor()


def _days(about: str) -> Integer:
    within = validate.Range(min=LEAST, max=MOST, error="Wanted are {min} to {max} days.")
    return Integer(validate=within, metadata={"description": about}, **nullable())


class Retention(Schema):
    """For how many days what is kept; null is the server's default."""

    messages = _days(
        "The message log, dead letters, and the files of jobs. What an enabled target is still to "
        "get stays. By default RINGMAIN_RETENTION_DAYS, which is 90 unless it was set."
    )
    meter_values = _days(f"By default {DEFAULT.meter_values}. Transactions stay.")
    commands = _days(
        f"Commands and batches, starts and reservations. By default {DEFAULT.commands}."
    )
    audit = _days(f"By default {DEFAULT.audit}.")


class SettingsChange(Schema):
    """What an organization sets."""

    authorization = choice(
        *get_args(Authorization),
        about="Whose tokens may charge where no target decides: accept_all, but for those that are "
        "known as blocked or expired; known; reject, but for those that the platform itself "
        "started with.",
    )
    retention = fields.Nested(Retention(partial=True))


class Settings(Schema):
    """What an organization has set."""

    authorization = choice(*get_args(Authorization), required=True)
    retention = fields.Nested(Retention(partial=True), required=True)


class OneSettings(Success):
    """What the organization has set."""

    settings = fields.Nested(Settings, required=True)


class ApiKeyRequest(Schema):
    """A key to make."""

    scope = choice(
        *SCOPES, load_default="read", about="read: GET; operate: writes; admin: also keys."
    )
    name = text(100, about="What it is for, in your words.", **nullable())
    expires_at = Moment(metadata={"description": "From then on it is refused."}, **nullable())


class ApiKey(Schema):
    """What is known of a key once it has been handed out: all but the key."""

    key_id = fields.String(required=True)
    name = fields.String(allow_none=True, required=True)
    scope = choice(*SCOPES, required=True)
    created_at = Moment(required=True)
    expires_at = Moment(allow_none=True, required=True)
    revoked_at = Moment(allow_none=True, required=True)
    last_used_at = Moment(
        allow_none=True, required=True, metadata={"description": "To the minute."}
    )
    own = fields.Boolean(required=True, metadata={"description": "Whether it is that of who asks."})


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

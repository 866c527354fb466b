"""The audit: who did or was denied what."""

from __future__ import annotations

from typing import get_args

from marshmallow import fields

from api.schemas.common import PageQuery, Schema, Success, next_cursor
from api.schemas.fields import CHARGE_BOX_ID, Integer, Moment, choice, text
from storage.records import AuditCategory


class AuditQuery(PageQuery):
    """Which entries of the audit."""

    actor = text(255, load_default=None)
    action = text(255, load_default=None)
    category = choice(*get_args(AuditCategory), load_default=None)
    charge_box_id = text(48, pattern=CHARGE_BOX_ID, load_default=None)
    since = Moment(load_default=None)
    until = Moment(load_default=None)


class SecurityEventQuery(PageQuery):
    """Which security events."""

    charge_box_id = text(48, pattern=CHARGE_BOX_ID, load_default=None)
    kind = text(255, load_default=None)
    since = Moment(load_default=None)
    until = Moment(load_default=None)


class AuditEntry(Schema):
    """What somebody did or was denied."""

    id = Integer(required=True)
    timestamp = Moment(required=True)
    category = choice(*get_args(AuditCategory), required=True)
    charge_box_id = fields.String(allow_none=True, required=True)
    actor = fields.String(
        required=True,
        metadata={
            "description": "`key:<id>` of an API key, `identity:<id>` of a person, `target:<id>` "
            "of a proxy's target, `charger:<id>`, `address:<ip>` of a stranger, `command-line`, "
            "or `platform`."
        },
    )
    action = fields.String(
        required=True,
        metadata={
            "description": "What was asked: at the API the operation by its operationId here, for "
            "a target the OCPP action, for a security event its kind."
        },
    )
    object = fields.String(
        allow_none=True,
        required=True,
        metadata={"description": "What it was asked of: at the API the path."},
    )
    result = fields.String(
        required=True,
        metadata={
            "description": "At the API the status and `ok` or the error's code: `201 ok`, "
            "`409 conflict`; `interrupted` where the server ended first. For a target `denied`: "
            "the charger saw nothing of it. `intercepted`: a password "
            "that became the target link's. `overlaid`: a key of the target's own link. "
            "`deferred`: a reset that waits until nothing charges."
        },
    )
    request_id = fields.String(
        allow_none=True,
        required=True,
        metadata={"description": "At the API what the answer has as `X-Request-Id`."},
    )
    details = fields.Dict(
        required=True,
        metadata={
            "description": "Never a secret. At the API `given`: what the body held, `before`: what "
            "of it was otherwise, `ids`: those that the answer told, such as a command's. "
            "`left_out`: how many like this came too fast for a row each, since the last one."
        },
    )
    place = Integer(
        allow_none=True,
        required=True,
        metadata={"description": "Its place in the organization's chain; null for some seconds."},
    )


class AuditEntries(Success):
    """A page of the audit."""

    entries = fields.List(fields.Nested(AuditEntry), required=True)
    next_cursor = next_cursor()


class SecurityEvent(Schema):
    """What concerns who may come in: a refusal, a conflict, what a charger reported."""

    id = Integer(required=True)
    timestamp = Moment(required=True)
    charge_box_id = fields.String(allow_none=True, required=True)
    kind = fields.String(
        required=True,
        metadata={"description": "One of OCPP's security event types, or one in their style."},
    )
    actor = fields.String(
        required=True,
        metadata={"description": "`charger:<id>`, `address:<ip>` of a stranger, or `platform`."},
    )
    result = fields.String(required=True)
    details = fields.Dict(required=True, metadata={"description": "Never a secret."})


class SecurityEventList(Success):
    """A page of security events."""

    security_events = fields.List(fields.Nested(SecurityEvent), required=True)
    next_cursor = next_cursor()

"""The audit: who did or was denied what."""

from __future__ import annotations

from marshmallow import Schema, fields

from api.schemas.common import Success, next_cursor
from api.schemas.fields import Integer, Moment


class AuditEntry(Schema):
    """What somebody did or was denied."""

    id = Integer(required=True)
    timestamp = Moment(required=True)
    charge_box_id = fields.String(allow_none=True, required=True)
    actor = fields.String(
        required=True,
        metadata={
            "description": "`key:<id>` of an API key, `target:<id>` of a proxy's target, "
            "or `platform`."
        },
    )
    action = fields.String(
        required=True,
        metadata={"description": "What was asked; for a target the OCPP action."},
    )
    result = fields.String(
        required=True,
        metadata={
            "description": "`denied`: the charger saw nothing of it. `intercepted`: a password "
            "that became the target link's. `overlaid`: a key of the target's own link. "
            "`deferred`: a reset that waits until nothing charges."
        },
    )
    details = fields.Dict(
        required=True,
        metadata={
            "description": "Never a secret. `left_out`: how many like this came too fast for a row "
            "each, since the last one."
        },
    )


class AuditEntries(Success):
    """A page of the audit."""

    entries = fields.List(fields.Nested(AuditEntry), required=True)
    next_cursor = next_cursor()

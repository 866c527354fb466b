"""Power over time, and the limits that held."""

from __future__ import annotations

from marshmallow import fields, validate

from api.schemas.common import Schema, Success
from api.schemas.fields import Integer, Moment
from csms.power_series import MOST_POINTS

LONGEST_DAYS = 7
# As they are: there may be tens of thousands, and each would be dumped by itself.
_POINT = {
    "type": "object",
    "properties": {
        "timestamp": {"type": "string", "format": "date-time"},
        "watts": {"type": "number"},
    },
    "required": ["timestamp", "watts"],
    "additionalProperties": False,
}


class PowerQuery(Schema):
    """Which span of time."""

    since = Moment(
        load_default=None, metadata={"description": "By default an hour before `until`."}
    )
    until = Moment(load_default=None, metadata={"description": "By default now."})


class MeasuredEvse(Schema):
    """What an EVSE took."""

    evse_id = Integer(required=True)
    points = fields.Raw(
        required=True,
        metadata={
            "type": "array",
            "items": _POINT,
            "maxItems": MOST_POINTS,
            "description": "In order. Of more points the first, last, lowest and highest of each "
            "stretch are kept. A session that is over ends with 0.",
        },
    )


class LimitStep(Schema):
    """What limit holds from a moment on, until the next step."""

    begin = Moment(required=True)
    watts = fields.Float(
        required=True, allow_none=True, metadata={"description": "Null: none that is known."}
    )
    source = fields.String(
        required=True,
        allow_none=True,
        metadata={
            "description": "platform, profile or target, or what the station has named where the "
            "limit comes from outside."
        },
    )


class LimitedEvse(Schema):
    """What limited an EVSE, and is to limit it."""

    evse_id = Integer(required=True, metadata={"description": "0 is the whole station."})
    steps = fields.List(fields.Nested(LimitStep), required=True, validate=validate.Length(min=1))


class Power(Success):
    """What a charger took, and what limit held when: also within the next day."""

    since = Moment(required=True)
    until = Moment(required=True)
    evses = fields.List(fields.Nested(MeasuredEvse), required=True)
    limits = fields.List(fields.Nested(LimitedEvse), required=True)

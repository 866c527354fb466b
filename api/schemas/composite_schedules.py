"""Composite schedules: the charger's own, and the one that follows from what lies on it."""

from __future__ import annotations

from marshmallow import fields, validate

from api.schemas.common import Schema
from api.schemas.fields import Digits, choice
from api.schemas.power_limits import StatusInfo
from api.schemas.stations import CamelCase, verdict
from csms.profile_ids import MOST_EVSES

LONGEST = 604_800  # s: a week, after which all that recurs has done so


class CompositeQuery(Schema):
    """Which schedule to ask for."""

    evse_id = Digits(
        data_key="evseId",
        load_default=0,
        validate=validate.Range(0, MOST_EVSES),
        metadata={"description": "0 is the whole station."},
    )
    duration = Digits(
        load_default=86_400,
        validate=validate.Range(1, LONGEST),
        metadata={"description": "In s from now on."},
    )
    unit = choice("A", "W", about="Without one it is the charger's choice.", load_default=None)


class Period(CamelCase):
    """What holds from a moment on, in s from the start of the schedule."""

    start_period = fields.Integer(required=True)
    limit = fields.Float(
        required=True,
        allow_none=True,
        metadata={"description": "In A on each phase, or W in all; null where nothing limits."},
    )
    number_phases = fields.Integer()
    phase_to_use = fields.Integer()


class Schedule(CamelCase):
    """A composite schedule in the shape of OCPP 2.0.1, whatever version the charger speaks."""

    evse_id = fields.Integer(required=True)
    duration = fields.Integer()
    schedule_start = fields.String(required=True)
    charging_rate_unit = fields.String(required=True, metadata={"enum": ["A", "W"]})
    charging_schedule_period = fields.List(fields.Nested(Period), required=True)


class CompositeAnswer(CamelCase):
    """What the charger says will hold, and what should."""

    status = fields.String(required=True, metadata={"description": "The charger's own word."})
    status_info = fields.Nested(StatusInfo)
    schedule = fields.Nested(Schedule, metadata={"description": "The charger's own."})
    computed = fields.Nested(
        Schedule,
        required=True,
        metadata={
            "description": "What follows from the profiles that lie on the charger by our books, "
            "and from what it has told of limits from outside."
        },
    )
    differs = verdict(
        "Whether the charger's own is above the computed one anywhere, rounding and the conversion "
        "between A and W aside; unknown where it gave none."
    )

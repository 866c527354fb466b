"""Power limits (seed 002): one number with its unit, and the charger's answer."""

from __future__ import annotations

from typing import Any

from marshmallow import ValidationError, fields, validate, validates_schema

from api.schemas.common import Schema
from api.schemas.fields import Digits, Integer, Number, choice, nullable, text
from api.schemas.stations import CamelCase
from csms.profile_ids import CONDITIONS

HIGHEST = 10_000_000  # W, and more than any charger has
MAX_PROFILE_ID = (1 << 31) - 1
LONGEST_DELAY = 7 * 86_400  # s


class Amount(Number):
    """A power or a current: none is below zero."""

    def __init__(self, about: str, **more: Any) -> None:
        super().__init__(0, HIGHEST, about, **more)


class Limit(Schema):
    """Exactly one of these."""

    acMaxPowerA = Amount("A on each phase.")  # noqa: N815 - as it reads outside
    acMaxPowerKw = Amount("kW over all phases.")  # noqa: N815 - as above
    dcMaxPowerKw = Amount("kW.")  # noqa: N815 - as above

    @validates_schema
    def _exactly_one(self, data: dict[str, Any], **_: Any) -> None:
        if len(data) != 1:
            raise ValidationError("Exactly one limit is needed.")


def _stack_level(kind: type[fields.Integer]) -> fields.Integer:
    return kind(
        validate=validate.Range(min=0, max=MAX_PROFILE_ID),
        metadata={
            "description": "Orders the platform's own limits: the highest holds. "
            "By default 0, with a condition 1000."
        },
        **nullable(),
    )


def _profile_id(kind: type[fields.Integer]) -> fields.Integer:
    return kind(
        validate=validate.Range(min=1, max=MAX_PROFILE_ID),
        metadata={"description": "A limit of its own beside the default one."},
        **nullable(),
    )


def _comment() -> fields.String:
    return text(1000, about="Kept with the limit.", **nullable())


def _condition() -> fields.String:
    about = "It counts only then: while the charger has no connection, or nobody is authorized."
    return choice(*CONDITIONS, about=about, **nullable())


def _relative_delay(kind: type[fields.Integer]) -> fields.Integer:
    return kind(
        validate=validate.Range(min=0, max=LONGEST_DELAY),
        metadata={"description": "It begins so many s after the start of charging."},
        **nullable(),
    )


class LimitQuery(CamelCase):
    """Options; what stands in the body goes before them."""

    charging_profile_id = _profile_id(Digits)
    comment = _comment()
    condition = _condition()
    relative_delay = _relative_delay(Digits)
    stack_level = _stack_level(Digits)


class LimitRequest(CamelCase):
    """A power limit, and options."""

    limit = fields.Nested(Limit, required=True)
    charging_profile_id = _profile_id(Integer)
    comment = _comment()
    condition = _condition()
    relative_delay = _relative_delay(Integer)
    stack_level = _stack_level(Integer)


class StatusInfo(CamelCase):
    """More about an answer, of the charger and of what we changed."""

    reason_code = fields.String(required=True)
    additional_info = fields.String()
    custom_data = fields.Dict()


class LimitAnswer(CamelCase):
    """What the charger answered."""

    response = fields.String(required=True)
    status_info = fields.Nested(StatusInfo)

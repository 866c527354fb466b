"""What a test of a target came to."""

from __future__ import annotations

from marshmallow import fields, validate

from api.schemas.common import Schema, Success
from api.schemas.fields import Boolean
from proxy.probe import STEPS


class ProbeStep(Schema):
    """One step of a dial."""

    step = fields.String(required=True, validate=validate.OneOf(STEPS))
    ok = Boolean(required=True)
    detail = fields.String(required=True)


class Probe(Success):
    """The steps of a dial, in order; the first that failed is the last."""

    steps = fields.List(fields.Nested(ProbeStep), required=True)

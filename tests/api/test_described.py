"""What the document says of fields of ours."""

from __future__ import annotations

from typing import Any

import pytest
from marshmallow import fields, validate

from api.described import bounds
from api.schemas.fields import Digits, FreeForm, Integer, Moment


@pytest.mark.parametrize(
    ("field", "said"),
    [
        (Moment(), {"minLength": 17, "maxLength": 40}),
        (FreeForm(7), {"maxProperties": 7}),
        (Digits(), {"minimum": 0}),
        (Digits(validate=validate.Range(max=7)), {"minimum": 0}),
        (Digits(validate=validate.Range(min=1, max=7)), {}),
        (
            fields.Dict(keys=fields.String(validate=validate.OneOf(["a", "b"]))),
            {"propertyNames": {"enum": ["a", "b"]}, "maxProperties": 2},
        ),
        (fields.Dict(), {}),
        (Integer(), {}),
    ],
)
def test_a_field_says_what_it_is_bounded_by(field: fields.Field[Any], said: Any) -> None:
    assert bounds(None, field) == said

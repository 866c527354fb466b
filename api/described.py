"""
Say in the document what a field enforces beside its type: apispec does not know our own fields.

Every field of a request has its bounds there (S-17), which `tests/api/test_openapi.py` holds true.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from marshmallow import fields, validate

from api.schemas.fields import LONGEST_MOMENT, SHORTEST_MOMENT, Digits, FreeForm, Moment


def bounds(_converter: Any, field: fields.Field[Any], **_: Any) -> dict[str, Any]:
    """Return the keywords of JSON Schema for what a field of ours is bounded by."""
    kinds = (kind for kind in _BOUNDS if isinstance(field, kind))
    return {key: value for kind in kinds for key, value in _BOUNDS[kind](field).items()}


def _of_moment(_field: Any) -> dict[str, Any]:
    return {"minLength": SHORTEST_MOMENT, "maxLength": LONGEST_MOMENT}


def _of_free_form(field: Any) -> dict[str, Any]:
    return {"maxProperties": field.most}


def _of_dict(field: Any) -> dict[str, Any]:
    """Name the keys that are known, where not any will do."""
    named = [
        check.choices
        for check in getattr(field.key_field, "validators", ())
        if isinstance(check, validate.OneOf)
    ]
    if not named:
        return {}
    names = list(named[0])
    return {"propertyNames": {"enum": names}, "maxProperties": len(names)}


def _of_digits(field: Any) -> dict[str, Any]:
    """Say of what is only digits that it is not below zero."""
    least = [each.min for each in field.validators if isinstance(each, validate.Range)]
    return {} if any(each is not None for each in least) else {"minimum": 0}


_BOUNDS: Mapping[type[fields.Field[Any]], Any] = {
    Moment: _of_moment,
    fields.Dict: _of_dict,
    FreeForm: _of_free_form,
    Digits: _of_digits,
}

"""
Make an example of whatever a schema describes.

Each field has a value by its name (`api.schemas.example_values`), so that a new answer has an
example as soon as its fields are known there; `api.schemas.examples` has those that want more.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from marshmallow import Schema, fields, validate

from api.schemas.common import OfKinds
from api.schemas.example_values import LATER, MOMENT, VALUES
from api.schemas.examples import EXAMPLES
from api.schemas.fields import Moment
from api.schemas.problem_examples import PROBLEMS
from api.schemas.request_examples import REQUESTS

_MISSING = object()
# When what has an end has ended, and what waits goes on.
_ENDS = ("finished_at", "stopped_at", "until", "not_after", "expires_at", "updated_at")
_NOT_YET = ("revoked_at", "stop_asked_at", "last_error_at", "next_dial_at", "oldest_queued_at")

# Of what no name is known, a test says so.
_UNNAMED: tuple[tuple[type[fields.Field[Any]], Any], ...] = (
    (fields.Integer, 0),
    (fields.Float, 0.0),
    (fields.String, "…"),
    (fields.Mapping, {}),
)


def example_of(schema: Schema) -> dict[str, Any]:
    """Return an example of a schema."""
    owner = type(schema).__name__
    made = ((name, field, _value(owner, name, field)) for name, field in schema.fields.items())
    return {
        str(field.data_key or name): value
        for name, field, value in made
        if value is not None or field.allow_none  # what cannot be null is not there
    }


def _value(owner: str, name: str, field: fields.Field[Any]) -> Any:
    if isinstance(field, fields.List):
        one = _value(owner, name, field.inner)
        return [] if one is None else [one]
    if isinstance(field, fields.Nested):
        made = example_of(field.schema)
        return [made] if field.many else made
    plain = name.rstrip("_")
    for key in (f"{owner}.{plain}", plain):
        if (value := VALUES.get(key, _MISSING)) is not _MISSING:
            return _allowed(field, value)
    return _of_kind(plain, field)


def _allowed(field: fields.Field[Any], value: Any) -> Any:
    """Return a value, or what stands for it where only some are allowed."""
    choices = _choices(field)
    return value if not choices or value in choices or value is None else choices[0]


def _of_kind(name: str, field: fields.Field[Any]) -> Any:
    if isinstance(field, Moment):
        return None if name in _NOT_YET else LATER if name in _ENDS else MOMENT
    if choices := _choices(field):
        return choices[0]
    return next((value for kind, value in _UNNAMED if isinstance(field, kind)), None)


def _choices(field: fields.Field[Any]) -> list[Any]:
    allowed: Mapping[str, Any] = field.metadata
    found = [each.choices for each in field.validators if isinstance(each, validate.OneOf)]
    return list(found[0]) if found else list(allowed.get("enum", ()))


def shown(schema: Schema | None) -> dict[str, Any]:
    """Return what the document shows of a body: one example, or one for each of its kinds."""
    if schema is None:
        return {}
    if isinstance(schema, OfKinds):
        return {"examples": {kind: {"value": _one(one)} for kind, one in schema.kinds.items()}}
    return {"example": _one(schema)}


def _one(schema: Schema) -> Mapping[str, Any]:
    name = type(schema).__name__
    written = EXAMPLES.get(name, REQUESTS.get(name))
    return example_of(schema) if written is None else written


def problem_example(status: int) -> Mapping[str, Any]:
    """Return what an error of a status looks like."""
    return {"success": False, **PROBLEMS[status]}

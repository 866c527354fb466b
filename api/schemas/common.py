"""What all resources share: the success flag, pages of lists, and the one shape of errors."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, NoReturn

import marshmallow
from marshmallow import ValidationError, fields, pre_load, validate

from api.schemas.fields import Boolean, Digits, Moment, text

MAX_LIMIT = 1000


class Schema(marshmallow.Schema):
    """What all schemas are."""

    def handle_error(self, error: ValidationError, data: Any, **_: object) -> NoReturn:
        """Raise an error that its raiser does not refer to.

        Such a circle holds the whole body until garbage is collected, which is rare.
        """
        raise ValidationError(error.messages, data=data, valid_data=error.valid_data)


class Success(Schema):
    """An answer that says that it is one."""

    success = Boolean(dump_default=True, required=True)


class Done(Success):
    """What was done, in one sentence."""

    message = fields.String(required=True)


class PageQuery(Schema):
    """Which page of a list."""

    limit = Digits(load_default=100, validate=validate.Range(min=1, max=MAX_LIMIT))
    cursor = text(
        512,
        pattern=r"[A-Za-z0-9_-]*",
        load_default=None,
        about="Where to go on: this list has said it.",
    )


class NoQuery(Schema):
    """A query string in which nothing is to be said, so that what is misspelt is refused."""


class OfKinds(Schema):
    """A body with a schema for each of its kinds: the document names them all."""

    kinds: ClassVar[Mapping[str, marshmallow.Schema]]


class Nothing(Schema):
    """A body that may be left out: there is nothing to say in it, and what is said is refused."""

    @pre_load
    def _take_null(self, said: Any, **_: object) -> Any:
        return {} if said is None else said


class ChargerError(Schema):
    """The CALLERROR that a charger answered with."""

    code = fields.String(required=True)
    description = fields.String(required=True)


class Problem(Schema):
    """The one shape of all errors."""

    success = Boolean(required=True, metadata={"const": False})
    error = fields.String(required=True, metadata={"description": "A code for programs."})
    message = fields.String(required=True, metadata={"description": "A sentence for people."})
    fields_ = fields.Dict(
        data_key="fields",
        keys=fields.String(),
        values=fields.List(fields.String()),
        metadata={"description": "What is wrong with each value, by dotted path (422)."},
    )
    last_seen = Moment(allow_none=True)
    last_disconnect = Moment(allow_none=True)
    charger_error = fields.Nested(ChargerError)
    command_id = fields.String(metadata={"description": "The record of the command that failed."})


def next_cursor() -> fields.String:
    """Return the field that ends every page of a list."""
    about = "The cursor of the next page; null at the end."
    return fields.String(allow_none=True, required=True, metadata={"description": about})

"""
Fields that take JSON at its word: "7" is no number, true is no integer, a date has a zone.

Every field declares its bounds, so that the document says all that is enforced.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from marshmallow import ValidationError, fields, validate

from storage.clock import timestamp

# Control characters break terminals, logs and, as NUL, databases.
ONE_LINE = r"[^\x00-\x1f\x7f]*"
LINES = r"[^\x00-\x08\x0b\x0c\x0e-\x1f\x7f]*"
# OCPP's identifierString without the colon (it ends a Basic user name), and no step up a path;
# of any length, so that one too long is not told that its characters are wrong.
CHARGE_BOX_ID = r"(?:\.{0,2}[A-Za-z0-9*_=+|@ -][A-Za-z0-9*_=+|@. -]*|\.{3}[A-Za-z0-9*_=+|@. -]*)?"
_TOLD = {
    CHARGE_BOX_ID: "This has characters that cannot be used: letters A-Z and a-z, digits, "
    "* _ = + | @ . - and spaces can, at most 48, and not . or .. alone."
}
# A name of DNS, and no IPv4 address in any spelling: its last label begins with a letter.
HOST_NAME = (
    r"(?:[A-Za-z0-9_](?:[A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?\.)*"
    r"[A-Za-z](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
)
INT64 = (1 << 63) - 1
# Of a moment as text: from one without seconds to one with nanoseconds and an offset.
SHORTEST_MOMENT, LONGEST_MOMENT = 17, 40


class Pattern(validate.Regexp):
    """Match the whole text; on its own `$` lets a line feed through."""

    def __init__(self, pattern: str, error: str = "") -> None:
        told = error or _TOLD.get(pattern, "This has characters that cannot be used.")
        super().__init__(f"^(?:{pattern})$", error=told)

    def __call__(self, value: Any) -> Any:
        """Return the value, or raise ValidationError."""
        if not self.regex.fullmatch(value):
            raise ValidationError(self.error)
        return value


class Integer(fields.Integer):
    """An integer of JSON, which 7.0 is as well (JSON Schema 2020-12)."""

    def _deserialize(
        self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **kwargs: Any
    ) -> int:
        if type(value) is float and value.is_integer():
            value = int(value)
        if type(value) is not int:
            raise self.make_error("invalid", input=value)
        return super()._deserialize(value, attr, data, **kwargs)


class Digits(fields.Integer):
    """An integer of a query string."""

    def _deserialize(
        self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **kwargs: Any
    ) -> int:
        if not re.fullmatch(r"[0-9]{1,19}", value):
            raise self.make_error("invalid", input=value)
        return super()._deserialize(value, attr, data, **kwargs)


class Number(fields.Float):
    """A number of JSON within bounds; NaN and infinities are none."""

    def __init__(self, least: float, most: float, about: str = "", **more: Any) -> None:
        within = validate.Range(min=least, max=most)
        super().__init__(validate=within, allow_nan=False, metadata=_about(about), **more)

    def _deserialize(
        self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **kwargs: Any
    ) -> float:
        if type(value) not in {int, float} or not math.isfinite(value):
            raise self.make_error("invalid", input=value)
        return super()._deserialize(value, attr, data, **kwargs)


class Boolean(fields.Boolean):
    """True or false."""

    def _deserialize(
        self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **kwargs: Any
    ) -> bool:
        if type(value) is not bool:
            raise self.make_error("invalid", input=value)
        return value


class Flag(fields.Boolean):
    """A boolean of a query string: true or false."""

    def _deserialize(
        self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **kwargs: Any
    ) -> bool:
        if value not in {"true", "false"}:
            raise self.make_error("invalid", input=value)
        return bool(value == "true")


class Moment(fields.AwareDateTime):
    """A moment: RFC 3339 with any zone in, UTC with milliseconds out."""

    def _deserialize(
        self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **kwargs: Any
    ) -> datetime:
        # In a query string the + of +01:00 arrives as a blank.
        text = value.replace(" ", "+") if isinstance(value, str) else value
        if isinstance(text, str) and not SHORTEST_MOMENT <= len(text) <= LONGEST_MOMENT:
            raise self.make_error("invalid", input=value, obj_type="datetime")
        try:
            return super()._deserialize(text, attr, data, **kwargs).astimezone(UTC)
        except OverflowError:
            raise self.make_error("invalid", input=value, obj_type="datetime") from None

    def _serialize(self, value: Any, attr: str | None, obj: Any, **kwargs: Any) -> str | None:
        return None if value is None else timestamp(value)


class FreeForm(fields.Dict):
    """An object of JSON whose fields are not ours to know; so many at most."""

    def __init__(self, most: int = 1000, **more: Any) -> None:
        self.most = most
        told = f"At most {most} fields."
        checks = [validate.Length(max=most, error=told), *more.pop("validate", ())]
        super().__init__(keys=fields.String(), validate=checks, **more)


def text(
    longest: int,
    *,
    pattern: str = ONE_LINE,
    shortest: int = 1,
    about: str = "",
    wrong: str = "",
    **more: Any,
) -> fields.String:
    """Return a field for text of bounded length; ``wrong`` is told of what the pattern refuses."""
    length = validate.Length(min=shortest, max=longest)
    checks = [length, Pattern(pattern, wrong), *more.pop("validate", ())]
    return fields.String(validate=checks, metadata=_about(about), **more)


def choice(*values: str, about: str = "", **more: Any) -> fields.String:
    """Return a field for one of several words."""
    checks = [validate.OneOf(values), *more.pop("validate", ())]
    return fields.String(validate=checks, metadata=_about(about), **more)


def nullable(**more: Any) -> dict[str, Any]:
    """Return the arguments of a field that may be null when it has no value."""
    return {"allow_none": True, "load_default": None, **more}


def _about(description: str) -> dict[str, str]:
    return {"description": description} if description else {}

"""Cut lists into pages; a cursor says where the next one begins, to us alone."""

from __future__ import annotations

import base64
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple, TypeVar

import orjson

from api.errors import Invalid
from api.schemas.fields import INT64

T = TypeVar("T")


class Page(NamedTuple):
    """The items of one page, and where the next one begins."""

    items: Sequence[Any]
    next_cursor: str | None


def page(found: Sequence[T], limit: int, place: Callable[[T], Any]) -> Page:
    """Return a page of what was found when one item more than the limit was asked for."""
    more = len(found) > limit
    return Page(found[:limit], write_cursor(place(found[limit - 1])) if more else None)


def write_cursor(place: Any) -> str:
    """Return the cursor of a place, which is anything that JSON can carry."""
    return base64.urlsafe_b64encode(orjson.dumps(place)).rstrip(b"=").decode()


def read_cursor(cursor: str | None, *kinds: type) -> Any:
    """Return the place that a cursor tells, None without one; raise Invalid for foreign ones.

    A place of one kind is that value, a place of several kinds their tuple.
    """
    if cursor is None:
        return None
    try:
        told = orjson.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
        parts = told if isinstance(told, list) else [told]
        place = [_READERS[kind](part) for kind, part in zip(kinds, parts, strict=True)]
    except ValueError:
        raise foreign_cursor() from None
    return tuple(place) if len(kinds) > 1 else place[0]


def foreign_cursor() -> Invalid:
    """Say that a cursor is not of this list."""
    return Invalid({"cursor": ["This is no cursor of this list."]})


def _number(part: Any) -> int:
    if type(part) is not int or not 0 <= part <= INT64:
        raise ValueError(part)
    return part


def _text(part: Any) -> str:
    if type(part) is not str or not part.isprintable():
        raise ValueError(part)
    return part


_READERS: Mapping[type, Callable[[Any], Any]] = {int: _number, str: _text}

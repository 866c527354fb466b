"""
Read what a request brings, by webargs, with its traps closed.

On its own webargs takes a body of another media type for an empty one, answers broken JSON in a
shape of its own and waits for a dripping body for ever.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from itertools import islice
from typing import Any, NamedTuple, NoReturn

import orjson
from aiohttp import web
from marshmallow import Schema, ValidationError, missing
from multidict import MultiDict
from webargs.aiohttpparser import AIOHTTPParser, is_json_request
from webargs.multidictproxy import MultiDictProxy

from api.errors import BadRequest, Invalid, InvalidJson, NotJson, TooSlow
from api.parts import GIVEN
from api.server import DEADLINES

PRETTY = "pretty"
MAX_BODY_BYTES = 1 << 20
MAX_DEPTH = 32
MAX_VALUES = 10_000  # telling of each what is wrong with it would keep everybody else waiting
MAX_FIELDS_NAMED = 100


class _Node(NamedTuple):
    """A container in the body, and where it is."""

    inside: dict[str, Any] | list[Any]
    parent: _Node | None = None
    name: str | int = ""

    @property
    def path(self) -> str:
        """Return its dotted path; what concerns the whole is called `body`."""
        above = self.parent.path if self.parent and self.parent.parent else ""
        return ".".join(filter(None, (above, str(self.name)))) or "body"

    def children(self) -> list[_Node]:
        """Return the containers in it."""
        inside = self.inside
        named = inside.items() if isinstance(inside, dict) else enumerate(inside)
        return [_Node(one, self, name) for name, one in named if isinstance(one, dict | list)]


class Parser(AIOHTTPParser):
    """Load JSON bodies and query strings by their schema; raise our own errors."""

    def load_querystring(self, req: web.Request, schema: Schema) -> MultiDictProxy:
        """Return what is asked for, without what every route takes."""
        asked = MultiDict(req.query)
        asked.popall(PRETTY, None)
        return MultiDictProxy(asked, schema)

    async def load_json(self, req: web.Request, schema: Schema) -> Any:
        """Return the body as JSON; raise NotJson, InvalidJson, TooSlow or TooLarge."""
        text = await read_body(req)
        if not text:
            return missing
        if not is_json_request(req):
            raise NotJson
        body = self.decoded(text)
        if len(text) > 2 * MAX_DEPTH:  # else it cannot be too deep, nor too much
            _check_size(body)
        req[GIVEN] = body
        return body

    def decoded(self, text: bytes) -> Any:
        """Return what a text holds; raise InvalidJson."""
        try:
            return orjson.loads(text)
        except orjson.JSONDecodeError as broken:
            raise InvalidJson(f"The body is not valid JSON: {broken}.") from None

    def handle_error(self, error: ValidationError, *_: object, **__: object) -> NoReturn:
        """Name the fields that cannot be used, of very many the first."""
        assert isinstance(error.messages, dict)  # noqa: S101 - webargs puts the location in front
        (found,) = error.messages.values()
        raise invalid(found)


def invalid(messages: Any) -> Invalid:
    """Return the answer to what schemas found wrong: the fields by their paths."""
    return Invalid(dict(islice(_flat(messages), MAX_FIELDS_NAMED)))


async def read_body(request: web.Request) -> bytes:
    """Return the whole body; raise TooSlow, BadRequest, or what aiohttp raises for too large."""
    if request.content.is_eof():  # all of it is here
        return await request.read()
    try:
        async with asyncio.timeout(request.app[DEADLINES].body):
            return await request.read()
    except TimeoutError:
        raise TooSlow from None
    except ConnectionError:  # who sent it is gone
        raise BadRequest("The body did not come to its end.") from None


def _check_size(body: Any) -> None:
    level = [_Node(body)] if isinstance(body, dict | list) else []
    values, seen = 0, level
    for _ in range(MAX_DEPTH):
        values += sum(len(node.inside) for node in level)
        if values > MAX_VALUES:
            fullest = max(seen, key=lambda node: len(node.inside))
            told = f"The body holds more than {MAX_VALUES} values, most of them here."
            raise Invalid({fullest.path: [told]}, told)
        level = [child for node in level for child in node.children()]
        if not level:
            return
        seen = seen + level
    raise InvalidJson(f"The body is nested more than {MAX_DEPTH} levels deep.")


def _flat(messages: Any, path: str = "") -> Iterator[tuple[str, list[str]]]:
    """Name nested fields by dotted paths; what concerns the whole is called `body`."""
    if isinstance(messages, list):
        yield path or "body", messages
        return
    for name, inside in messages.items():
        here = path if name == "_schema" else f"{path}.{name}" if path else str(name)
        yield from _flat(inside, here)

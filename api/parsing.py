"""
Read what a request brings, by webargs, with its traps closed.

On its own webargs takes a body of another media type for an empty one, answers broken JSON in a
shape of its own and waits for a dripping body for ever.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from itertools import islice
from typing import Any, NoReturn

import orjson
from aiohttp import web
from marshmallow import Schema, ValidationError, missing
from webargs.aiohttpparser import AIOHTTPParser, is_json_request

from api.errors import Invalid, InvalidJson, NotJson, TooSlow
from api.server import DEADLINES

MAX_BODY_BYTES = 1 << 20
MAX_DEPTH = 32
MAX_VALUES = 10_000  # telling of each what is wrong with it would keep everybody else waiting
MAX_FIELDS_NAMED = 100


class Parser(AIOHTTPParser):
    """Load JSON bodies and query strings by their schema; raise our own errors."""

    async def load_json(self, req: web.Request, schema: Schema) -> Any:
        """Return the body as JSON; raise NotJson, InvalidJson, TooSlow or TooLarge."""
        text = await _read(req)
        if not text:
            return missing
        if not is_json_request(req):
            raise NotJson
        try:
            body = orjson.loads(text)
        except orjson.JSONDecodeError as broken:
            raise InvalidJson(f"The body is not valid JSON: {broken}.") from None
        _check_size(body)
        return body

    def handle_error(self, error: ValidationError, *_: object, **__: object) -> NoReturn:
        """Name the fields that cannot be used, of very many the first."""
        assert isinstance(error.messages, dict)  # noqa: S101 - webargs puts the location in front
        (found,) = error.messages.values()
        raise Invalid(dict(islice(_flat(found), MAX_FIELDS_NAMED)))


async def _read(request: web.Request) -> bytes:
    try:
        async with asyncio.timeout(request.app[DEADLINES].body):
            return await request.read()
    except TimeoutError:
        raise TooSlow from None


def _check_size(body: Any) -> None:
    level, values = _children([body]), 0
    for _ in range(MAX_DEPTH):
        values += sum(map(len, level))
        if values > MAX_VALUES:
            raise InvalidJson(f"The body holds more than {MAX_VALUES} values.")
        level = [child for node in level for child in _children(node)]
        if not level:
            return
    raise InvalidJson(f"The body is nested more than {MAX_DEPTH} levels deep.")


def _children(node: Any) -> list[Any]:
    inside = node.values() if isinstance(node, dict) else node if isinstance(node, list) else ()
    return [child for child in inside if isinstance(child, dict | list)]


def _flat(messages: Any, path: str = "") -> Iterator[tuple[str, list[str]]]:
    """Name nested fields by dotted paths; what concerns the whole is called `body`."""
    if isinstance(messages, list):
        yield path or "body", messages
        return
    for name, inside in messages.items():
        here = path if name == "_schema" else f"{path}.{name}" if path else str(name)
        yield from _flat(inside, here)

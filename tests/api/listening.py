"""Listen to a stream of events, as a browser does."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import aiohttp
import orjson
from yarl import URL

from tests.api.conftest import DOCUMENT, Api, operation_of, validator_of
from tests.doubles import PATIENCE


class Event(NamedTuple):
    """One event; a comment has only data."""

    name: str
    id: str | None
    data: Any


@dataclass
class Listener:
    """The client's end of a stream."""

    response: aiohttp.ClientResponse
    schemas: Mapping[str, Any] = field(default_factory=dict)
    comments: list[str] = field(default_factory=list)

    async def next(self) -> Event | None:
        """Return the next event, held against the document; None at the end."""
        fields: dict[str, list[str]] = {}
        async with asyncio.timeout(PATIENCE):
            async for line in self.response.content:
                name, _, value = line.decode().rstrip("\n").partition(": ")
                if not name and not value and fields:
                    return self._event(fields)
                if line.startswith(b":"):
                    self.comments.append(value or line.decode()[1:].strip())
                elif name:
                    fields.setdefault(name, []).append(value)
        return None

    def _event(self, fields: Mapping[str, list[str]]) -> Event:
        [name] = fields["event"]
        data = orjson.loads("\n".join(fields["data"]))
        reference = self.schemas[name]["$ref"].rpartition("/")[2]
        validator_of(orjson.dumps(DOCUMENT["components"]["schemas"][reference]).decode()).validate(
            data
        )
        return Event(name, fields.get("id", [None])[0], data)

    async def take(self, count: int, name: str | None = None) -> list[Event]:
        """Return the next so many events, or those of a name."""
        found: list[Event] = []
        while len(found) < count:
            event = await self.next()
            assert event is not None, f"the stream has ended after {found}"
            if name in {None, event.name}:
                found.append(event)
        return found


@contextlib.asynccontextmanager
async def listens(
    api: Api, path: str, after: int | None = None, credential: Mapping[str, str] | None = None
) -> AsyncIterator[Listener]:
    """Open a stream, with the API's key unless another credential is given, and wait for it."""
    url = URL(f"{api.base}{path}", encoded=True)
    headers = credential or {"x-api-key": api.key}
    if after is not None:
        headers = {**headers, "Last-Event-ID": str(after)}
    async with api.session.get(url, headers=headers) as response:
        assert response.status == 200, await response.text()
        assert response.content_type == "text/event-stream"
        operation = operation_of("GET", path)
        assert operation is not None
        content = operation["responses"]["200"]["content"]["text/event-stream"]
        listener = Listener(response, content["x-events"])
        assert await response.content.readline() == b": alive\n"
        assert await response.content.readline() == b"\n"
        yield listener

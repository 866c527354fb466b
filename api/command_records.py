"""What was asked of a station, what became of it, and what came after the answer."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import orjson

from api.chargers import stored_charger
from api.errors import NotFound
from api.pages import Page, foreign_cursor, page, read_cursor
from api.parts import ApiParts
from api.routing import Request, route
from api.schemas.commands import Commands, CommandsQuery, OneCommand, PartsQuery
from api.stations import STATION, TAG
from csms.late_parts import is_overdue
from storage.operation_records import CommandPart
from storage.records import Command
from storage.repositories.commands import Before

OF_STATION = STATION + "/commands"
_NEWEST = Before(datetime.max.replace(tzinfo=UTC), "")


@route("GET", OF_STATION, tag=TAG, scope="read", query=CommandsQuery(), answer=Commands())
async def list_commands(request: Request) -> Mapping[str, Any]:
    """List what was asked of a station, newest first."""
    charger = await stored_charger(request)
    await end_overdue(request.parts, await request.parts.storage.commands.collecting(charger.key))
    limit = request.query["limit"]
    found = await request.parts.storage.commands.page(
        charger.key,
        before_of(request),
        limit + 1,
        action=request.query["action"],
        state=request.query["state"],
    )
    commands, next_cursor = page_of(found, limit, lambda one: one.command_id)
    return {"commands": commands, "next_cursor": next_cursor}


@route(
    "GET",
    OF_STATION + "/{command_id}",
    tag=TAG,
    scope="read",
    query=PartsQuery(),
    answer=OneCommand(),
)
async def get_command(request: Request) -> Mapping[str, Any]:
    """Show what was asked of a station, what became of it and what came after the answer.

    The parts are paged, oldest first; `collecting` says that more are to come.
    """
    commands, command_id = request.parts.storage.commands, request.path["command_id"]
    found = await commands.get(request.charger_key, command_id)
    if found is not None and await end_overdue(request.parts, [found]):
        found = await commands.get(request.charger_key, command_id)
    if found is None:
        raise NotFound
    after, limit = read_cursor(request.query["cursor"], int) or 0, request.query["limit"]
    parts, next_cursor = page(
        await commands.parts(command_id, after, limit + 1), limit, lambda part: part.id
    )
    shown = {
        **columns_of(found),
        "progress": await _progress(request.parts, found),
        "parts": list(map(_shown_part, parts)),
        "next_cursor": next_cursor,
    }
    return {"command": shown}


async def _progress(parts: ApiParts, command: Command) -> Mapping[str, Any] | None:
    if command.progress is None:
        return None
    so_far = await parts.storage.commands.so_far(command.command_id)
    return {**so_far._asdict(), "complete": command.state == "complete"}


def _shown_part(part: CommandPart) -> Mapping[str, Any]:
    return {
        "action": part.action,
        "payload": orjson.loads(part.payload),
        "received_at": part.received_at,
    }


def columns_of(command: Command) -> dict[str, Any]:
    """Return what is shown of a command everywhere."""
    return {name: getattr(command, name) for name in _SHOWN}


_SHOWN = (
    "command_id",
    "action",
    "request",
    "requested_by",
    "state",
    "response",
    "created_at",
    "finished_at",
    "batch_id",
    "request_id",
)


async def end_overdue(parts: ApiParts, found: Sequence[Command]) -> bool:
    """End those of the commands whose late parts will not come any more; tell if there were."""
    now = parts.clock.now()
    ended = [
        parts.storage.commands.note_overdue(one.command_id, now)
        for one in found
        if is_overdue(one, now)
    ]
    await asyncio.gather(*ended)
    return bool(ended)


def before_of(request: Request) -> Before:
    """Return behind what the page begins that a request asks for."""
    place = read_cursor(request.query["cursor"], str, str)
    if place is None:
        return _NEWEST
    try:
        return Before(datetime.fromisoformat(place[0]).astimezone(UTC), place[1])
    except (ValueError, OverflowError):
        raise foreign_cursor() from None


def page_of(found: Sequence[Any], limit: int, id_of: Callable[[Any], str]) -> Page:
    """Return a page of what is listed newest first."""
    return page(found, limit, lambda one: [one.created_at.isoformat(), id_of(one)])

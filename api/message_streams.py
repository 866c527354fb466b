"""The message log as it is committed, of one charger or of all."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import msgspec
from aiohttp import web

from api.chargers import BASE, charger_of, stored_charger
from api.errors import BadRequest
from api.messages import around, content
from api.parts import PARTS
from api.routing import Request, route
from api.schemas.messages import (
    EndEvent,
    FleetStreamQuery,
    GapEvent,
    MessageEvent,
    StreamQuery,
)
from api.streams import Source, event, stream
from storage.clock import timestamp
from storage.live_log import Entry, LiveLog, Missed, Wanted
from storage.records import ChargerKey, Message

LAST_EVENT_ID = "Last-Event-ID"
# A longer frame is told without what it says.
LONGEST_FRAME = 1 << 18
EVENTS = {"message": MessageEvent(), "gap": GapEvent(), "end": EndEvent()}
LIVE_LOG = web.AppKey("LIVE_LOG", LiveLog)


async def following(app: web.Application) -> AsyncIterator[None]:
    """Hear what is committed while the application is served."""
    with app[LIVE_LOG].listening(app[PARTS].storage.commits):
        yield


@route(
    "GET",
    "/api/v1/organizations/{organization_uuid}/messages/stream",
    tag="Messages",
    scope="read",
    query=FleetStreamQuery(),
    answer=None,
    events=EVENTS,
    errors=(404, 429),
)
async def stream_messages(request: Request) -> web.StreamResponse:
    """Tell what chargers, targets and the platform say to each other, frame by frame, live.

    With `Last-Event-ID` (the `seq` of the last message that was seen) it goes on behind that.
    """
    named = request.query.get("charge_box_id")
    if named is not None:
        await charger_of(request, ChargerKey(request.organization_uuid, named))
    return await _stream(request, Wanted(**request.query))


@route(
    "GET",
    BASE + "/{charge_box_id}/messages/stream",
    tag="Messages",
    scope="read",
    query=StreamQuery(),
    answer=None,
    events=EVENTS,
)
async def stream_charger_messages(request: Request) -> web.StreamResponse:
    """Tell what is said on a charger's links, frame by frame, live.

    With `Last-Event-ID` (the `seq` of the last message that was seen) it goes on behind that.
    """
    charger = await stored_charger(request)
    return await _stream(request, Wanted(charger.key.charge_box_id, **request.query))


async def _stream(request: Request, wanted: Wanted) -> web.StreamResponse:
    after = _last_event(request.http)
    return await stream(request.http, _followed(request, wanted, after))


def _last_event(request: web.Request) -> int | None:
    told = request.headers.get(LAST_EVENT_ID)
    if told is None:
        return None
    if not (told.isascii() and told.isdigit() and len(told) <= 18):
        raise BadRequest(f"{LAST_EVENT_ID} is the `seq` of a message.")
    return int(told)


async def _followed(request: Request, wanted: Wanted, after: int | None) -> Source:
    live_log = request.http.app[LIVE_LOG]
    with live_log.follow(request.organization_uuid, wanted, after) as follower:
        async for found in follower.messages():
            if isinstance(found, Missed):
                yield event("gap", {"missed": found.messages})
            else:
                yield b"".join(map(_event, found))


def _event(entry: Entry) -> bytes:
    """Return the event of a message, which is made once for all who follow."""
    if entry.event is None:
        message = entry.message
        shown = {
            "seq": message.seq,
            "timestamp": timestamp(message.timestamp),
            "message_type": message.message_type,
            **around(message),
            **_said(message),
            "answers": entry.answers,
        }
        entry.event = event("message", shown, message.seq)
    return entry.event


def _said(message: Message) -> dict[str, Any]:
    if len(message.frame) > LONGEST_FRAME:
        return {"left_out": len(message.frame)}
    try:
        return dict(content(message))
    except (msgspec.DecodeError, ValueError):  # not as its sender's dialect has it
        return {"raw": message.frame.decode(errors="replace")}

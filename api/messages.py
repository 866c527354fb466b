"""The message log, of a charger or of all: each CALL with its answer and how long that took."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Any

import msgspec
import orjson

from api.chargers import BASE, stored_charger
from api.pages import page, read_cursor, write_cursor
from api.routing import Request, route
from api.schemas.messages import FleetMessageQuery, MessageQuery, Messages
from storage.records import ChargerKey, Exchange, Message

_PARTS = msgspec.json.Decoder(list[msgspec.Raw])
_MILLISECOND = timedelta(milliseconds=1)


@route(
    "GET",
    BASE + "/{charge_box_id}/messages",
    tag="Messages",
    scope="read",
    query=MessageQuery(),
    answer=Messages(),
)
async def list_messages(request: Request) -> Mapping[str, Any]:
    """List what was said on a charger's links, newest first, each CALL with its answer.

    Payloads are shown as they were on the wire: no number is rounded, nothing is left out.
    """
    charger = await stored_charger(request)
    query = dict(request.query)
    before = read_cursor(query.pop("cursor"), int)
    return await _of_charger(request, charger.key, query, before)


@route(
    "GET",
    "/api/v1/organizations/{organization_uuid}/messages",
    tag="Messages",
    scope="read",
    query=FleetMessageQuery(),
    answer=Messages(),
)
async def list_all_messages(request: Request) -> Mapping[str, Any]:
    """List what was said on the links of all chargers, newest first, each CALL with its answer.

    One page looks through so much of the log and no more: it may hold fewer than the limit, or
    none, and `next_cursor` says where to look on.
    """
    query = dict(request.query)
    name, before = query.pop("charge_box_id"), read_cursor(query.pop("cursor"), int)
    if name is not None:
        return await _of_charger(
            request, ChargerKey(request.organization_uuid, name), query, before
        )
    found = await request.parts.storage.conversations.page(
        request.organization_uuid, **query, before=before
    )
    next_cursor = None if found.before is None else write_cursor(found.before)
    return {"messages": [_shown(one) for one in found.exchanges], "next_cursor": next_cursor}


async def _of_charger(
    request: Request, key: ChargerKey, query: Mapping[str, Any], before: int | None
) -> Mapping[str, Any]:
    limit = query["limit"]
    found = await request.parts.storage.journal.exchanges(
        key, **{**query, "limit": limit + 1}, before=before
    )
    exchanges, next_cursor = page(found, limit, lambda exchange: exchange.call.seq)
    return {"messages": [_shown(exchange) for exchange in exchanges], "next_cursor": next_cursor}


def _shown(exchange: Exchange) -> Mapping[str, Any]:
    call, answer = exchange.call, exchange.answer
    return {
        **_said(call),
        **around(call),
        "answer": _said(answer) if answer else None,
        "latency_ms": (answer.timestamp - call.timestamp) / _MILLISECOND if answer else None,
    }


def around(message: Message) -> dict[str, Any]:
    """Return what is known of a message beside its frame."""
    return {
        "charge_box_id": message.key.charge_box_id,
        "direction": message.direction,
        "ocpp_version": message.ocpp_version,
        "message_id": message.message_id,
        "action": message.action,
        "proxy_configuration_id": message.proxy_configuration_id,
        "origin": message.origin,
        "maybe_duplicate": message.maybe_duplicate,
    }


def _said(message: Message) -> dict[str, Any]:
    return {
        "seq": message.seq,
        "timestamp": message.timestamp,
        "message_type": message.message_type,
        **content(message),
    }


def content(message: Message) -> Mapping[str, Any]:
    """Take the frame apart without decoding its payload."""
    places = _CONTENT.get(message.message_type)
    if places is None:
        return {"raw": message.frame.decode(errors="replace")}
    parts = _PARTS.decode(message.frame)
    return {name: read(parts[place]) for name, place, read in places if place < len(parts)}


def _as_it_was(part: msgspec.Raw) -> orjson.Fragment:
    return orjson.Fragment(bytes(part))


def _word(part: msgspec.Raw) -> str | None:
    value = orjson.loads(bytes(part))
    return value if isinstance(value, str) else None


Content = tuple[tuple[str, int, Callable[[msgspec.Raw], Any]], ...]

_CALL: Content = (("payload", 3, _as_it_was),)
_ERROR: Content = (
    ("error_code", 2, _word),
    ("error_description", 3, _word),
    ("error_details", 4, _as_it_was),
)
_CONTENT: Mapping[str, Content] = {
    "Call": _CALL,
    "Send": _CALL,
    "CallResult": (("payload", 2, _as_it_was),),
    "CallError": _ERROR,
    "CallResultError": _ERROR,
}

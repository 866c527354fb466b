"""The message log of a charger: each CALL with its answer and how long that took."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Any

import msgspec
import orjson

from api.chargers import BASE, stored_charger
from api.pages import page, read_cursor
from api.routing import Request, route
from api.schemas.messages import MessageQuery, Messages
from storage.records import Exchange, Message

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
    limit, before = query.pop("limit"), read_cursor(query.pop("cursor"), int)
    found = await request.parts.storage.journal.exchanges(
        charger.key, **query, limit=limit + 1, before=before
    )
    exchanges, next_cursor = page(found, limit, lambda exchange: exchange.call.seq)
    return {"messages": [_shown(exchange) for exchange in exchanges], "next_cursor": next_cursor}


def _shown(exchange: Exchange) -> Mapping[str, Any]:
    call, answer = exchange.call, exchange.answer
    return {
        **_said(call),
        "direction": call.direction,
        "ocpp_version": call.ocpp_version,
        "message_id": call.message_id,
        "action": call.action,
        "proxy_configuration_id": call.proxy_configuration_id,
        "origin": call.origin,
        "maybe_duplicate": call.maybe_duplicate,
        "answer": _said(answer) if answer else None,
        "latency_ms": (answer.timestamp - call.timestamp) / _MILLISECOND if answer else None,
    }


def _said(message: Message) -> dict[str, Any]:
    return {
        "seq": message.seq,
        "timestamp": message.timestamp,
        "message_type": message.message_type,
        **_content(message),
    }


def _content(message: Message) -> Mapping[str, Any]:
    """Take the frame apart without decoding its payload."""
    content = _CONTENT.get(message.message_type)
    if content is None:
        return {"raw": message.frame.decode(errors="replace")}
    parts = _PARTS.decode(message.frame)
    return {name: read(parts[place]) for name, place, read in content if place < len(parts)}


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

"""The queue of a target: show it, empty it, send a dead letter again."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from api.errors import NotFound
from api.pages import page, read_cursor
from api.parts import remark
from api.proxy_configurations import BASE, TAG, stored
from api.routing import Request, route
from api.schemas.common import Done, PageQuery
from api.schemas.queues import Purged, Queue
from storage.records import Undelivered

QUEUE = BASE + "/{id}/queue"


@route("GET", QUEUE, tag=TAG, scope="read", query=PageQuery(), answer=Queue())
async def get_queue(request: Request) -> Mapping[str, Any]:
    """List what the target has yet to get, and what it did not take.

    Only what is delivered whatever happens waits here; a target hears a status or a question only
    while it is connected.
    """
    configuration = await stored(request)
    limit, after = request.query["limit"], read_cursor(request.query["cursor"], int)
    found = await request.parts.relays.queues.page(configuration, after or 0, limit + 1)
    entries, next_cursor = page(found, limit, lambda entry: entry.seq)
    return {"entries": [_shown(entry) for entry in entries], "next_cursor": next_cursor}


@route("DELETE", QUEUE, tag=TAG, scope="operate", answer=Purged())
async def purge_queue(request: Request) -> Mapping[str, Any]:
    """Take out all that waits, and the dead letters; the target never gets any of it."""
    configuration = await stored(request)
    purged = await request.parts.relays.queues.purge(configuration)
    remark(request.http, proxy_configuration_id=configuration.id, **purged._asdict())
    return {
        "message": "Queue purged successfully",
        "purged": purged.waiting,
        "dead_letters": purged.dead_letters,
    }


@route("POST", QUEUE + "/{entry}/retry", tag=TAG, scope="operate", answer=Done())
async def retry_queue_entry(request: Request) -> Mapping[str, Any]:
    """Send a dead letter again, before all that waits."""
    configuration = await stored(request)
    queues, entry = request.parts.relays.queues, request.path["entry"]
    if not await queues.retry(configuration, entry):
        raise NotFound
    remark(request.http, proxy_configuration_id=configuration.id, position=entry)
    return {"message": "The message goes out again"}


def _shown(entry: Undelivered) -> Mapping[str, Any]:
    dead = entry.dead
    return {
        "entry": entry.seq,
        "action": entry.action,
        "queued_at": entry.queued_at,
        "state": _state(entry),
        "reason": dead.reason if dead else None,
        "attempts": entry.attempts,
        "maybe_duplicate": entry.maybe_duplicate,
        "bytes": entry.bytes,
    }


def _state(entry: Undelivered) -> str:
    if entry.dead is not None:
        return "dead" if entry.dead.retry_at is None else "queued"
    return "sent" if entry.attempts else "queued"

"""Count every request, however it ends."""

from __future__ import annotations

from time import monotonic

from aiohttp import web
from aiohttp.typedefs import Handler

from api.auth import OPERATIONS
from api.parts import PARTS

UNKNOWN = "none"  # what no operation serves
_HUNG_UP = 0
_STREAM = "text/event-stream"


@web.middleware
async def measured(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Count what comes of a request and how long it took; for around all others."""
    begun, status, streamed = monotonic(), _HUNG_UP, False
    try:
        answer = await handler(request)
        status, streamed = answer.status, answer.content_type == _STREAM
        return answer
    finally:
        operation = request.app[OPERATIONS].get(request.match_info.route)
        name = operation.name if operation else UNKNOWN
        took = None if streamed else monotonic() - begun
        request.app[PARTS].metered.tally.answered(name, status, took)

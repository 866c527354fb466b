"""Trace requests, where tracing is set up."""

from __future__ import annotations

from aiohttp import web
from aiohttp.typedefs import Handler, Middleware

from api.auth import OPERATIONS
from csms.spans import Spans


def traced(spans: Spans) -> Middleware:
    """Return the middleware for around all others; what streams is not traced."""

    @web.middleware
    async def trace(request: web.Request, handler: Handler) -> web.StreamResponse:
        operation = request.app[OPERATIONS].get(request.match_info.route)
        if operation is None or operation.events:
            return await handler(request)
        about: dict[str, str | int] = {
            "http.request.method": operation.method,
            "http.route": operation.path,
            "ringmain.operation": operation.name,
        }
        with spans.span(f"{operation.method} {operation.path}", "server", about) as note:
            answer = await handler(request)
            note("http.response.status_code", answer.status)
            return answer

    return trace

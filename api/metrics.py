"""Show Prometheus what was counted: to this machine, and to admins."""

from __future__ import annotations

from aiohttp import web

from api.auth import require
from api.rates import RATES
from api.routing import Request, route

_ALWAYS = {
    "Cache-Control": "no-store",
    "X-Content-Type-Options": "nosniff",
    "Server": "Ringmain",
}


@route(
    "GET",
    "/metrics",
    tag="Operations",
    scope=None,
    answer=None,
    errors=(401, 403, 429),
    media="text/plain",
)
async def show_metrics(request: Request) -> web.Response:
    """Tell what the process has counted, as Prometheus reads it.

    To requests from the machine itself, and to API keys and members with the scope admin. The
    numbers are of all organizations together. An `Accept` header may ask for OpenMetrics.
    """
    if not request.http.app[RATES].is_here(request.http):
        await require(request.http, "admin")
    accept = ",".join(request.http.headers.getall("Accept", ()))
    scrape = await request.parts.metered.exposition.text(accept)
    headers = {**_ALWAYS, "Content-Type": scrape.content_type}
    return web.Response(body=scrape.body, headers=headers)

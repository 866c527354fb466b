"""
Serve the console at `/` and the description of the API at `/docs`, with what both are made of.

They are built from `api/console` beforehand and lie in the wheel; where nobody has built them,
plain pages stand in. They hold no data: that comes from the API, by the credential of who looks.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

from aiohttp import web

from api.plain_pages import plain_console, plain_docs

BUILT = Path(__file__).parent / "console" / "dist"

# Only what this server itself serves runs, is shown or is asked; nobody frames it. `data:` are the
# small pictures within the style sheet of Swagger UI.
_SOURCES: Mapping[str, str] = {
    "default-src": "'none'",
    "script-src": "'self'",
    "style-src": "'self'",
    "img-src": "'self' data:",
    "font-src": "'self'",
    "connect-src": "'self'",
    "base-uri": "'none'",
    "form-action": "'none'",
    "frame-ancestors": "'none'",
}
GUARDS: Mapping[str, str] = {
    "Content-Security-Policy": "; ".join(f"{name} {value}" for name, value in _SOURCES.items()),
    "Cross-Origin-Opener-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "Server": "Ringmain",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}
# The name of an asset has a digest of what it holds; a page names the assets of its own version.
_FOR_EVER = "public, max-age=31536000, immutable"
_ASKED_ANEW = "no-cache"
_ASSET = re.compile(r"[\w.-]+\.(?:js|css|svg|woff2|png)")

Page = Callable[[web.Request], Awaitable[web.StreamResponse]]
# What is open to everybody beside the open operations.
OPEN_RESOURCES = web.AppKey("OPEN_RESOURCES", frozenset[web.AbstractResource | None])


def serve_pages(app: web.Application, document: Mapping[str, Any], built: Path = BUILT) -> None:
    """Add the pages and their assets to an application."""
    pages: dict[str, Page] = {
        "/": _page(built / "index.html", plain_console()),
        "/docs": _page(built / "docs.html", plain_docs(document)),
    }
    assets: dict[str, Page] = {
        f"/assets/{file.name}": partial(_file, file, _FOR_EVER)
        for file in sorted(built.glob("assets/*"))
        if _ASSET.fullmatch(file.name)
    }
    served = {**pages, **assets}
    routes = [app.router.add_get(path, page) for path, page in served.items()]
    app[OPEN_RESOURCES] = frozenset(route.resource for route in routes)


def _page(file: Path, plain: str) -> Page:
    return partial(_file, file, _ASKED_ANEW) if file.exists() else partial(_plain, plain)


async def _file(file: Path, kept: str, _request: web.Request) -> web.StreamResponse:
    # While another version is installed; that it is not there would be kept as long as the file.
    if not await asyncio.to_thread(file.exists):
        raise web.HTTPNotFound
    return web.FileResponse(file, headers={**GUARDS, "Cache-Control": kept})


async def _plain(page: str, _request: web.Request) -> web.StreamResponse:
    headers = {**GUARDS, "Cache-Control": _ASKED_ANEW}
    return web.Response(text=page, content_type="text/html", headers=headers)

"""
Serve the console at `/` and the description of the API at `/docs`, with what both are made of.

They are built from `api/console` beforehand and lie in the wheel; where nobody has built them,
plain pages stand in. They hold no data: that comes from the API, by the credential of who looks.

All of it is read once, at the start: a page names the assets of its own build, and whoever installs
another version does not take them away from a server that still runs.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache, partial
from pathlib import Path
from typing import Any

from aiohttp import hdrs, web

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
_AT_ONCE = 1 << 16
_ASSET = re.compile(r"[\w.-]+\.(?P<type>js|css|svg|woff2|png)")
# Not what the machine takes them for: a browser runs no script of another type.
_TYPES: Mapping[str, str] = {
    "js": "text/javascript; charset=utf-8",
    "css": "text/css; charset=utf-8",
    "svg": "image/svg+xml",
    "woff2": "font/woff2",
    "png": "image/png",
}

# What is open to everybody beside the open operations.
OPEN_RESOURCES = web.AppKey("OPEN_RESOURCES", frozenset[web.AbstractResource | None])
Page = Callable[[web.Request], Awaitable[web.StreamResponse]]


@dataclass(frozen=True)
class _Text:
    """What is served at one path; ``packed`` is the same by gzip, where that was laid beside it."""

    content: bytes
    content_type: str
    cache: str
    packed: bytes | None = None


def serve_pages(app: web.Application, document: Mapping[str, Any], built: Path = BUILT) -> None:
    """Add the pages and their assets to an application."""
    texts = {
        "/": _page(built / "index.html", plain_console()),
        "/docs": _page(built / "docs.html", plain_docs(document)),
        **_assets(built, _built_at(built / "index.html")),
    }
    routes = [app.router.add_get(path, partial(_answer, text)) for path, text in texts.items()]
    app[OPEN_RESOURCES] = frozenset(route.resource for route in routes)


def _page(file: Path, plain: str) -> _Text:
    content = file.read_bytes() if file.exists() else plain.encode()
    return _Text(content, "text/html; charset=utf-8", _ASKED_ANEW)


def _built_at(page: Path) -> int:
    return page.stat().st_mtime_ns if page.exists() else 0


@lru_cache(maxsize=2)  # they are megabytes, and the same for every application of a process
def _assets(built: Path, _built_at: int) -> Mapping[str, _Text]:
    return {
        f"/assets/{file.name}": _asset(file, named["type"])
        for file in sorted(built.glob("assets/*"))
        if (named := _ASSET.fullmatch(file.name))
    }


def _asset(file: Path, kind: str) -> _Text:
    packed = file.with_name(f"{file.name}.gz")
    by_gzip = packed.read_bytes() if packed.exists() else None
    return _Text(file.read_bytes(), _TYPES[kind], _FOR_EVER, by_gzip)


async def _answer(text: _Text, request: web.Request) -> web.StreamResponse:
    headers = {**GUARDS, hdrs.CACHE_CONTROL: text.cache, hdrs.CONTENT_TYPE: text.content_type}
    content = text.content
    if text.packed is not None:
        headers[hdrs.VARY] = hdrs.ACCEPT_ENCODING
        if "gzip" in request.headers.get(hdrs.ACCEPT_ENCODING, "").lower():
            headers[hdrs.CONTENT_ENCODING], content = "gzip", text.packed
    answer = web.StreamResponse(headers=headers)
    answer.content_length = len(content)
    await answer.prepare(request)
    # Bit by bit: of what is handed over at once, a copy is kept for each who reads slowly.
    for begin in range(0, 0 if request.method == hdrs.METH_HEAD else len(content), _AT_ONCE):
        await answer.write(content[begin : begin + _AT_ONCE])
    return answer

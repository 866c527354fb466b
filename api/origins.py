"""
Refuse what another site makes a browser send with our cookie (S-15).

A browser adds the cookie to whatever is sent here, so a write with it has to come from a page of
this server, and as JSON: a form of another site can be sent neither with our `Origin` nor as JSON,
and a script there may do it only after a preflight, which is never granted (there is no CORS).
"""

from __future__ import annotations

from typing import NamedTuple
from urllib.parse import urlsplit

from aiohttp import web
from webargs.aiohttpparser import is_json_request

from api.errors import Forbidden, NotJson

_READING = ("GET", "HEAD", "OPTIONS")
_PORTS = {"http": 80, "https": 443}


class Place(NamedTuple):
    """Where a page is from; a scheme that is not known is of no place."""

    host: str
    port: int


def refuse_forged(request: web.Request, public_url: str) -> None:
    """Let reading pass, and writes that a page of this server has sent as JSON.

    ``public_url`` is what browsers reach us by where a proxy in front says another Host.
    """
    if request.method in _READING:
        return
    pages = request.headers.getall("Origin", ()) or request.headers.getall("Referer", ())
    if len(pages) != 1 or place_of(pages[0]) not in _ours(request, public_url, pages[0]):
        raise Forbidden(
            "With a session cookie only pages of this server may write (Origin or Referer); "
            "programs send X-Session-Token or an API key instead."
        )
    if not is_json_request(request):
        raise NotJson


def _ours(request: web.Request, public_url: str, page: str) -> set[Place | None]:
    # Which scheme the client speaks is known to the proxy in front alone.
    scheme, public = urlsplit(page).scheme, place_of(public_url)
    by_host = place_of(f"{scheme}://{request.headers.get('Host', '')}")
    if scheme == "http" and urlsplit(public_url).scheme == "https":
        by_host = None  # whoever is between could have written that page
    return {by_host, public} - {None}


def place_of(url: str) -> Place | None:
    """Return the place of a page's URL, None for what is none ("null", another scheme)."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        return None
    if parts.scheme not in _PORTS or not parts.hostname or "@" in parts.netloc:
        return None
    return Place(parts.hostname.lower(), port if port is not None else _PORTS[parts.scheme])

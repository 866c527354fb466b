"""Tell whether the process lives, and whether it can work."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

from aiohttp import web

from api.errors import Unavailable
from api.routing import Request, route
from api.schemas.common import Success
from api.schemas.health import Readiness
from csms.door_profiles import warnings
from storage.errors import StorageError
from storage.repositories.chargers import Chargers

COUNTED_SECONDS = 10.0


class Census:
    """The last count of all chargers by their profiles, which all who ask share.

    It reads every charger, and anybody may ask.
    """

    def __init__(self) -> None:
        self._turn = asyncio.Lock()
        self._found: Mapping[int, int] = {}
        self._holds_until = float("-inf")  # by the event loop's clock

    async def of(self, chargers: Chargers) -> Mapping[int, int]:
        """Return how many chargers have each profile, as it was a few seconds ago."""
        async with self._turn:
            now = asyncio.get_running_loop().time
            if now() >= self._holds_until:
                self._found = await chargers.profiles()
                self._holds_until = now() + COUNTED_SECONDS
            return self._found


CENSUS = web.AppKey("CENSUS", Census)


@route("GET", "/healthz", tag="Operations", scope=None, answer=Success())
async def healthz(_request: Request) -> Mapping[str, Any]:
    """Tell that the process lives."""
    return {}


@route("GET", "/readyz", tag="Operations", scope=None, answer=Readiness())
async def readyz(request: Request) -> Mapping[str, Any]:
    """Tell that the database answers and takes what is written; 503 while it does not.

    `warnings` says what an operator should know though the server works.
    """
    storage = request.parts.storage
    try:
        await storage.organizations.get("")
        profiles = await request.http.app[CENSUS].of(storage.chargers)
        if storage.group.fault is None:
            await storage.probe.check()
    except StorageError as fault:
        raise Unavailable(str(fault)) from fault
    if storage.group.fault is not None:
        raise Unavailable(str(storage.group.fault))
    return {"warnings": warnings(profiles, request.parts.profiles)}

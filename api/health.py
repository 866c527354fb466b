"""Tell whether the process lives, and whether it can work."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from api.errors import Unavailable
from api.routing import Request, route
from api.schemas.common import Success
from api.schemas.health import Readiness
from csms.door_profiles import warnings
from storage.errors import StorageError


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
        profiles = await storage.chargers.profiles()
        if storage.group.fault is None:
            await storage.probe.check()
    except StorageError as fault:
        raise Unavailable(str(fault)) from fault
    if storage.group.fault is not None:
        raise Unavailable(str(storage.group.fault))
    return {"warnings": warnings(profiles, request.parts.profiles)}

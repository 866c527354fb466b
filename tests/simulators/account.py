"""A server to play against, and a key of one organization there."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from csms import settings, wiring


@dataclass(frozen=True)
class Account:
    """Where the server is, and who may enrol there."""

    api_url: str
    organization_uuid: str
    api_key: str

    @classmethod
    @asynccontextmanager
    async def open(cls, data_dir: Path) -> AsyncIterator[Account]:
        """Run a server on free ports; targets may be on this machine."""
        environment = {
            "RINGMAIN_DATA_DIR": str(data_dir),
            "RINGMAIN_HTTP_BIND": "127.0.0.1:0",
            "RINGMAIN_OCPP_BIND": "127.0.0.1:0",
            "RINGMAIN_ALLOW_INSECURE_TARGETS": "true",
            "RINGMAIN_ALLOWED_TARGET_NETWORKS": "127.0.0.0/8",
        }
        async with wiring.running(settings.read(environment)) as server:
            organization = await server.storage.organizations.create("Fleet")
            uuid = organization.organization_uuid
            _, key = await server.storage.api_keys.create(uuid, "admin")
            yield cls(f"http://{server.http}", uuid, key)

"""A whole server on free ports, with an organization, a key and the REST client to drive it."""

from __future__ import annotations

import contextlib
import socket
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from csms import settings, wiring
from proxy.timings import Timings
from storage.clock import Clock

FAST = replace(Timings(), first_backoff=0.05, longest_backoff=0.2, dials_per_window=1000)


@dataclass(frozen=True)
class Api:
    """Call the REST API with the organization's key; every answer is (status, body)."""

    session: aiohttp.ClientSession
    organization_uuid: str
    server: wiring.Running

    @property
    def of_organization(self) -> str:
        return f"/api/v1/organizations/{self.organization_uuid}"

    async def __call__(
        self, method: str, path: str, body: Mapping[str, Any] | None = None
    ) -> tuple[int, Any]:
        async with self.session.request(method, path, json=body) as answer:
            return answer.status, await answer.json()

    async def enrol(self, charge_box_id: str, target_url: str) -> str:
        """Enrol a charger with a proxy to this URL and return its password."""
        status, body = await self(
            "POST",
            f"{self.of_organization}/chargers/enroll-with-proxy",
            {
                "charge_box_id": charge_box_id,
                "target_platform_identifier": "Main_CSMS",
                "target_websocket_url": target_url,
                "target_authentication_method": "Basic",
                "target_auth_basic_password": "third-party-secret",
            },
        )
        assert status == 200, body
        return str(body["charger"]["ocpp_password"])


@pytest.fixture
async def api(tmp_path: Path) -> AsyncIterator[Api]:
    async with served(tmp_path) as api:
        yield api


@contextlib.asynccontextmanager
async def served(
    data_dir: Path, clock: Clock | None = None, answer_seconds: float = 30.0
) -> AsyncIterator[Api]:
    """Run a server on a data directory, by its own clock where one is given.

    Chargers have ``answer_seconds`` to answer.
    """
    chosen = settings.read(
        {
            "RINGMAIN_DATA_DIR": str(data_dir),
            "RINGMAIN_HTTP_BIND": "127.0.0.1:0",
            "RINGMAIN_OCPP_BIND": "127.0.0.1:0",
            "RINGMAIN_ALLOW_INSECURE_TARGETS": "true",
            "RINGMAIN_ALLOWED_TARGET_NETWORKS": "127.0.0.0/8",
        }
    )
    async with wiring.running(chosen, clock, FAST, answer_seconds) as server:
        organization = await server.storage.organizations.create("tests")
        _, key = await server.storage.api_keys.create(organization.organization_uuid, "admin")
        async with aiohttp.ClientSession(
            f"http://{server.http}", headers={"x-api-key": key}
        ) as session:
            yield Api(session, organization.organization_uuid, server)


@pytest.fixture
def free_port() -> int:
    """Name a port nobody listens on, for a target that comes up later."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port

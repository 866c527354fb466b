"""A site, as its operator asks a server for it by REST: made, and connected by one call."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import aiohttp

from csms.errors import RingmainError

VERSIONS = ("1.6", "2.0.1")
_LOOK_S = 0.1
_MOST = 1000  # chargers on one page
# What a charger without its link has of these, the first one, says why.
_REASONS = ("error", "lastError", "linkState", "state")

Answer: TypeAlias = dict[str, Any]


class SiteFailed(RingmainError):
    """The site did not become what was asked for."""


@dataclass(frozen=True, slots=True)
class Operator:
    """Whoever runs sites: an organization, and a session with its key."""

    session: aiohttp.ClientSession
    organization_uuid: str

    @classmethod
    @contextlib.asynccontextmanager
    async def at(cls, api_url: str, organization_uuid: str, key: str) -> AsyncIterator[Operator]:
        """Ask a server with a key until the context ends."""
        async with aiohttp.ClientSession(api_url, headers={"x-api-key": key}) as session:
            yield cls(session, organization_uuid)

    @property
    def commissioning(self) -> str:
        """Return the path below which the operator stores and applies connection details."""
        return f"/local-ocpp/v1/operators/{self.organization_uuid}"

    def connections(self, site_id: str) -> str:
        """Return the path of a site's connections."""
        return f"{self.commissioning}/connections/sites/{site_id}"

    async def make_site(self, name: str, charge_box_ids: Sequence[str]) -> str:
        """Make a site of enrolled chargers and return its id; raise SiteFailed."""
        path = f"/api/v1/organizations/{self.organization_uuid}/sites"
        made = await self._ask("POST", path, {"name": name, "chargers": list(charge_box_ids)})
        return str(made["site"]["site_id"])

    async def connect(self, site_id: str, details: Mapping[str, Any]) -> str:
        """Store connection details and apply them to a site; return the version.

        Raises SiteFailed.
        """
        stored = await self._ask("POST", f"{self.commissioning}/connection-details", details)
        version = str(stored["version"])
        await self._ask("POST", self.connections(site_id), {"version": version})
        return version

    async def wait_ready(self, site_id: str, version: str, seconds: float) -> None:
        """Wait until all chargers have a version and are linked; raise SiteFailed with a reason."""
        now = asyncio.get_running_loop().time
        deadline = now() + seconds
        while missing := await self.missing(site_id, version):
            if now() >= deadline:
                many = f"{len(missing)} of the site's chargers are not linked"
                raise SiteFailed(f"After {seconds:g} s {many}; {missing[0]}")
            await asyncio.sleep(_LOOK_S)

    async def missing(self, site_id: str, version: str) -> list[str]:
        """Tell of each charger of a site that has no link by a version why, up to 1000 of them."""
        site = await self._ask("GET", f"{self.connections(site_id)}?limit={_MOST}")
        return [
            f"{one['charge_box_id']}: {next(filter(None, (one[name] for name in _REASONS)))}"
            for one in site["results"]
            if (one["appliedVersion"], one["linkState"]) != (version, "ready")
        ]

    async def _ask(self, method: str, path: str, body: Any = None) -> Answer:
        try:
            async with self.session.request(method, path, json=body) as response:
                answer: Answer = await response.json()
        except (aiohttp.ClientError, TimeoutError, ValueError) as failed:
            raise SiteFailed(f"{method} {path}: {failed or type(failed).__name__}") from None
        if response.status >= 400:
            raise SiteFailed(f"{method} {path}: {_reason(answer)}")
        return answer


def _reason(refusal: Answer) -> str:
    wrong = [f"{field}: {' '.join(told)}" for field, told in refusal.get("fields", {}).items()]
    return " ".join([refusal["message"], *wrong])

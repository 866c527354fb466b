"""Chargers, sites and versions to begin with, and links that are as a test says."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import Any

from proxy.states import Glance, State
from storage.commissioning_records import ConnectionDetails, Site
from storage.records import ChargerKey, ProxyConfiguration
from tests.api.conftest import Answer, Api, WatchedRelays

URL = "wss://csms.example.com/ocpp"
TEMPLATE = f"{URL}/{{target_charge_box_id}}"
PASSWORD = "correct horse battery"
AUTHORITY = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"


@dataclass
class ToldRelays(WatchedRelays):
    """Links are where they are told to be."""

    glances: dict[ChargerKey, Glance] = field(default_factory=dict)
    links: Glance | None = None

    def glance(self, configuration: ProxyConfiguration) -> Glance:
        told = self.glances.get(configuration.key, self.links)
        return told if told and configuration.enabled else super().glance(configuration)


READY = Glance(State.READY)


async def store(api: Api, version: str = "v1", **more: Any) -> str:
    """Store a version and return its name."""
    details: dict[str, Any] = {
        "connectivity_mode": "DualProtocol",
        "url": URL,
        "ca_certificate": AUTHORITY,
        "ca_certificate_domain": "csms.example.com",
        "basic_auth_password": PASSWORD,
        **more,
    }
    added = await api.storage.connection_details.add(
        ConnectionDetails(
            version=version,
            organization_uuid=api.organization_uuid,
            created_by="somebody",
            created_at=api.clock.now(),
            **details,
        )
    )
    return added.version


async def site_of(api: Api, *names: str, site_id: str = "site-1") -> str:
    """Make a site of enrolled chargers and return its id."""
    now = api.clock.now()
    site = Site(
        site_id=site_id,
        organization_uuid=api.organization_uuid,
        name="Harbour",
        created_at=now,
        updated_at=now,
    )
    await api.storage.sites.create(site, names)
    return site_id


def connections(api: Api) -> str:
    """Return where an operator's connections are."""
    return f"/local-ocpp/v1/operators/{api.organization_uuid}/connections"


async def apply(api: Api, name: str, version: str, query: str = "") -> Answer:
    """Apply a version to a charger."""
    return await api("POST", f"{connections(api)}/chargers/{name}{query}", {"version": version})


async def shown(api: Api, name: str) -> Any:
    """Return how a charger is connected."""
    return await api.get(f"{connections(api)}/chargers/{name}")


async def configuration(api: Api, name: str = "CP-1") -> ProxyConfiguration | None:
    """Return a charger's proxy configuration as it is stored."""
    return await api.storage.proxy_configurations.for_charger(api.charger_key(name))


@dataclass(frozen=True)
class SiteCalls:
    """What is asked of one site."""

    api: Api
    site_id: str

    @property
    def path(self) -> str:
        return f"{connections(self.api)}/sites/{self.site_id}"

    async def apply(self, version: str, query: str = "", **more: Any) -> Answer:
        return await self.api("POST", self.path + query, {"version": version, **more})

    async def roll_back(self, query: str = "") -> Answer:
        return await self.api("POST", f"{self.path}/rollback{query}")

    async def rollout(self, rollout_id: str, query: str = "") -> Any:
        return await self.api.get(f"{self.path}/rollouts/{rollout_id}{query}")

    async def ended(self, got: Answer) -> Any:
        """Return a rollout that has begun when it has ended."""
        assert got.status == 202, got.text
        async with asyncio.timeout(30):
            while True:
                found = await self.rollout(got.body["rolloutId"], "?limit=1")
                if found["rollout"]["state"] != "running":
                    return await self.rollout(got.body["rolloutId"], "?limit=1000")
                await asyncio.sleep(0.01)

    async def applied(self, version: str, **more: Any) -> dict[str, str]:
        """Apply a version and return what has become of each charger."""
        return states(await self.ended(await self.apply(version, **more)))

    async def rolled_back(self) -> dict[str, str]:
        """Take back the last rollout and return what has become of each charger."""
        return states(await self.ended(await self.roll_back()))


def states(found: Any) -> dict[str, str]:
    """Return the state of each charger in an answer."""
    return {one["charge_box_id"]: one["state"] for one in found["results"]}

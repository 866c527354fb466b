"""A site with chargers, real storage, and links that only remember what they were told."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field, replace
from itertools import count
from pathlib import Path
from typing import Any

from proxy.commissioning import Commissioning, Outcome, Wish
from proxy.provisioning import Provisioning
from proxy.rolling import Pace
from proxy.rollouts import Canary, Rollouts
from proxy.states import Glance, State
from storage.clock import SystemClock
from storage.commissioning_records import ConnectionDetails, Installation, Rollout, Site
from storage.errors import StorageUnavailable
from storage.records import Charger, ChargerKey, ProxyConfiguration
from storage.store import Storage, open_storage
from tests.doubles import PATIENCE

CLOCK = SystemClock()
QUICK = Pace(at_once=3, look=0.001, steady=0.0, resume=0.0, retry=0.001)
SITE = "the-site"
NAMES = ("A", "B", "C", "D")


class Links:
    """Take up what is stored, and be in a state that is told."""

    def __init__(self, storage: Storage) -> None:
        self._storage = storage
        self.live: dict[ChargerKey, ProxyConfiguration | None] = {}
        self.told: list[ChargerKey] = []
        self.faults: list[Exception] = []  # of the next ones to be told
        self.states: dict[str, State] = {}
        self.usual = State.READY

    async def begin(self, organization_uuid: str) -> None:
        """Be made of what is stored, as after a restart."""
        found = await self._storage.proxy_configurations.list(organization_uuid)
        self.live = {one.key: one for one in found}

    async def configure(self, key: ChargerKey) -> None:
        if self.faults:
            raise self.faults.pop(0)
        self.told.append(key)
        self.live[key] = await self._storage.proxy_configurations.for_charger(key)

    def glance(self, configuration: ProxyConfiguration) -> Glance:
        if not configuration.enabled:
            return Glance(State.DISABLED)
        state = self.states.get(configuration.key.charge_box_id, self.usual)
        return Glance(state, "Nobody is there." if state is State.BACKOFF else None)


@dataclass
class Ground:
    """What the tests of commissioning work with; the chargers of ``connected`` are there."""

    storage: Storage
    links: Links
    commissioning: Commissioning
    rollouts: Rollouts
    provisioning: Provisioning
    site: Site
    connected: set[str] = field(default_factory=set)

    def key(self, name: str) -> ChargerKey:
        return ChargerKey(self.site.organization_uuid, name)

    # ---- chargers and versions ----

    async def enrol(self, *names: str, site: str | None = SITE, **more: Any) -> None:
        for name in names:
            made = Charger(
                key=self.key(name),
                charger_name=name,
                password_digest=b"",
                created_at=CLOCK.now(),
                **more,
            )
            await self.storage.chargers.enroll(made, None)
            if site is not None:
                await self.storage.chargers.update(self.key(name), site_id=self.site.site_id)

    async def chargers(self) -> list[Charger]:
        return await self.storage.chargers.of_site(*self.key(self.site.site_id))

    async def version(self, version: str, **more: Any) -> ConnectionDetails:
        """Store a version that leads to a host of its name."""
        details = {"url": f"wss://{version}.example/ocpp", "basic_auth_password": f"pw-{version}"}
        made = ConnectionDetails(
            **{
                "version": version,
                "organization_uuid": self.site.organization_uuid,
                "connectivity_mode": "DualProtocol",
                "ca_certificate": "PEM",
                "ca_certificate_domain": f"{version}.example",
                "created_by": "key",
                "created_at": CLOCK.now(),
                **details,
                **more,
            }
        )
        return await self.storage.connection_details.add(made)

    # ---- what is done ----

    async def apply(self, name: str, details: ConnectionDetails, claim: str = "own") -> Outcome:
        wish = Wish(details=details, requested_by="key", claim=claim)
        return await self.commissioning.carry_out(self.key(name), wish)

    async def roll_out(
        self, details: ConnectionDetails, canary: Canary | None = None, *, to_its_end: bool = True
    ) -> Rollout:
        chargers = await self.chargers()
        rollout = await self.rollouts.begin(self.site, chargers, details, canary, "key-1")
        return await self.end(rollout) if to_its_end else rollout

    async def roll_back(self, *, to_its_end: bool = True) -> Rollout:
        rollout = await self.rollouts.take_back(self.site, "key-2")
        assert rollout is not None
        return await self.end(rollout) if to_its_end else rollout

    async def end(self, rollout: Rollout) -> Rollout:
        """Wait until a rollout has ended, and return it."""
        found = rollout
        async with asyncio.timeout(PATIENCE):
            while found.state == "running":
                await asyncio.sleep(0.001)
                stored = self.storage.rollouts
                found = await stored.get(*_named(rollout)) or found
        return found

    async def by_hand(self, name: str, **changes: Any) -> ProxyConfiguration:
        """Change a configuration as the API does."""
        async with self.commissioning.changing:
            old = await self.configuration(name)
            assert old is not None
            new = replace(old, **changes, updated_at=CLOCK.now())
            await self.storage.proxy_configurations.replace(new)
        await self.links.configure(self.key(name))
        return new

    async def made_by_hand(self, name: str, **more: Any) -> ProxyConfiguration:
        now = CLOCK.now()
        made = ProxyConfiguration(
            **{
                "key": self.key(name),
                "target_platform_identifier": "By hand",
                "target_websocket_url": "wss://hand.example/{charge_box_id}",
                "target_authentication_method": "Basic",
                "target_auth_basic_password": "by-hand",
                "mode": "strict",
                "created_at": now,
                "updated_at": now,
                **more,
            }
        )
        await self.storage.proxy_configurations.create(made)
        await self.links.configure(self.key(name))
        found = await self.configuration(name)
        assert found is not None
        return found

    # ---- what there is ----

    async def configuration(self, name: str) -> ProxyConfiguration | None:
        return await self.storage.proxy_configurations.for_charger(self.key(name))

    async def installation(self, name: str) -> Installation:
        found = await self.storage.installations.get(self.key(name))
        assert found is not None
        return found

    async def states(self, rollout: Rollout) -> dict[str, str]:
        steps = await self.storage.rollouts.steps(rollout.rollout_id)
        return {step.key.charge_box_id: step.state for step in steps}

    async def hosts(self) -> dict[str, str | None]:
        """Tell the host that each charger's link leads to, None where it leads nowhere."""
        found = {one.key.charge_box_id: one for one in await self._configurations()}
        return {
            one.key.charge_box_id: _host(found.get(one.key.charge_box_id))
            for one in await self.chargers()
        }

    async def _configurations(self) -> list[ProxyConfiguration]:
        return await self.storage.proxy_configurations.list(self.site.organization_uuid)

    async def audited(self) -> list[tuple[str, str, str]]:
        await self.storage.group.flush()
        entries = await self.storage.audit.list(self.site.organization_uuid)
        return [(one.actor, one.action, one.result) for one in reversed(entries)]


@contextlib.asynccontextmanager
async def opened(folder: Path, pace: Pace = QUICK) -> AsyncIterator[Ground]:
    """Open a site until the context ends; the same folder again is the server started again."""
    async with open_storage(folder, CLOCK) as storage:
        site, links = await _site(storage), Links(storage)
        await links.begin(site.organization_uuid)
        connected: set[str] = set()
        commissioning = Commissioning(storage, links, CLOCK, again=0.001)
        numbers = count(1 + len(await storage.rollouts.list(*_of(site))) * 1000)
        rollouts = Rollouts(
            commissioning,
            lambda key: key.charge_box_id in connected,
            lambda: f"id-{next(numbers)}",
            pace,
        )
        provisioning = Provisioning(commissioning, lambda: f"auto-{next(numbers)}", again=0.001)
        async with commissioning.running(), provisioning.running(), rollouts.running():
            yield Ground(storage, links, commissioning, rollouts, provisioning, site, connected)


async def _site(storage: Storage) -> Site:
    organizations = await storage.organizations.list()
    if organizations:
        found = await storage.sites.get(organizations[0].organization_uuid, SITE)
        assert found is not None
        return found
    uuid, now = (await storage.organizations.create("tests")).organization_uuid, CLOCK.now()
    made = Site(site_id=SITE, organization_uuid=uuid, name="Site", created_at=now, updated_at=now)
    await storage.sites.create(made, [])
    return made


def broken(work: Callable[..., Any], *, stored: bool, times: int = 1) -> Callable[..., Any]:
    """Return work that storage leaves unanswered at first, done (``stored``) or not."""
    left = [None] * times

    async def unanswered(*arguments: Any, **named: Any) -> Any:
        if not left:
            return await work(*arguments, **named)
        left.pop()
        if stored:
            await work(*arguments, **named)
        raise StorageUnavailable

    return unanswered


def _host(configuration: ProxyConfiguration | None) -> str | None:
    if configuration is None or not configuration.enabled:
        return None
    return configuration.target_websocket_url.split("/")[2].removesuffix(".example")


def _of(site: Site) -> tuple[str, str]:
    return site.organization_uuid, site.site_id


def _named(rollout: Rollout) -> tuple[str, str]:
    return rollout.organization_uuid, rollout.rollout_id

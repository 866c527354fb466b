"""Name what the API is made of, and the typed shelves where an application keeps it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol

from aiohttp import web

from api.callers import Caller
from api.metering.exposition import Metered
from api.sessions import Sessions
from csms.door_profiles import DoorProfiles
from csms.registry import Registry
from csms.security_events import SecurityEvents
from proxy.addresses import AddressGuard
from proxy.commissioning import Commissioning
from proxy.overview import LinkStatus
from proxy.probe import Step
from proxy.provisioning import Provisioning
from proxy.queues import Queues
from proxy.rollouts import Rollouts
from proxy.states import Glance, Outlook, TargetStatus
from storage.clock import Clock
from storage.exporter import SinkStatus
from storage.records import ChargerKey, ProxyConfiguration, SinkRecord
from storage.sink_probe import Step as SinkStep
from storage.sinks.port import Outside
from storage.store import Storage


class Relays(Protocol):
    """The part of the proxy that answers to the API."""

    @property
    def queues(self) -> Queues:
        """Return what shows and changes the queues."""

    async def configure(self, key: ChargerKey) -> None:
        """Take up this charger's proxy configuration as it is stored now."""

    def glance(self, configuration: ProxyConfiguration) -> Glance:
        """Tell where the link of a configuration is, and what was wrong last."""

    def glimpse(
        self, key: ChargerKey, configuration_id: int, changed_at: datetime, *, enabled: bool
    ) -> Glance:
        """Tell the same of a configuration of which no more is known."""

    async def status(self, configuration: ProxyConfiguration) -> TargetStatus:
        """Tell how the link of a configuration is."""

    def outlook(self, configuration: ProxyConfiguration) -> Outlook:
        """Tell the same with all else that is known of the link."""

    async def statuses(self, configurations: Sequence[ProxyConfiguration]) -> list[LinkStatus]:
        """Tell how the links of a page of one organization are, in order."""

    async def test(self, configuration: ProxyConfiguration) -> list[Step]:
        """Dial the target once, beside its link, and tell each step."""


class Exports(Protocol):
    """The exports of the message log, as far as the API has to do with them."""

    async def configure(self, organization_uuid: str, id: str) -> None:
        """Take up a sink as it is stored now, which may be not at all."""

    async def status(self, sink: SinkRecord) -> SinkStatus:
        """Tell how a sink is."""

    async def test(self, sink: SinkRecord) -> list[SinkStep]:
        """Store one object and remove it, and tell each step."""


@dataclass(frozen=True, slots=True)
class ApiParts:
    """Everything that handlers work with; `public_ocpp_url` has no slash at its end."""

    storage: Storage
    registry: Registry
    relays: Relays
    events: SecurityEvents
    guard: AddressGuard
    exports: Exports
    # What object stores are opened with.
    outside: Outside
    # Its lock `changing` is held from the reading to the writing of a proxy configuration, and of
    # which chargers a site has.
    commissioning: Commissioning
    provisioning: Provisioning
    rollouts: Rollouts
    clock: Clock
    new_id: Callable[[], str]
    public_ocpp_url: str
    # What chargers reach this API by; empty: where the request comes in that they are told of.
    public_http_url: str = ""
    # None: only API keys let in.
    sessions: Sessions | None = None
    # What chargers can come in with.
    profiles: DoorProfiles = field(default_factory=DoorProfiles)
    # The jobs whose file is coming in: each has room for one.
    uploading: set[str] = field(default_factory=set)
    # The connectors that are being tested.
    testing: set[str] = field(default_factory=set)
    # What the API counts, and what shows all counts.
    metered: Metered = field(default_factory=Metered)
    # Held from the reading to the removing of an admin, so that one stays.
    dismissing: asyncio.Lock = field(default_factory=asyncio.Lock)


PARTS = web.AppKey("PARTS", ApiParts)
CALLER = web.RequestKey("CALLER", Caller)
# The id that is remembered of what a request with an Idempotency-Key makes, until it is taken.
RECORD_ID = web.RequestKey("RECORD_ID", str)
# What a body holds, also where it cannot be used.
GIVEN = web.RequestKey("GIVEN", object)
# What a handler adds to what is audited of its request.
REMARKS = web.RequestKey("REMARKS", dict[str, Any])


def remark(request: web.Request, **details: Any) -> None:
    """Add to what is audited of a request, which must be no secret."""
    request[REMARKS] = {**request.get(REMARKS, {}), **details}

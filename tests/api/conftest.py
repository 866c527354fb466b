"""The API on a real port and a real database, and chargers at the other end of a real Link.

Every answer that a test gets is held against the OpenAPI document.
"""

from __future__ import annotations

import asyncio
import contextlib
import io
import json
import re
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from functools import cache
from ipaddress import ip_network
from itertools import count
from pathlib import Path
from typing import Any

import aiohttp
import jsonschema_rs
import pytest
from yarl import URL

from api.app import ALL, ApiParts, create_app
from api.openapi import describe
from api.rates import RateLimits
from api.server import listening
from csms.books import open_books
from csms.link import Link
from csms.registry import Connection, Registry
from csms.security_events import SecurityEvents
from csms.settings import Bind, Rate
from csms.stations import STATIONS
from csms.tap import journal_tap
from csms.wiring import commissioned, export_parts
from proxy.addresses import AddressGuard
from proxy.errors import DialledTooOften
from proxy.overview import LinkStatus, statuses
from proxy.probe import Step
from proxy.queues import Queues
from proxy.states import Glance, Outlook, State, TargetStatus
from proxy.store_door import StoreDoor
from storage.clock import Clock
from storage.exporter import Exporter
from storage.records import ChargerKey, ProxyConfiguration, Scope
from storage.sinks.port import Outside
from storage.store import Storage, open_storage
from tests.doubles import PATIENCE, Peer, socket_pair
from tests.storage.sinks.doubles import Bucket

DOCUMENT = describe(ALL)
# A test may ask for every operation there is, and with a wrong key.
_JSON = "application/json"
UNHURRIED = RateLimits(Rate(1e6, 10**6), Rate(1e6, 10**6))


class HandClock(Clock):
    """A clock that stands still until it is moved."""

    def __init__(self) -> None:
        self.moment = datetime(2026, 11, 21, 10, 0, tzinfo=UTC)

    def now(self) -> datetime:
        return self.moment

    def forward(self, **duration: float) -> None:
        self.moment += timedelta(**duration)


@dataclass
class WatchedRelays:
    """Dial nobody, and remember what was to be taken up."""

    configured: list[ChargerKey] = field(default_factory=list)
    tested: list[int] = field(default_factory=list)
    queues: Queues = field(init=False)
    storage: Storage = field(init=False)

    async def configure(self, key: ChargerKey) -> None:
        self.configured.append(key)

    def glance(self, configuration: ProxyConfiguration) -> Glance:
        return Glance(State.DIALING if configuration.enabled else State.DISABLED)

    def outlook(self, configuration: ProxyConfiguration) -> Outlook:
        return Outlook(*self.glance(configuration))

    async def statuses(self, configurations: Sequence[ProxyConfiguration]) -> list[LinkStatus]:
        return await statuses(self.storage, configurations, list(map(self.outlook, configurations)))

    def glimpse(self, *_: object, enabled: bool) -> Glance:
        return Glance(State.DIALING if enabled else State.DISABLED)

    async def test(self, configuration: ProxyConfiguration) -> list[Step]:
        if len(self.tested) == 10:
            raise DialledTooOften
        self.tested.append(configuration.id)
        return [Step("url", ok=True, detail="wss://x"), Step("resolve", ok=False, detail="no")]

    async def status(self, configuration: ProxyConfiguration) -> TargetStatus:
        return TargetStatus(
            state=State.DIALING if configuration.enabled else State.DISABLED,
            oldest_queued_at=configuration.created_at,
        )


@dataclass(frozen=True)
class Answer:
    """What came back."""

    status: int
    body: Any
    headers: Mapping[str, str]
    text: str

    @property
    def error(self) -> tuple[int, str]:
        """Return the status and the code of an error, having checked its shape."""
        assert list(self.body)[:3] == ["success", "error", "message"], self.text
        assert self.body["success"] is False
        return self.status, self.body["error"]

    @property
    def fields(self) -> set[str]:
        """Return which fields a 422 names."""
        assert self.error == (422, "invalid"), self.text
        return set(self.body["fields"])


@dataclass(frozen=True)
class Api:
    """Call the API with one organization's key."""

    session: aiohttp.ClientSession
    base: str
    parts: ApiParts
    clock: HandClock
    organization_uuid: str
    key: str

    @property
    def organization(self) -> str:
        return f"/api/v1/organizations/{self.organization_uuid}"

    @property
    def storage(self) -> Storage:
        return self.parts.storage

    def charger_key(self, charge_box_id: str) -> ChargerKey:
        return ChargerKey(self.organization_uuid, charge_box_id)

    async def __call__(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        text: str | bytes | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Answer:
        if headers is None:
            headers = {"x-api-key": self.key}
        data = None
        if text is not None:
            headers = {"Content-Type": "application/json", **headers}
            data = io.BytesIO(text.encode() if isinstance(text, str) else text)
        # As it stands: the client would tidy the path first.
        url = URL(f"{self.base}{path}", encoded=True)
        async with self.session.request(
            method, url, json=body, data=data, headers=headers
        ) as response:
            if response.content_type == "text/event-stream":  # it does not end by itself
                begun = await response.content.readany()
                return Answer(response.status, {}, response.headers, begun.decode())
            told = await response.json() if response.content_type == _JSON else {}
            got = Answer(response.status, told, response.headers, await response.text())
        hold_against_the_document(method, path, got)
        return got

    async def get(self, path: str) -> Any:
        """Return the body of a good answer."""
        got = await self("GET", path)
        assert got.status == 200, got.text
        return got.body

    async def with_scope(self, scope: Scope) -> Api:
        """Return the same organization with another key."""
        _, key = await self.storage.api_keys.create(self.organization_uuid, scope)
        return Api(self.session, self.base, self.parts, self.clock, self.organization_uuid, key)

    async def neighbour(self) -> Api:
        """Return another organization with an admin key."""
        other = (await self.storage.organizations.create("Neighbour")).organization_uuid
        _, key = await self.storage.api_keys.create(other, "admin")
        return Api(self.session, self.base, self.parts, self.clock, other, key)

    async def enrol(self, charge_box_id: str = "CP-1", **more: Any) -> Any:
        """Enrol a charger without a proxy and return it."""
        body = {"charge_box_id": charge_box_id, **more}
        got = await self("POST", f"{self.organization}/chargers", body)
        assert got.status == 201, got.text
        return got.body["charger"]

    async def enrol_with_proxy(self, charge_box_id: str = "CP-1", **more: Any) -> Any:
        """Enrol a charger with a proxy and return the answer."""
        path = f"{self.organization}/chargers/enroll-with-proxy"
        got = await self("POST", path, {"charge_box_id": charge_box_id, **PROXY, **more})
        assert got.status == 200, got.text
        return got.body


PROXY = {
    "target_platform_identifier": "Main_CSMS",
    "target_websocket_url": "wss://third-party.com/ocpp/{charge_box_id}",
    "target_authentication_method": "None",
}


def hold_against_the_document(method: str, path: str, got: Answer) -> None:
    """Assert that the document promises this answer, if it knows the operation."""
    operation = operation_of(method, path)
    if operation is None:
        return
    responses = operation["responses"]
    assert str(got.status) in responses, f"{method} {path}: {got.status} {got.text}"
    promised = responses[str(got.status)]
    if "$ref" in promised:
        promised = DOCUMENT["components"]["responses"][promised["$ref"].rpartition("/")[2]]
    kind = got.headers["Content-Type"].partition(";")[0]
    schema = promised["content"][kind]["schema"]
    if kind == _JSON:
        validator_of(json.dumps(schema)).validate(got.body)
    assert set(promised.get("headers", ())) <= set(got.headers)


@cache
def validator_of(schema: str) -> Any:
    """Return what judges by a schema; to make one takes longer than most calls of the API."""
    whole = {**json.loads(schema), "components": DOCUMENT["components"]}
    return jsonschema_rs.validator_for(whole)


def operation_of(method: str, path: str) -> Mapping[str, Any] | None:
    """Find the operation that the document has for a path."""
    plain = path.partition("?")[0]
    for template, operations in DOCUMENT["paths"].items():
        pattern = re.sub(r"\{\w+\}", "[^/]+", template)
        if re.fullmatch(pattern, plain) and method.lower() in operations:
            found: Mapping[str, Any] = operations[method.lower()]
            return found
    return None


@pytest.fixture
def clock() -> HandClock:
    return HandClock()


@pytest.fixture
def relays() -> WatchedRelays:
    return WatchedRelays()


@pytest.fixture
def bucket() -> Bucket:
    """Return the one bucket that every connector of a test leads to."""
    return Bucket()


@pytest.fixture
async def parts(
    tmp_path: Path, clock: HandClock, relays: WatchedRelays, bucket: Bucket
) -> AsyncIterator[ApiParts]:
    guard = AddressGuard([ip_network("127.0.0.0/8")])
    outside = Outside(StoreDoor(guard))
    numbers = count(1)
    async with open_storage(tmp_path, clock) as storage:
        relays.queues, relays.storage = Queues(storage, clock, lambda *_: None), storage
        opening = replace(export_parts(storage, outside, clock), open_sink=bucket.open)
        registry = Registry()
        async with (
            Exporter(opening).running() as exporter,
            commissioned(storage, relays, registry, clock) as (provisioning, rollouts),
        ):
            yield ApiParts(
                storage=storage,
                registry=registry,
                relays=relays,
                events=SecurityEvents(storage.audit, clock),
                guard=guard,
                exports=exporter,
                outside=outside,
                commissioning=rollouts.commissioning,
                provisioning=provisioning,
                rollouts=rollouts,
                clock=clock,
                new_id=lambda: f"00000000-0000-4000-8000-{next(numbers):012d}",
                public_ocpp_url="ws://ocpp.example.com",
            )


@pytest.fixture
async def api(parts: ApiParts, clock: HandClock) -> AsyncIterator[Api]:
    organization = (await parts.storage.organizations.create("Tests")).organization_uuid
    _, key = await parts.storage.api_keys.create(organization, "admin")
    async with (
        listening(create_app(parts, rates=UNHURRIED), Bind("127.0.0.1", 0)) as bind,
        aiohttp.ClientSession() as session,
    ):
        yield Api(session, f"http://{bind}", parts, clock, organization, key)


@pytest.fixture
async def people(parts: ApiParts, api: Api) -> AsyncIterator[Any]:
    """Give the API people with sessions (`tests.kratos.People`)."""
    from tests.kratos import people_of  # noqa: PLC0415 - it stands on what is above

    async with people_of(parts, api) as people:
        yield people


@dataclass(frozen=True)
class LiveCharger:
    """The other end of a charger's link, spoken by hand."""

    peer: Peer
    link: Link
    ended: asyncio.Task[Any] = field(repr=False)


Connect = Callable[..., Awaitable[LiveCharger]]


@pytest.fixture
async def connect(api: Api) -> AsyncIterator[Connect]:
    """Connect an enrolled charger: its Link and its station are the real ones."""
    async with contextlib.AsyncExitStack() as stack:

        async def connected(charge_box_id: str = "CP-1", version: str = "1.6") -> LiveCharger:
            return await stack.enter_async_context(live(api, charge_box_id, version))

        yield connected


@contextlib.asynccontextmanager
async def live(api: Api, charge_box_id: str, version: str) -> AsyncIterator[LiveCharger]:
    storage, registry = api.storage, api.parts.registry
    key, kind = api.charger_key(charge_box_id), STATIONS[f"ocpp{version}"]
    ours, theirs = socket_pair()
    link = Link(ours, dialect=kind.dialect, tap=journal_tap(storage.journal, key, version))
    books = open_books(storage, api.clock, settling=0.0)
    connection = Connection(
        key=key,
        generation=registry.next_generation(),
        link=link,
        station=kind(key, books, link),
        subprotocol=kind.subprotocol,
        remote_address="192.0.2.7",
        since=api.clock.now(),
    )
    registry.replace(connection)
    running = asyncio.create_task(link.run(connection.station.answer))
    try:
        yield LiveCharger(Peer(theirs), link, running)
    finally:
        registry.remove(connection)
        await link.close()
        await asyncio.wait((running,), timeout=PATIENCE)
        await connection.station.close()

"""A charger, a third-party CSMS and the proxy between them: real sockets, real storage."""

from __future__ import annotations

import asyncio
import contextlib
import inspect
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass, field, replace
from http import HTTPStatus
from ipaddress import ip_network
from itertools import count
from pathlib import Path
from typing import Any

import orjson
from websockets.asyncio.server import Server, ServerConnection, serve
from websockets.http11 import Request, Response

from csms import frames
from csms.books import Books, open_books
from csms.frames import Call, Reply, Send
from csms.link import Link
from csms.ports import Answer
from csms.registry import Connection
from csms.sockets import WebSocket, quiet_logger
from csms.station import Station
from csms.stations import STATIONS
from csms.tap import journal_tap
from proxy.addresses import AddressGuard
from proxy.parts import RelayParts
from proxy.relays import Relays
from proxy.states import TargetStatus
from proxy.timings import Timings
from storage.clock import Clock, SystemClock
from storage.records import Charger, ChargerKey, ProxyConfiguration
from storage.store import Storage, open_storage
from tests.doubles import PATIENCE, MemorySocket, socket_pair, until

OCPP16, OCPP201, OCPP21 = "ocpp1.6", "ocpp2.0.1", "ocpp2.1"
CLOCK = SystemClock()
MOMENT = "2026-11-21T10:00:00.000Z"
ACCEPTED = {"status": "Accepted", "interval": 300, "currentTime": MOMENT}
QUICK = Timings(
    ask=2.0,
    answer=2.0,
    patience=1.0,
    command=1.0,
    attempt_interval=0.01,
    dial=2.0,
    first_backoff=0.01,
    longest_backoff=0.02,
    longest_backoff_refused=0.05,
    dials_per_window=10_000,
    boot_interval=0.02,
    shortest_interval=0.0,
    introduction=0.05,
    linger=0.05,
    settling=0.0,
)
BOOTS = {
    OCPP16: b'{"chargePointVendor": "Acme", "chargePointModel": "Wall", "x": 6.0}',
    OCPP201: b'{"reason":"PowerUp", "chargingStation":{"model":"Wall","vendorName":"Acme"}}',
    OCPP21: b'{"reason":"PowerUp", "chargingStation":{"model":"Wall", "vendorName":"Acme"}}',
}
GUARD = AddressGuard([ip_network("127.0.0.0/8")], allow_insecure=True)

Answering = Callable[[Call], Any]


def says(payload: Mapping[str, Any] | bytes) -> Answering:
    """Answer a CALL with this payload."""
    text = payload if isinstance(payload, bytes) else orjson.dumps(payload)
    return lambda call: frames.call_result(call.id, text)


def refuses(code: str, description: str = "") -> Answering:
    """Answer a CALL with this CALLERROR."""
    return lambda call: frames.call_error(call.id, code, description)


async def never(_: Call) -> Reply:
    """Do not answer this CALL, nor any behind it."""
    return await asyncio.Future()


class Party:
    """Whoever is at the far end of a link: answers as told, remembers what was called."""

    def __init__(self, answers: Mapping[str, Answering]) -> None:
        self.answers = dict(answers)
        self.heard: list[Call] = []
        self.sent: list[Send] = []  # to it, of what is never answered

    async def answer(self, call: Call | Send, _position: int) -> Reply:
        """Answer one CALL; what nobody told the answer of is answered with nothing."""
        if isinstance(call, Send):
            self.sent.append(call)
            return frames.call_result(call.id, b"{}")  # which nobody hears
        self.heard.append(call)
        reply = self.answers.get(call.action, says(b"{}"))(call)
        reply = await reply if inspect.isawaitable(reply) else reply
        assert isinstance(reply, frames.CallResult | frames.CallError)
        return reply

    def payloads(self, action: str) -> list[Any]:
        """Return the payloads of all CALLs of an action, decoded."""
        return [call.fields for call in self.heard if call.action == action]

    @property
    def actions(self) -> list[str]:
        """Return the actions that were called, in order."""
        return [call.action for call in self.heard]

    async def hears(self, action: str, times: int = 1) -> Any:
        """Wait until an action was called so often, and return its last payload."""
        await until(lambda: len(self.payloads(action)) >= times)
        return self.payloads(action)[-1]


class Target(Party):
    """A third-party CSMS that numbers transactions from 700001."""

    def __init__(self) -> None:
        self._numbers = count(700_001)
        super().__init__(
            {
                "BootNotification": says(ACCEPTED),
                "Authorize": says({"idTagInfo": {"status": "Accepted"}}),
                "StartTransaction": self.starts,
            }
        )
        self.requests: list[Request] = []
        self.links: list[Link] = []
        self.sockets: list[WebSocket] = []
        self.status = HTTPStatus.SWITCHING_PROTOCOLS
        self.new_id: Callable[[], str] | None = None
        self.greets: Callable[[Link], Any] | None = None
        self.mute = False
        self.server: Server | None = None

    def starts(self, call: Call) -> Reply:
        """Accept a transaction under the next number."""
        answer = {"transactionId": next(self._numbers), "idTagInfo": {"status": "Accepted"}}
        return frames.call_result(call.id, orjson.dumps(answer))

    @property
    def port(self) -> int:
        """Tell where it listens."""
        assert self.server is not None
        port: int = next(iter(self.server.sockets)).getsockname()[1]
        return port

    @property
    def url(self) -> str:
        """Name it as an operator would."""
        return f"ws://127.0.0.1:{self.port}/ocpp/{{charge_box_id}}"

    @property
    def link(self) -> Link:
        """Return the link that is open now."""
        return self.links[-1]

    async def hang_up(self) -> None:
        """Close the link that is open now."""
        await self.link.close(1001, "going away")

    @contextlib.asynccontextmanager
    async def up(self, port: int = 0, **options: Any) -> AsyncIterator[Target]:
        """Listen until the context ends."""
        usual = {"subprotocols": [OCPP16, OCPP201, OCPP21], "process_request": self._receive}
        options = {**usual, "logger": quiet_logger(), **options}
        async with serve(self._serve, "127.0.0.1", port, **options) as self.server:
            yield self

    def _receive(self, connection: ServerConnection, request: Request) -> Response | None:
        self.requests.append(request)
        if self.status is HTTPStatus.SWITCHING_PROTOCOLS:
            return None
        return connection.respond(self.status, "no\n")

    async def _serve(self, connection: ServerConnection) -> None:
        if self.mute:
            async for text in connection:
                call = frames.parse(text if isinstance(text, bytes) else text.encode())
                assert isinstance(call, Call)
                self.heard.append(call)
            return
        kind = STATIONS[connection.subprotocol or OCPP16]
        socket = WebSocket(connection)
        link = Link(socket, dialect=kind.dialect, new_id=self.new_id)
        self.sockets.append(socket)
        self.links.append(link)
        greeting = asyncio.ensure_future(self.greets(link)) if self.greets else None
        await link.run(self.answer)
        if greeting is not None:
            await asyncio.gather(greeting, return_exceptions=True)


class Device(Party):
    """A charger at the far end of its link to us."""

    def __init__(self, connection: Connection, link: Link, socket: MemorySocket) -> None:
        super().__init__({})
        self.connection = connection
        self.link = link
        self.socket = socket

    async def call(self, action: str, payload: Mapping[str, Any] | bytes = b"{}") -> Any:
        """Call us and return the decoded answer."""
        text = payload if isinstance(payload, bytes) else orjson.dumps(payload)
        return (await self.link.call(action, text, timeout=PATIENCE)).fields

    async def boots(self) -> Any:
        """Introduce itself."""
        return await self.call("BootNotification", BOOTS[self.connection.subprotocol])

    async def starts(self, id_tag: str = "CARD", meter: int = 0) -> Any:
        """Begin a 1.6 transaction and return the whole answer."""
        start = {"connectorId": 1, "idTag": id_tag, "meterStart": meter, "timestamp": MOMENT}
        return await self.call("StartTransaction", start)

    async def meters(self, transaction_id: int, value: int) -> Any:
        """Tell a 1.6 meter value."""
        values = [{"timestamp": MOMENT, "sampledValue": [{"value": str(value)}]}]
        fields = {"connectorId": 1, "transactionId": transaction_id, "meterValue": values}
        return await self.call("MeterValues", fields)

    async def stops(self, transaction_id: int) -> Any:
        """End a 1.6 transaction."""
        stop = {"transactionId": transaction_id, "meterStop": 900, "timestamp": MOMENT}
        return await self.call("StopTransaction", stop)


@dataclass
class Stage:
    """The proxy, with its storage, and chargers to connect."""

    storage: Storage
    relays: Relays
    organization_uuid: str
    _books: Books
    _generations: Any = field(default_factory=lambda: count(1))

    async def enrol(
        self, target_url: str | None = None, charge_box_id: str = "CP-1", **proxy: Any
    ) -> ChargerKey:
        """Enrol a charger, with a proxy where a URL is given."""
        key = ChargerKey(self.organization_uuid, charge_box_id)
        now = CLOCK.now()
        charger = Charger(key=key, charger_name=charge_box_id, password_digest=b"", created_at=now)
        wanted = None if target_url is None else configuration(key, target_url, **proxy)
        await self.storage.chargers.enroll(charger, wanted)
        return key

    async def propose(self, key: ChargerKey, target_url: str, **proxy: Any) -> None:
        """Give an enrolled charger a proxy as the API does."""
        await self.storage.proxy_configurations.create(configuration(key, target_url, **proxy))
        await self.relays.configure(key)

    async def configuration(self, key: ChargerKey) -> ProxyConfiguration:
        """Return what is stored."""
        found = await self.storage.proxy_configurations.for_charger(key)
        assert found is not None
        return found

    async def change(self, key: ChargerKey, **changes: Any) -> None:
        """Change the charger's configuration as the API does."""
        old = await self.configuration(key)
        changed = replace(old, updated_at=CLOCK.now(), **changes)
        await self.storage.proxy_configurations.replace(changed)
        await self.relays.configure(key)

    async def status(self, key: ChargerKey) -> TargetStatus:
        """Tell how the charger's target link is."""
        return await self.relays.status(await self.configuration(key))

    async def reaches(self, key: ChargerKey, state: str) -> TargetStatus:
        """Wait until the charger's target link is in a state."""
        async with asyncio.timeout(PATIENCE):
            while (status := await self.status(key)).state != state:  # noqa: ASYNC110 - untold
                await asyncio.sleep(0.001)
        return status

    @contextlib.asynccontextmanager
    async def charger(
        self,
        key: ChargerKey,
        subprotocol: str = OCPP16,
        new_id: Callable[[], str] | None = None,
    ) -> AsyncIterator[Device]:
        """Connect a charger until the context ends."""
        ours, theirs = socket_pair()
        kind = STATIONS[subprotocol]
        tap = journal_tap(self.storage.journal, key, kind.version)
        link = Link(ours, dialect=kind.dialect, tap=tap)
        connection = self._connection(key, kind, link)
        device = Device(connection, Link(theirs, dialect=kind.dialect, new_id=new_id), theirs)
        here = asyncio.create_task(self._serve(connection, await self.relays.attach(connection)))
        there = asyncio.create_task(device.link.run(device.answer))
        try:
            yield device
        finally:
            await device.link.close()
            async with asyncio.timeout(PATIENCE):
                await asyncio.gather(here, there)

    def _connection(self, key: ChargerKey, kind: type[Station], link: Link) -> Connection:
        return Connection(
            key=key,
            generation=next(self._generations),
            link=link,
            station=kind(key, self._books, link),
            subprotocol=kind.subprotocol,
            remote_address="127.0.0.1",
            since=CLOCK.now(),
        )

    async def _serve(self, connection: Connection, answer: Answer) -> None:
        try:
            await connection.link.run(answer)
        finally:
            await self.relays.detach(connection)
            await connection.station.close()


def configuration(key: ChargerKey, target_url: str, **fields: Any) -> ProxyConfiguration:
    """Return a configuration without credentials, with some fields of one's own."""
    now = CLOCK.now()
    return ProxyConfiguration(
        **{
            "key": key,
            "target_platform_identifier": "Main_CSMS",
            "target_websocket_url": target_url,
            "target_authentication_method": "None",
            "created_at": now,
            "updated_at": now,
            **fields,
        }
    )


@contextlib.asynccontextmanager
async def staged(
    folder: Path, timings: Timings = QUICK, clock: Clock = CLOCK, **parts: Any
) -> AsyncIterator[Stage]:
    """Set the stage until the context ends; the same folder again is the server started again."""
    async with open_storage(folder, clock) as storage:
        books = open_books(storage, clock, settling=timings.settling)
        given = {"guard": GUARD, "timings": timings, **parts}
        async with Relays(RelayParts(storage=storage, clock=clock, **given)) as relays:
            yield Stage(storage, relays, await organization_of(storage), books)


async def organization_of(storage: Storage) -> str:
    """Return the one organization of a storage, made on first use."""
    found = await storage.organizations.list() or [await storage.organizations.create("tests")]
    return found[0].organization_uuid

"""The servers that are measured, each a process: ``python -m bench.subjects NAME PEER_URL``.

A subject prints its connections (one JSON line) when it is ready, and its CPU seconds for every
line on standard input. They all use uvloop and the same library without compression and pings.
"""

from __future__ import annotations

import asyncio
import contextlib
import gc
import json
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AbstractAsyncContextManager
from ipaddress import ip_network
from pathlib import Path
from typing import Any, TypeAlias, cast

import ocpp.messages
from aiohttp import web
from ocpp.v16 import ChargePoint, call_result
from websockets.asyncio.client import ClientConnection, connect
from websockets.asyncio.server import Server, ServerConnection, serve
from websockets.exceptions import ConnectionClosed

from bench.commands import Round, commanding, opened, serving
from bench.messages import TRANSACTION
from csms import logs
from csms.admission import Admission, records_of
from csms.attempts import Attempts
from csms.books import open_books
from csms.gateway import Door, Gateway
from csms.registry import Registry
from csms.security_events import SecurityEvents
from csms.settings import Bind
from csms.station import on
from proxy.addresses import AddressGuard
from proxy.parts import RelayParts
from proxy.relays import Relays
from storage.clock import SystemClock
from storage.database import Statement, Values
from storage.group_commit import Batch, GroupCommit, Tell
from storage.records import Charger, ChargerKey, ProxyConfiguration, Transaction
from storage.secrets import Sealer, digest_secret, new_password
from storage.store import Storage, assemble, new_uuid, open_storage

CONNECTIONS = 50
QUIET: dict[str, Any] = {"compression": None, "ping_interval": None, "max_size": 1 << 21}
Dials: TypeAlias = list[dict[str, str]]


def _url(server: Server) -> str:
    return f"ws://127.0.0.1:{next(iter(server.sockets)).getsockname()[1]}"


@contextlib.asynccontextmanager
async def _websockets(handler: Callable[[ServerConnection], Any]) -> AsyncIterator[Dials]:
    async with serve(handler, "127.0.0.1", 0, subprotocols=["ocpp1.6"], **QUIET) as server:  # type: ignore[list-item]
        yield [{"url": _url(server)}] * CONNECTIONS


def raw_echo(_peer: str) -> AbstractAsyncContextManager[Dials]:
    """Give every frame back: the floor of a server that answers."""

    async def echo(connection: ServerConnection) -> None:
        with contextlib.suppress(ConnectionClosed):
            while True:
                await connection.send(await connection.recv(decode=False), text=True)

    return _websockets(echo)


def raw_relay(peer: str) -> AbstractAsyncContextManager[Dials]:
    """Pass every frame on, both ways: the floor of a proxy."""

    async def pump(source: ServerConnection | ClientConnection, sink: Any) -> None:
        with contextlib.suppress(ConnectionClosed):
            while True:
                await sink.send(await source.recv(decode=False), text=True)
        await sink.close()

    async def relay(connection: ServerConnection) -> None:
        async with connect(peer, subprotocols=["ocpp1.6"], proxy=None, **QUIET) as target:  # type: ignore[list-item]
            await asyncio.gather(pump(connection, target), pump(target, connection))

    return _websockets(relay)


def library(_peer: str) -> AbstractAsyncContextManager[Dials]:
    """Answer as the ocpp library does by itself, with its validation in the loop."""
    ocpp.messages.ASYNC_VALIDATION = False

    class Plain(ChargePoint):
        @on("StatusNotification")
        def on_status(self, **_: Any) -> call_result.StatusNotification:
            return call_result.StatusNotification()

        @on("MeterValues")
        def on_meter_values(self, **_: Any) -> call_result.MeterValues:
            return call_result.MeterValues()

    async def answer(connection: ServerConnection) -> None:
        with contextlib.suppress(ConnectionClosed):
            await Plain("bench", connection).start()  # type: ignore[no-untyped-call] # the library's own

    return _websockets(answer)


@contextlib.asynccontextmanager
async def raw_command(_peer: str) -> AsyncIterator[Dials]:
    """Answer a POST by one round trip over a WebSocket: the floor of a command."""
    round = Round()
    app = web.Application()
    app.router.add_post("/{number}", round.post)
    async with _websockets(round.converse) as dials, serving(app) as http:
        yield [{**dial, "post": f"{http}/{number}"} for number, dial in enumerate(dials)]


@contextlib.asynccontextmanager
async def command(_peer: str) -> AsyncIterator[Dials]:
    """Ask chargers for an action, with a record of it that is stored before and after."""
    async with opened() as (storage, clock):
        dials = await _enrol(storage, None, clock)
        (organization,) = await storage.organizations.list()
        async with commanding(storage, organization.organization_uuid, dials, clock) as ready:
            yield ready


class Unwritten:
    """A writer that writes nothing: what a message costs without its log."""

    losses = 0
    away = False

    def __init__(self) -> None:
        self._batch = Batch()
        self._batch.settle()
        self._loop = asyncio.get_running_loop()

    def submit(self, _statement: Statement, _values: Values) -> asyncio.Future[None]:
        """Say at once that it is done."""
        done: asyncio.Future[None] = self._loop.create_future()
        done.set_result(None)
        return done

    def add(self, _statement: Statement, _values: Values, tell: Tell | None = None) -> Batch:
        """Say the same without a Future."""
        if tell is not None:
            tell(None)
        return self._batch

    async def flush(self) -> None:
        """Have nothing to wait for."""

    async def back(self) -> None:
        """Be there."""


@contextlib.asynccontextmanager
async def _ringmain(target: str | None, *, written: bool) -> AsyncIterator[Dials]:
    clock = SystemClock()
    with tempfile.TemporaryDirectory() as directory:
        async with open_storage(Path(directory), clock) as storage:
            dials = await _enrol(storage, target, clock)
            sealer, silent = Sealer.open(Path(directory)), cast("GroupCommit", Unwritten())
            unwritten = await assemble(
                storage.database, silent, sealer, clock, new_uuid, storage.files
            )
            async with _listening(storage if written else unwritten, clock) as ocpp:
                yield [{**dial, "url": f"ws://{ocpp}{dial['url']}"} for dial in dials]


async def _enrol(storage: Storage, target: str | None, clock: SystemClock) -> Dials:
    organization = await storage.organizations.create("bench")
    dials = []
    for number in range(CONNECTIONS):
        key = ChargerKey(organization.organization_uuid, f"CP-{number:03d}")
        password = new_password()
        charger = Charger(
            key=key,
            charger_name=key.charge_box_id,
            password_digest=digest_secret(password.encode()),
            boot_payload=b'{"chargePointVendor":"Bench","chargePointModel":"B"}',
            created_at=clock.now(),
        )
        await storage.chargers.enroll(charger, _proxy(key, target, clock) if target else None)
        await storage.transactions.note_started(_transaction(key, clock))
        path = f"/{key.organization_uuid}/ocpp_proxy/{key.charge_box_id}"
        dials.append({"url": path, "user": key.charge_box_id, "password": password})
    return dials


def _transaction(key: ChargerKey, clock: SystemClock) -> Transaction:
    return Transaction(
        key=key,
        transaction_id=str(TRANSACTION),
        evse_id=1,
        connector_id=1,
        id_token="BENCH",
        started_at=clock.now(),
        start_timestamp="",
    )


def _proxy(key: ChargerKey, target: str, clock: SystemClock) -> ProxyConfiguration:
    return ProxyConfiguration(
        key=key,
        target_platform_identifier="peer",
        target_websocket_url=f"{target}/{{charge_box_id}}",
        target_authentication_method="None",
        created_at=clock.now(),
        updated_at=clock.now(),
    )


@contextlib.asynccontextmanager
async def _listening(storage: Storage, clock: SystemClock) -> AsyncIterator[Bind]:
    guard = AddressGuard([ip_network("127.0.0.0/8")], allow_insecure=True)
    parts = RelayParts(storage=storage, guard=guard, clock=clock)
    books = open_books(storage, clock)
    events = SecurityEvents(storage.audit, clock)
    async with Relays(parts) as relays:
        gateway = Gateway(
            Door(bind=Bind("127.0.0.1", 0)),
            registry=Registry(),
            books=books,
            journal=storage.journal,
            relaying=relays,
            events=events,
            admission=Admission(records_of(storage), Attempts(time.monotonic), events, clock),
        )
        async with gateway.listening() as ocpp:
            yield ocpp


Kind: TypeAlias = Callable[[str], AbstractAsyncContextManager[Dials]]
SUBJECTS: Mapping[str, Kind] = {
    "raw echo": raw_echo,
    "CSMS, log off": lambda _: _ringmain(None, written=False),
    "CSMS, every promise kept": lambda _: _ringmain(None, written=True),
    "ocpp library": library,
    "raw relay": raw_relay,
    "proxy, log off": lambda peer: _ringmain(peer, written=False),
    "proxy, every promise kept": lambda peer: _ringmain(peer, written=True),
}
COMMANDS: Mapping[str, Kind] = {"raw POST and WebSocket": raw_command, "REST command": command}


async def main(name: str, peer: str) -> None:
    """Run one subject until standard input ends."""
    logs.configure("json", "error")
    async with {**SUBJECTS, **COMMANDS}[name](peer) as dials:
        gc.collect()
        gc.freeze()
        gc.set_threshold(50_000)
        print(json.dumps(dials), flush=True)
        loop = asyncio.get_running_loop()
        while await loop.run_in_executor(None, sys.stdin.readline):
            print(json.dumps({"cpu": time.process_time()}), flush=True)


if __name__ == "__main__":
    import uvloop

    uvloop.run(main(sys.argv[1], sys.argv[2]))

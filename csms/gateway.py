"""The door for chargers: TLS, what is presented before the upgrade, life of a Link.

Authentication fails closed and in one place, before the WebSocket exists (csms/admission.py);
whoever is refused gets the very same answer (OCPP-J 1.6 §3.2 and §6.2.1, OCPP 2.0.1 A00.FR.2xx).
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from hashlib import sha256
from http import HTTPStatus
from ssl import SSLContext
from typing import Protocol
from weakref import WeakKeyDictionary

import structlog
from websockets.asyncio.server import Server, ServerConnection, serve
from websockets.http11 import Request, Response
from websockets.typing import Subprotocol

from csms.admission import Admission, Knock
from csms.books import Books
from csms.credentials import certificate_of, charger_of, presented_password
from csms.doorstep import Arriving, Doorstep
from csms.errors import LinkClosed, place_of
from csms.forwarded import Origin, origin_of
from csms.frames import Limits
from csms.handshakes import Handshakes
from csms.link import INTERNAL_ERROR, POLICY_VIOLATION, SERVICE_RESTART, Link
from csms.pace import Pace
from csms.ports import Answer
from csms.readings import word
from csms.registry import Connection, Registry
from csms.security_events import SecurityEvents
from csms.settings import Bind, Network
from csms.sockets import WebSocket, quiet_logger
from csms.spans import Linking, untraced
from csms.station import Station
from csms.stations import STATIONS
from csms.takeovers import Takeovers
from csms.tallies import DoorTally, LinkTally, known_actions
from csms.tap import journal_tap
from csms.visits import VisitorsBook
from storage.errors import StorageError
from storage.journal import Journal
from storage.records import Charger
from storage.tenancy import on_behalf_of

log = structlog.get_logger("ringmain.gateway")

PROTOCOL_ERROR = 1002


class Relaying(Protocol):
    """Decide what answers a charger's CALLs; the proxy fills this port at wiring time."""

    async def attach(self, connection: Connection) -> Answer:
        """Return what answers this charger from now on."""

    async def detach(self, connection: Connection) -> None:
        """Let go of a link that has ended; one that was superseded changes nothing."""


@dataclass(frozen=True, slots=True)
class Door:
    """How the listener behaves: where it is, whom it believes, what it says to strangers."""

    bind: Bind
    trusted_proxies: tuple[Network, ...] = ()
    # Where those tell of client certificates; None: nowhere that can be believed.
    client_cert_header: str | None = None
    unknown_charger_status: int = 401
    # With it the listener speaks TLS, and nothing else.
    tls: SSLContext | None = None
    limits: Limits = field(default_factory=Limits)
    ping_seconds: float = 20.0
    open_seconds: float = 10.0
    # How many sockets of one source may stand at the door that have not shown who they are.
    unauthenticated_per_source: int = 500
    # How long a charger has to answer what it is asked.
    answer_seconds: float = 30.0
    linking: Linking = untraced


class Gateway:
    """Accept chargers, and keep one Link per charger alive until it ends."""

    def __init__(
        self,
        door: Door,
        *,
        registry: Registry,
        books: Books,
        journal: Journal,
        relaying: Relaying,
        events: SecurityEvents,
        admission: Admission,
        stations: Mapping[str, type[Station]] = STATIONS,
    ) -> None:
        self._door = door
        self._registry = registry
        self._books = books
        self._journal = journal
        self._relaying = relaying
        self._admission = admission
        self.links = LinkTally(known_actions())
        self.tally = DoorTally()
        self.doorstep = Doorstep(
            door.trusted_proxies, door.unauthenticated_per_source, refused=self.tally.refused
        )
        self._takeovers = Takeovers(registry, events, time.monotonic)
        self._visitors = VisitorsBook(books.visits, books.clock)
        self._stations = stations
        self._authenticated: WeakKeyDictionary[ServerConnection, Charger] = WeakKeyDictionary()

    @contextlib.asynccontextmanager
    async def listening(self) -> AsyncIterator[Bind]:
        """Listen until the context ends; yield the bound address."""
        handshakes = None
        if self._door.tls is not None:
            refused = self.tally.refused
            handshakes = Handshakes(self._door.tls, self._door.open_seconds, refused)
        async with serve(
            self._converse,
            self._door.bind.host,
            self._door.bind.port,
            process_request=self._authenticate,
            select_subprotocol=self._select_subprotocol,
            create_connection=partial(Arriving, self.doorstep, handshakes),  # type: ignore[arg-type]  # it makes one
            compression=None,  # 14 against 47 KB for each idle charger
            # Longer frames are answered by our own check; only twice that is cut off unread.
            max_size=2 * self._door.limits.max_bytes,
            # Without `ssl`, see csms/handshakes.py; this time begins behind the one for TLS.
            open_timeout=self._door.open_seconds,
            # Whoever finds no room at the kernel is there only after 1 s, or 3 s, … or 63 s.
            backlog=1024,
            ping_interval=self._door.ping_seconds,
            ping_timeout=self._door.ping_seconds,
            server_header=None,
            logger=quiet_logger(),
        ) as server:
            try:
                yield _bound(server)
            finally:
                server.close(code=SERVICE_RESTART, reason="restarting")
                if handshakes is not None:
                    await handshakes.close()

    async def _authenticate(
        self, connection: ServerConnection, request: Request
    ) -> Response | None:
        knock = self._knock(connection, request)
        try:
            with self.doorstep.judging(connection):
                verdict = await self._admission.judge(knock)
        except StorageError:
            self.tally.refused["storage"] += 1
            return connection.respond(HTTPStatus.SERVICE_UNAVAILABLE, "Try again later.\n")
        if verdict.charger is not None:
            self._authenticated[connection] = verdict.charger
            self.doorstep.leave(connection)
            return None
        self.tally.refused[verdict.reason] += 1
        log.info("charger_refused", remote=knock.address, security_profile=knock.profile)
        return self._refusal(connection, known=verdict.known)

    def _knock(self, connection: ServerConnection, request: Request) -> Knock:
        """Return what is presented at the door."""
        key, origin = charger_of(request.path), self._origin(connection, request)
        authorization = request.headers.get_all("Authorization")
        return Knock(
            address=origin.address,
            key=key,
            basic=bool(authorization),
            password=presented_password(authorization, key),
            tls=origin.tls,
            certificate=certificate_of(origin.certificate),
            vouched=origin.forwarded,
        )

    def _refusal(self, connection: ServerConnection, *, known: bool) -> Response:
        status = 401 if known else self._door.unknown_charger_status
        response = connection.respond(HTTPStatus(status), f"{HTTPStatus(status).phrase}.\n")
        if status == HTTPStatus.UNAUTHORIZED:
            response.headers["WWW-Authenticate"] = 'Basic realm="ocpp", charset="UTF-8"'
        return response

    def _select_subprotocol(
        self, connection: ServerConnection, offered: Sequence[Subprotocol]
    ) -> Subprotocol | None:
        # The charger's order decides; without a common one the handshake is completed and the
        # connection closed (OCPP-J 1.6 §3.2, OCPP 2.0.1 Part 4 §3.2).
        charger = self._authenticated.get(connection)
        allowed = charger.allowed_versions if charger else ()
        for name in offered:
            if name in self._stations and (not allowed or name in allowed):
                return name
        return None

    async def _converse(self, websocket: ServerConnection) -> None:
        charger = self._authenticated.pop(websocket)
        if websocket.subprotocol is None:
            self.tally.refused["no_subprotocol"] += 1
            await websocket.close(PROTOCOL_ERROR, "no common OCPP subprotocol")
            return
        # So does every task that is begun for this charger.
        with on_behalf_of(charger.key.organization_uuid):
            await self._serve(websocket, charger, websocket.subprotocol)

    async def _serve(
        self, websocket: ServerConnection, charger: Charger, subprotocol: Subprotocol
    ) -> None:
        assert websocket.request is not None  # noqa: S101 - the handshake is complete
        origin = self._origin(websocket, websocket.request)
        if not await self._takeovers.allows(charger.key, origin.address, charger.entrance):
            self.tally.refused["another_device"] += 1
            await websocket.close(POLICY_VIOLATION, "another device is connected as this charger")
            return
        connection = self._connection(websocket, charger, subprotocol, origin)
        self._take_over(connection)
        visit = self._visitors.begun(connection, charger)
        try:
            answer = await self._relaying.attach(connection)
            await self._look_again(charger, connection)
            ended = await connection.link.run(answer)
            log.info("charger_gone", charge_box_id=connection.key.charge_box_id, code=ended.code)
        except Exception as fault:  # noqa: BLE001 - the library would swallow it
            log.error(
                "charger_not_served",
                charge_box_id=connection.key.charge_box_id,
                fault=place_of(fault),
            )
            await connection.link.close(INTERNAL_ERROR, "temporarily unable to serve")
        finally:
            self._visitors.ended(visit, connection)
            await self._let_go(connection)

    def _connection(
        self, websocket: ServerConnection, charger: Charger, subprotocol: str, origin: Origin
    ) -> Connection:
        kind, key = self._stations[subprotocol], charger.key
        link: Link = self._door.linking(key)(
            WebSocket(websocket),
            dialect=kind.dialect,
            tap=journal_tap(self._journal, key, kind.version),
            limits=self._door.limits,
            answer_seconds=self._door.answer_seconds,
            pace=Pace(),
            tally=self.links,
        )
        return Connection(
            key=key,
            generation=self._registry.next_generation(),
            link=link,
            station=kind(key, self._books, link),
            subprotocol=subprotocol,
            remote_address=origin.address,
            since=self._books.clock.now(),
            certificate_sha256=sha256(shown).hexdigest() if (shown := origin.certificate) else None,
            entrance=charger.entrance,
        )

    def _take_over(self, connection: Connection) -> None:
        superseded = self._registry.replace(connection)
        key = connection.key
        self._books.chargers.note_connected(
            key, connection.since, connection.station.version, connection.remote_address
        )
        log.info("charger_connected", charge_box_id=key.charge_box_id, took_over=bool(superseded))
        if superseded is not None:
            # Half-open sockets never answer the close handshake: the newcomer does not wait.
            superseded.link.hang_up(POLICY_VIOLATION, "superseded by a newer connection")

    async def _look_again(self, charger: Charger, connection: Connection) -> None:
        """End the link of a charger that was locked out as it came in.

        It was deleted or got another profile, or its certificate was revoked, and whoever did that
        looked for its connection before there was one.
        """
        if not await self._admission.is_still_in(charger, connection.certificate_sha256):
            connection.link.hang_up(POLICY_VIOLATION, "not let in any more")

    async def _let_go(self, connection: Connection) -> None:
        self._admission.saw_leave(connection.key, connection.remote_address)
        if self._registry.remove(connection):
            ended = connection.link.closed or LinkClosed()
            self._books.chargers.note_disconnected(
                connection.key, self._books.clock.now(), ended.code, word(ended.reason) or ""
            )
        await self._relaying.detach(connection)
        await connection.station.close()

    def _origin(self, connection: ServerConnection, request: Request) -> Origin:
        tls = connection.transport.get_extra_info("ssl_object")
        peer = Origin(
            address=str(connection.remote_address[0]),
            tls=tls is not None,
            certificate=tls.getpeercert(binary_form=True) if tls is not None else None,
        )
        door = self._door
        return origin_of(peer, request.headers, door.trusted_proxies, door.client_cert_header)


def _bound(server: Server) -> Bind:
    host, port = next(iter(server.sockets)).getsockname()[:2]
    return Bind(host, port)

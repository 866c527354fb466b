"""A desk where requests are taken and seen through, with the authority in the test's hands."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field, replace
from itertools import count
from typing import Any

from csms.certificates import Desk as Counter
from csms.certificates import taking
from csms.commands import Command, Outcome
from csms.registry import Connection, Registry
from csms.security_events import SecurityEvents
from csms.signing import Patience, SigningParts
from csms.signing_rules import Door
from csms.station import Station
from storage.records import AuditEntry
from storage.security_records import CertificateRequest, ChargerCertificate
from tests.authorities import FakeAuthority, chain_for
from tests.csms.desk import SUBPROTOCOLS, Desk, accepted
from tests.doubles import PATIENCE, settled
from tests.storage.doubles import ALICE, ORGANIZATION

QUICK = Patience(first=0.001, most=0.01, look=0.001)
_NUMBERS = count(1)


@dataclass
class Told:
    """A charger's side of a connection: what it was told, and what it answers or what fails."""

    answer: str | Exception = "Accepted"
    heard: list[Any] = field(default_factory=list)

    def perform(self, command: Command) -> Outcome:
        self.heard.append(command)
        if isinstance(self.answer, Exception):
            raise self.answer
        return Outcome(self.answer)


@dataclass
class Office:
    """Where Alice has her certificates signed."""

    desk: Desk
    authority: FakeAuthority
    registry: Registry
    counter: Counter

    def connect(self, version: str = "1.6", answer: str | Exception = "Accepted") -> Told:
        """Have Alice connected, and return what she is told."""
        station, told = self.desk.station(version), Told(answer)

        async def perform(command: Command) -> Outcome:
            return told.perform(command)

        station.perform = perform  # type: ignore[method-assign]  # its link leads nowhere
        connection = Connection(
            key=ALICE,
            generation=self.registry.next_generation(),
            link=station.link,
            station=station,
            subprotocol=SUBPROTOCOLS[version],
            remote_address="192.0.2.7",
            since=self.desk.clock.now(),
        )
        self.registry.replace(connection)
        return told

    def station(self, version: str) -> Station:
        """Return a station that takes requests here."""
        books = replace(self.desk.books, take_request=self.counter.take)
        return replace(self.desk, books=books).station(version)

    async def asks(self, version: str, **fields: Any) -> str:
        """Let Alice ask, and return the answer's status."""
        answer = await accepted(self.station(version), "SignCertificate", fields)
        return str(answer["status"])

    async def requests(self) -> list[CertificateRequest]:
        """Return Alice's requests, newest first."""
        return await self.desk.storage.certificate_requests.of_charger(ALICE)

    async def becomes(self, *states: str) -> list[CertificateRequest]:
        """Wait until Alice's requests are in these states, newest first."""
        async with asyncio.timeout(PATIENCE):
            found = await self.requests()
            while [one.state for one in found] != list(states):
                await settled()
                found = await self.requests()
        return found

    async def certificates(self) -> list[ChargerCertificate]:
        """Return what Alice may come in with."""
        return await self.desk.storage.charger_certificates.of_charger(ALICE)

    async def events(self) -> list[AuditEntry]:
        """Return what was noted, oldest first."""
        await self.desk.storage.group.flush()
        return (await self.desk.storage.audit.list(ORGANIZATION))[::-1]


@contextlib.asynccontextmanager
async def open_office(
    desk: Desk,
    authority: FakeAuthority | None = None,
    *,
    registry: Registry | None = None,
    patience: Patience = QUICK,
    without_authority: bool = False,
    door: Callable[[], Door | None] = lambda: None,
) -> AsyncIterator[Office]:
    """Take requests, and see them through, until the context ends."""
    clock, registry = desk.clock, registry or Registry()
    authority = authority or FakeAuthority(lambda request: chain_for(request, clock.now()))
    parts = SigningParts(
        storage=desk.storage,
        registry=registry,
        events=SecurityEvents(desk.storage.audit, clock),
        clock=clock,
        new_id=lambda: f"request-{next(_NUMBERS):04}",
        authority=None if without_authority else authority,
        door=door,
        patience=patience,
    )
    async with taking(parts) as counter:
        yield Office(desk, authority, registry, counter)

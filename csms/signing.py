"""
See the requests of chargers through: which of them is to be gone on with, and when.

Whoever waits for the authority or for its charger waits here as one line of a table, and not as a
task. Every step is stored before the next one (`csms/signing_steps.py`), so that after a restart
each request goes on where it was.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, TypeAlias

import structlog

from csms.errors import NotTrusted, place_of
from csms.signing_rules import Door, Names
from storage.errors import StorageError
from storage.records import ChargerKey
from storage.security_records import CertificateRequest
from storage.tenancy import on_behalf_of

if TYPE_CHECKING:
    from csms.authority import Authority
    from csms.registry import Registry
    from csms.security_events import SecurityEvents
    from storage.clock import Clock
    from storage.store import Storage

log = structlog.get_logger("ringmain.certificates")

NO_AUTHORITY = (
    "No certificate authority is set: the operator sets RINGMAIN_CA_COMMAND or RINGMAIN_CA_URL."
)
FAILED = "CertificateNotSigned"
_AT_ONCE = 4  # steps, and so questions to the authority


@dataclass(frozen=True, slots=True)
class Patience:
    """How long to wait before the same is tried again, and when to give up; all else in s."""

    first: float = 10.0
    most: float = 600.0
    in_all: timedelta = timedelta(days=1)
    # How often to look who is connected.
    look: float = 1.0

    def after(self, tries: int) -> float:
        """Return the s to wait after so many tries."""
        return min(self.most, self.first * 2.0 ** min(tries, 30))


@dataclass(frozen=True, slots=True, kw_only=True)
class SigningParts:
    """What signing works with; without an ``authority`` nothing is signed."""

    storage: Storage
    registry: Registry
    events: SecurityEvents
    clock: Clock
    new_id: Callable[[], str]
    authority: Authority | None
    # What judges certificates at the listener now, where that does.
    door: Callable[[], Door | None] = lambda: None
    patience: Patience = Patience()


async def names_of(storage: Storage, key: ChargerKey) -> Names:
    """Return whom a charger's certificate has to name; raise NotTrusted where it is not there."""
    charger = await storage.chargers.get(key)
    organization = await storage.organizations.get(key.organization_uuid)
    if charger is None or organization is None:
        raise NotTrusted("The charger has been deleted.")
    return Names(
        charger.certificate_name or key.charge_box_id,
        frozenset({organization.name, organization.organization_uuid}),
    )


@dataclass(slots=True)
class Going:
    """A request that is not over: when to go on with it, and whether that is being done."""

    key: ChargerKey
    request_id: str
    # The charger may have the certificate already.
    doubtful: bool = False
    due: float = 0.0
    tries: int = 0
    # Of the connection by which the certificate was sent last; None where there is none to send.
    generation: int | None = None
    task: asyncio.Task[None] | None = None
    # The last step ended as nobody has foreseen.
    broken: bool = False

    @classmethod
    def on_with(cls, request: CertificateRequest) -> Going:
        """Go on with a request as it is stored: what was sent of it nobody knows."""
        sending = request.state == "sending"
        generation = 0 if sending else None
        return cls(request.key, request.request_id, doubtful=sending, generation=generation)


# Goes one step on with a request, and tells whether it is over; raises StorageError.
Step: TypeAlias = Callable[[Going, CertificateRequest], Awaitable[bool]]


class Signing:
    """Go on with each request when it is due, or when its charger has come back."""

    def __init__(self, parts: SigningParts, step: Step) -> None:
        self._parts = parts
        self._do = step
        self._going: dict[str, Going] = {}
        self._wake = asyncio.Event()
        self._turns = asyncio.Semaphore(_AT_ONCE)
        self._now = asyncio.get_running_loop().time

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator[Signing]:
        """See requests through until the context ends, those of before too."""
        for request in await self._parts.storage.certificate_requests.open():
            self.add(request)
        running = asyncio.create_task(self._run())
        try:
            yield self
        finally:
            tasks = [running, *(one.task for one in self._going.values() if one.task)]
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    def add(self, request: CertificateRequest) -> None:
        """See a stored request through, if that is not being done already."""
        self._going.setdefault(request.request_id, Going.on_with(request))
        self._wake.set()

    async def _run(self) -> None:
        while True:
            for one in tuple(self._going.values()):
                if one.task is None and self._is_due(one):
                    one.task = asyncio.create_task(self._go_on(one))
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(self._parts.patience.look if self._going else None):
                    await self._wake.wait()
            self._wake.clear()

    def _is_due(self, one: Going) -> bool:
        connection = self._parts.registry.find(one.key)
        if one.generation is not None and connection and connection.generation != one.generation:
            return True
        return one.due <= self._now()

    async def _go_on(self, one: Going) -> None:
        try:
            async with self._turns:
                with on_behalf_of(one.key.organization_uuid):
                    over = await self._step(one)
            if over:
                del self._going[one.request_id]
                return
        except StorageError:
            log.warning("certificate_request_waits", request_id=one.request_id)
        except Exception as fault:  # noqa: BLE001 - the others go on
            log.error("certificate_request_failed", fault=place_of(fault))
            one.broken = True
        finally:
            one.task = None
            self._wake.set()
        one.due = self._now() + self._parts.patience.after(one.tries)
        one.tries += 1

    async def _step(self, one: Going) -> bool:
        request = await self._parts.storage.certificate_requests.get(one.request_id)
        if request is None or request.finished_at is not None:
            return True
        if one.broken and self._has_waited_long(request):
            return await self._give_up(request)
        one.broken = False
        return await self._do(one, request)

    def _has_waited_long(self, request: CertificateRequest) -> bool:
        return self._parts.clock.now() - request.requested_at >= self._parts.patience.in_all

    async def _give_up(self, request: CertificateRequest) -> bool:
        """End a request that fails in a way of its own; what was signed may be in use."""
        actor, reason = f"charger:{request.key.charge_box_id}", "It could not be gone on with."
        log.warning("certificate_not_signed", request_id=request.request_id, reason=reason)
        self._parts.events.note(request.key, FAILED, actor, "failed", reason=reason)
        now = self._parts.clock.now()
        await self._parts.storage.certificate_requests.note_failed(request, now, reason, None)
        return True

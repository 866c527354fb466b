"""
The two steps from a request to its end: the authority signs, and the charger gets what it signed.

A certificate lets its charger in from before it is sent, because the charger may use it before we
hear that it does; what it came in with before still does (OCPP 2.0.1 A02).
"""

from __future__ import annotations

import asyncio
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import structlog

from csms.commands import Ask
from csms.errors import (
    AuthorityAway,
    AuthorityRefused,
    CallRefused,
    CommandError,
    LinkError,
    NotTrusted,
)
from csms.signing import FAILED, NO_AUTHORITY, Going, SigningParts, names_of
from csms.signing_rules import Facts, certificates, check_chain, facts
from storage.errors import Conflict
from storage.security_records import CertificateRequest, ChargerCertificate

if TYPE_CHECKING:
    from csms.commands import Outcome
    from csms.registry import Connection

log = structlog.get_logger("ringmain.certificates")

INSTALLED = "CertificateInstalled"


class SigningSteps:
    """Go on with requests, one step at a time; each tells whether the request is over."""

    def __init__(self, parts: SigningParts) -> None:
        self._parts = parts
        self._requests = parts.storage.certificate_requests

    async def __call__(self, going: Going, request: CertificateRequest, /) -> bool:
        """Do the next that is to be done; raise StorageError."""
        step = self._ask if request.state == "asking" else self._send
        return await step(going, request)

    async def _ask(self, going: Going, request: CertificateRequest) -> bool:
        try:
            chain, found = await self._signed(request)
        except AuthorityAway as away:
            return await self._put_off(going, request, str(away))
        except (AuthorityRefused, NotTrusted) as refused:
            return await self._fail(request, str(refused))
        certificate = ChargerCertificate(
            key=request.key, source="issued", created_at=self._parts.clock.now(), **asdict(found)
        )
        try:
            await self._requests.note_signed(request, chain, certificate)
        except Conflict:
            return await self._fail(request, "The authority has answered with a known certificate.")
        going.generation, going.tries = 0, 0
        return False

    async def _signed(self, request: CertificateRequest) -> tuple[str, Facts]:
        """Return what the authority has signed; raise AuthorityError or NotTrusted."""
        authority = self._parts.authority
        if authority is None:
            raise AuthorityAway(NO_AUTHORITY)
        names = await names_of(self._parts.storage, request.key)
        answer = await authority.sign(request.csr)
        # Only now, because it may be valid from the second on in which it was signed.
        door, now = self._parts.door(), self._parts.clock.now()
        return await asyncio.to_thread(check_chain, answer, request.csr, names, door, now)

    async def _put_off(self, going: Going, request: CertificateRequest, reason: str) -> bool:
        """Try again later, and tell the owner the first time; give up in the end."""
        if self._has_waited_long(request):
            return await self._fail(request, reason)
        log.warning("authority_away", request_id=request.request_id, reason=reason)
        if going.tries == 0:
            self._note(request, FAILED, "delayed", reason=reason)
        return False

    async def _send(self, going: Going, request: CertificateRequest) -> bool:
        connection = self._parts.registry.find(request.key)
        if self._has_waited_long(request):
            return await self._unsent(going, request, "The charger has not taken it in time.")
        if connection is None:
            return False
        going.generation = connection.generation
        try:
            outcome = await connection.station.perform(_telling(connection, request))
        except CallRefused as refused:
            return await self._unsent(going, request, str(refused))
        except LinkError as failure:
            going.doubtful = True
            log.info("certificate_not_sent", request_id=request.request_id, fault=str(failure))
            return False
        except CommandError as unclear:
            return await self._fail(request, str(unclear))
        return await self._end(going, request, outcome)

    async def _end(self, going: Going, request: CertificateRequest, outcome: Outcome) -> bool:
        if outcome.status == "Accepted":
            self._note(request, INSTALLED, "ok", sha256=_leaf(request).sha256)
            await self._requests.note_installed(request, self._parts.clock.now())
            return True
        reason = f"The charger has answered {outcome.status[:50] or 'no status'} to it."
        if outcome.status != "Rejected":
            return await self._fail(request, reason)
        return await self._unsent(going, request, reason)

    async def _unsent(self, going: Going, request: CertificateRequest, reason: str) -> bool:
        """End a request whose certificate nobody uses, unless the charger may have it after all."""
        unused = None if going.doubtful else _leaf(request).sha256
        return await self._fail(request, reason, unused)

    async def _fail(
        self, request: CertificateRequest, reason: str, unused: str | None = None
    ) -> bool:
        # Told first: rather twice than never (A02.FR.11, 12).
        log.warning("certificate_not_signed", request_id=request.request_id, reason=reason)
        self._note(request, FAILED, "failed", reason=reason)
        await self._requests.note_failed(request, self._parts.clock.now(), reason, unused)
        return True

    def _has_waited_long(self, request: CertificateRequest) -> bool:
        return self._parts.clock.now() - request.requested_at >= self._parts.patience.in_all

    def _note(self, request: CertificateRequest, kind: str, result: str, **details: Any) -> None:
        actor = f"charger:{request.key.charge_box_id}"
        self._parts.events.note(request.key, kind, actor, result, **details)


def _leaf(request: CertificateRequest) -> Facts:
    return facts(certificates(request.chain or "")[0])


def _telling(connection: Connection, request: CertificateRequest) -> Ask:
    """Say CertificateSigned as the charger's version does."""
    told = {
        "certificateChain": request.chain,
        "certificateType": request.certificate_type,
        "requestId": request.charger_request_id,
    }
    knows = connection.station.schemas.names
    named = {
        name: value
        for name, value in told.items()
        if value is not None and knows("CertificateSigned", name)
    }
    return Ask("CertificateSigned", named)

"""
Take what chargers want to have signed: SignCertificate.

OCPP 2.0.1 A02 and A03, security white paper A02. A request is checked and stored before the charger
is told that it is taken; what becomes of it then is in `csms/signing.py`.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from datetime import timedelta
from typing import NamedTuple, TypeAlias

from csms.errors import NotTrusted
from csms.signing import NO_AUTHORITY, Signing, SigningParts, names_of
from csms.signing_rules import check_request
from csms.signing_steps import SigningSteps
from storage.records import ChargerKey
from storage.security_records import CertificateRequest

CHARGER = "ChargingStationCertificate"
MOST_CERTIFICATES = 100  # of one charger, until they expire
REFUSED = "SignCertificateRefused"
_AN_HOUR, _MOST_AN_HOUR = timedelta(hours=1), 10  # requests of one charger


class Wanted(NamedTuple):
    """What a charger says in SignCertificate; the type only in 2.x, the id only in 2.1."""

    csr: str
    certificate_type: str | None = None
    request_id: int | None = None


# Tells whether a request is taken: nobody is told so before it is stored.
Take: TypeAlias = Callable[[ChargerKey, Wanted], Awaitable[bool]]


async def take_none(_key: ChargerKey, _wanted: Wanted) -> bool:
    """Take no request: there is nobody who would see it through."""
    return False


class Desk:
    """Take requests, and refuse those that will not do; the charger's owner is told why."""

    def __init__(self, parts: SigningParts, signing: Signing) -> None:
        self._parts = parts
        self._signing = signing
        self._requests = parts.storage.certificate_requests

    async def take(self, key: ChargerKey, wanted: Wanted) -> bool:
        """Take a request or refuse it; raise StorageError."""
        try:
            await self._check(key, wanted)
            before = await self._requests.of_charger(key)
            going_on = next((one for one in before if one.finished_at is None), None)
            if going_on and going_on.csr == wanted.csr and await self._renamed(going_on, wanted):
                # Asked once more, because it takes long (A02): the first one serves.
                self._signing.add(going_on)
            else:
                self._check_haste(before)
                await self._store(key, wanted, going_on)
        except NotTrusted as wrong:
            actor = f"charger:{key.charge_box_id}"
            self._parts.events.note(key, REFUSED, actor, reason=str(wrong))
            return False
        return True

    async def _check(self, key: ChargerKey, wanted: Wanted) -> None:
        if wanted.certificate_type not in (None, CHARGER):
            told = f"{wanted.certificate_type}: certificates of ISO 15118 are not signed here."
            raise NotTrusted(told)
        if self._parts.authority is None:
            raise NotTrusted(NO_AUTHORITY)
        names = await names_of(self._parts.storage, key)
        await asyncio.to_thread(check_request, wanted.csr, names)
        kept = await self._parts.storage.charger_certificates.of_charger(key)
        if len(kept) >= MOST_CERTIFICATES:
            raise NotTrusted(f"The charger has {len(kept)} certificates that have not expired.")

    def _check_haste(self, before: Sequence[CertificateRequest]) -> None:
        since = self._parts.clock.now() - _AN_HOUR
        if sum(one.requested_at > since for one in before) >= _MOST_AN_HOUR:
            raise NotTrusted(f"The charger has asked {_MOST_AN_HOUR} times within an hour.")

    async def _renamed(self, going_on: CertificateRequest, wanted: Wanted) -> bool:
        """Have an open request called as it is now; False where it has ended meanwhile."""
        return await self._requests.rename(going_on, wanted.request_id)

    async def _store(
        self, key: ChargerKey, wanted: Wanted, instead_of: CertificateRequest | None
    ) -> None:
        request = CertificateRequest(
            request_id=self._parts.new_id(),
            key=key,
            certificate_type=wanted.certificate_type,
            charger_request_id=wanted.request_id,
            csr=wanted.csr,
            state="asking",
            requested_at=self._parts.clock.now(),
        )
        await self._requests.add(request, instead_of)
        self._signing.add(request)


@contextlib.asynccontextmanager
async def taking(parts: SigningParts) -> AsyncIterator[Desk]:
    """Take requests until the context ends, and see those of before through too."""
    async with Signing(parts, SigningSteps(parts)).running() as signing:
        yield Desk(parts, signing)

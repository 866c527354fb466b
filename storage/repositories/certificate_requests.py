"""What chargers have asked a certificate authority to sign, and how far that has got."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from storage.database import Database, Transaction
from storage.records import ChargerKey
from storage.repositories.charger_certificates import add_certificate
from storage.repositories.rows import columns, keyed
from storage.security_records import CertificateRequest, ChargerCertificate
from storage.statements import charger_certificates as statements


class CertificateRequests:
    """Keep requests; what is open of them is gone on with after a restart."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def add(
        self, request: CertificateRequest, instead_of: CertificateRequest | None = None
    ) -> None:
        """Store a new request, which may end an open one, and forget the oldest of the charger."""
        async with self._database.transaction() as transaction:
            if instead_of is not None:
                await _end(transaction, instead_of, request.requested_at, "superseded")
            await transaction.execute(statements.add_certificate_request, columns(request))
            await transaction.execute(statements.trim_requests, request.key._asdict())

    async def get(self, request_id: str) -> CertificateRequest | None:
        """Return one request."""
        rows = await self._database.fetch(
            statements.certificate_request, {"request_id": request_id}
        )
        return CertificateRequest(**keyed(rows[0])) if rows else None

    async def of_charger(self, key: ChargerKey, limit: int = 20) -> list[CertificateRequest]:
        """Return a charger's requests, newest first."""
        values = {**key._asdict(), "limit": limit}
        rows = await self._database.fetch(statements.requests_of_charger, values)
        return [CertificateRequest(**keyed(row)) for row in rows]

    async def open(self) -> list[CertificateRequest]:
        """Return the requests of all organizations that are not over, oldest first."""
        rows = await self._database.fetch(statements.open_requests)
        return [CertificateRequest(**keyed(row)) for row in rows]

    async def rename(self, request: CertificateRequest, charger_request_id: int | None) -> bool:
        """Note what the charger calls an open request now (2.1); False where it is over."""
        values = {"of_request": request.request_id, "charger_request_id": charger_request_id}
        return bool(await self._database.execute(statements.rename_request, values))

    async def note_signed(
        self, request: CertificateRequest, chain: str, certificate: ChargerCertificate
    ) -> CertificateRequest | None:
        """Note what the authority has signed, and let the charger come in with it.

        Both or none, before the charger has it: it may use it before we hear that it does.
        Return the request as it is then, None where it is over; raise Conflict.
        """
        signed = replace(request, state="sending", chain=chain)
        async with self._database.transaction() as transaction:
            changed = await _change(transaction, signed)
            if changed is not None:
                await add_certificate(transaction, certificate)
        return changed

    async def note_installed(self, request: CertificateRequest, at: datetime) -> None:
        """Note that the charger has taken its certificate."""
        async with self._database.transaction() as transaction:
            await _change(transaction, replace(request, state="installed", finished_at=at))

    async def note_failed(
        self, request: CertificateRequest, at: datetime, error: str, unused: str | None = None
    ) -> None:
        """Note why nothing came of a request; the ``unused`` certificate lets nobody in."""
        async with self._database.transaction() as transaction:
            await _end(transaction, request, at, error)
            if unused is not None:
                values = {**request.key._asdict(), "sha256": unused}
                await transaction.execute(statements.drop_charger_certificate, values)


async def _end(
    transaction: Transaction, request: CertificateRequest, at: datetime, error: str
) -> None:
    failed = replace(request, state="failed", error=error, finished_at=at)
    await _change(transaction, failed)


async def _change(
    transaction: Transaction, request: CertificateRequest
) -> CertificateRequest | None:
    """Write how far a request has got, and return it; None where it is over."""
    values = {
        "of_request": request.request_id,
        "state": request.state,
        "error": request.error,
        "chain": request.chain,
        "finished_at": request.finished_at,
    }
    rows = await transaction.execute(statements.change_request, values)
    return CertificateRequest(**keyed(rows[0])) if rows else None

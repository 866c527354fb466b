"""Client certificates: what we show to targets that ask who we are."""

from __future__ import annotations

from datetime import datetime

from storage.database import Database, Row
from storage.records import ClientCertificate
from storage.repositories.rows import columns
from storage.sealed_columns import PRIVATE_KEY
from storage.secrets import Sealer
from storage.statements import certificates as statements


class ClientCertificates:
    """Store client certificates; keys are sealed on the way in and opened on the way out."""

    def __init__(self, database: Database, sealer: Sealer) -> None:
        self._database = database
        self._sealer = sealer

    async def add(self, certificate: ClientCertificate) -> None:
        """Store a new certificate."""
        row = columns(certificate)
        row["private_key"] = self._sealer.seal(certificate.private_key, PRIVATE_KEY.place(row))
        await self._database.execute(statements.add_client_certificate, row)

    async def get(self, organization_uuid: str, certificate_id: str) -> ClientCertificate | None:
        """Return one certificate of an organization; raise SealBroken."""
        values = {"organization_uuid": organization_uuid, "certificate_id": certificate_id}
        rows = await self._database.fetch(statements.client_certificate, values)
        return self._record(rows[0]) if rows else None

    async def ending(self, before: datetime) -> list[ClientCertificate]:
        """Return the certificates of all organizations that expire by then; raise SealBroken."""
        values = {"before": before}
        rows = await self._database.fetch(statements.client_certificates_ending, values)
        return [self._record(row) for row in rows]

    async def delete(self, organization_uuid: str, certificate_id: str) -> bool:
        """Delete a certificate, unless it is unknown or a proxy configuration uses it."""
        values = {"organization_uuid": organization_uuid, "certificate_id": certificate_id}
        return bool(await self._database.execute(statements.delete_client_certificate, values))

    def _record(self, row: Row) -> ClientCertificate:
        opened = self._sealer.unseal(bytes(row["private_key"]), PRIVATE_KEY.place(row))
        return ClientCertificate(**{**row, "private_key": opened})

    async def list(
        self, organization_uuid: str, limit: int = 100, after: str | None = None
    ) -> list[ClientCertificate]:
        """Return certificates by id, those behind ``after``; raise SealBroken."""
        values = {"organization_uuid": organization_uuid, "limit": limit, "after": after or ""}
        rows = await self._database.fetch(statements.client_certificates_after, values)
        return [self._record(row) for row in rows]

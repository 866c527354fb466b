"""Client certificates of chargers: which of them a charger may come in with."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from storage.database import Database, Transaction
from storage.records import ChargerKey
from storage.repositories.rows import columns, keyed, rows_among
from storage.security_records import ChargerCertificate
from storage.statements import charger_certificates as statements


class ChargerCertificates:
    """Remember whose certificate is whose; within an organization each is one charger's."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def add(self, certificate: ChargerCertificate) -> None:
        """Store a certificate; raise Conflict where the organization has it already."""
        async with self._database.transaction() as transaction:
            await add_certificate(transaction, certificate)

    async def of_charger(self, key: ChargerKey) -> list[ChargerCertificate]:
        """Return a charger's certificates, newest first, those that are revoked or expired too."""
        rows = await self._database.fetch(statements.certificates_of_charger, key._asdict())
        return [ChargerCertificate(**keyed(row)) for row in rows]

    async def find(self, organization_uuid: str, sha256: str) -> ChargerCertificate | None:
        """Return a certificate of an organization, whichever charger's it is."""
        values = {"organization_uuid": organization_uuid, "sha256": sha256}
        rows = await self._database.fetch(statements.charger_certificate, values)
        return ChargerCertificate(**keyed(rows[0])) if rows else None

    async def holder_of(self, organization_uuid: str, sha256: str) -> ChargerKey | None:
        """Return the charger whose certificate this is, revoked or not."""
        found = await self.find(organization_uuid, sha256)
        return found.key if found else None

    async def newest_of(
        self, organization_uuid: str, charge_box_ids: Sequence[str], now: datetime
    ) -> dict[str, str]:
        """Return the SHA-256 of the newest that is valid, of those chargers that have one."""
        among = statements.certificates_among
        rows = await rows_among(self._database, among, organization_uuid, charge_box_ids, now=now)
        # The first of each charger is its newest, so it has to be written last.
        return {row["charge_box_id"]: row["sha256"] for row in reversed(rows)}

    async def revoke(self, key: ChargerKey, sha256: str, at: datetime) -> bool:
        """Refuse a certificate from now on; False where it is not this charger's or is already."""
        values = {
            "of_organization": key.organization_uuid,
            "of_charger": key.charge_box_id,
            "of_sha256": sha256,
            "at": at,
        }
        return bool(await self._database.execute(statements.revoke_charger_certificate, values))


async def add_certificate(transaction: Transaction, certificate: ChargerCertificate) -> None:
    """Store a certificate in place of those that have expired; raise Conflict."""
    expired = {**certificate.key._asdict(), "now": certificate.created_at}
    await transaction.execute(statements.drop_expired_certificates, expired)
    await transaction.execute(statements.add_charger_certificate, columns(certificate))

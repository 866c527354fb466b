"""Tenants and their API keys."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from storage.clock import Clock
from storage.database import Database, Write
from storage.group_commit import GroupCommit
from storage.records import ApiKey, Authorization, Organization, Scope
from storage.repositories.rows import columns
from storage.secrets import api_key_digest, new_api_key
from storage.statements import organizations as statements

_USE_NOTED_EVERY = timedelta(minutes=1)


class Organizations:
    """Create and find organizations."""

    def __init__(self, database: Database, clock: Clock, new_id: Callable[[], str]) -> None:
        self._database = database
        self._clock = clock
        self._new_id = new_id

    async def create(self, name: str) -> Organization:
        """Create an organization; names need not be unique."""
        organization = Organization(
            organization_uuid=self._new_id(), name=name, created_at=self._clock.now()
        )
        await self._database.execute(statements.add_organization, columns(organization))
        return organization

    async def get(self, organization_uuid: str) -> Organization | None:
        """Return one organization."""
        values = {"organization_uuid": organization_uuid}
        rows = await self._database.fetch(statements.organization, values)
        return Organization(**rows[0]) if rows else None

    async def how_many_are(self, name: str) -> int:
        """Return how many organizations have this name, at most two."""
        values = {"name": name, "limit": 2}
        return len(await self._database.fetch(statements.organizations_named, values))

    async def authorize(
        self, organization_uuid: str, authorization: Authorization
    ) -> Organization | None:
        """Change whose tokens may charge; return None where there is no such organization."""
        return await self.change(organization_uuid, authorization=authorization)

    async def change(self, organization_uuid: str, **given: Any) -> Organization | None:
        """Change what is given of its settings; return None where there is no such organization."""
        async with self._database.transaction() as transaction:
            asked = {"organization_uuid": organization_uuid}
            rows = await transaction.execute(statements.organization, asked)
            if not rows:
                return None
            changed = replace(Organization(**rows[0]), **given)
            values = {**columns(changed), "of_organization": organization_uuid}
            await transaction.execute(statements.change_organization, values)
        return changed

    async def note_swept(self, moments: Mapping[str, datetime]) -> None:
        """Note up to which moment each organization's time has come."""
        rows = [{"of_organization": id, "swept_at": moment} for id, moment in moments.items()]
        await self._database.write([Write(statements.note_swept, rows)])

    async def list(self) -> list[Organization]:
        """Return all organizations, oldest first."""
        rows = await self._database.fetch(statements.all_organizations)
        return [Organization(**row) for row in rows]


class ApiKeys:
    """Hand out API keys and recognise them; only their digests are kept."""

    def __init__(
        self, database: Database, group: GroupCommit, clock: Clock, new_id: Callable[[], str]
    ) -> None:
        self._database = database
        self._group = group
        self._clock = clock
        self._new_id = new_id

    async def create(
        self,
        organization_uuid: str,
        scope: Scope,
        expires_at: datetime | None = None,
        name: str | None = None,
    ) -> tuple[ApiKey, str]:
        """Create a key and return it with its plain text, which nobody can read again."""
        plain = new_api_key()
        record = ApiKey(
            key_id=self._new_id(),
            organization_uuid=organization_uuid,
            scope=scope,
            created_at=self._clock.now(),
            expires_at=expires_at,
            name=name,
        )
        await self._database.execute(
            statements.add_api_key, {**columns(record), "digest": api_key_digest(plain)}
        )
        return record, plain

    async def owner(self, plain_key: str) -> ApiKey | None:
        """Return the key's record, also of one that is revoked or has expired."""
        digest = {"digest": api_key_digest(plain_key)}
        rows = await self._database.fetch(statements.api_key_by_digest, digest)
        return ApiKey(**rows[0]) if rows else None

    async def find(self, plain_key: str) -> ApiKey | None:
        """Return the key's record, None where it is unknown, revoked or expired."""
        record = await self.owner(plain_key)
        now = self._clock.now()
        if record is None or record.revoked_at is not None:
            return None
        if record.expires_at is not None and record.expires_at <= now:
            return None
        if record.last_used_at is None or now - record.last_used_at >= _USE_NOTED_EVERY:
            self._group.submit(statements.use_api_key, {"of_key": record.key_id, "at": now})
        return record

    async def revoke(self, key_id: str) -> bool:
        """Refuse a key from now on; return False where it is unknown or revoked already."""
        values = {"key_id": key_id, "at": self._clock.now()}
        return bool(await self._database.execute(statements.revoke_api_key, values))

    async def list(self, organization_uuid: str | None = None) -> list[ApiKey]:
        """Return the keys of one organization, or all, oldest first."""
        if organization_uuid is None:
            rows = await self._database.fetch(statements.all_api_keys)
        else:
            values = {"organization_uuid": organization_uuid}
            rows = await self._database.fetch(statements.api_keys_of, values)
        return [ApiKey(**row) for row in rows]

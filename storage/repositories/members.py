"""Members of organizations: whose sessions may do what."""

from __future__ import annotations

from typing import NamedTuple

from storage.database import Database
from storage.records import Organization, Scope
from storage.repositories.rows import columns
from storage.security_records import Member
from storage.statements import members as statements


class Membership(NamedTuple):
    """An organization that a person is a member of, and what the person may do there."""

    organization: Organization
    role: Scope


class Members:
    """Keep who is a member of what; nothing that a person can change leads to a row here."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def add(self, member: Member) -> None:
        """Add a member; raise Conflict where the person is one already."""
        await self._database.execute(statements.add_member, columns(member))

    async def put(self, member: Member) -> Member:
        """Add a member, or give one another role; return the member as it is now."""
        rows = await self._database.execute(statements.put_member, columns(member))
        return Member(**rows[0])

    async def change_role(
        self, organization_uuid: str, identity_id: str, role: Scope
    ) -> Member | None:
        """Give a member another role; return None where the person is none."""
        values = {"organization_uuid": organization_uuid, "identity_id": identity_id, "role": role}
        rows = await self._database.execute(statements.change_role, values)
        return Member(**rows[0]) if rows else None

    async def remove(self, organization_uuid: str, identity_id: str) -> bool:
        """Remove a member; return False where the person is none."""
        values = {"organization_uuid": organization_uuid, "identity_id": identity_id}
        return bool(await self._database.execute(statements.remove_member, values))

    async def list(
        self, organization_uuid: str, limit: int = 100, after: str | None = None
    ) -> list[Member]:
        """Return members in the order of their identities, those behind ``after``."""
        values = {"organization_uuid": organization_uuid, "after": after or "", "limit": limit}
        rows = await self._database.fetch(statements.members_after, values)
        return [Member(**row) for row in rows]

    async def all_of(self, organization_uuid: str) -> tuple[Member, ...]:
        """Return all members of an organization."""
        values = {"organization_uuid": organization_uuid}
        rows = await self._database.fetch(statements.members_of, values)
        return tuple(Member(**row) for row in rows)

    async def memberships(self, identity_id: str) -> tuple[Membership, ...]:
        """Return what a person is a member of."""
        rows = await self._database.fetch(statements.memberships, {"identity_id": identity_id})
        return tuple(
            Membership(
                Organization(**{name: value for name, value in row.items() if name != "role"}),
                row["role"],
            )
            for row in rows
        )

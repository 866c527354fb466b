"""Tokens that an organization knows, whatever their letters: OCPP compares them without case."""

from __future__ import annotations

import dataclasses
from datetime import datetime
from typing import Any, Literal, NamedTuple

from storage.database import Database, Row
from storage.operation_records import KnownToken
from storage.records import Authorization
from storage.repositories.rows import columns
from storage.statements import tokens as statements


class Permission(NamedTuple):
    """What an organization says of a token; ``status`` is None where it does not know it."""

    authorization: Authorization
    status: Literal["Accepted", "Blocked"] | None = None
    group_id_token: str | None = None
    expires_at: datetime | None = None


def fold(id_token: str) -> str:
    """Return a token as it is compared (1.6 CiString20Type, 2.x identifierString)."""
    return id_token.casefold()


class KnownTokens:
    """Keep the tokens of organizations; each is written as it was given."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def add(self, token: KnownToken) -> None:
        """Add a token; raise Conflict where it is known already."""
        await self._database.execute(statements.add_token, _row(token))

    async def get(self, organization_uuid: str, id_token: str) -> KnownToken | None:
        """Return a token."""
        rows = await self._database.fetch(
            statements.known_token, _this(organization_uuid, id_token)
        )
        return KnownToken(**rows[0]) if rows else None

    async def update(
        self, organization_uuid: str, id_token: str, **changes: Any
    ) -> KnownToken | None:
        """Change named fields of a token; return None where it is not known."""
        this = _this(organization_uuid, id_token)
        async with self._database.transaction() as transaction:
            rows = await transaction.execute(statements.token_to_change, this)
            if not rows:
                return None
            changed = dataclasses.replace(KnownToken(**rows[0]), **changes)
            await transaction.execute(statements.replace_token, _row(changed))
        return changed

    async def delete(self, organization_uuid: str, id_token: str) -> bool:
        """Forget a token; return False where it was not known."""
        this = _this(organization_uuid, id_token)
        return bool(await self._database.execute(statements.delete_token, this))

    async def list(
        self, organization_uuid: str, limit: int = 100, after: str | None = None
    ) -> list[KnownToken]:
        """Return tokens in the order of their letters, those behind ``after``."""
        values = {"organization_uuid": organization_uuid, "after": fold(after or "")}
        rows = await self._database.fetch(statements.tokens_after, {**values, "limit": limit})
        return [KnownToken(**row) for row in rows]

    async def permission(self, organization_uuid: str, id_token: str) -> Permission:
        """Return what an organization says of a token, in one read."""
        this = _this(organization_uuid, id_token)
        rows = await self._database.fetch(statements.authorization, this)
        return Permission(**rows[0]) if rows else Permission("reject")


def _this(organization_uuid: str, id_token: str) -> Row:
    return {"organization_uuid": organization_uuid, "folded": fold(id_token)}


def _row(token: KnownToken) -> Row:
    return {**columns(token), "folded": fold(token.id_token)}

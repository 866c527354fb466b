"""Pairs of ids: a number that one side chose, and what stands for it on the other side."""

from __future__ import annotations

import asyncio
from typing import Literal, TypeAlias

from storage.database import Database
from storage.group_commit import GroupCommit
from storage.statements import id_pairs as statements

IdKind: TypeAlias = Literal[
    "transaction", "reservation", "profile", "remote_start", "request", "display"
]


class IdPairs:
    """Remember which of our ids stands for which of a target's."""

    def __init__(self, database: Database, group: GroupCommit) -> None:
        self._database = database
        self._group = group

    def note(
        self, proxy_configuration_id: int, kind: IdKind, ours: str, theirs: str
    ) -> asyncio.Future[None]:
        """Remember one pair; the Future is done once it is on disk."""
        values = {"of_id": proxy_configuration_id, "kind": kind, "ours": ours, "theirs": theirs}
        return self._group.submit(statements.add_id_pair, values)

    async def theirs(self, proxy_configuration_id: int, kind: IdKind, ours: str) -> str | None:
        """Return the target's id for ours."""
        values = {"proxy_configuration_id": proxy_configuration_id, "kind": kind, "ours": ours}
        rows = await self._database.fetch(statements.their_id, values)
        return rows[0]["theirs"] if rows else None

    async def ours(self, proxy_configuration_id: int, kind: IdKind, theirs: str) -> str | None:
        """Return our id for the target's, the newest where it gave one twice."""
        values = {"proxy_configuration_id": proxy_configuration_id, "kind": kind, "theirs": theirs}
        rows = await self._database.fetch(statements.our_id, values)
        return rows[0]["ours"] if rows else None

    async def forget(self, proxy_configuration_id: int) -> None:
        """Forget all pairs of a target."""
        values = {"proxy_configuration_id": proxy_configuration_id}
        await self._database.execute(statements.forget_id_pairs, values)

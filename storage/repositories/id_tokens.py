"""Tokens that were accepted, by whom and when."""

from __future__ import annotations

import asyncio
from datetime import datetime
from typing import Literal

from storage.database import Database
from storage.group_commit import GroupCommit
from storage.records import ChargerKey
from storage.statements import commands as statements

Source = Literal["platform", "target"]
_STATEMENTS = {
    "platform": statements.token_of_platform,
    "target": statements.token_of_target,
}


class IdTokens:
    """Remember tokens: what we started with holds on its charger, a target's word everywhere."""

    def __init__(self, database: Database, group: GroupCommit) -> None:
        self._database = database
        self._group = group

    def note_accepted(
        self, key: ChargerKey, id_token: str, source: Source, at: datetime
    ) -> asyncio.Future[None]:
        """Note that a token was accepted."""
        values = {**key._asdict(), "id_token": id_token, "source": source, "accepted_at": at}
        return self._group.submit(statements.accept_token, values)

    async def accepted_since(
        self, key: ChargerKey, id_token: str, since: datetime, source: Source
    ) -> bool:
        """Tell whether the platform on this charger, or a target, accepted a token since then."""
        values = {**key._asdict(), "id_token": id_token, "since": since}
        return bool(await self._database.fetch(_STATEMENTS[source], values))

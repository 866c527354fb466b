"""Tokens that were accepted, by whom and when."""

from __future__ import annotations

import asyncio
from datetime import datetime
from typing import Literal

from storage.database import Database
from storage.group_commit import GroupCommit
from storage.records import ChargerKey
from storage.repositories.known_tokens import fold
from storage.statements import commands as statements

# Who accepted a token: the platform by a start, a target by a remote start or by its verdict.
Source = Literal["platform", "remote_start", "target"]
_STATEMENTS = {
    "platform": statements.token_here,
    "remote_start": statements.token_here,
    "target": statements.token_anywhere,
}


class IdTokens:
    """Remember tokens: what was started with holds on its charger, a target's word everywhere."""

    def __init__(self, database: Database, group: GroupCommit) -> None:
        self._database = database
        self._group = group

    def note_accepted(
        self, key: ChargerKey, id_token: str, source: Source, at: datetime
    ) -> asyncio.Future[None]:
        """Note that a token was accepted."""
        values = {**key._asdict(), "id_token": fold(id_token), "source": source, "accepted_at": at}
        return self._group.submit(statements.accept_token, values)

    async def accepted_since(
        self, key: ChargerKey, id_token: str, since: datetime, source: Source
    ) -> bool:
        """Tell whether a token was accepted since then: on this charger, by a target anywhere."""
        values = {**key._asdict(), "id_token": fold(id_token), "since": since, "source": source}
        return bool(await self._database.fetch(_STATEMENTS[source], values))

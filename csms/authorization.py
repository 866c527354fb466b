"""Whom an organization lets charge, where no target decides (contract §2)."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final, Literal, NamedTuple, TypeAlias

from storage.clock import Clock
from storage.records import ChargerKey
from storage.repositories.id_tokens import IdTokens
from storage.repositories.known_tokens import KnownTokens, Permission

# Invalid is what can be no token, or may not charge here; Unknown is a token that nobody knows.
Word: TypeAlias = Literal["Accepted", "Blocked", "Expired", "Invalid", "Unknown"]

# What we have started with is accepted so long, so that a driver can come back to it.
_STARTED_WITH = timedelta(days=30)


class Verdict(NamedTuple):
    """What is said of a token; what the organization knows of it goes along."""

    word: Word
    group_id_token: str | None = None
    expires_at: datetime | None = None


UNREADABLE: Final = Verdict("Invalid")
FREE: Final = Verdict("Accepted")


class Authorization:
    """Judge tokens by what their organization has set, and by what it knows of them."""

    def __init__(self, known_tokens: KnownTokens, id_tokens: IdTokens, clock: Clock) -> None:
        self._known_tokens = known_tokens
        self._id_tokens = id_tokens
        self._clock = clock

    async def verdict(self, key: ChargerKey, id_token: str | None) -> Verdict:
        """Return the verdict on a token that a charger presents; raise StorageError.

        What we have started with on this charger is accepted always.
        """
        if id_token is None:
            return UNREADABLE
        now = self._clock.now()
        permission = await self._known_tokens.permission(key.organization_uuid, id_token)
        word = _word(permission, now)
        if word != "Accepted" and await self._started_with(key, id_token, now):
            word = "Accepted"
        return Verdict(word, permission.group_id_token, permission.expires_at)

    async def _started_with(self, key: ChargerKey, id_token: str, now: datetime) -> bool:
        since = now - _STARTED_WITH
        return await self._id_tokens.accepted_since(key, id_token, since, "platform")


def _word(permission: Permission, now: datetime) -> Word:
    if permission.status == "Blocked":
        return "Blocked"
    if permission.expires_at is not None and permission.expires_at <= now:
        return "Expired"
    if permission.authorization == "accept_all":
        return "Accepted"
    if permission.status is None:
        return "Unknown"
    return "Accepted" if permission.authorization == "known" else "Invalid"

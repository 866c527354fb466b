"""Judge id tokens: by the target's word, by ours, or by what was accepted before."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from csms.frames import Call, CallResult, Reply
from proxy import authority

if TYPE_CHECKING:
    from proxy.parts import RelayParts
    from proxy.wishes import Wishes
    from storage.records import ChargerKey
    from storage.repositories.id_tokens import Source


class Judge:
    """Say of a token that one charger presents whether it may charge; raise StorageError."""

    def __init__(self, key: ChargerKey, version: str, parts: RelayParts) -> None:
        self._key = key
        self._version = version
        self._tokens = parts.storage.id_tokens
        self._known_tokens = parts.storage.known_tokens
        self._clock = parts.clock
        self._lasting = timedelta(seconds=parts.timings.known_token)
        self._starting = timedelta(seconds=parts.timings.remote_start)

    async def knows(self, token: str) -> bool:
        """Tell whether the platform itself has accepted a token on this charger."""
        return await self._accepted(token, "platform", self._lasting)

    async def lists(self, token: str) -> bool:
        """Tell whether the organization knows a token, so that our answer has its verdict."""
        known = await self._known_tokens.get(self._key.organization_uuid, token)
        return known is not None

    def accepted(self, call: Call, ours: CallResult) -> CallResult:
        """Return our answer with the token accepted."""
        return authority.fallback(self._version, call.action, ours, accepted=True)

    async def judged(
        self,
        call: Call,
        ours: CallResult,
        theirs: Reply | None,
        token: str,
        wishes: Wishes,
        *,
        remote: bool = False,
    ) -> CallResult:
        """Return the answer for the charger; what the platform started with is accepted always.

        So is, without its word, what the target itself has started: ``remote`` says that the
        message names such a start, else the token has to be the one of a start not long ago.
        """
        version, action, answer = self._version, call.action, ours
        verdict = None
        if isinstance(theirs, CallResult):
            verdict = authority.verdict_of(version, action, theirs.fields)
            answer = authority.merge(version, action, ours, theirs)
        if verdict == "Accepted":
            self._tokens.note_accepted(self._key, token, "target", self._clock.now())
        if await self.knows(token):
            return self.accepted(call, answer)
        if verdict is None:
            accepted = remote or await self._falls_back_to(token, wishes)
            return authority.fallback(version, action, ours, accepted=accepted)
        return answer

    async def _falls_back_to(self, token: str, wishes: Wishes) -> bool:
        if await self._accepted(token, "remote_start", self._starting):
            return True
        if wishes.on_target_down == "accept_known":
            return await self._accepted(token, "target", self._lasting)
        return wishes.on_target_down == "accept_all"

    async def _accepted(self, token: str, source: Source, lasting: timedelta) -> bool:
        since = self._clock.now() - lasting
        return await self._tokens.accepted_since(self._key, token, since, source)

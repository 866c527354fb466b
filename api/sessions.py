"""
Know whose session it is, and ask Kratos no more than is needed (S-13).

A session is believed in for some seconds. Who asks with the same credential meanwhile waits for
the same answer. When Kratos has not answered a few times running, nobody waits for it any more but
one, now and then, who finds out whether it is back: nobody is let in until then.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections import OrderedDict
from collections.abc import AsyncIterator, Callable
from hashlib import sha256
from typing import NamedTuple

import structlog

from api.errors import ApiError, SessionsUnavailable
from api.kratos import Kratos, KratosSilent, Session, client
from api.presented import Presented
from storage.clock import Clock

log = structlog.get_logger("ringmain.sessions")

MOST_KEPT = 10_000
MOST_ASKED_AT_ONCE = 64
# Of one address: whoever makes up tokens there takes nobody else's place.
MOST_OF_ONE_SOURCE = 32
# How often Kratos may be silent before it is left alone, and then for how long.
PATIENCE, FIRST_PAUSE, LONGEST_PAUSE = 3, 1.0, 5.0


class _Known(NamedTuple):
    session: Session
    until: float


class Outage:
    """Know whether Kratos may be asked."""

    def __init__(self, monotonic: Callable[[], float]) -> None:
        self._now = monotonic
        self._silent = 0
        self._until = 0.0

    def check(self) -> None:
        """Raise KratosSilent while it is left alone; else be the one who tries."""
        if self._silent < PATIENCE:
            return
        if self._now() < self._until:
            raise KratosSilent
        self._until = self._now() + LONGEST_PAUSE  # the others wait for how this one fares

    def silent(self) -> None:
        """Note that it did not answer."""
        self._silent += 1
        if self._silent >= PATIENCE:
            pause = min(FIRST_PAUSE * 2 ** min(self._silent - PATIENCE, 10), LONGEST_PAUSE)
            self._until = self._now() + pause
        if self._silent == PATIENCE:
            log.warning("kratos_is_silent", sessions="refused with 503 until it answers")

    def answered(self) -> None:
        """Note that it is there, whatever it said."""
        if self._silent >= PATIENCE:
            log.info("kratos_answers_again")
        self._silent = 0


class Sessions:
    """Tell whose session a credential is of."""

    def __init__(
        self,
        kratos: Kratos,
        cookie: str,
        clock: Clock,
        *,
        most_kept: int = MOST_KEPT,
        monotonic: Callable[[], float] | None = None,
    ) -> None:
        self.cookie = cookie
        self._kratos = kratos
        self._clock = clock
        self._most_kept = most_kept
        self._now = monotonic or asyncio.get_running_loop().time
        self._outage = Outage(self._now)
        self._known: OrderedDict[bytes, _Known] = OrderedDict()
        self._asking: dict[bytes, asyncio.Task[Session | ApiError]] = {}
        self._sources: dict[bytes, str] = {}  # of those

    async def identity(self, presented: Presented, source: str = "") -> str:
        """Return the identity; raise Unauthorized, Forbidden or SessionsUnavailable.

        ``source`` is where it is presented; an empty one is not counted.
        """
        digest = sha256(f"{presented.kind}:{presented.secret}".encode()).digest()
        session = self._believed(digest) or await self._answer(digest, presented, source)
        if isinstance(session, ApiError):
            raise session
        return session.identity_id

    def _believed(self, digest: bytes) -> Session | None:
        known = self._known.get(digest)
        if known is None:
            return None
        if known.until <= self._now() or known.session.expires_at <= self._clock.now():
            del self._known[digest]
            return None
        self._known.move_to_end(digest)
        return known.session

    async def _answer(self, digest: bytes, presented: Presented, source: str) -> Session | ApiError:
        """Wait for the one request about this credential; hanging up does not end it."""
        asking = self._asking.get(digest)
        if asking is None:
            if len(self._asking) >= MOST_ASKED_AT_ONCE or self._is_crowded(source):
                return SessionsUnavailable()
            self._outage.check()
            asking = asyncio.create_task(self._ask(digest, presented))
            self._asking[digest] = asking
            self._sources[digest] = source
        return await asyncio.shield(asking)

    def _is_crowded(self, source: str) -> bool:
        if not source:
            return False
        return [*self._sources.values()].count(source) >= MOST_OF_ONE_SOURCE

    async def _ask(self, digest: bytes, presented: Presented) -> Session | ApiError:
        begun = self._now()
        try:
            session = await self._kratos.whoami(presented)
        except KratosSilent as silence:
            self._outage.silent()
            return silence
        except ApiError as refusal:
            self._outage.answered()
            return refusal
        finally:
            del self._asking[digest], self._sources[digest]
        self._outage.answered()
        self._believe(digest, _Known(session, begun + session.cache_seconds))
        return session

    def _believe(self, digest: bytes, known: _Known) -> None:
        self._known[digest] = known
        while len(self._known) > self._most_kept:
            self._known.popitem(last=False)

    async def close(self) -> None:
        """Wait for nobody any more."""
        asking = [*self._asking.values()]
        for each in asking:
            each.cancel()
        await asyncio.gather(*asking, return_exceptions=True)


@contextlib.asynccontextmanager
async def open_sessions(
    url: str | None, cookie: str, clock: Clock
) -> AsyncIterator[Sessions | None]:
    """Take sessions of the Kratos at this URL until the context ends; without a URL none."""
    if url is None:
        yield None
        return
    async with client() as http:
        sessions = Sessions(Kratos(http, url, cookie, clock), cookie, clock)
        try:
            yield sessions
        finally:
            await sessions.close()

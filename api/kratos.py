"""
Ask Ory Kratos whose session it is: `GET /sessions/whoami` of its public API (S-13).

Kratos gets the one credential that was presented and nothing else of the request: it takes a
session token also from `Authorization`, where our API keys are. What it answers is believed only
as far as it is documented; everything else is no answer, and nobody is let in on it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import aiohttp
import orjson

from api.errors import Forbidden, SessionsUnavailable, Unauthorized
from api.presented import Presented
from storage.clock import Clock

ANSWER_SECONDS = 2.0
MAX_ANSWER_BYTES = 256 << 10
# How long a session is believed in: Kratos says so only where it is set up to (`feature_flags.
# cacheable_sessions`), else for a few seconds, and never longer than the most.
CACHE_SECONDS, MOST_CACHE_SECONDS = 5.0, 30.0

_SECOND_FACTOR = "session_aal2_required"


class KratosSilent(SessionsUnavailable):
    """Sessions cannot be checked at the moment: Kratos does not answer. API keys work."""


class KratosUnclear(SessionsUnavailable):
    """Sessions cannot be checked at the moment: Kratos answers with an error. API keys work."""


@dataclass(frozen=True, slots=True)
class Session:
    """Whose session it is, until when, and how long that is believed without asking again."""

    identity_id: str
    expires_at: datetime
    cache_seconds: float


class Kratos:
    """Ask one Kratos; ``cookie`` is the name of its session cookie."""

    def __init__(
        self,
        http: aiohttp.ClientSession,
        url: str,
        cookie: str,
        clock: Clock,
        answer_seconds: float = ANSWER_SECONDS,
    ) -> None:
        self._http = http
        self._whoami = f"{url}/sessions/whoami"
        self._cookie = cookie
        self._clock = clock
        self._answer_seconds = answer_seconds

    async def whoami(self, presented: Presented) -> Session:
        """Return the session; raise Unauthorized, Forbidden or SessionsUnavailable."""
        status, headers, body = await self._asked(presented)
        if status == 401:
            raise Unauthorized
        said = _decoded(body)
        if status == 403 and _error_id(said) == _SECOND_FACTOR:
            raise Forbidden("The session needs the second factor: log in again with it.")
        if status != 200:
            raise KratosUnclear
        return _session(said, headers, self._clock.now())

    async def _asked(self, presented: Presented) -> tuple[int, Mapping[str, str], bytes]:
        try:
            async with (
                asyncio.timeout(self._answer_seconds),
                self._http.get(
                    self._whoami, headers=self._headers(presented), allow_redirects=False
                ) as answer,
            ):
                return answer.status, answer.headers, await _bounded(answer.content)
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise KratosSilent from error

    def _headers(self, presented: Presented) -> dict[str, str]:
        if presented.kind == "token":
            return {"X-Session-Token": presented.secret}
        return {"Cookie": f"{self._cookie}={presented.secret}"}


def client() -> aiohttp.ClientSession:
    """Return what asks: it keeps no cookies, follows nobody and asks no proxy."""
    return aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(limit=64, keepalive_timeout=30),
        cookie_jar=aiohttp.DummyCookieJar(),
        headers={"Accept": "application/json", "Accept-Encoding": "identity"},
        auto_decompress=False,
        trust_env=False,
    )


async def _bounded(content: aiohttp.StreamReader) -> bytes:
    body = b""
    async for part in content.iter_any():
        body += part
        if len(body) > MAX_ANSWER_BYTES:
            raise KratosUnclear
    return body


def _decoded(body: bytes) -> Any:
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError:
        raise KratosUnclear from None


def _error_id(said: Any) -> Any:
    error = said.get("error") if isinstance(said, dict) else None
    return error.get("id") if isinstance(error, dict) else None


def _session(said: Any, headers: Mapping[str, str], now: datetime) -> Session:
    """Return the session that Kratos tells of, if it is one that counts now."""
    try:
        identity, active = said["identity"], said["active"]
        identity_id, state = str(UUID(hex=identity["id"])), identity["state"]
        expires_at = datetime.fromisoformat(said["expires_at"])
        over = expires_at <= now
    except (KeyError, TypeError, ValueError, AttributeError):
        raise KratosUnclear from None
    named = headers.get("X-Kratos-Authenticated-Identity-Id", identity_id)
    if type(active) is not bool or type(state) is not str or named != identity_id:
        raise KratosUnclear
    if not active or state != "active" or over:
        raise Unauthorized
    return Session(identity_id, expires_at, _cache_seconds(headers))


def _cache_seconds(headers: Mapping[str, str]) -> float:
    said = headers.get("Ory-Session-Cache-For")
    if said is None:
        return CACHE_SECONDS
    return min(float(said), MOST_CACHE_SECONDS) if said.isdecimal() and said.isascii() else 0.0

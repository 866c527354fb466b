"""
How often one may ask: callers by who they are, strangers by where they are (S-12, S-17).

Who is known is limited by name, so that nobody uses up what is another's. Who is not is only
counted: a valid key or session is let in from any address, whoever else guesses from there.
"""

from __future__ import annotations

import math
import time
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from aiohttp import web
from aiohttp.typedefs import Handler

from api.errors import TooMany, Unauthorized
from api.parts import CALLER, PARTS
from csms.attempts import source_of
from csms.forwarded import Origin, is_loopback, origin_of, told_address
from csms.setting_values import Network, Rate

CALLERS = Rate(100.0, 1000)
STRANGERS = Rate(20.0, 100)  # failed authentications of one source
# What proxies add to what they pass on.
_PASSED_ON = (
    "X-Forwarded-For",
    "X-Forwarded-Proto",
    "X-Forwarded-Host",
    "X-Real-IP",
    "Forwarded",
    "Via",
)
MOST_KEPT = 50_000  # names in mind: some 5 MB


class Buckets:
    """A bucket of tokens for each name: it fills by so many a second, and holds a burst.

    Of a name that comes seldom nothing is kept in mind, which is as good as a full bucket.
    """

    def __init__(self, rate: Rate, monotonic: Callable[[], float], most: int = MOST_KEPT) -> None:
        self._interval = 1 / rate.per_second
        self._tolerance = rate.burst / rate.per_second
        self._now = monotonic
        self._most = most
        # When the bucket of a name is full again.
        self._full: OrderedDict[str, float] = OrderedDict()

    def take(self, name: str) -> float:
        """Take a token; where there is none return in how many s there will be one, else 0."""
        now = self._now()
        full = max(self._full.get(name, now), now) + self._interval
        # A hair more: what was added up ten thousand times is not exact.
        wait = full - now - self._tolerance
        if wait > self._interval * 1e-6:
            return wait
        self._full[name] = full
        self._full.move_to_end(name)
        if len(self._full) > self._most:
            self._full.popitem(last=False)
        return 0.0

    def __len__(self) -> int:
        return len(self._full)


@dataclass(frozen=True, slots=True)
class RateLimits:
    """How often callers may ask and strangers fail, and which proxies are believed."""

    callers: Rate = CALLERS
    strangers: Rate = STRANGERS
    trusted_proxies: Sequence[Network] = ()
    monotonic: Callable[[], float] = time.monotonic


class Rates:
    """The buckets of callers and of strangers."""

    def __init__(self, limits: RateLimits) -> None:
        self.callers = Buckets(limits.callers, limits.monotonic)
        self.strangers = Buckets(limits.strangers, limits.monotonic)
        self._trusted = limits.trusted_proxies

    def source(self, request: web.Request) -> str:
        """Return where a request comes from, as strangers are counted."""
        return source_of(self._origin(request).address)

    def is_forwarded(self, request: web.Request) -> bool:
        """Tell whether a trusted proxy has passed a request on."""
        return self._origin(request).forwarded

    def is_here(self, request: web.Request) -> bool:
        """Tell whether a request comes from this machine, and not through a proxy on it.

        A trusted proxy has to say so; what another one passes on is known by its headers.
        """
        origin = self._origin(request)
        if origin.forwarded:
            said = told_address(_Headers(request), self._trusted)
            return said is not None and is_loopback(said)
        passed_on = any(name in request.headers for name in _PASSED_ON)
        return is_loopback(origin.address) and not passed_on

    def _origin(self, request: web.Request) -> Origin:
        return origin_of(Origin(request.remote or ""), _Headers(request), self._trusted)


@dataclass(frozen=True, slots=True)
class _Headers:
    """The headers of a request as `csms.forwarded` reads them."""

    request: web.Request

    def get_all(self, key: str, /) -> list[str]:
        """Return the values of one header."""
        return list(self.request.headers.getall(key, ()))


RATES = web.AppKey("RATES", Rates)


@web.middleware
async def guesses_limited(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Answer a stranger who fails too often with 429 instead of 401; for around the authentication.

    The key was looked up all the same: else a guesser would lock out those behind his address.
    """
    try:
        return await handler(request)
    except Unauthorized:
        if CALLER in request:  # whom we know, but who may not do this
            raise
        rates = request.app[RATES]
        if wait := rates.strangers.take(rates.source(request)):
            request.app[PARTS].metered.tally.limited["strangers"] += 1
            told = "Too many requests without a valid key have come from this address."
            raise TooMany(told, retry_after=whole_seconds(wait)) from None
        raise


def check_rate(request: web.Request, actor: str) -> None:
    """Raise TooMany where who is known asks too often, whether he may ask that or not."""
    if wait := request.app[RATES].callers.take(actor):
        request.app[PARTS].metered.tally.limited["callers"] += 1
        raise TooMany(retry_after=whole_seconds(wait)) from None


def whole_seconds(wait: float) -> int:
    """Return after how many whole seconds to come again, which is never at once."""
    return max(1, math.ceil(wait))

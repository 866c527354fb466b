"""How often a stranger may guess: limits of attempts, which lock no working charger out.

Only failures count, and never those at a charger alone: whoever guesses at it from elsewhere would
lock it out. They count by the pair of source and charger, and by source (CWE-307). A pair that has
come in within a day is always evaluated, whatever its neighbours behind the same address do.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from ipaddress import IPv6Address, ip_address
from typing import TYPE_CHECKING, TypeVar

from storage.records import ChargerKey

if TYPE_CHECKING:
    from storage.repositories.chargers import Chargers

_LONGEST_SOURCE = 64  # characters, where a trusted proxy forwards what is no address
_SUBNET = 64  # bits that one customer of an IPv6 provider cannot choose

Place = TypeVar("Place")
Note = TypeVar("Note")


@dataclass(frozen=True, slots=True)
class AttemptLimits:
    """How many failures are borne with, and how much is kept in mind."""

    free: int = 5  # failures of a pair, before it has to wait
    first_wait: float = 1.0  # s, doubled with each failure
    longest_wait: float = 60.0
    rate: float = 20.0  # failures/s of a source
    burst: float = 100.0
    known_for: float = 24 * 3600.0  # s, since a pair has come in
    addresses_per_charger: int = 4
    most_chargers: int = 100_000
    most_strangers: int = 50_000  # pairs and sources each: 40 MB of both


@dataclass(slots=True)
class _Failures:
    """What has failed at one pair, and until when it has to wait."""

    count: int = 0
    until: float = 0.0


class Attempts:
    """Tell which attempts to come in are evaluated; the others are refused as if they had been.

    An attempt that ``allows`` has let pass counts against its pair at once, so that many at the
    same time are no way around: say ``succeeded`` or ``undecided`` to take it back, or ``failed``.
    Sources are addresses; of IPv6 the first 64 bits count.
    """

    def __init__(self, monotonic: Callable[[], float], limits: AttemptLimits | None = None) -> None:
        self._now = monotonic
        self._limits = limits or AttemptLimits()
        self._known: OrderedDict[ChargerKey, dict[str, float]] = OrderedDict()
        self._pairs: OrderedDict[tuple[str, ChargerKey | None], _Failures] = OrderedDict()
        # When the last failure of a source is worked off, at the rate that it may have.
        self._settled: OrderedDict[str, float] = OrderedDict()

    def allows(self, address: str, key: ChargerKey | None) -> bool:
        """Tell whether an attempt is evaluated; one without a charger has None as its key."""
        source, now = source_of(address), self._now()
        if self._is_known(source, key, now):
            return True
        limits, pair = self._limits, self._pairs.get((source, key))
        debt = self._settled.get(source, now) - now + 1 / limits.rate
        if debt > limits.burst / limits.rate or (pair is not None and now < pair.until):
            return False
        pair = pair or _Failures()
        pair.count += 1
        if pair.count >= limits.free:
            doubled = limits.first_wait * 2.0 ** min(pair.count - limits.free, 30)
            pair.until = now + min(doubled, limits.longest_wait)
        _keep(self._pairs, (source, key), pair, limits.most_strangers)
        return True

    def failed(self, address: str, key: ChargerKey | None) -> None:
        """Take note that an attempt was evaluated and refused."""
        source, now = source_of(address), self._now()
        if not self._is_known(source, key, now):
            settled = max(self._settled.get(source, now), now) + 1 / self._limits.rate
            _keep(self._settled, source, settled, self._limits.most_strangers)

    def undecided(self, address: str, key: ChargerKey | None) -> None:
        """Take note that an attempt could not be evaluated, through no fault of who made it."""
        pair = self._pairs.get((source_of(address), key))
        if pair is not None:
            pair.count, pair.until = max(pair.count - 1, 0), 0.0

    def succeeded(self, address: str, key: ChargerKey) -> None:
        """Take note that a charger is in, or was until now, from this address."""
        self.remember(address, key, 0.0)
        self._pairs.pop((source_of(address), key), None)

    def remember(self, address: str, key: ChargerKey, ago: float) -> None:
        """Take note that a charger was in so many s ago."""
        source, sources = source_of(address), self._known.get(key, {})
        sources.pop(source, None)  # the latest is the last
        sources[source] = self._now() - ago
        if len(sources) > self._limits.addresses_per_charger:
            del sources[next(iter(sources))]
        _keep(self._known, key, sources, self._limits.most_chargers)

    async def recall(self, chargers: Chargers, now: datetime) -> None:
        """Take up what is stored of who came in before the server was started."""
        since = now - timedelta(seconds=self._limits.known_for)
        async for key, address, seen in chargers.recently_seen(since):
            self.remember(address, key, (now - seen).total_seconds())

    def _is_known(self, source: str, key: ChargerKey | None, now: float) -> bool:
        came = self._known.get(key, {}).get(source) if key else None
        return came is not None and now - came <= self._limits.known_for


def source_of(address: str) -> str:
    """Return what counts as one source: an IPv4 address, or the /64 of an IPv6 address."""
    try:
        ip = ip_address(address.partition("%")[0])
    except ValueError:
        return address[:_LONGEST_SOURCE]
    if not isinstance(ip, IPv6Address):
        return str(ip)
    if ip.ipv4_mapped is not None:
        return str(ip.ipv4_mapped)
    return f"{IPv6Address(int(ip) >> _SUBNET << _SUBNET)}/{_SUBNET}"


def _keep(kept: OrderedDict[Place, Note], place: Place, note: Note, most: int) -> None:
    kept[place] = note
    kept.move_to_end(place)
    if len(kept) > most:
        kept.popitem(last=False)

"""Two devices with one charger's credentials: which of them stays (CWE-613, CVE-2026-24912).

The newest authenticated socket wins, since a charger dials again while its old socket still looks
alive. Where different addresses go on taking a charger over from each other, two devices are alive:
then the one that is in and answers stays, and its owner is told. The new password that he gives to
his charger ends it: who is in by the old one goes.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field

from csms.attempts import source_of
from csms.registry import Connection, Registry
from csms.security_events import SecurityEvents
from storage.records import ChargerKey


@dataclass(frozen=True, slots=True)
class TakeoverLimits:
    """When it is a conflict, and what who is in has to do to stay."""

    most: int = 6  # within the window, from different addresses
    window: float = 60.0  # s
    answer_seconds: float = 2.0
    # A conflict lasts until no other device has come for so many s.
    quiet: float = 300.0
    most_kept: int = 10_000  # chargers


@dataclass(slots=True)
class _Rivalry:
    """When other devices came to one charger's link, as far back as it matters."""

    takeovers: list[float] = field(default_factory=list)
    came: float = 0.0
    conflict: bool = False


class Takeovers:
    """Decide whether a newcomer, fully authenticated, may take its charger over."""

    def __init__(
        self,
        registry: Registry,
        events: SecurityEvents,
        monotonic: Callable[[], float],
        limits: TakeoverLimits | None = None,
    ) -> None:
        self._registry = registry
        self._events = events
        self._now = monotonic
        self._limits = limits or TakeoverLimits()
        self._rivalries: OrderedDict[ChargerKey, _Rivalry] = OrderedDict()

    async def allows(
        self, key: ChargerKey, address: str, entrance: tuple[object, ...] = ()
    ) -> bool:
        """Tell whether who comes from this address gets the charger; it may take 2 s to tell.

        ``entrance`` is what it came in by. Who is in by an older one could not come in any more.
        """
        present = self._registry.find(key)
        if present is None or source_of(present.remote_address) == source_of(address):
            return True
        if present.entrance != entrance:
            return True
        now, rivalry = self._now(), self._rivalry(key)
        if self._is_calm(rivalry, now) or not await present.link.answers(
            self._limits.answer_seconds
        ):
            rivalry.takeovers.append(now)
            return True
        if not rivalry.conflict:
            rivalry.conflict = True
            self._tell(present, address)
        return False

    def _rivalry(self, key: ChargerKey) -> _Rivalry:
        rivalry = self._rivalries.setdefault(key, _Rivalry())
        self._rivalries.move_to_end(key)
        if len(self._rivalries) > self._limits.most_kept:
            self._rivalries.popitem(last=False)
        return rivalry

    def _is_calm(self, rivalry: _Rivalry, now: float) -> bool:
        quiet, rivalry.came = now - rivalry.came, now
        rivalry.conflict = rivalry.conflict and quiet < self._limits.quiet
        rivalry.takeovers = [at for at in rivalry.takeovers if now - at < self._limits.window]
        return not rivalry.conflict and len(rivalry.takeovers) < self._limits.most

    def _tell(self, present: Connection, address: str) -> None:
        self._events.note(
            present.key,
            "DuplicateConnection",
            f"address:{address}",
            kept=present.remote_address,
            advice="Two devices have this charger's credentials. Give the charger that is yours "
            "a new password or certificate.",
        )

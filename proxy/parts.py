"""Name what the live half of the proxy is made of."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from random import random
from typing import TYPE_CHECKING

from csms.frames import Limits
from csms.news import News
from csms.spans import Linking, untraced
from proxy.timings import Timings

if TYPE_CHECKING:
    from proxy.addresses import AddressGuard
    from storage.clock import Clock
    from storage.store import Storage


@dataclass(frozen=True, slots=True, kw_only=True)
class RelayParts:
    """Everything that relays and target links work with; ``max_dials`` is how many at once."""

    storage: Storage
    guard: AddressGuard
    clock: Clock
    limits: Limits = field(default_factory=Limits)
    timings: Timings = field(default_factory=Timings)
    random: Callable[[], float] = random
    max_dials: int = 50
    linking: Linking = untraced
    # Told how links are.
    news: News = field(default_factory=News)

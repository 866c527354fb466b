"""Name what metrics are read of."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Protocol

from api.metering.census import Census, Queued
from api.tally import ApiTally
from csms.doorstep import Doorstep
from csms.loop_lag import LoopLag
from csms.registry import Registry
from csms.security_events import SecurityEvents
from csms.tallies import DoorTally, LinkTally
from proxy.states import State
from storage.clock import Clock
from storage.store import Storage


class Gate(Protocol):
    """The door for chargers, as far as it counts."""

    links: LinkTally
    tally: DoorTally
    doorstep: Doorstep


class Targets(Queued, Protocol):
    """The links to targets, as far as they count."""

    links: LinkTally

    def states(self) -> Counter[State]:
        """Count the links by where they are."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sources:
    """Who knows what."""

    storage: Storage
    clock: Clock
    registry: Registry
    gateway: Gate
    relays: Targets
    events: SecurityEvents
    census: Census
    tally: ApiTally = field(default_factory=ApiTally)
    lag: LoopLag = field(default_factory=LoopLag)

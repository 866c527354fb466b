"""Two devices with one charger's credentials: the one that is in and answers stays."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field, replace
from typing import Any, cast

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, rule

from csms.link import Link
from csms.registry import Registry
from csms.security_events import SecurityEvents
from csms.takeovers import TakeoverLimits, Takeovers
from storage.records import ChargerKey
from tests.csms.test_registry import KEYS, connection

A, B = "192.0.2.1", "198.51.100.7"


@dataclass
class Events:
    """Remember what is noted."""

    noted: list[tuple[ChargerKey, str, str, dict[str, Any]]] = field(default_factory=list)

    def note(self, key: ChargerKey, kind: str, actor: str, **details: Any) -> None:
        """Note one event."""
        self.noted.append((key, kind, actor, details))


@dataclass
class Wire:
    """A link that is asked whether it lives."""

    alive: bool = True
    asked: list[float] = field(default_factory=list)

    async def answers(self, patience: float) -> bool:
        """Say what it was told to say."""
        self.asked.append(patience)
        return self.alive


class Ring:
    """A charger's door: who is in, and what newcomers are told."""

    def __init__(self, limits: TakeoverLimits | None = None) -> None:
        self.now = 1000.0
        self.registry, self.events, self.wire = Registry(), Events(), Wire()
        self.takeovers = Takeovers(
            self.registry, cast("SecurityEvents", self.events), lambda: self.now, limits
        )

    async def dial(self, address: str, key: ChargerKey = KEYS[0], password: str = "") -> bool:
        """Come in as the charger, if that is allowed."""
        if not await self.takeovers.allows(key, address, (password,)):
            return False
        newcomer = replace(
            connection(self.registry, key),
            remote_address=address,
            link=cast("Link", self.wire),
            entrance=(password,),
        )
        self.registry.replace(newcomer)
        return True

    @property
    def present(self) -> str:
        """Tell from where who is in came."""
        found = self.registry.find(KEYS[0])
        assert found is not None
        return found.remote_address


@pytest.fixture
def ring() -> Ring:
    return Ring()


async def test_two_that_take_over_from_each_other_stop_at_the_seventh_within_a_minute(
    ring: Ring,
) -> None:
    came = [await ring.dial((A, B)[number % 2]) for number in range(100)]

    # The first one found nobody there.
    assert came == [True] * 7 + [False, True] * 46 + [False]
    assert ring.present == A
    assert [(key, kind, actor) for key, kind, actor, _ in ring.events.noted] == [
        (KEYS[0], "DuplicateConnection", f"address:{B}")
    ]
    assert ring.events.noted[0][3]["kept"] == A


async def test_in_a_conflict_who_has_a_new_password_takes_the_charger_over(ring: Ring) -> None:
    for number in range(8):
        await ring.dial((A, B)[number % 2])
    assert not await ring.dial(B)

    assert await ring.dial(B, password="new")
    assert ring.present == B


async def test_who_does_not_answer_is_taken_over_however_often(ring: Ring) -> None:
    ring.wire.alive = False

    assert all([await ring.dial((A, B)[number % 2]) for number in range(100)])
    assert ring.wire.asked == [2.0] * 93
    assert ring.events.noted == []


async def test_a_charger_that_dials_again_from_one_address_is_no_conflict(ring: Ring) -> None:
    assert all([await ring.dial(A) for _ in range(100)])
    assert ring.wire.asked == []


async def test_six_in_a_minute_are_borne_with_for_ever(ring: Ring) -> None:
    for number in range(100):
        assert await ring.dial((A, B)[number % 2])
        ring.now += 10.0


async def test_a_conflict_lasts_as_long_as_the_other_one_comes(ring: Ring) -> None:
    for number in range(8):
        await ring.dial((A, B)[number % 2])
    for _ in range(20):
        ring.now += 299.0
        assert not await ring.dial(B)
    assert len(ring.events.noted) == 1

    ring.now += 301.0
    assert await ring.dial(B)


async def test_many_newcomers_at_once_are_one_conflict(ring: Ring) -> None:
    for number in range(7):
        await ring.dial((A, B)[number % 2])

    assert not any(await asyncio.gather(*(ring.dial(B) for _ in range(20))))
    assert len(ring.events.noted) == 1


async def test_chargers_conflict_each_on_its_own(ring: Ring) -> None:
    for number in range(50):
        await ring.dial((A, B)[number % 2], KEYS[0])

    assert await ring.dial(A, KEYS[1])
    assert await ring.dial(B, KEYS[1])


async def test_rivals_without_number_take_bounded_memory() -> None:
    ring = Ring(TakeoverLimits(most_kept=10))
    for number in range(200):
        key = ChargerKey("organization-1", f"CP{number}")
        await ring.dial(A, key)
        await ring.dial(B, key)

    assert len(ring.takeovers._rivalries) == 10


class Rivals(RuleBasedStateMachine):
    """Three devices beside a model that remembers every one that came."""

    def __init__(self) -> None:
        super().__init__()
        self.ring = Ring()
        self.switches: list[float] = []
        self.conflict_until = 0.0
        self.present: str | None = None

    @rule(seconds=st.sampled_from([1.0, 20.0, 100.0, 400.0]))
    def wait(self, seconds: float) -> None:
        self.ring.now += seconds

    @rule(address=st.sampled_from([A, B, "203.0.113.9"]), alive=st.booleans())
    def dial(self, address: str, *, alive: bool) -> None:
        now, self.ring.wire.alive = self.ring.now, alive
        recent = [at for at in self.switches if now - at < 60.0]
        rival = self.present not in (None, address)
        contested = rival and (now < self.conflict_until or len(recent) >= 6)
        expected = not (contested and alive)
        if rival and (not expected or now < self.conflict_until):
            self.conflict_until = now + 300.0
        if expected:
            if rival:
                self.switches.append(now)
            self.present = address

        assert asyncio.run(self.ring.dial(address)) == expected
        assert self.ring.present == self.present


TestRivals = Rivals.TestCase

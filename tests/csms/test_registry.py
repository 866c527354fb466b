from __future__ import annotations

import time
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import cast

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    invariant,
    rule,
)

from csms.commands import Command, Outcome, Reset
from csms.errors import ChargerOffline, LinkClosed
from csms.frames import OCPP16
from csms.link import Link
from csms.registry import Connection, Registry
from csms.station import Station
from storage.records import ChargerKey
from tests.doubles import socket_pair

KEYS = [ChargerKey("organization-1", id) for id in ("CP01", "CP02")]
KEYS.append(ChargerKey("organization-2", "CP01"))


@dataclass
class Obedient:
    """A station that accepts every command."""

    performed: list[Command] = field(default_factory=list)

    async def perform(self, command: Command) -> Outcome:
        self.performed.append(command)
        return Outcome("Accepted", {"status": "Accepted"})


def connection(registry: Registry, key: ChargerKey = KEYS[0]) -> Connection:
    return Connection(
        key=key,
        generation=registry.next_generation(),
        link=Link(socket_pair()[0], dialect=OCPP16),
        station=cast("Station", Obedient()),
        subprotocol="ocpp1.6",
        remote_address="127.0.0.1",
        since=datetime(2026, 1, 1, tzinfo=UTC),
    )


def test_nobody_is_connected_at_first() -> None:
    registry = Registry()

    assert registry.find(KEYS[0]) is None
    assert len(registry) == 0


def test_a_charger_was_last_heard_when_it_last_sent_anything() -> None:
    registry = Registry()
    live = connection(registry)
    now = live.since + timedelta(hours=1)
    live.link.traffic.heard_at = time.monotonic() - 60

    assert timedelta(seconds=60) <= now - live.last_heard(now) < timedelta(seconds=61)
    assert live.last_heard(live.since) == live.since


def test_newest_connection_wins_and_the_old_one_is_handed_out() -> None:
    registry = Registry()
    old, new = connection(registry), connection(registry)

    assert registry.replace(old) is None
    assert registry.replace(new) is old
    assert registry.find(KEYS[0]) is new


def test_end_of_the_old_connection_does_not_unregister_the_new_one() -> None:
    registry = Registry()
    old, new = connection(registry), connection(registry)
    registry.replace(old)
    registry.replace(new)

    assert not registry.remove(old)
    assert registry.find(KEYS[0]) is new
    assert registry.remove(new)
    assert registry.find(KEYS[0]) is None


def test_older_generation_that_comes_late_is_itself_superseded() -> None:
    registry = Registry()
    old, new = connection(registry), connection(registry)
    registry.replace(new)

    assert registry.replace(old) is old
    assert registry.find(KEYS[0]) is new


def test_same_id_in_another_organization_is_another_charger() -> None:
    registry = Registry()
    registry.replace(connection(registry, KEYS[0]))
    registry.replace(connection(registry, KEYS[2]))

    assert len(registry) == 2


def test_registry_may_change_while_it_is_walked() -> None:
    registry = Registry()
    registry.replace(connection(registry, KEYS[0]))
    registry.replace(connection(registry, KEYS[1]))

    assert all(registry.remove(each) for each in registry)


async def test_command_goes_to_the_newest_connection() -> None:
    registry = Registry()
    old, new = connection(registry), connection(registry)
    registry.replace(old)
    registry.replace(new)

    outcome = await registry.perform(KEYS[0], Reset("Immediate"))

    assert outcome.status == "Accepted"
    assert cast("Obedient", new.station).performed == [Reset("Immediate")]
    assert cast("Obedient", old.station).performed == []


async def test_command_to_an_offline_charger_is_refused() -> None:
    with pytest.raises(ChargerOffline):
        await Registry().perform(KEYS[0], Reset("Immediate"))


def test_hang_up_ends_the_link() -> None:
    registry = Registry()
    connected = connection(registry)
    registry.replace(connected)

    registry.hang_up(KEYS[1], 1001, "not connected")
    registry.hang_up(KEYS[0], 1008, "deleted")

    assert isinstance(connected.link.closed, LinkClosed)
    assert connected.link.closed.code == 1008


class TakeoverMachine(RuleBasedStateMachine):
    """Let sockets come and go in any order; each charger keeps its newest living one.

    A socket that was overtaken between its handshake and its registration counts as superseded.
    """

    sockets = Bundle("sockets")

    def __init__(self) -> None:
        super().__init__()
        self.registry = Registry()
        self.living: dict[ChargerKey, dict[int, Connection]] = {key: {} for key in KEYS}

    @rule(target=sockets, key=st.sampled_from(KEYS))
    def shakes_hands(self, key: ChargerKey) -> Connection:
        return connection(self.registry, key)

    @rule(socket=sockets)
    def registers(self, socket: Connection) -> None:
        living = self.living[socket.key]
        loser = self.registry.replace(socket)
        rivals = {**living, socket.generation: socket}
        winner = rivals.pop(max(rivals))
        assert loser is (None if not living else next(iter(rivals.values()), winner))
        self.living[socket.key] = {winner.generation: winner}

    @rule(socket=sockets)
    def ends(self, socket: Connection) -> None:
        was_there = self.living[socket.key].pop(socket.generation, None)
        assert self.registry.remove(socket) == (was_there is not None)

    @invariant()
    def newest_living_socket_is_found(self) -> None:
        for key, living in self.living.items():
            assert self.registry.find(key) is next(iter(living.values()), None)

    @invariant()
    def nobody_else_is_listed(self) -> None:
        generations = {number for living in self.living.values() for number in living}
        assert {each.generation for each in self.registry} == generations
        assert len(self.registry) == len(generations)


TestTakeoverMachine = TakeoverMachine.TestCase

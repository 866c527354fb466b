"""Attempts to come in: strangers wait, and whoever has been in before does not."""

from __future__ import annotations

import tracemalloc
from dataclasses import dataclass, field
from datetime import timedelta
from ipaddress import IPv4Address

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from csms.attempts import AttemptLimits, Attempts, source_of
from storage.records import ChargerKey
from tests.csms.desk import Desk
from tests.storage.doubles import ALICE, BOB, NOON, ORGANIZATION

HERE, THERE = "192.0.2.1", "198.51.100.7"
DAY = 24 * 3600.0


@dataclass
class Watch:
    """A monotonic clock that is told the time."""

    now: float = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def watch() -> Watch:
    return Watch()


@pytest.fixture
def attempts(watch: Watch) -> Attempts:
    return Attempts(watch)


def guess(attempts: Attempts, address: str = HERE, key: ChargerKey = ALICE) -> bool:
    """Guess wrongly; tell whether it was evaluated."""
    evaluated = attempts.allows(address, key)
    if evaluated:
        attempts.failed(address, key)
    return evaluated


def test_after_five_failures_a_pair_waits_twice_as_long_each_time(
    watch: Watch, attempts: Attempts
) -> None:
    evaluated = []
    for moment in range(1000, 1301):
        watch.now = float(moment)
        evaluated += [moment - 1000] * sum(guess(attempts) for _ in range(10))

    assert evaluated == [0, 0, 0, 0, 0, 1, 3, 7, 15, 31, 63, 123, 183, 243]


def test_guesses_from_one_address_do_not_keep_a_charger_from_coming_in_from_another(
    attempts: Attempts,
) -> None:
    for _ in range(10_000):
        guess(attempts)

    assert attempts.allows(THERE, ALICE)


def test_guesses_at_the_same_moment_count_before_they_have_failed(attempts: Attempts) -> None:
    assert sum(attempts.allows(HERE, ALICE) for _ in range(1000)) == 5


def test_a_source_that_tries_many_chargers_is_slowed_down(watch: Watch, attempts: Attempts) -> None:
    keys = [ChargerKey(ORGANIZATION, f"CP{number}") for number in range(10_000)]

    assert sum(guess(attempts, key=key) for key in keys) == 100
    watch.now += 2.0
    assert sum(guess(attempts, key=key) for key in keys[5000:]) == 40


def test_who_has_come_in_is_evaluated_for_a_day_whatever_comes_from_its_address(
    watch: Watch, attempts: Attempts
) -> None:
    attempts.succeeded(HERE, BOB)
    for number in range(10_000):
        guess(attempts, key=ChargerKey(ORGANIZATION, f"CP{number}"))
    for _ in range(100):
        assert guess(attempts, key=BOB)
    assert not attempts.allows(HERE, ALICE)

    watch.now += DAY
    assert attempts.allows(HERE, BOB)
    watch.now += 1.0
    assert sum(guess(attempts, key=BOB) for _ in range(10)) == 5


def test_what_could_not_be_evaluated_counts_for_nothing(attempts: Attempts) -> None:
    for _ in range(100):
        assert attempts.allows(HERE, ALICE)
        attempts.undecided(HERE, ALICE)

    assert sum(guess(attempts) for _ in range(10)) == 5


def test_a_success_ends_the_wait(attempts: Attempts) -> None:
    for _ in range(4):
        guess(attempts)
    attempts.succeeded(HERE, ALICE)

    assert all(guess(attempts) for _ in range(10))


def test_a_charger_is_remembered_at_its_latest_addresses(attempts: Attempts) -> None:
    for number in range(1, 11):
        attempts.succeeded(f"192.0.2.{number}", ALICE)

    tried = [sum(guess(attempts, f"192.0.2.{number}") for _ in range(6)) for number in range(1, 11)]

    assert tried == [5] * 6 + [6] * 4


@pytest.mark.parametrize(
    ("address", "source"),
    [
        ("192.0.2.1", "192.0.2.1"),
        ("::ffff:192.0.2.1", "192.0.2.1"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:db8:1:2::", "2001:db8:1:2::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        ("unknown" * 100, ("unknown" * 100)[:64]),
        ("", ""),
    ],
)
def test_a_source_is_what_one_customer_cannot_choose(address: str, source: str) -> None:
    assert source_of(address) == source


def test_strangers_without_number_take_bounded_memory(watch: Watch) -> None:
    attempts = Attempts(watch, AttemptLimits(most_strangers=100, most_chargers=100))

    def flood(begin: int) -> int:
        for number in range(begin, begin + 400):
            key = ChargerKey(ORGANIZATION, f"CP{number}")
            guess(attempts, str(IPv4Address(number)), key)
            attempts.succeeded(str(IPv4Address(number)), key)
            guess(attempts, str(IPv4Address(number + 1)), key)
        return tracemalloc.get_traced_memory()[0]

    tracemalloc.start()
    try:
        first, last = flood(0), [flood(begin) for begin in range(400, 2000, 400)][-1]
    finally:
        tracemalloc.stop()
    assert last < first * 1.2


async def test_who_came_in_before_a_restart_is_known_after_it(desk: Desk, watch: Watch) -> None:
    chargers, attempts = desk.storage.chargers, Attempts(watch)
    await chargers.note_connected(ALICE, NOON - timedelta(hours=23), "1.6", HERE)
    await chargers.note_connected(BOB, NOON - timedelta(hours=25), "1.6", HERE)

    await attempts.recall(chargers, NOON)

    assert sum(guess(attempts, key=ALICE) for _ in range(10)) == 10
    assert sum(guess(attempts, key=BOB) for _ in range(10)) == 5
    watch.now += 3601.0
    assert sum(guess(attempts, key=ALICE) for _ in range(10)) == 5


@dataclass
class Pair:
    """What the model holds of one source and one charger."""

    failures: list[float] = field(default_factory=list)
    came: float | None = None


class Doors(RuleBasedStateMachine):
    """Attempts of a few sources at a few chargers, beside a list of all that ever happened."""

    limits = AttemptLimits(rate=1.0, burst=12.0)

    def __init__(self) -> None:
        super().__init__()
        self.watch = Watch()
        self.attempts = Attempts(self.watch, self.limits)
        self.pairs: dict[tuple[str, ChargerKey], Pair] = {}
        self.debts = {HERE: 0.0, THERE: 0.0}

    @rule(seconds=st.sampled_from([0.25, 1.0, 7.0, 61.0, DAY + 1]))
    def wait(self, seconds: float) -> None:
        self.watch.now += seconds
        for source in self.debts:
            self.debts[source] = max(0.0, self.debts[source] - seconds * self.limits.rate)

    @rule(source=st.sampled_from([HERE, THERE]), key=st.sampled_from([ALICE, BOB]))
    def guess(self, source: str, key: ChargerKey) -> None:
        pair = self.pairs.setdefault((source, key), Pair())
        expected = self.known(pair) or (
            self.debts[source] + 1 <= self.limits.burst and self.watch.now >= self.due(pair)
        )
        if expected and not self.known(pair):
            pair.failures.append(self.watch.now)
            self.debts[source] += 1

        assert guess(self.attempts, source, key) == expected

    @rule(source=st.sampled_from([HERE, THERE]), key=st.sampled_from([ALICE, BOB]))
    def come_in(self, source: str, key: ChargerKey) -> None:
        if self.attempts.allows(source, key):
            self.attempts.succeeded(source, key)
            self.pairs[source, key] = Pair(came=self.watch.now)

    @rule(source=st.sampled_from([HERE, THERE]), key=st.sampled_from([ALICE, BOB]))
    def be_interrupted(self, source: str, key: ChargerKey) -> None:
        if self.attempts.allows(source, key):
            self.attempts.undecided(source, key)

    @invariant()
    def whoever_came_in_is_evaluated(self) -> None:
        for (source, key), pair in self.pairs.items():
            if self.known(pair):
                assert self.attempts.allows(source, key)

    def known(self, pair: Pair) -> bool:
        return pair.came is not None and self.watch.now - pair.came <= self.limits.known_for

    def due(self, pair: Pair) -> float:
        over = len(pair.failures) - self.limits.free
        wait = min(self.limits.first_wait * 2.0 ** min(over, 30), self.limits.longest_wait)
        return pair.failures[-1] + wait if over >= 0 else 0.0


TestDoors = Doors.TestCase

"""Buckets of tokens, whose they are, and what one is told whose bucket is empty."""

from __future__ import annotations

from collections.abc import Iterator
from ipaddress import ip_network

import pytest
from aiohttp.test_utils import make_mocked_request
from hypothesis import given
from hypothesis import strategies as st
from multidict import CIMultiDict

from api.rates import Buckets, RateLimits, Rates, whole_seconds
from csms.setting_values import Rate


class Hand:
    """A clock that is moved by hand."""

    def __init__(self) -> None:
        self.seconds = 1000.0

    def __call__(self) -> float:
        return self.seconds


@pytest.fixture
def clock() -> Hand:
    return Hand()


def test_a_burst_passes_and_then_so_many_a_second(clock: Hand) -> None:
    buckets = Buckets(Rate(100, 1000), clock)
    assert [buckets.take("a") for _ in range(1000)] == [0.0] * 1000
    assert buckets.take("a") == pytest.approx(0.01)

    clock.seconds += 0.5

    assert [buckets.take("a") > 0 for _ in range(51)] == [False] * 50 + [True]


def test_a_refusal_costs_nothing_and_the_wait_that_was_told_is_enough(clock: Hand) -> None:
    buckets = Buckets(Rate(1, 1), clock)
    buckets.take("a")
    waits = {buckets.take("a") for _ in range(100)}

    assert waits == {1.0}
    clock.seconds += waits.pop()
    assert buckets.take("a") == 0.0


def test_buckets_are_apart(clock: Hand) -> None:
    buckets = Buckets(Rate(1, 2), clock)
    while not buckets.take("a"):
        pass

    assert buckets.take("b") == 0.0


def test_no_more_names_are_kept_than_there_is_room_for(clock: Hand) -> None:
    buckets = Buckets(Rate(1, 1), clock, most=100)
    for number in range(1000):
        buckets.take(f"name-{number}")

    assert len(buckets) == 100
    assert buckets.take("name-999") > 0  # the latest are kept
    assert buckets.take("name-0") == 0.0


@given(
    rate=st.integers(1, 1000),
    burst=st.integers(1, 5000),
    steps=st.lists(st.tuples(st.floats(0, 10), st.integers(1, 50)), max_size=30),
)
def test_never_more_than_the_burst_and_what_the_time_brings(
    rate: int, burst: int, steps: list[tuple[float, int]]
) -> None:
    clock = Hand()
    buckets = Buckets(Rate(rate, burst), clock)
    passed, elapsed = 0, 0.0
    for pause, asked in steps:
        clock.seconds += pause
        elapsed += pause
        passed += sum(buckets.take("a") == 0.0 for _ in range(asked))

    assert passed <= burst + elapsed * rate + 1e-3


@pytest.mark.parametrize(("wait", "told"), [(0.001, 1), (1.0, 1), (1.2, 2), (59.5, 60)])
def test_seconds_are_whole_and_never_too_few(wait: float, told: int) -> None:
    assert whole_seconds(wait) == told


PROXY = ip_network("127.0.0.0/8")


def sources() -> Iterator[tuple[str, list[str], str]]:
    yield "192.0.2.7", [], "192.0.2.7"
    yield "192.0.2.7", ["198.51.100.1"], "192.0.2.7"  # anybody can write that
    yield "127.0.0.1", ["198.51.100.1"], "198.51.100.1"
    yield "127.0.0.1", ["203.0.113.5, 198.51.100.1"], "198.51.100.1"  # the last one is the proxy's
    yield "127.0.0.1", ["203.0.113.5", "198.51.100.1"], "198.51.100.1"
    yield "127.0.0.1", ["2001:db8:1:2:3:4:5:6"], "2001:db8:1:2::/64"
    yield "2001:db8:1:2::7", [], "2001:db8:1:2::/64"
    yield "::ffff:192.0.2.7", [], "192.0.2.7"


@pytest.mark.parametrize(("peer", "forwarded", "source"), list(sources()))
async def test_where_a_request_comes_from(peer: str, forwarded: list[str], source: str) -> None:
    headers = CIMultiDict([("X-Forwarded-For", each) for each in forwarded])
    request = make_mocked_request("GET", "/", headers=headers).clone(remote=peer)

    assert Rates(RateLimits(trusted_proxies=[PROXY])).source(request) == source

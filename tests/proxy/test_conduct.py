"""What is granted to a target, and when it comes back."""

from __future__ import annotations

import pytest

from proxy.conduct import Allowance, Conduct


class Seconds:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def test_so_much_is_granted_at_once_and_no_more() -> None:
    allowance = Allowance(3, 1, Seconds())

    assert [allowance.take() for _ in range(5)] == [True, True, True, False, False]


def test_it_comes_back_slowly_and_never_grows_beyond_the_burst() -> None:
    seconds = Seconds()
    allowance = Allowance(3, 2, seconds)
    for _ in range(3):
        allowance.take()

    seconds.now += 1
    assert [allowance.take() for _ in range(3)] == [True, True, False]
    seconds.now += 3600
    assert [allowance.take() for _ in range(4)] == [True, True, True, False]


def test_what_is_too_much_at_once_uses_up_the_rest() -> None:
    allowance = Allowance(10, 1, Seconds())

    assert not allowance.take(11)
    assert not allowance.take()


def test_a_steady_use_below_the_rate_is_never_refused() -> None:
    seconds = Seconds()
    allowance = Allowance(10, 5, seconds)
    for _ in range(10_000):
        seconds.now += 0.2
        assert allowance.take()


@pytest.mark.parametrize("frames", [1, 1_000])
def test_a_busy_target_is_far_below_what_is_granted(frames: int) -> None:
    conduct = Conduct()

    assert all(conduct.frames.take() and conduct.octets.take(300) for _ in range(frames))

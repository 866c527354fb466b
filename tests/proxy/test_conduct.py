"""What is granted to a target, and when it comes back."""

from __future__ import annotations

from csms.traffic import Traffic
from proxy.conduct import Allowance, Conduct


class Seconds:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def test_so_much_is_granted_at_once_and_no_more() -> None:
    allowance = Allowance(3, 1, now=Seconds())

    assert [allowance.take() for _ in range(5)] == [True, True, True, False, False]


def test_it_comes_back_slowly_and_never_grows_beyond_the_burst() -> None:
    seconds = Seconds()
    allowance = Allowance(3, 2, now=seconds)
    for _ in range(3):
        allowance.take()

    seconds.now += 1
    assert [allowance.take() for _ in range(3)] == [True, True, False]
    seconds.now += 3600
    assert [allowance.take() for _ in range(4)] == [True, True, True, False]


def test_what_is_too_much_at_once_uses_up_the_rest() -> None:
    allowance = Allowance(10, 1, now=Seconds())

    assert not allowance.take(11)
    assert not allowance.take()


def test_a_steady_use_below_the_rate_is_never_refused() -> None:
    seconds = Seconds()
    allowance = Allowance(10, 5, now=seconds)
    for _ in range(10_000):
        seconds.now += 0.2
        assert allowance.take()


def test_answers_earn_what_they_cost_however_fast_they_come() -> None:
    seconds, traffic = Seconds(), Traffic()
    conduct = Conduct(seconds)
    conduct.follow(traffic)
    for _ in range(100_000):
        assert conduct.frames.take(2)
        assert conduct.octets.take(300)
        traffic.answered += 1


def test_what_was_earned_on_one_link_is_not_earned_again_on_the_next() -> None:
    conduct, first = Conduct(Seconds()), Traffic()
    conduct.follow(first)
    first.answered = 1_000_000
    conduct.follow(Traffic())

    for _ in range(2):  # what is there at first, and what was earned: never more than the burst
        assert conduct.frames.take(2_000)
    assert not conduct.frames.take()


def test_who_only_asks_earns_nothing() -> None:
    conduct, traffic = Conduct(Seconds()), Traffic()
    conduct.follow(traffic)
    granted = 0
    while conduct.frames.take():
        granted += 1
        traffic.frames_sent += 1  # our answers
        traffic.frames_received += 1

    assert granted == 2_000

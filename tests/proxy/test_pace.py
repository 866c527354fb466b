"""When a target is dialled again."""

from __future__ import annotations

import pytest

from proxy.pace import Pace
from proxy.timings import Timings


def middle() -> float:
    return 0.5


def backoffs(pace: Pace, count: int, *, refused: bool = False) -> list[float]:
    return [pace.backoff(0.0, refused=refused) for _ in range(count)]


def test_the_pause_doubles_from_one_second_to_thirty() -> None:
    assert backoffs(Pace(Timings(), middle), 7) == [1, 2, 4, 8, 16, 30, 30]


def test_refused_credentials_are_tried_every_five_minutes_at_last() -> None:
    assert backoffs(Pace(Timings(), middle), 10, refused=True)[-2:] == [256, 300]


def test_an_accepted_boot_begins_anew() -> None:
    pace = Pace(Timings(), middle)
    backoffs(pace, 5)

    pace.accepted()

    assert backoffs(pace, 1) == [1]


@pytest.mark.parametrize(("random", "expected"), [(0.0, 0.8), (1.0, 1.2)])
def test_no_two_come_back_at_the_same_time(random: float, expected: float) -> None:
    assert Pace(Timings(), lambda: random).backoff(0.0) == pytest.approx(expected)


@pytest.mark.parametrize(("random", "expected"), [(0.0, 60), (1.0, 72)])
def test_nothing_is_sent_before_the_interval_that_a_target_named(
    random: float, expected: float
) -> None:
    assert Pace(Timings(), lambda: random).not_before(60) == pytest.approx(expected)


def test_a_target_that_hangs_up_on_every_boot_is_dialled_ten_times_a_minute() -> None:
    pace, now, dials = Pace(Timings(), middle), 0.0, []
    while now < 300:
        dials.append(now)
        pace.dialled(now)
        pace.accepted()
        now += pace.backoff(now)

    assert all(later - earlier >= 60 for earlier, later in zip(dials, dials[10:], strict=False))
    assert len(dials) == 50


def test_a_target_away_for_a_year_does_not_overflow() -> None:
    assert backoffs(Pace(Timings(), middle), 5000)[-1] == 30

"""When a target is dialled again."""

from __future__ import annotations

import asyncio

import pytest

from proxy.pace import Crowd, Pace
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

    pace.begin_anew()

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
        pace.begin_anew()
        now += pace.backoff(now)

    assert all(later - earlier >= 60 for earlier, later in zip(dials, dials[10:], strict=False))
    assert len(dials) == 50


def test_a_target_away_for_a_year_does_not_overflow() -> None:
    assert backoffs(Pace(Timings(), middle), 5000)[-1] == 30


@pytest.mark.parametrize(("wanted", "pause"), [(0.5, 1), (120, 120), (86_400, 3600)])
def test_a_target_that_asks_for_a_pause_gets_it_within_reason(wanted: float, pause: float) -> None:
    assert Pace(Timings(), middle).backoff(0.0, wanted=wanted) == pause


def test_the_rate_holds_for_a_link_that_begins_again() -> None:
    pace = Pace(Timings(), middle)
    for second in range(10):
        pace.dialled(float(second))
    pace.begin_anew()

    assert pace.until_allowed(10.0) == 50
    assert pace.until_allowed(100.0) == 0


def test_a_pace_is_over_when_its_last_dial_counts_no_more() -> None:
    pace = Pace(Timings(), middle)
    assert pace.is_over(0.0)
    pace.dialled(0.0)

    assert (pace.is_over(60.0), pace.is_over(60.1)) == (False, True)


def stay_back(crowd: Crowd) -> float:
    with crowd.newcomer() as seconds:
        return seconds


async def test_a_crowd_is_scattered_and_nobody_else() -> None:
    crowd = Crowd(2, Timings(), lambda: 1.0)
    gate, scattered = asyncio.Event(), []

    async def dial() -> None:
        with crowd.newcomer() as seconds:
            scattered.append(seconds)
            await asyncio.sleep(0)
        async with crowd.turn():
            await gate.wait()

    dials = [asyncio.create_task(dial()) for _ in range(6)]
    await asyncio.sleep(0)
    gate.set()
    await asyncio.gather(*dials)

    assert scattered == [0, 0, 1, 1, 2, 2]
    assert stay_back(crowd) == 0


async def test_no_crowd_is_scattered_further_than_a_pause() -> None:
    crowd = Crowd(1, Timings(), lambda: 1.0)
    dials = [asyncio.create_task(_stay(crowd)) for _ in range(1000)]
    await asyncio.sleep(0)

    assert stay_back(crowd) == Timings().longest_backoff
    for dial in dials:
        dial.cancel()
    await asyncio.gather(*dials, return_exceptions=True)


async def _stay(crowd: Crowd) -> None:
    async with crowd.turn():
        await asyncio.Event().wait()

from __future__ import annotations

import pytest

from simulators.hardware import Hardware
from simulators.statuses import Statuses
from simulators.voice16 import Voice16
from tests.simulators.stage import Clock


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def statuses(clock: Clock) -> Statuses:
    return Statuses(Hardware(2, clock), Voice16(), clock)


def tell_all(statuses: Statuses) -> list[int]:
    told = statuses.untold()
    for status in told:
        statuses.tell(status)
    return [status.evse_id for status in told]


def test_everything_is_told_once(statuses: Statuses) -> None:
    assert tell_all(statuses) == [0, 1, 2]
    assert tell_all(statuses) == []


def test_a_change_is_told_and_the_time_is_no_change(statuses: Statuses, clock: Clock) -> None:
    tell_all(statuses)
    clock.advance(60)
    unchanged = tell_all(statuses)
    statuses.hardware.plug(2, plugged=True)

    assert (unchanged, tell_all(statuses)) == ([], [2])


def test_everything_is_told_again_after_a_boot(statuses: Statuses) -> None:
    tell_all(statuses)
    statuses.forget()

    assert tell_all(statuses) == [0, 1, 2]

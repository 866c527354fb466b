from __future__ import annotations

import asyncio

import pytest

from csms.deadline import Deadline
from tests.doubles import PATIENCE, settled


def never() -> asyncio.Future[None]:
    return asyncio.get_running_loop().create_future()


async def use(deadline: Deadline, seconds: float, awaited: asyncio.Future[None]) -> None:
    deadline.begin(awaited, seconds)
    try:
        await awaited
    finally:
        deadline.end()


async def test_who_waits_too_long_is_told() -> None:
    with pytest.raises(TimeoutError):
        await use(Deadline(), 0.01, never())


async def test_who_is_quick_is_left_alone_and_so_is_the_next() -> None:
    deadline, loop = Deadline(), asyncio.get_running_loop()

    for seconds in (0.02, PATIENCE, 0.02, PATIENCE):
        answer = never()
        loop.call_soon(answer.set_result, None)
        await use(deadline, seconds, answer)
    late = never()
    loop.call_later(0.05, late.set_result, None)  # beyond the timers of the others
    await use(deadline, PATIENCE, late)
    deadline.close()


async def test_timer_that_comes_too_early_is_set_anew() -> None:
    deadline = Deadline()
    deadline.begin(never(), 0.01)
    deadline.end()

    with pytest.raises(TimeoutError):
        await use(deadline, 0.03, never())


async def test_shorter_time_is_kept_although_a_longer_timer_is_set() -> None:
    deadline = Deadline()
    deadline.begin(never(), PATIENCE)
    deadline.end()

    with pytest.raises(TimeoutError):
        await use(deadline, 0.01, never())


async def test_who_is_cancelled_by_others_ends_by_that() -> None:
    deadline = Deadline()
    using = asyncio.create_task(use(deadline, PATIENCE, never()))
    await settled()
    using.cancel()

    with pytest.raises(asyncio.CancelledError):
        await using
    deadline.close()


async def test_what_nobody_waits_for_any_more_does_not_fail() -> None:
    deadline, answer = Deadline(), never()
    deadline.begin(answer, 0.01)
    deadline.end()
    await use_up(0.03)

    assert not answer.done()


async def test_closed_deadline_leaves_no_timer() -> None:
    deadline, answer = Deadline(), never()
    deadline.begin(answer, 0.01)

    deadline.close()
    await use_up(0.03)

    assert not answer.done()


async def use_up(seconds: float) -> None:
    passed = never()
    asyncio.get_running_loop().call_later(seconds, passed.set_result, None)
    await passed

from __future__ import annotations

import asyncio

import pytest

from csms.deadline import Deadline
from tests.doubles import PATIENCE, settled


async def forever() -> None:
    await asyncio.get_running_loop().create_future()


async def test_who_stays_too_long_is_interrupted() -> None:
    deadline = Deadline()

    with pytest.raises(TimeoutError), deadline.within(0.01):
        await forever()

    task = asyncio.current_task()
    assert task is not None
    assert task.cancelling() == 0


async def test_no_time_at_all_is_the_time_until_the_first_wait() -> None:
    steps = []

    async def step() -> None:
        steps.append("begun")
        await forever()

    with pytest.raises(TimeoutError), Deadline().within(0):
        await step()

    assert steps == ["begun"]


async def test_who_is_quick_is_left_alone_and_so_is_the_next() -> None:
    deadline = Deadline()
    loop = asyncio.get_running_loop()

    for seconds in (0.02, PATIENCE, 0.02, PATIENCE):
        with deadline.within(seconds):
            await asyncio.sleep(0)
    begun = loop.time()
    with deadline.within(PATIENCE):
        await asyncio.sleep(0.05)  # beyond the timers of the others

    assert loop.time() - begun < PATIENCE


async def test_timer_that_comes_too_early_is_set_anew() -> None:
    deadline = Deadline()
    with deadline.within(0.01):
        pass

    with pytest.raises(TimeoutError), deadline.within(0.03):
        await forever()


async def test_shorter_time_is_kept_although_a_longer_timer_is_set() -> None:
    deadline = Deadline()
    with deadline.within(PATIENCE):
        pass

    with pytest.raises(TimeoutError), deadline.within(0.01):
        await forever()


async def test_who_is_cancelled_by_others_ends_by_that() -> None:
    deadline = Deadline()

    async def use() -> None:
        with deadline.within(PATIENCE):
            await forever()

    using = asyncio.create_task(use())
    await settled()
    using.cancel()

    with pytest.raises(asyncio.CancelledError):
        await using
    deadline.close()


async def test_fault_of_the_user_stays_itself() -> None:
    with pytest.raises(ValueError, match="mine"), Deadline().within(PATIENCE):
        raise ValueError("mine")


async def test_closed_deadline_leaves_no_timer() -> None:
    struck = []
    deadline = Deadline()
    deadline._strike = lambda: struck.append("too late")  # type: ignore[method-assign]  # to be told
    with deadline.within(0.01):
        pass

    deadline.close()
    await asyncio.sleep(0.03)

    assert not struck

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from csms.errors import LinkBusy, LinkClosed
from csms.frames import call_result
from csms.turns import Turns, Urgency, held
from tests.doubles import PATIENCE, settled


@asynccontextmanager
async def turn(
    turns: Turns, patience: float, urgency: Urgency = Urgency.OWNER
) -> AsyncIterator[None]:
    if not turns.take_at_once():
        await turns.take(patience, urgency)
    yield
    turns.leave()


async def test_turns_are_taken_in_the_order_of_coming() -> None:
    turns, order = Turns(max_waiting=8), []

    async def caller(name: str) -> None:
        async with turn(turns, PATIENCE):
            order.append(name)
            await settled()

    await asyncio.gather(*map(caller, "abc"))

    assert order == ["a", "b", "c"]


async def test_of_those_that_wait_the_most_urgent_is_next() -> None:
    turns, order = Turns(max_waiting=8), []

    async def caller(urgency: Urgency) -> None:
        async with turn(turns, PATIENCE, urgency):
            order.append(urgency.name)

    async with turn(turns, PATIENCE):
        waiting = [Urgency.TARGET, Urgency.OWNER, Urgency.TARGET, Urgency.LIMIT]
        callers = [asyncio.create_task(caller(urgency)) for urgency in waiting]
        await settled()
    await asyncio.gather(*callers)

    assert order == ["LIMIT", "OWNER", "TARGET", "TARGET"]


async def test_a_crowd_of_others_leaves_room_for_a_limit() -> None:
    turns = Turns(max_waiting=2)

    async def caller(urgency: Urgency) -> None:
        async with turn(turns, PATIENCE, urgency):
            pass

    async with turn(turns, PATIENCE):
        crowd = asyncio.create_task(caller(Urgency.TARGET))
        await settled()
        with pytest.raises(LinkBusy):
            await caller(Urgency.TARGET)
        limit = asyncio.create_task(caller(Urgency.LIMIT))
        await settled()
    await asyncio.gather(crowd, limit)


async def test_line_that_is_full_turns_away() -> None:
    turns = Turns(max_waiting=1)

    async with turn(turns, PATIENCE):
        with pytest.raises(LinkBusy):
            async with turn(turns, PATIENCE):
                pass


async def test_who_has_no_patience_leaves_room_in_the_line() -> None:
    turns = Turns(max_waiting=2)

    async with turn(turns, PATIENCE):
        for _ in range(3):
            with pytest.raises(LinkBusy):
                async with turn(turns, 0.01):
                    pass
    async with turn(turns, PATIENCE):
        pass


async def test_answer_belongs_to_one_call_once() -> None:
    turns = Turns(max_waiting=1)
    answer = turns.ask("id-1", "Reset")

    assert turns.answered("id-2") is None
    asked = turns.answered("id-1")
    assert asked is not None
    assert asked.answer is answer
    assert turns.answered("id-1") is None


async def test_sixteen_calls_that_were_given_up_are_remembered() -> None:
    turns = Turns(max_waiting=1)
    for number in range(17):
        turns.ask(f"id-{number}", "Reset")
        turns.leave()

    assert turns.answered("id-0") is None
    late = turns.answered("id-1")
    assert late is not None
    assert (late.id, late.action) == ("id-1", "Reset")
    assert turns.answered("id-1") is None


async def test_end_wakes_who_waits_and_spoils_no_answer_that_came() -> None:
    turns = Turns(max_waiting=1)
    waiting, answered = turns.ask("id-1", "Reset"), call_result("id-2", b"{}")

    turns.end(LinkClosed(1001, "bye"))

    with pytest.raises(LinkClosed, match="bye"):
        await waiting
    done = turns.ask("id-2", "Reset")
    done.set_result(answered)
    turns.end(LinkClosed(1001, "bye"))
    assert await done is answered


async def test_turn_that_is_handed_to_somebody_who_leaves_goes_on_to_the_next() -> None:
    turns, order = Turns(max_waiting=8), []

    async def caller(name: str) -> None:
        async with turn(turns, PATIENCE):
            order.append(name)

    assert turns.take_at_once()
    first, second = asyncio.create_task(caller("first")), asyncio.create_task(caller("second"))
    await settled()
    turns.leave()  # to the first, who is called away before he notices
    first.cancel()
    await asyncio.gather(first, second, return_exceptions=True)

    assert order == ["second"]
    assert turns.take_at_once()


async def test_who_was_passed_over_while_leaving_takes_nobody_elses_turn_away() -> None:
    turns = Turns(max_waiting=8)
    assert turns.take_at_once()
    impatient = asyncio.create_task(turns.take(PATIENCE))
    await settled()
    impatient.cancel()
    turns.leave()  # before he notices

    assert turns.take_at_once()
    answer = turns.ask("id-1", "Reset")
    await asyncio.gather(impatient, return_exceptions=True)

    assert not turns.take_at_once()
    turns.end(LinkClosed(1001, "bye"))
    assert answer.done()


async def test_what_is_changed_one_by_one_is_not_waited_for_without_end() -> None:
    lock = asyncio.Lock()

    async with held(lock, PATIENCE):
        with pytest.raises(LinkBusy):
            async with held(lock, 0.01):
                raise AssertionError("two at once")
        assert lock.locked()

    async with held(lock, PATIENCE):
        assert lock.locked()
    assert not lock.locked()

"""Where a target link stands."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest

from proxy.standing import Standing
from proxy.states import UNAVAILABLE, State
from tests.storage.doubles import NOON, HandClock


def stand(clock: HandClock) -> Standing:
    return Standing("CP-1", clock, lambda: None)


async def test_a_state_has_its_beginning_and_the_last_reason_that_was_told() -> None:
    clock = HandClock()
    standing = stand(clock)
    standing.enter(State.BACKOFF, "nobody there")
    clock.pass_time(seconds=5)
    standing.enter(State.BACKOFF, "still nobody")
    assert (standing.since, standing.last_error) == (NOON, "still nobody")
    standing.enter(State.DIALING)

    assert standing.since == NOON + timedelta(seconds=5)
    assert standing.last_error == "still nobody"


@pytest.mark.parametrize("state", list(State))
async def test_who_must_know_hears_of_a_target_that_is_unavailable(state: State) -> None:
    lost: list[State] = []
    standing = Standing("CP-1", HandClock(), lambda: lost.append(state))
    standing.enter(state)
    standing.enter(state)

    assert lost == ([state] if state in UNAVAILABLE else [])


async def test_a_link_that_is_to_end_is_not_ready() -> None:
    standing = stand(HandClock())
    standing.enter(State.READY)
    before = standing.ready
    standing.close()

    assert (before, standing.ready, standing.state) == (True, False, State.READY)


async def test_the_end_of_a_pause_is_told() -> None:
    standing = stand(HandClock())
    resting = asyncio.create_task(standing.rest(60.0))
    await asyncio.sleep(0)
    at = standing.next_dial_at
    resting.cancel()
    await asyncio.gather(resting, return_exceptions=True)

    assert at is not None
    assert timedelta(seconds=59) < at - NOON <= timedelta(seconds=60)


async def test_a_pause_that_is_over_is_not_told() -> None:
    standing = stand(HandClock())
    await standing.rest(0.0)

    assert standing.next_dial_at is None


@pytest.mark.parametrize("what", ["state", "other"])
async def test_whoever_waits_is_woken_by_whichever_is_first(what: str) -> None:
    standing, other = stand(HandClock()), asyncio.Event()
    waiting = asyncio.create_task(standing.news(other))
    await asyncio.sleep(0)
    assert not waiting.done()
    standing.enter(State.BOOTING) if what == "state" else other.set()

    async with asyncio.timeout(5):
        await waiting

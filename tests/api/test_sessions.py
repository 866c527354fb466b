"""Kratos is asked once per credential and some seconds, and left alone where it is silent."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, cast

import pytest

from api.errors import ApiError, SessionsUnavailable, Unauthorized
from api.kratos import Kratos, KratosSilent, KratosUnclear, Session
from api.presented import Presented
from api.sessions import MOST_ASKED_AT_ONCE, MOST_OF_ONE_SOURCE, Sessions, open_sessions
from tests.api.conftest import HandClock
from tests.kratos import Ticks

pytestmark = pytest.mark.sqlite_only("stores nothing")

ANNA = Presented("token", "anna")


@dataclass
class Oracle:
    """Say of whom a session is when it is let go, and count who asks."""

    clock: HandClock
    fault: ApiError | None = None
    seconds: float = 5.0
    lasts: timedelta = timedelta(days=1)
    asked: list[Presented] = field(default_factory=list)
    go: asyncio.Event = field(default_factory=asyncio.Event)

    async def whoami(self, presented: Presented) -> Session:
        self.asked.append(presented)
        await self.go.wait()
        if self.fault is not None:
            raise self.fault
        return Session(presented.secret, self.clock.now() + self.lasts, self.seconds)

    async def heard(self, times: int = 1) -> None:
        while len(self.asked) < times:  # noqa: ASYNC110 - it takes some turns of the loop
            await asyncio.sleep(0)


@pytest.fixture
def oracle(clock: HandClock) -> Oracle:
    oracle = Oracle(clock)
    oracle.go.set()
    return oracle


@pytest.fixture
def ticks() -> Ticks:
    return Ticks()


@pytest.fixture
async def sessions(oracle: Oracle, clock: HandClock, ticks: Ticks) -> Sessions:
    return made(oracle, clock, ticks)


def made(oracle: Oracle, clock: HandClock, ticks: Ticks, **more: Any) -> Sessions:
    return Sessions(cast("Kratos", oracle), "ory", clock, monotonic=ticks, **more)


def other(number: int) -> Presented:
    return Presented("token", f"other {number}")


async def test_a_session_is_believed_for_its_seconds(
    sessions: Sessions, oracle: Oracle, ticks: Ticks
) -> None:
    for forward, asked in ((0.0, 1), (4.9, 1), (0.1, 2), (4.9, 2)):
        ticks.forward(forward)
        assert await sessions.identity(ANNA) == "anna"
        assert len(oracle.asked) == asked


async def test_it_is_never_believed_beyond_its_end(
    sessions: Sessions, oracle: Oracle, clock: HandClock
) -> None:
    oracle.lasts = timedelta(seconds=1)
    await sessions.identity(ANNA)
    clock.forward(seconds=1)
    oracle.fault = Unauthorized()

    with pytest.raises(Unauthorized):
        await sessions.identity(ANNA)


async def test_the_seconds_begin_when_it_was_asked(
    sessions: Sessions, oracle: Oracle, ticks: Ticks
) -> None:
    oracle.go.clear()
    waiting = asyncio.create_task(sessions.identity(ANNA))
    await oracle.heard()
    ticks.forward(5.0)
    oracle.go.set()
    await waiting

    await sessions.identity(ANNA)

    assert len(oracle.asked) == 2


async def test_a_token_is_not_the_cookie_of_the_same_text(
    sessions: Sessions, oracle: Oracle
) -> None:
    await sessions.identity(ANNA)
    await sessions.identity(Presented("cookie", "anna"))

    assert [each.kind for each in oracle.asked] == ["token", "cookie"]


async def test_a_refusal_is_not_remembered(sessions: Sessions, oracle: Oracle) -> None:
    oracle.fault = Unauthorized()
    for _ in range(2):
        with pytest.raises(Unauthorized):
            await sessions.identity(ANNA)

    assert len(oracle.asked) == 2


async def test_who_asks_meanwhile_waits_for_the_same_answer(
    sessions: Sessions, oracle: Oracle
) -> None:
    oracle.go.clear()
    waiting = [asyncio.create_task(sessions.identity(ANNA)) for _ in range(100)]
    await oracle.heard()
    waiting[0].cancel()  # who hangs up ends it for nobody else
    oracle.go.set()

    told = await asyncio.gather(*waiting, return_exceptions=True)

    assert isinstance(told[0], asyncio.CancelledError)
    assert told[1:] == ["anna"] * 99
    assert len(oracle.asked) == 1


async def test_only_so_many_are_kept(oracle: Oracle, clock: HandClock, ticks: Ticks) -> None:
    sessions = made(oracle, clock, ticks, most_kept=2)
    for each in (ANNA, other(1), ANNA, other(2), ANNA, other(1)):
        await sessions.identity(each)

    assert oracle.asked == [ANNA, other(1), other(2), other(1)]


async def test_only_so_many_are_asked_about_at_once(sessions: Sessions, oracle: Oracle) -> None:
    oracle.go.clear()
    waiting = [asyncio.create_task(sessions.identity(other(n))) for n in range(MOST_ASKED_AT_ONCE)]
    await oracle.heard(MOST_ASKED_AT_ONCE)
    with pytest.raises(SessionsUnavailable):
        await sessions.identity(ANNA)
    oracle.go.set()
    await asyncio.gather(*waiting)

    assert await sessions.identity(ANNA) == "anna"


async def test_who_makes_up_tokens_takes_the_place_of_those_at_his_address_only(
    sessions: Sessions, oracle: Oracle
) -> None:
    oracle.go.clear()
    waiting = [
        asyncio.create_task(sessions.identity(other(n), "192.0.2.7"))
        for n in range(MOST_ASKED_AT_ONCE)
    ]
    await oracle.heard(MOST_OF_ONE_SOURCE)
    anna = asyncio.create_task(sessions.identity(ANNA, "192.0.2.8"))
    await oracle.heard(MOST_OF_ONE_SOURCE + 1)
    oracle.go.set()
    made_up = await asyncio.gather(*waiting, return_exceptions=True)

    assert await anna == "anna"
    assert sum(isinstance(each, SessionsUnavailable) for each in made_up) == (
        MOST_ASKED_AT_ONCE - MOST_OF_ONE_SOURCE
    )
    assert await sessions.identity(other(99), "192.0.2.7")  # there is room again


async def fail(sessions: Sessions, times: int, kind: type[ApiError] = KratosSilent) -> None:
    for number in range(times):
        with pytest.raises(kind):
            await sessions.identity(other(number))


async def test_a_silent_kratos_is_left_alone_but_for_one_who_tries(
    sessions: Sessions, oracle: Oracle, ticks: Ticks
) -> None:
    oracle.fault = KratosSilent()
    await fail(sessions, 10)
    assert len(oracle.asked) == 3
    for pause in (1.0, 2.0, 4.0, 5.0, 5.0):
        oracle.asked.clear()
        ticks.forward(pause - 0.01)
        await fail(sessions, 3)
        ticks.forward(0.01)
        await fail(sessions, 3)
        assert len(oracle.asked) == 1

    oracle.fault = None
    ticks.forward(5.0)
    assert await sessions.identity(ANNA) == "anna"
    oracle.fault = KratosSilent()
    oracle.asked.clear()
    await fail(sessions, 3)
    assert len(oracle.asked) == 3


async def test_while_one_tries_the_others_do_not_wait(
    sessions: Sessions, oracle: Oracle, ticks: Ticks
) -> None:
    oracle.fault = KratosSilent()
    await fail(sessions, 3)
    ticks.forward(1.0)
    oracle.fault = None
    oracle.go.clear()
    oracle.asked.clear()
    trying = asyncio.create_task(sessions.identity(ANNA))
    await oracle.heard()

    await fail(sessions, 3)
    oracle.go.set()

    assert await trying == "anna"
    assert await sessions.identity(other(1)) == "other 1"


async def test_who_is_known_is_let_in_while_kratos_is_silent(
    sessions: Sessions, oracle: Oracle
) -> None:
    await sessions.identity(ANNA)
    oracle.fault = KratosSilent()
    await fail(sessions, 5)

    assert await sessions.identity(ANNA) == "anna"


@pytest.mark.parametrize("kind", [Unauthorized, KratosUnclear])
async def test_what_kratos_answers_to_one_never_keeps_the_others_out(
    sessions: Sessions, oracle: Oracle, kind: type[ApiError]
) -> None:
    oracle.fault = kind()
    await fail(sessions, 10, kind)

    assert len(oracle.asked) == 10


async def test_a_server_that_stops_waits_for_nobody(sessions: Sessions, oracle: Oracle) -> None:
    oracle.go.clear()
    waiting = asyncio.create_task(sessions.identity(ANNA))
    await oracle.heard()

    await sessions.close()

    with pytest.raises(asyncio.CancelledError):
        await waiting


async def test_without_an_address_there_are_no_sessions(clock: HandClock) -> None:
    async with open_sessions(None, "ory", clock) as none:
        assert none is None
    async with open_sessions("http://127.0.0.1:1", "ory", clock) as sessions:
        assert sessions is not None
        with pytest.raises(KratosSilent):
            await sessions.identity(ANNA)

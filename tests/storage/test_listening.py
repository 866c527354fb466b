"""Who listens hears what is said, and looks again after every silence."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable

import pytest
from sqlalchemy import URL

from storage.errors import StorageUnavailable
from storage.listening import Listener
from storage.postgres_address import connect, parameters_of
from storage.postgres_wire import Wire
from tests.doubles import until
from tests.storage.doubles import PATIENCE
from tests.storage.postgres import Admin

pytestmark = pytest.mark.postgresql_only("about its notifications")


class Ear:
    """What was heard, and how often listening began."""

    def __init__(self, url: URL) -> None:
        self._parameters = parameters_of(url)
        self.begun = 0
        self.heard: list[str] = []
        self.wires: list[Wire] = []
        self.refused = 0

    async def connect(self) -> Wire:
        if self.refused:
            self.refused -= 1
            raise StorageUnavailable
        self.wires.append(await connect(self._parameters, PATIENCE))
        return self.wires[-1]

    async def begin(self) -> None:
        self.begun += 1

    async def hear(self, payload: str) -> None:
        self.heard.append(payload)

    def listener(self, check_seconds: float = PATIENCE) -> Listener:
        return Listener(self.connect, "news", self.begin, self.hear, check_seconds, rest=0.01)


@pytest.fixture
def ear(url: URL) -> Ear:
    return Ear(url)


Listen = Callable[[Listener], Awaitable[None]]


@pytest.fixture
async def listen(ear: Ear) -> AsyncIterator[Listen]:
    tasks: list[asyncio.Task[None]] = []

    async def begin(listener: Listener) -> None:
        tasks.append(asyncio.create_task(listener.run()))
        await until(lambda: ear.begun)

    yield begin
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    assert all(wire.lost for wire in ear.wires)


async def say(url: URL, *sayings: str) -> None:
    with Admin.of(url) as admin:
        for each in sayings:
            admin.does(f"NOTIFY news, '{each}'")


async def test_what_is_said_is_heard_in_order(ear: Ear, listen: Listen, url: URL) -> None:
    await listen(ear.listener())

    await say(url, "one", "two", "three")

    await until(lambda: len(ear.heard) == 3)
    assert ear.heard == ["one", "two", "three"]


async def test_after_a_lost_connection_the_state_is_read_again(
    ear: Ear, listen: Listen, url: URL
) -> None:
    await listen(ear.listener())
    with Admin.of(url) as admin:
        admin.cut_off(ear.wires[0].raw.get_backend_pid())

    await until(lambda: ear.begun == 2)
    await say(url, "still")

    await until(lambda: ear.heard == ["still"])


async def test_a_line_that_was_cut_is_noticed(ear: Ear, listen: Listen, url: URL) -> None:
    await listen(ear.listener(check_seconds=0.05))
    [wire] = ear.wires
    # Nothing tells the socket.
    asyncio.get_running_loop().remove_reader(wire.raw.fileno())

    await until(lambda: ear.begun == 2)
    assert wire.lost


async def test_a_quiet_line_is_kept(ear: Ear, listen: Listen, url: URL) -> None:
    await listen(ear.listener(check_seconds=0.01))
    used = ear.wires[0].last_usage
    await until(lambda: ear.wires[0].last_usage > used)

    await say(url, "there")

    await until(lambda: ear.heard == ["there"])
    assert ear.begun == 1


async def test_a_server_that_is_away_is_tried_again(ear: Ear, listen: Listen) -> None:
    ear.refused = 3

    await listen(ear.listener())

    assert ear.refused == 0

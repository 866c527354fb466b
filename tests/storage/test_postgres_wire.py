"""One connection by aiopg: quiet when it fails, at its end when its caller leaves."""

from __future__ import annotations

import asyncio
import gc
import hashlib
import inspect
import os
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import aiopg
import aiopg.connection
import pytest
import uvloop
from sqlalchemy import URL

from storage.errors import StatementTimeout, StorageError, StorageUnavailable
from storage.postgres_address import connect, parameters_of
from storage.postgres_wire import Descriptors, Wire
from tests.doubles import until
from tests.storage.doubles import PATIENCE
from tests.storage.postgres import Admin

pytestmark = pytest.mark.postgresql_only("about its driver")

LOOPS: tuple[Callable[[Awaitable[Any]], Any], ...] = (asyncio.run, uvloop.run)  # type: ignore[assignment] # both run coroutines
SLEEP = b"SELECT pg_sleep(600)"
ACTIVE = "SELECT FROM pg_stat_activity WHERE datname = current_database() AND state = 'active'"
LONG = 600.0  # s: nobody waits for this


@pytest.fixture
async def wire(url: URL) -> AsyncIterator[Wire]:
    wire = await connect(parameters_of(url, LONG), PATIENCE)
    yield wire
    wire.drop()


# ---- what is taken over from aiopg ----

# What `Wire` overrides, calls or stands in for: read it again before one of these is changed.
KNOWN = {
    aiopg.Connection.__init__: "4b5b74bb06e663cf",
    aiopg.Connection._ready: "a6c1d8fbddd5f431",
    aiopg.Connection._poll: "9bd9a8c18f654fb1",
    aiopg.Connection._connect: "4b9e78b93e359235",
    aiopg.Connection._close: "8d7140255be3db4c",
    aiopg.Connection.close: "eb37686906e9a4df",
    aiopg.Connection.__del__: "b58dc91e87e3d1f3",
    aiopg.Connection._create_waiter: "78324eed7c011f45",
    aiopg.Cursor.execute: "567ce5f2c35de189",
}


@pytest.mark.parametrize("function", KNOWN, ids=lambda function: function.__name__)
def test_aiopg_is_the_one_that_was_read(function: Callable[..., Any]) -> None:
    source = inspect.getsource(function)

    assert hashlib.sha256(source.encode()).hexdigest()[:16] == KNOWN[function]


def test_aiopg_asks_for_nothing_but_whether_a_descriptor_is_open() -> None:
    source = inspect.getsource(aiopg.connection)

    assert source.count("select.") == 1
    assert "select.select([self._fileno], [], [], 0)" in source
    assert vars(aiopg.connection)["select"] is Descriptors


def test_a_closed_descriptor_is_known_whatever_its_number() -> None:
    reader, writer = os.pipe()
    Descriptors.select([reader], [], [], 0)
    os.close(reader)
    os.close(writer)

    with pytest.raises(OSError, match="Bad file descriptor"):
        Descriptors.select([reader], [], [], 0)


# ---- connecting ----


def closed_port() -> int:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port: int = taken.getsockname()[1]
        return port


def descriptors() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


@pytest.mark.parametrize("run", LOOPS)
def test_a_refused_connection_is_told_once_and_leaves_nothing(
    run: Callable[[Awaitable[None]], None], caplog: pytest.LogCaptureFixture
) -> None:
    async def knock() -> None:
        with pytest.raises(StorageUnavailable, match="refused"):
            await Wire.open({"hostaddr": "127.0.0.1", "port": closed_port()}, PATIENCE)

    async def knock_often() -> None:
        before = descriptors()
        for _ in range(10):
            await asyncio.gather(*(knock() for _ in range(5)))
        gc.collect()
        await asyncio.sleep(0)
        assert descriptors() == before

    run(knock_often())

    assert caplog.records == []


@pytest.mark.parametrize("run", LOOPS)
def test_a_socket_that_libpq_changes_is_followed(
    url: URL, run: Callable[[Awaitable[None]], None]
) -> None:
    async def second_address() -> list[tuple[Any, ...]]:
        parameters = parameters_of(url)
        ports = f"{closed_port()},{parameters['port']}"
        twice = {"host": None, "hostaddr": "127.0.0.1,127.0.0.1", "port": ports}
        wire = await Wire.open({**parameters, **twice}, PATIENCE)
        try:
            return await wire.run(b"SELECT 7", PATIENCE)
        finally:
            wire.drop()

    assert run(second_address()) == [(7,)]  # type: ignore[func-returns-value, arg-type] # runs either


async def test_a_server_that_says_nothing_is_not_waited_for() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        with pytest.raises(StorageUnavailable, match=r"not answered within 0\.05 s"):
            await Wire.open({"hostaddr": "127.0.0.1", "port": port}, 0.05)


async def test_what_is_no_parameter_is_told() -> None:
    with pytest.raises(StorageUnavailable, match="invalid"):
        await Wire.open({"hostaddr": "127.0.0.1", "nonsense": "1"}, PATIENCE)


# ---- statements ----


async def test_the_last_of_several_statements_answers(wire: Wire) -> None:
    assert await wire.run(b"SELECT 1; SELECT 2, 'two'", PATIENCE) == [(2, "two")]
    assert wire.at_rest


async def test_a_value_cannot_end_its_statement(wire: Wire) -> None:
    evil = "'; DROP TABLE organizations; -- \\' %s $$"

    [(back,)] = await wire.run(wire.quoted("SELECT %s", [evil]), PATIENCE)

    assert back == evil


@pytest.mark.parametrize("bad", ["\udc80", "\0", object()])
async def test_a_value_that_cannot_be_written_is_refused(wire: Wire, bad: object) -> None:
    with pytest.raises(StorageError) as refused:
        wire.quoted("SELECT %s", [bad])

    assert type(refused.value) is StorageError


async def test_a_statement_that_the_server_gives_up_cancels_nobody(
    wire: Wire, caplog: pytest.LogCaptureFixture
) -> None:
    await wire.run(b"SET statement_timeout = 20", PATIENCE)

    with pytest.raises(StatementTimeout):
        await wire.run(SLEEP, PATIENCE)

    task = asyncio.current_task()
    assert task is not None
    assert task.cancelling() == 0
    assert await wire.run(b"SELECT 1", PATIENCE) == [(1,)]
    assert caplog.records == []


async def test_a_statement_that_an_operator_cancels_is_no_cancelled_task(
    wire: Wire, url: URL, caplog: pytest.LogCaptureFixture
) -> None:
    sleeping = asyncio.create_task(wire.run(SLEEP, PATIENCE))
    with Admin.of(url) as admin:
        await until(lambda: asleep(admin))
        admin.does(f"SELECT pg_cancel_backend({wire.raw.get_backend_pid()})")

        with pytest.raises(StatementTimeout):
            await sleeping

    assert not sleeping.cancelled()
    assert caplog.records == []


async def test_who_is_cancelled_leaves_and_the_server_ends_his_statement(
    wire: Wire, url: URL
) -> None:
    sleeping = asyncio.create_task(wire.run(SLEEP, LONG))
    with Admin.of(url) as admin:
        await until(lambda: asleep(admin))
        sleeping.cancel()
        with pytest.raises(asyncio.CancelledError):
            await sleeping

        assert wire.lost
        await until(lambda: not asleep(admin))


async def test_who_is_closed_is_told(wire: Wire) -> None:
    sleeping = asyncio.create_task(wire.run(SLEEP, LONG))
    await asyncio.sleep(0)

    wire.drop()

    with pytest.raises(StorageUnavailable):
        await sleeping


async def test_an_idle_connection_that_is_lost_is_known(
    wire: Wire, url: URL, caplog: pytest.LogCaptureFixture
) -> None:
    with Admin.of(url) as admin:
        admin.cut_off(wire.raw.get_backend_pid())

    await until(lambda: wire.lost)
    assert not wire.at_rest
    with pytest.raises(StorageUnavailable):
        await wire.run(b"SELECT 1", PATIENCE)
    assert caplog.records == []


async def test_a_failed_transaction_is_left_by_rolling_back(wire: Wire) -> None:
    with pytest.raises(StorageError):
        await wire.run(b"BEGIN; SELECT 1 / 0", PATIENCE)
    assert wire.failed
    assert not wire.at_rest

    await wire.roll_back(PATIENCE)

    assert wire.at_rest


def asleep(admin: Admin) -> bool:
    return bool(admin.asked(f"{ACTIVE} AND query LIKE '%pg_sleep(600)'"))

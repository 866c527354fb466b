"""Connections that are shared, and the one that writes: whose turn it is, and what is kept."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest
from sqlalchemy import URL

from storage.errors import StorageUnavailable
from storage.postgres_address import Dialer, parameters_of
from storage.postgres_connections import (
    CLOSED,
    IDLE_SECONDS,
    OVERTAKEN,
    TAKEN,
    Connections,
    Writer,
    answers,
)
from storage.postgres_wire import Wire
from tests.doubles import until
from tests.storage.doubles import PATIENCE
from tests.storage.postgres import Admin

pytestmark = pytest.mark.postgresql_only("about its connections")

ONE = b"SELECT 1"
PATIENT = 0.2  # s: how long a lock is waited for
SHORT = b"SELECT pg_sleep(0.002)"  # so that the next one comes meanwhile
SLEEP = b"SELECT pg_sleep(600)"


@pytest.fixture
def dialer(url: URL) -> Dialer:
    return Dialer(parameters_of(url, PATIENCE), PATIENCE)


@pytest.fixture
async def two(dialer: Dialer) -> AsyncIterator[Connections]:
    two = Connections(dialer, places=2)
    yield two
    two.close()


async def ask(connections: Connections, sql: bytes = ONE) -> int:
    async with connections.one() as wire:
        await wire.run(sql, PATIENCE)
        return int(wire.raw.get_backend_pid())


async def taken(connections: Connections) -> asyncio.Task[int]:
    """Let a task sleep on a connection."""
    task = asyncio.create_task(ask(connections, SLEEP))
    before = len(connections._used)
    await until(lambda: len(connections._used) > before)
    return task


async def test_the_last_used_is_the_next(two: Connections) -> None:
    first = await ask(two)

    assert await ask(two) == first


async def test_there_are_no_more_than_that(two: Connections) -> None:
    assert len(set(await asyncio.gather(*(ask(two, SHORT) for _ in range(20))))) == 2


async def test_who_waits_has_the_place_of_who_is_cancelled(two: Connections) -> None:
    holders = [await taken(two), await taken(two)]
    waiters = [asyncio.create_task(ask(two)) for _ in range(3)]
    await asyncio.sleep(0)

    for holder in holders:
        holder.cancel()

    async with asyncio.timeout(PATIENCE):  # aiopg's own pool lets them wait for a minute
        await asyncio.gather(*waiters)


async def test_nobody_waits_for_ever(url: URL) -> None:
    one = Connections(Dialer(parameters_of(url), 0.2), places=1)
    async with one.one():
        with pytest.raises(StorageUnavailable, match=r"0\.2 s"):
            await ask(one)

    assert await ask(one)
    one.close()


async def test_a_cancelled_waiter_takes_no_place(two: Connections) -> None:
    async with two.one(), two.one():
        waiter = asyncio.create_task(ask(two))
        await asyncio.sleep(0)
        waiter.cancel()
        await asyncio.gather(waiter, return_exceptions=True)

    # Both at the same time: who is answered at once is done before the next begins.
    async with asyncio.timeout(PATIENCE), two.one() as one, two.one() as another:
        assert one is not another


async def test_what_failed_to_connect_takes_no_place() -> None:
    nowhere = Connections(Dialer({"host": "127.0.0.1", "port": 1}, PATIENCE, rest=0), places=1)

    for _ in range(3):
        with pytest.raises(StorageUnavailable, match="refused"):
            await ask(nowhere)


async def test_a_connection_within_a_transaction_is_not_kept(two: Connections) -> None:
    begun = await ask(two, b"BEGIN")

    assert await ask(two) != begun


async def test_a_lost_connection_is_passed_over(two: Connections, url: URL) -> None:
    lost = await ask(two)
    with Admin.of(url) as admin:
        admin.cut_off(lost)
    await until(lambda: two._free[0].lost)

    assert await ask(two) != lost


async def test_what_was_long_idle_is_asked_before_it_is_used(two: Connections) -> None:
    used = await ask(two)
    [wire] = two._free
    wire._last_usage -= IDLE_SECONDS + 1

    assert await ask(two) == used
    assert wire.idle < IDLE_SECONDS


async def test_what_was_long_idle_and_is_lost_is_not_used(
    two: Connections, url: URL, monkeypatch: pytest.MonkeyPatch
) -> None:
    lost = await ask(two)
    [wire] = two._free
    wire._last_usage -= IDLE_SECONDS + 1
    # As on a line that was cut: nothing has told the socket.
    wire._loop.remove_reader(wire.raw.fileno())
    with Admin.of(url) as admin:
        admin.cut_off(lost)

    assert not await answers(wire)
    assert wire.lost
    assert await ask(two) != lost


async def test_closing_tells_who_is_at_work_and_who_waits(two: Connections) -> None:
    working = [await taken(two), await taken(two)]
    waiting = asyncio.create_task(ask(two))
    await asyncio.sleep(0)

    two.close()

    told = await asyncio.gather(*working, waiting, return_exceptions=True)
    assert {type(each) for each in told} == {StorageUnavailable}
    with pytest.raises(StorageUnavailable, match=CLOSED):
        await ask(two)


async def test_who_connects_while_it_is_closed_leaves_nothing(two: Connections) -> None:
    connecting = asyncio.create_task(ask(two))
    await asyncio.sleep(0)

    two.close()

    with pytest.raises(StorageUnavailable, match=CLOSED):
        await connecting


# ---- the writer ----


@pytest.fixture
async def writer(dialer: Dialer) -> AsyncIterator[Writer]:
    writer = Writer(dialer, PATIENT)
    yield writer
    writer.close()


async def turn_of(writer: Writer, *, anew: bool = False) -> int:
    async with writer.turn(anew=anew) as wire:
        await wire.run(ONE, PATIENCE)
        return int(wire.raw.get_backend_pid())


async def test_one_writes_at_a_time_on_one_connection(writer: Writer) -> None:
    assert len(set(await asyncio.gather(*(turn_of(writer) for _ in range(5))))) == 1


async def test_two_servers_cannot_both_write(writer: Writer, dialer: Dialer) -> None:
    await writer.claim()
    second = Writer(dialer, PATIENT)

    with pytest.raises(StorageUnavailable, match=TAKEN):
        await second.claim()

    writer.close()
    await second.claim()
    second.close()


async def test_the_command_line_writes_beside_a_server(writer: Writer, dialer: Dialer) -> None:
    await writer.claim()
    beside = Writer(dialer, PATIENT)

    assert await turn_of(beside)
    beside.close()


async def test_after_a_lost_connection_the_claim_is_made_again(
    writer: Writer, dialer: Dialer, url: URL
) -> None:
    await writer.claim()
    await lose(writer, url)

    await turn_of(writer)

    second = Writer(dialer, PATIENT)
    with pytest.raises(StorageUnavailable, match=TAKEN):
        await second.claim()
    second.close()


async def test_who_was_overtaken_writes_nothing(writer: Writer, dialer: Dialer, url: URL) -> None:
    await writer.claim()
    await lose(writer, url)
    second = Writer(dialer, PATIENT)
    await second.claim()

    with pytest.raises(StorageUnavailable, match=TAKEN):
        await turn_of(writer)

    second.close()
    assert await turn_of(writer, anew=True)


async def test_who_was_overtaken_while_he_did_not_look_is_told_before_he_writes(
    writer: Writer, dialer: Dialer, url: URL
) -> None:
    await writer.claim()
    await lose(writer, url)
    second = Writer(dialer, PATIENT)
    await second.claim()
    second.close()

    for _ in range(2):
        with pytest.raises(StorageUnavailable, match=OVERTAKEN):
            await turn_of(writer)
    assert await turn_of(writer, anew=True)
    assert await turn_of(writer)


async def test_a_closed_writer_writes_no_more(writer: Writer) -> None:
    working = asyncio.create_task(sleep_on(writer))
    await until(lambda: writer._wire is not None)
    writer.close()

    with pytest.raises(StorageUnavailable):
        await working
    with pytest.raises(StorageUnavailable, match=CLOSED):
        await turn_of(writer)


async def sleep_on(writer: Writer) -> None:
    async with writer.turn() as wire:
        await wire.run(SLEEP, PATIENCE)


async def lose(writer: Writer, url: URL) -> None:
    wire: Wire | None = writer._wire
    assert wire
    with Admin.of(url) as admin:
        admin.cut_off(wire.raw.get_backend_pid())
    await until(lambda: wire.lost)

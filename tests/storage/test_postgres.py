"""PostgreSQL behind the port, and what becomes of its callers when the server goes away."""

from __future__ import annotations

import asyncio
import logging
import os
import random
import resource
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AbstractAsyncContextManager, ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pytest
import uvloop
from sqlalchemy import URL, column, text

from bench.cluster import ADMIN, Cluster, running
from storage.clock import SystemClock
from storage.database import Write
from storage.engines import parse_url
from storage.errors import StatementTimeout, StorageError, StorageUnavailable
from storage.postgres import PostgresDatabase
from storage.postgres_connections import PLACES, TAKEN
from storage.store import Storage, open_storage
from storage.tenancy import EVERYBODY, SETTING, on_behalf_of
from tests.doubles import until
from tests.storage.doubles import PATIENCE
from tests.storage.postgres import Admin

pytestmark = pytest.mark.postgresql_only("about its server")

LONG = 600.0  # s: nobody waits for this
SLEEP = text("SELECT pg_sleep(600)")
ONE = text("SELECT 1 AS one").columns(column("one"))
BREATHE = text("SELECT 1 AS one FROM pg_sleep(0.05)").columns(column("one"))
MAKE = text("CREATE TABLE counted (n bigint PRIMARY KEY)")
ADD = text("INSERT INTO counted VALUES (:n)")
COUNTED = text("SELECT n FROM counted ORDER BY n").columns(column("n"))
WAITING = "SELECT FROM pg_locks WHERE NOT granted"
LOOPS = (asyncio.run, uvloop.run)


@pytest.fixture
async def database(url: URL) -> AsyncIterator[PostgresDatabase]:
    database = await PostgresDatabase.open(url)
    await database.execute(MAKE)
    yield database
    await database.close()


async def counted(database: PostgresDatabase) -> list[int]:
    return [row["n"] for row in await database.fetch(COUNTED)]


# ---- the port ----


async def test_a_query_changes_nothing(database: PostgresDatabase) -> None:
    with pytest.raises(StorageError):
        await database.fetch(ADD, {"n": 1})

    assert await counted(database) == []


async def test_transactions_take_turns(database: PostgresDatabase) -> None:
    taken: list[int] = []

    async def take_next() -> None:
        async with database.transaction() as transaction:
            numbers = await transaction.execute(COUNTED)
            taken.append(len(numbers))
            await transaction.execute(ADD, {"n": len(numbers)})

    await asyncio.gather(*(take_next() for _ in range(5)))

    assert taken == [0, 1, 2, 3, 4]


async def test_a_transaction_with_a_failed_statement_is_not_committed(
    database: PostgresDatabase,
) -> None:
    async def go_on() -> None:
        async with database.transaction() as transaction:
            await transaction.execute(ADD, {"n": 1})
            with pytest.raises(StorageError):
                await transaction.execute(text("SELECT 1 / 0"))

    with pytest.raises(StorageError):
        await go_on()

    assert await counted(database) == []


async def test_a_transaction_of_nothing_is_none(database: PostgresDatabase) -> None:
    async with database.transaction():
        pass

    assert await counted(database) == []


async def test_a_statement_that_takes_too_long_is_given_up(database: PostgresDatabase) -> None:
    async def sleep_soon() -> None:
        async with database.transaction() as transaction:
            await transaction.execute(text("SET LOCAL statement_timeout = 20"))
            await transaction.execute(SLEEP)

    with pytest.raises(StatementTimeout):
        await sleep_soon()


async def test_a_batch_that_met_a_deadlock_is_written_again(url: URL) -> None:
    # Who has waited for longest is rolled back, and only a superuser says how long that is.
    patient = {"options": "-c deadlock_timeout=2s"}
    database = await PostgresDatabase.open(url.set(username=ADMIN).update_query_dict(patient))
    await database.execute(MAKE)
    await database.write([Write(ADD, [{"n": 1}, {"n": 2}])])
    move = text("UPDATE counted SET n = n + 10 WHERE n = :n")
    with Admin.of(url) as other:
        other.does("BEGIN", "SET LOCAL deadlock_timeout = '1min'")
        other.does("UPDATE counted SET n = n + 20 WHERE n = 1")
        writing = asyncio.create_task(database.write([Write(move, [{"n": 2}, {"n": 1}])]))
        with Admin.of(url) as admin:
            await until(lambda: admin.asked(WAITING))
        await asyncio.to_thread(other.does, "UPDATE counted SET n = n + 20 WHERE n = 2", "COMMIT")
    await writing

    assert await counted(database) == [21, 22]
    await database.close()


# ---- on whose behalf ----

ACTING = text(f"SELECT current_setting('{SETTING}', true) AS it").columns(column("it"))
LEFT = f"SELECT current_setting('{SETTING}', true)".encode()


async def acting(database: PostgresDatabase) -> list[str]:
    """Return what each way to ask is told."""
    async with database.transaction() as transaction:
        first, second = await transaction.execute(ACTING), await transaction.execute(ACTING)
    each = [*await database.fetch(ACTING), *await database.execute(ACTING), *first, *second]
    return [row["it"] for row in each]


async def test_a_statement_is_told_for_whom_it_is(database: PostgresDatabase) -> None:
    assert await acting(database) == [EVERYBODY] * 4
    with on_behalf_of("it's \\ me"):
        assert await acting(database) == ["it's \\ me"] * 4
    assert await acting(database) == [EVERYBODY] * 4


async def test_a_batch_is_told_for_whom_it_is(database: PostgresDatabase) -> None:
    await database.execute(text("CREATE TABLE told (it text)"))
    tell = text(f"INSERT INTO told VALUES (current_setting('{SETTING}', true))")

    await database.write([Write(tell, [{}])])

    told = text("SELECT it FROM told").columns(column("it"))
    assert await database.fetch(told) == [{"it": EVERYBODY}]


async def test_nobody_is_left_behind_on_a_connection(database: PostgresDatabase) -> None:
    with on_behalf_of("somebody"):
        await acting(database)

    async with database._connections.one() as wire:
        assert await wire.run(LEFT, PATIENCE) == [("",)]


# ---- opening ----


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """A server that may be killed."""
    with running(tmp_path_factory.mktemp("server")) as server:
        yield server


@pytest.fixture(scope="module")
def spare(server: Cluster) -> URL:
    return parse_url(server.new_database("spare"))


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        ({"database": "nowhere"}, 'database "nowhere" does not exist'),
        ({"username": "nobody"}, 'role "nobody" does not exist'),
        ({"port": 1}, "Connection refused"),
        ({"host": "nobody.invalid"}, "not available"),
        ({"query": {"sslmode": "nonsense"}}, "invalid sslmode value"),
    ],
)
async def test_what_is_not_there_is_told_in_one_sentence(
    spare: URL, wrong: dict[str, Any], told: str
) -> None:
    with pytest.raises(StorageUnavailable, match=told) as refused:
        await PostgresDatabase.open(spare.set(password="canary", **wrong))

    assert "canary" not in str(refused.value)
    assert "\n" not in str(refused.value)


async def test_a_wrong_password_is_not_repeated(server: Cluster) -> None:
    server.execute("CREATE ROLE careful LOGIN PASSWORD 'right'")
    with asking_for_passwords(server):
        url = parse_url(server.url("spare", "careful"))
        with pytest.raises(StorageUnavailable, match="password authentication failed") as refused:
            await PostgresDatabase.open(url.set(password="canary"))
        await (await PostgresDatabase.open(url.set(password="right"))).close()

    assert "canary" not in str(refused.value)


@contextmanager
def asking_for_passwords(server: Cluster) -> Iterator[None]:
    rules = server._folder / "pg_hba.conf"
    before = rules.read_text()
    rules.write_text("host all careful 127.0.0.1/32 scram-sha-256\n" + before)
    server.execute("SELECT pg_reload_conf()")
    try:
        yield
    finally:
        rules.write_text(before)
        server.execute("SELECT pg_reload_conf()")


async def test_a_database_that_cannot_keep_every_text_is_refused(server: Cluster) -> None:
    server.execute("CREATE DATABASE latin ENCODING 'LATIN1' LOCALE 'C' TEMPLATE template0")

    with pytest.raises(StorageUnavailable, match="UTF8"):
        await PostgresDatabase.open(parse_url(server.url("latin")))


# ---- cancelled callers ----


async def test_a_storm_of_cancelled_transactions_leaves_all_places_free(
    database: PostgresDatabase, caplog: pytest.LogCaptureFixture
) -> None:
    chance = random.Random(5)

    async def transact(number: int) -> None:
        async with database.transaction() as transaction:
            await transaction.execute(ADD, {"n": number})
            await transaction.execute(ONE)

    async def read(number: int) -> None:
        await (transact(number) if number % 4 == 0 else database.fetch(ONE))

    loop = asyncio.get_running_loop()
    told: list[BaseException | None] = []
    for start in range(0, 2000, 100):
        tasks = [asyncio.create_task(read(number)) for number in range(start, start + 100)]
        for task in chance.sample(tasks, 35):
            loop.call_later(chance.uniform(0, 0.05), task.cancel)
        told += await asyncio.gather(*tasks, return_exceptions=True)

    assert {type(each) for each in told} == {type(None), asyncio.CancelledError}
    assert database._connections._places._value == PLACES
    await asyncio.gather(*(database.fetch(ONE) for _ in range(PLACES * 3)))
    assert caplog.records == []


# ---- a server that goes away ----


async def ask_until(
    database: PostgresDatabase, stopped: asyncio.Event, told: list[Exception | None]
) -> None:
    while not stopped.is_set():
        try:
            await database.execute(ONE)
        except StorageError as error:
            told.append(error)
            await asyncio.sleep(0.01)
        else:
            told.append(None)


async def back(database: PostgresDatabase) -> None:
    async with asyncio.timeout(PATIENCE):
        while True:
            try:
                await database.execute(ONE)
            except StorageUnavailable:
                await asyncio.sleep(0.01)
            else:
                return


@pytest.mark.parametrize("run", LOOPS)
@pytest.mark.parametrize("go_away", [Cluster.stop, Cluster.kill])
def test_callers_of_a_server_that_goes_away_are_told_and_find_it_again(
    server: Cluster,
    spare: URL,
    run: Callable[..., None],
    go_away: Callable[[Cluster], None],
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def outage() -> None:
        database = await PostgresDatabase.open(spare)
        stopped = asyncio.Event()
        told: list[Exception | None] = []
        asking = [asyncio.create_task(ask_until(database, stopped, told)) for _ in range(15)]
        await until(lambda: len(told) > 30)
        sleeping = asyncio.create_task(database.execute(SLEEP))
        writing = asyncio.create_task(database.write([Write(SLEEP, [{}])]))
        await until(lambda: database._writer._wire is not None)
        await asyncio.to_thread(go_away, server)
        lost = await asyncio.gather(sleeping, writing, return_exceptions=True)
        await until(lambda: told[-1] is not None)
        await asyncio.to_thread(server.start)
        await back(database)
        stopped.set()
        await asyncio.gather(*asking)
        await database.write([Write(ONE, [{}])])
        await database.close()

        assert {type(each) for each in lost} == {StorageUnavailable}
        assert {type(each) for each in told} == {type(None), StorageUnavailable}

    run(outage())

    assert caplog.records == []


@contextmanager
def hurried(database: PostgresDatabase) -> Iterator[None]:
    """Wait for nothing meanwhile; a busy server that is there needs longer than this."""
    dialer = database._connections._dialer
    patience = dialer.seconds
    database._seconds = dialer.seconds = 0.2
    try:
        yield
    finally:
        database._seconds = dialer.seconds = patience


async def test_a_frozen_server_is_not_waited_for(server: Cluster, spare: URL) -> None:
    database = await PostgresDatabase.open(spare)
    await database.write([Write(ONE, [{}])])

    with server.frozen(), hurried(database):
        for ask in (database.fetch, database.execute, database.fetch):
            with pytest.raises(StorageUnavailable):
                await ask(ONE)
        with pytest.raises(StorageUnavailable):
            await database.write([Write(ONE, [{}])])

    await back(database)
    await database.close()


async def test_a_batch_whose_fate_is_unknown_comes_before_the_next(
    server: Cluster, spare: URL
) -> None:
    database = await PostgresDatabase.open(spare, seconds=1)
    await database.execute(MAKE)
    await database.execute(text("CREATE SEQUENCE claims"))
    await database.claim()
    with server.frozen(), pytest.raises(StorageUnavailable):
        await database.write([Write(ADD, [{"n": 1}])])

    async with asyncio.timeout(PATIENCE):
        while True:
            try:
                await database.write([Write(text("INSERT INTO counted SELECT 2"), [{}])])
            except StorageUnavailable:
                await asyncio.sleep(0.01)
            else:
                break

    # The server took the first from its socket when it went on, and nothing could pass it.
    assert await counted(database) == [1, 2]
    await database.execute(text("DROP TABLE counted"))
    await database.execute(text("DROP SEQUENCE claims"))
    await database.close()


# ---- more descriptors than select() knows ----

MANY = 1100


@contextmanager
def many_descriptors() -> Iterator[None]:
    """Let every descriptor from now on have a number above 1023."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = max(soft, MANY + 1000)
    if hard != resource.RLIM_INFINITY and hard < wanted:
        pytest.skip(f"only {hard} descriptors may be open here")
    resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
    with ExitStack() as stack:
        stack.callback(resource.setrlimit, resource.RLIMIT_NOFILE, (soft, hard))
        for _ in range(MANY):
            stack.callback(os.close, os.open(os.devnull, os.O_RDONLY))
        yield


class Line:
    """Two ends of an unrelated connection in the same loop."""

    def __init__(self) -> None:
        self._ends = socket.socketpair()
        for end in self._ends:
            end.settimeout(0)

    async def works(self) -> bool:
        here, there = self._ends
        loop = asyncio.get_running_loop()
        listening = asyncio.create_task(loop.sock_recv(there, 4))
        await asyncio.sleep(0)
        await loop.sock_sendall(here, b"ping")
        return await listening == b"ping"

    def close(self) -> None:
        for end in self._ends:
            end.close()


@pytest.mark.parametrize("run", LOOPS)
def test_with_more_than_1100_descriptors_a_restart_harms_no_other_connection(
    server: Cluster, spare: URL, run: Callable[..., None], caplog: pytest.LogCaptureFixture
) -> None:
    async def restart() -> None:
        database = await PostgresDatabase.open(spare, seconds=LONG)
        await asyncio.gather(*(database.execute(BREATHE) for _ in range(PLACES - 2)))
        asking = [
            asyncio.create_task(database.write([Write(SLEEP, [{}])])),
            *(asyncio.ensure_future(database.execute(SLEEP)) for _ in range(2)),
        ]
        await until(lambda: database._writer._wire is not None)
        async with asyncio.timeout(PATIENCE):
            before = [Line() for _ in range(30)]
            assert all([await line.works() for line in before])
            await asyncio.to_thread(server.stop)
            # Long before their deadline.
            told = await asyncio.gather(*asking, return_exceptions=True)
            await until(lambda: all(wire.lost for wire in database._connections._free))
            after = [Line() for _ in range(30)]  # they have the numbers of those that were lost
            assert all([await line.works() for line in (*before, *after)])
            await asyncio.to_thread(server.start)
            await back(database)
            assert all([await line.works() for line in (*before, *after)])
        for line in (*before, *after):
            line.close()
        await database.close()

        assert {type(each) for each in told} == {StorageUnavailable}

    with many_descriptors():
        run(restart())

    assert caplog.records == []


# ---- two servers ----


async def test_a_second_server_on_the_database_does_not_start(url: URL, tmp_path: Path) -> None:
    def storage(directory: str, *, serving: bool) -> AbstractAsyncContextManager[Storage]:
        return open_storage(tmp_path / directory, SystemClock(), database_url=url, serving=serving)

    async with storage("first", serving=True):
        async with storage("first", serving=False):  # the command line
            pass
        with pytest.raises(StorageUnavailable, match=TAKEN):
            await storage("second", serving=True).__aenter__()

    async with storage("second", serving=True):
        pass


# ---- closing ----


async def test_closing_tells_who_is_at_work(url: URL, caplog: pytest.LogCaptureFixture) -> None:
    database = await PostgresDatabase.open(url, seconds=LONG)

    async def sleep_in_a_transaction() -> None:
        async with database.transaction() as transaction:
            await transaction.execute(SLEEP)

    working: list[Awaitable[Any]] = [
        asyncio.create_task(database.execute(SLEEP)),
        asyncio.create_task(database.write([Write(SLEEP, [{}])])),
        asyncio.create_task(sleep_in_a_transaction()),
    ]
    await until(lambda: len(database._connections._used) == 2 and database._writer._wire)

    await database.close()
    await database.close()

    told = await asyncio.gather(*working, return_exceptions=True)
    assert {type(each) for each in told} == {StorageUnavailable}
    assert [each for each in caplog.records if each.levelno >= logging.WARNING] == []

"""Where a database is: what the URL says, names and numbers, a server that is away."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import URL, make_url

from storage.errors import StorageUnavailable
from storage.postgres_address import Dialer, connect, parameters_of
from tests.doubles import until
from tests.storage.doubles import PATIENCE
from tests.storage.postgres import Admin

pytestmark = pytest.mark.postgresql_only("about its address")


def test_the_url_is_told_with_what_holds_for_every_session() -> None:
    told = parameters_of(make_url("postgresql+psycopg2://me:p%40ss@db.example:5433/rings"), 5)

    expected = {"user": "me", "password": "p@ss", "host": "db.example", "port": 5433}
    assert {name: told[name] for name in expected} == expected
    assert told["dbname"] == "rings"
    assert told["keepalives_idle"] == 15
    assert "-c statement_timeout=4500 " in told["options"]
    assert "-c client_connection_check_interval=500" in told["options"]


def test_what_the_url_says_goes_before() -> None:
    url = "postgresql+psycopg2://db/x?keepalives_idle=99&options=-c%20statement_timeout%3D7&sslmode=require"

    told = parameters_of(make_url(url))

    assert told["keepalives_idle"] == "99"
    assert told["sslmode"] == "require"
    assert told["options"].endswith(" -c statement_timeout=7")  # the last one counts


async def test_a_session_is_as_it_is_asked_to_be(url: URL) -> None:
    wire = await connect(parameters_of(url, 5), PATIENCE)
    names = ("statement_timeout", "client_connection_check_interval", "client_encoding")
    shown = b"SELECT " + b", ".join(f"current_setting('{name}')".encode() for name in names)
    try:
        assert await wire.run(shown, PATIENCE) == [("4500ms", "500ms", "UTF8")]
    finally:
        wire.drop()


async def test_a_commit_is_on_disk_where_the_database_is_used_to_less(url: URL) -> None:
    with Admin.of(url) as admin:
        admin.does(f"ALTER DATABASE {url.database} SET synchronous_commit = off")
        wire = await connect(parameters_of(url, 5), PATIENCE)
        try:
            assert await wire.run(b"SHOW synchronous_commit", PATIENCE) == [("on",)]
        finally:
            wire.drop()
            admin.does(f"ALTER DATABASE {url.database} RESET synchronous_commit")


# ---- names and numbers ----

Found = list[tuple[Any, ...]]


def finding(*addresses: str) -> Callable[..., Any]:
    async def getaddrinfo(host: str, *_: object, **__: object) -> Found:
        assert host == "db.example"
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (each, 0)) for each in addresses]

    return getaddrinfo


async def test_a_name_is_looked_up_by_the_loop(url: URL, monkeypatch: pytest.MonkeyPatch) -> None:
    # libpq itself would not find this name.
    monkeypatch.setattr(asyncio.get_running_loop(), "getaddrinfo", finding("127.0.0.1"))

    wire = await connect({**parameters_of(url), "host": "db.example"}, PATIENCE)

    assert wire.raw.info.dsn_parameters["hostaddr"] == "127.0.0.1"
    assert wire.raw.info.host == "db.example"  # what a certificate has to name
    wire.drop()


async def test_the_first_address_that_answers_is_taken(
    url: URL, monkeypatch: pytest.MonkeyPatch
) -> None:
    loop = asyncio.get_running_loop()
    monkeypatch.setattr(loop, "getaddrinfo", finding("127.99.99.99", "127.0.0.1"))

    wire = await connect({**parameters_of(url), "host": "db.example"}, PATIENCE)

    assert wire.raw.info.dsn_parameters["hostaddr"] == "127.0.0.1"
    wire.drop()


async def test_of_several_servers_the_first_that_answers_is_taken(url: URL) -> None:
    parameters = parameters_of(url)
    several = {"host": "127.99.99.99,127.0.0.1", "port": f"1,{parameters['port']}"}

    wire = await connect({**parameters, **several}, PATIENCE)

    assert wire.raw.info.port == parameters["port"]
    wire.drop()


async def test_a_server_that_is_silent_leaves_time_for_the_next(url: URL) -> None:
    parameters = parameters_of(url)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        ports = f"{silent.getsockname()[1]},{parameters['port']}"
        several = {"host": "127.0.0.1,127.0.0.1", "port": ports}

        wire = await connect({**parameters, **several}, 3)

    assert wire.raw.info.port == parameters["port"]
    wire.drop()


async def test_a_name_that_nobody_has_is_unavailable(url: URL) -> None:
    with pytest.raises(StorageUnavailable, match=r"not available: .+\.$"):
        await connect({**parameters_of(url), "host": "nobody.invalid"}, PATIENCE)


async def test_an_address_may_be_given_as_libpq_takes_it(url: URL) -> None:
    named = {**parameters_of(url), "host": "not.looked.up", "hostaddr": "127.0.0.1"}

    wire = await connect(named, PATIENCE)

    wire.drop()


async def test_a_socket_in_the_file_system_needs_no_number(url: URL) -> None:
    with pytest.raises(StorageUnavailable, match="No such file"):
        await connect({**parameters_of(url), "host": "/nowhere"}, PATIENCE)


# ---- a server that is away ----


async def test_a_server_that_is_away_is_left_alone_for_a_moment() -> None:
    calls = 0

    async def answer(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal calls
        calls += 1
        writer.close()

    async with await asyncio.start_server(answer, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        dialer = Dialer({"host": "127.0.0.1", "port": port}, PATIENCE, rest=PATIENCE)
        for _ in range(3):
            with pytest.raises(StorageUnavailable):
                await dialer.connect()

    assert calls == 1


async def test_one_tries_again_and_the_others_need_not_wait() -> None:
    held: list[asyncio.StreamWriter] = []

    async def hold(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        held.append(writer)
        if len(held) == 1:
            writer.close()

    async with await asyncio.start_server(hold, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        dialer = Dialer({"host": "127.0.0.1", "port": port}, PATIENCE, rest=0)
        with pytest.raises(StorageUnavailable):
            await dialer.connect()
        trying = asyncio.create_task(dialer.connect())
        await until(lambda: len(held) == 2)

        with pytest.raises(StorageUnavailable):
            await dialer.connect()

        held[1].close()
        with pytest.raises(StorageUnavailable):
            await trying


async def test_a_server_that_is_back_is_found(url: URL) -> None:
    parameters = dict(parameters_of(url))
    port, parameters["port"] = parameters["port"], 1
    dialer = Dialer(parameters, PATIENCE, rest=0)
    with pytest.raises(StorageUnavailable):
        await dialer.connect()

    parameters["port"] = port
    for _ in range(2):
        (await dialer.connect()).drop()


async def test_who_gives_up_trying_leaves_it_to_the_next(url: URL) -> None:
    parameters = dict(parameters_of(url))
    port, parameters["port"] = parameters["port"], 1
    dialer = Dialer(parameters, PATIENCE, rest=0)
    with pytest.raises(StorageUnavailable):
        await dialer.connect()
    with socket.create_server(("127.0.0.1", 0)) as silent:
        parameters["port"] = silent.getsockname()[1]
        trying = asyncio.create_task(dialer.connect())
        await asyncio.sleep(0)
        trying.cancel()
        await asyncio.gather(trying, return_exceptions=True)

    parameters["port"] = port
    (await dialer.connect()).drop()

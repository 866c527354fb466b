"""Whom sinks connect to, whom they trust, and what they say when that comes to nothing."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from aiohttp import ClientSession

from storage.sinks.connecting import (
    FAILURES,
    LONGEST_ANSWER,
    MOST_HINTS,
    open_session,
    translated,
)
from storage.sinks.errors import SinkError, SinkRefused, SinkUnavailable
from storage.sinks.port import Door, Endpoint, Outside
from tests.certificates import DAY, authority, certificate
from tests.storage.doubles import PATIENCE
from tests.storage.sinks.strangers import (
    Conduct,
    LoopbackDoor,
    Stranger,
    answer,
    hanging_up,
    meeting,
    saying,
    silence,
)

NAME = "store.example"
WELL = saying(answer("200 OK", body=b"well"))


class ClosedTo(LoopbackDoor):
    """Let nobody through who asks for one of these hosts."""

    async def resolve(self, host: str, port: int) -> Sequence[Endpoint]:
        if host in self.closed:
            raise SinkRefused("This host is closed.")
        return await super().resolve(host, port)


@asynccontextmanager
async def session_of(door: Door, **deadlines: Any) -> AsyncIterator[ClientSession]:
    async with await open_session(replace(Outside(door), **deadlines)) as session:
        yield session


async def asked(session: ClientSession, url: str) -> bytes:
    async with session.get(url, allow_redirects=False) as got:
        return await got.read()


async def failure(session: ClientSession, url: str) -> SinkError:
    with pytest.raises(FAILURES) as raised:
        await asked(session, url)
    return translated(raised.value)


def at(stranger: Stranger, host: str = NAME, scheme: str = "http") -> str:
    return f"{scheme}://{host}:{stranger.port}/"


# ---- whom it connects to ----


async def test_a_name_leads_where_the_door_says_and_stays_the_name() -> None:
    async with meeting(WELL) as stranger, session_of(LoopbackDoor()) as session:
        assert await asked(session, at(stranger)) == b"well"

        assert f"Host: {NAME}:{stranger.port}\r\n" in stranger.heads[0]


async def test_the_door_is_asked_at_every_connection() -> None:
    door = LoopbackDoor()
    async with meeting(WELL) as stranger, session_of(door) as session:
        await asked(session, at(stranger))
        await asked(session, at(stranger))

        assert door.resolved.count(NAME) == stranger.connections == 2


@pytest.mark.parametrize("host", ["127.0.0.1", "127.1", "2130706433", "0x7f.1", "[::1]"])
async def test_an_address_that_is_written_out_has_to_pass_the_door_too(host: str) -> None:
    async with (
        meeting(WELL) as stranger,
        session_of(ClosedTo(host.strip("[]"))) as session,
    ):
        told = await failure(session, at(stranger, host))

        assert isinstance(told, SinkRefused)
        assert str(told) == "This host is closed."
        assert stranger.connections == 0


async def test_nothing_is_said_to_whom_the_system_leads_elsewhere() -> None:
    async with meeting(WELL) as stranger, session_of(ClosedTo("127.0.0.1")) as session:
        told = await failure(session, at(stranger))

        assert str(told) == "This host is closed."
        await asyncio.wait_for(stranger.left.wait(), PATIENCE)
        assert stranger.heads == []


async def test_the_second_address_is_tried_where_the_first_does_not_answer() -> None:
    class Two(LoopbackDoor):
        async def resolve(self, host: str, port: int) -> Sequence[Endpoint]:
            (last,) = await super().resolve(host, port)
            return [last._replace(sockaddr=("127.0.0.9", port)), last]

    async with meeting(WELL) as stranger, session_of(Two()) as session:
        assert await asked(session, at(stranger)) == b"well"


async def test_variables_of_the_environment_are_not_heeded(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with meeting(WELL) as stranger, session_of(LoopbackDoor()) as session:
        for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
            monkeypatch.setenv(name, "http://proxy.example:1")

        assert await asked(session, at(stranger)) == b"well"


async def test_a_name_that_takes_long_to_find_may_be_found_later() -> None:
    class Slow(LoopbackDoor):
        async def resolve(self, host: str, port: int) -> Sequence[Endpoint]:
            await asyncio.get_running_loop().create_future()
            raise AssertionError

    async with session_of(Slow(), connect_timeout=0.02) as session:
        told = await failure(session, f"http://{NAME}/")

    assert isinstance(told, SinkUnavailable)
    assert "was not found within 0.02 s" in str(told)


# ---- what it says when that comes to nothing ----


@pytest.mark.parametrize(
    ("conduct", "kind", "words"),
    [
        (hanging_up, SinkUnavailable, "cut the connection off"),
        (saying(b""), SinkUnavailable, "cut the connection off"),
        (saying(b"HTTP/1.1 200 OK\r\nContent-Le"), SinkUnavailable, "cut the connection off"),
        (
            saying(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhal"),
            SinkUnavailable,
            "cut the connection off",
        ),
        (saying(b"SSH-2.0-OpenSSH_9.2\r\n"), SinkRefused, "no object store"),
        (saying(b"\x00\xff" * 99), SinkRefused, "no object store"),
        (saying(b"HTTP/1.1 two hundred\r\n\r\n"), SinkRefused, "no object store"),
        (
            saying(answer("200 OK", body=bytes(LONGEST_ANSWER + 1))),
            SinkRefused,
            "no object store",
        ),
        (saying(answer("200 OK", f"X: {'x' * 9000}")), SinkRefused, "no object store"),
    ],
)
async def test_every_failure_is_one_of_ours(
    conduct: Conduct, kind: type[SinkError], words: str
) -> None:
    async with (
        meeting(conduct) as stranger,
        session_of(LoopbackDoor()) as session,
    ):
        told = await failure(session, at(stranger))

    assert type(told) is kind
    assert words in str(told)


async def test_a_store_that_says_nothing_is_given_up() -> None:
    async with (
        meeting(silence) as stranger,
        session_of(LoopbackDoor(), read_timeout=0.1) as session,
    ):
        told = await failure(session, at(stranger))

    assert isinstance(told, SinkUnavailable)
    assert "did not answer in time" in str(told)


async def test_an_answer_of_any_length_that_a_store_has_is_read() -> None:
    body = bytes(LONGEST_ANSWER)
    async with (
        meeting(saying(answer("200 OK", body=body))) as stranger,
        session_of(LoopbackDoor()) as session,
    ):
        assert await asked(session, at(stranger)) == body


HINT = b"HTTP/1.1 103 Early Hints\r\n\r\n"


async def test_a_few_hints_that_an_answer_will_come_are_passed_over() -> None:
    said = HINT * MOST_HINTS + answer("200 OK", body=b"well")
    async with meeting(saying(said)) as stranger, session_of(LoopbackDoor()) as session:
        assert await asked(session, at(stranger)) == b"well"


async def test_hints_without_end_are_not_listened_to() -> None:
    said = HINT * (MOST_HINTS + 1) + answer("200 OK", body=b"well")
    async with meeting(saying(said)) as stranger, session_of(LoopbackDoor()) as session:
        told = await failure(session, at(stranger))

    assert isinstance(told, SinkRefused)
    assert "no object store" in str(told)


async def test_a_port_where_nobody_listens_refuses() -> None:
    async with meeting(WELL) as stranger:
        pass
    async with session_of(LoopbackDoor()) as session:
        told = await failure(session, at(stranger))

    assert isinstance(told, SinkUnavailable)
    assert str(told) == "No connection to the store: Connection refused."


async def test_what_is_under_way_ends_with_the_session() -> None:
    async with meeting(silence) as stranger:
        async with session_of(LoopbackDoor()) as session:
            asking = asyncio.create_task(asked(session, at(stranger)))
            await asyncio.wait_for(stranger.asked.wait(), PATIENCE)
        with pytest.raises(FAILURES) as raised:
            await asking
        await asyncio.wait_for(stranger.left.wait(), PATIENCE)

    assert isinstance(translated(raised.value), SinkUnavailable)


# ---- TLS ----


@pytest.fixture
def trusted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the system trust the authority of the tests."""
    file = tmp_path / "authorities.pem"
    file.write_text(authority())
    monkeypatch.setenv("SSL_CERT_FILE", str(file))


def served(
    folder: Path, name: str = NAME, by: str | None = None, ends: timedelta = DAY
) -> ssl.SSLContext:
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    options: dict[str, Any] = {} if by is None else {"by": by}
    made.load_cert_chain(certificate(folder, name, ends=ends, **options))
    return made


@pytest.mark.sqlite_only("nothing is stored")
async def test_a_certificate_is_verified_by_the_name_that_was_asked_for(
    tmp_path: Path, trusted: None
) -> None:
    async with (
        meeting(WELL, served(tmp_path)) as stranger,
        session_of(LoopbackDoor()) as session,
    ):
        assert await asked(session, at(stranger, scheme="https")) == b"well"


@pytest.mark.sqlite_only("nothing is stored")
@pytest.mark.parametrize(
    ("shown", "why"),
    [
        ({"by": "Another authority"}, "its authority is unknown"),
        ({"by": NAME}, "it is self-signed"),
        ({"ends": -DAY / 2}, "it has expired"),
        ({"name": "other.example"}, "it is for another name"),
    ],
)
async def test_a_certificate_that_is_not_trusted_says_why(
    tmp_path: Path, trusted: None, shown: dict[str, Any], why: str
) -> None:
    async with (
        meeting(WELL, served(tmp_path, **shown)) as stranger,
        session_of(LoopbackDoor()) as session,
    ):
        told = await failure(session, at(stranger, scheme="https"))

        assert isinstance(told, SinkRefused)
        assert f"The store's certificate is not trusted: {why}." in str(told)
        assert stranger.heads == []


async def keeping(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Answer one request after the other, until the other side hangs up."""
    while True:
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nwell")
        await reader.readuntil(b"\r\n\r\n")


@pytest.mark.sqlite_only("nothing is stored")
@pytest.mark.parametrize("scheme", ["http", "https"])
async def test_a_connection_is_kept_until_the_session_ends(
    tmp_path: Path, trusted: None, scheme: str
) -> None:
    tls = served(tmp_path) if scheme == "https" else None
    async with meeting(keeping, tls) as stranger:
        async with session_of(LoopbackDoor()) as session:
            for _ in range(3):
                assert await asked(session, at(stranger, scheme=scheme)) == b"well"
        await asyncio.wait_for(stranger.left.wait(), PATIENCE)

    assert stranger.connections == 1


async def test_a_port_that_speaks_no_tls_is_told_apart() -> None:
    async def plain(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(1)
        writer.write(answer("400 Bad Request"))
        await reader.read()
        writer.close()

    async with await asyncio.start_server(plain, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        async with session_of(LoopbackDoor()) as session:
            told = await failure(session, f"https://{NAME}:{port}/")

    assert isinstance(told, SinkUnavailable)
    assert "TLS with the store failed: wrong version number." in str(told)


async def test_a_handshake_that_is_never_answered_ends_in_time() -> None:
    async with (
        meeting(silence) as stranger,
        session_of(LoopbackDoor(), connect_timeout=0.2) as session,
    ):
        told = await failure(session, at(stranger, scheme="https"))

    assert isinstance(told, SinkUnavailable)
    assert "No connection to the store in time" in str(told)


@pytest.mark.sqlite_only("nothing is stored")
async def test_no_key_is_written_where_a_variable_says(
    tmp_path: Path, trusted: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSLKEYLOGFILE", str(tmp_path / "keys"))
    async with (
        meeting(WELL, served(tmp_path)) as stranger,
        session_of(LoopbackDoor()) as session,
    ):
        await asked(session, at(stranger, scheme="https"))

    assert not (tmp_path / "keys").exists()

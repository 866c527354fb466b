"""What comes of knocking at targets of every kind, none of which takes us for a charger."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from ipaddress import ip_network
from pathlib import Path

import pytest

from proxy.addresses import AddressGuard
from proxy.knocking import Knock, Knocking, ahead_of
from tests.certificates import authority, certificate, server_side

OPEN = AddressGuard((ip_network("127.0.0.0/8"),), allow_insecure=True)
DATED = b"HTTP/1.1 426 Upgrade Required\r\nDate: Sun, 22 Nov 2026 10:00:00 GMT\r\n\r\n"


@asynccontextmanager
async def listening(answer: bytes, tls: ssl.SSLContext | None = None) -> AsyncIterator[int]:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(answer)
        writer.close()

    async with await asyncio.start_server(serve, "127.0.0.1", 0, ssl=tls) as server:
        yield server.sockets[0].getsockname()[1]


async def knock(url: str, ca: str | None = None, guard: AddressGuard = OPEN) -> Knock:
    return await Knocking(guard, seconds=5).at(url, ca, None)


async def test_whoever_answers_is_there_and_tells_the_time() -> None:
    async with listening(DATED) as port:
        came = await knock(f"ws://127.0.0.1:{port}/ocpp/{{charge_box_id}}")

    assert (came.ok, came.told) == (True, "Connected, without TLS.")
    assert came.ahead is not None


async def test_what_is_no_http_tells_no_time_and_is_there_all_the_same() -> None:
    for garbage in (b"", b"SSH-2.0\r\n\r\n", b"x" * 100_000):
        async with listening(garbage) as port:
            came = await knock(f"ws://127.0.0.1:{port}/")
        assert (came.ok, came.ahead) == (True, None)


async def test_tls_is_verified_and_what_is_wrong_with_it_told(tmp_path: Path) -> None:
    pem = await asyncio.to_thread(certificate, tmp_path, "localhost")
    async with listening(DATED, server_side(pem)) as port:
        pinned = await knock(f"wss://localhost:{port}/", authority())
        unknown = await knock(f"wss://localhost:{port}/")

    assert pinned.ok
    assert "certificate of localhost" in pinned.told
    assert not unknown.ok
    assert "its authority is unknown" in unknown.told


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("ws://127.0.0.1:1/", "No connection"),
        ("ws://127.0.0.1:9000/{nobody}", "unknown"),
        ("https://127.0.0.1/", "must start with"),
        ("ws://10.0.0.1:9000/", "closed to targets"),
        ("ws://nowhere.invalid:9000/", "does not resolve"),
    ],
)
async def test_what_does_not_open_is_told_in_a_sentence(url: str, said: str) -> None:
    came = await knock(url)

    assert not came.ok
    assert said in came.told


@pytest.mark.parametrize(
    ("date", "ahead"),
    [
        ("Sun, 22 Nov 2026 10:00:30 GMT", 30),
        ("Sun, 22 Nov 2026 09:59:00 -0000", -60),
        ("yesterday", None),
        (None, None),
        ("Sun, 99 Nov 2026 10:00:30 GMT", None),
    ],
)
def test_a_date_is_compared(date: str | None, ahead: float | None) -> None:
    assert ahead_of(date, datetime(2026, 11, 22, 10, tzinfo=UTC)) == ahead

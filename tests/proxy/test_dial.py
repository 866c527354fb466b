"""What dialling a target comes to, with real listeners of every kind."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import socket
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from http import HTTPStatus
from pathlib import Path
from typing import Any

import pytest
from websockets.asyncio.server import ServerConnection, serve
from websockets.datastructures import Headers
from websockets.http11 import Request, Response

from proxy.addresses import Endpoint
from proxy.dial import Destination, dial
from proxy.errors import IncompatibleTarget, ProxyError, TargetRefused, TargetUnreachable
from tests.certificates import authority, certificate

Served = Callable[[ServerConnection], Awaitable[None]]


async def echo(connection: ServerConnection) -> None:
    async for text in connection:
        await connection.send(text)


@contextlib.asynccontextmanager
async def listener(served: Served = echo, **options: Any) -> AsyncIterator[int]:
    options = {"subprotocols": ["ocpp1.6"], **options}
    async with serve(served, "127.0.0.1", 0, **options) as server:
        yield next(iter(server.sockets)).getsockname()[1]


def to(
    port: int, *, scheme: str = "ws", host: str = "target.example", **fields: Any
) -> Destination:
    return Destination(
        url=f"{scheme}://{host}:{port}/ocpp/CP-1",
        endpoints=[Endpoint(socket.AF_INET, ("127.0.0.1", port))],
        **{"subprotocol": "ocpp1.6", **fields},
    )


async def failure(to: Destination, **options: Any) -> ProxyError:
    with pytest.raises(ProxyError) as raised:
        await dial(to, **options)
    return raised.value


async def test_texts_go_there_and_back() -> None:
    async with listener() as port:
        target = await dial(to(port))
        await target.send(b"[2]")

        assert await target.receive() == b"[2]"
        await target.close(1000, "")


async def test_the_target_sees_a_charger_that_says_only_what_it_must() -> None:
    seen = []

    async def look(connection: ServerConnection) -> None:
        assert connection.request is not None
        seen.append(connection.request)

    async with listener(look) as port:
        target = await dial(to(port, username="CP-1", password=b"p\xffss:w"))
        await target.close(1000, "")

    headers = seen[0].headers
    assert seen[0].path == "/ocpp/CP-1"
    assert headers["Host"] == f"target.example:{port}"
    assert headers["Sec-WebSocket-Protocol"] == "ocpp1.6"
    assert base64.b64decode(headers["Authorization"].split()[1]) == b"CP-1:p\xffss:w"
    assert "Sec-WebSocket-Extensions" not in headers
    assert "websockets" not in headers["User-Agent"].lower()


async def test_without_a_password_no_credentials_are_sent() -> None:
    seen = []

    async def look(connection: ServerConnection) -> None:
        assert connection.request is not None
        seen.append("Authorization" in connection.request.headers)

    async with listener(look) as port:
        await (await dial(to(port))).close(1000, "")

    assert seen == [False]


@pytest.mark.parametrize("status", [401, 403, 404, 429, 503])
async def test_a_refusal_tells_its_status(status: int) -> None:
    def refuse(connection: ServerConnection, _: Request) -> Response:
        return connection.respond(HTTPStatus(status), "no\n")

    async with listener(process_request=refuse) as port:
        refused = await failure(to(port))

    assert isinstance(refused, TargetRefused)
    assert refused.status == status


async def test_a_redirect_is_not_followed() -> None:
    visits = []

    async def visited(_: ServerConnection) -> None:
        visits.append(1)

    async with listener(visited) as elsewhere:

        def redirect(_: ServerConnection, __: Request) -> Response:
            return Response(302, "Found", Headers(Location=f"ws://127.0.0.1:{elsewhere}/"))

        async with listener(process_request=redirect) as port:
            refused = await failure(to(port))

    assert isinstance(refused, TargetRefused)
    assert (refused.status, visits) == (302, [])


async def test_another_subprotocol_is_incompatible() -> None:
    async with listener(select_subprotocol=lambda *_: "ocpp2.0.1") as port:
        assert isinstance(await failure(to(port)), IncompatibleTarget)


async def test_no_subprotocol_is_incompatible() -> None:
    async with listener(subprotocols=None) as port:
        said = await failure(to(port))

    assert isinstance(said, IncompatibleTarget)
    assert str(said) == "The target did not choose ocpp1.6."


async def test_nobody_listens() -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        said = await failure(to(probe.getsockname()[1]))

    assert isinstance(said, TargetUnreachable)
    assert str(said) == "No connection: Connection refused."


async def test_the_second_address_is_tried_where_the_first_does_not_answer() -> None:
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        async with listener() as port:
            both = [Endpoint(socket.AF_INET, silent.getsockname())]
            both.append(Endpoint(socket.AF_INET, ("127.0.0.1", port)))
            target = await dial(
                Destination(url=f"ws://two.example:{port}/", endpoints=both, subprotocol="ocpp1.6")
            )
            await target.close(1000, "")


async def test_a_target_that_says_nothing_is_given_up() -> None:
    with socket.create_server(("127.0.0.1", 0)) as mute:
        said = await failure(to(mute.getsockname()[1]), open_timeout=0.05)

    assert str(said) == "No connection within 0.05 s."


async def test_a_target_that_speaks_something_else() -> None:
    async def answer(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"220 mail.example ESMTP\r\n\r\n")
        writer.close()
        await writer.wait_closed()

    async with await asyncio.start_server(answer, "127.0.0.1", 0) as server:
        said = await failure(to(server.sockets[0].getsockname()[1]))

    assert str(said) == "The target does not speak WebSocket."


# ---- TLS ----


@contextlib.asynccontextmanager
async def secure_listener(folder: Path, name: str = "target.example") -> AsyncIterator[int]:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate(folder, name))
    async with listener(ssl=context) as port:
        yield port


async def test_a_pinned_authority_is_trusted(tmp_path: Path) -> None:
    async with secure_listener(tmp_path) as port:
        target = await dial(to(port, scheme="wss", ca_certificate=authority()))
        await target.close(1000, "")


async def test_an_authority_nobody_named_is_not_trusted(tmp_path: Path) -> None:
    async with secure_listener(tmp_path) as port:
        said = await failure(to(port, scheme="wss"))

    assert isinstance(said, TargetUnreachable)
    assert "certificate is not trusted" in str(said)


async def test_a_certificate_for_another_name_is_not_trusted(tmp_path: Path) -> None:
    async with secure_listener(tmp_path, "other.example") as port:
        said = await failure(to(port, scheme="wss", ca_certificate=authority()))

    assert "certificate is not trusted" in str(said)


async def test_an_authority_that_is_no_certificate() -> None:
    async with listener() as port:
        said = await failure(to(port, scheme="wss", ca_certificate="-----BEGIN NONSENSE"))

    assert "TLS failed" in str(said)


async def test_a_target_without_tls_where_tls_was_wanted() -> None:
    async with listener() as port:
        said = await failure(to(port, scheme="wss"))

    assert str(said) == "No connection: cut off."


async def test_no_failure_repeats_a_secret(tmp_path: Path) -> None:
    async with secure_listener(tmp_path) as port:
        said = await failure(to(port, scheme="wss", username="CP-1", password=b"s3cr3t"))

    assert "s3cr3t" not in str(said)
    assert "s3cr3t" not in repr(to(port, password=b"s3cr3t"))

"""What dialling a target comes to, with real listeners of every kind."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import os
import socket
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from http import HTTPStatus
from pathlib import Path
from typing import Any

import orjson
import pytest
import uvloop
from websockets.asyncio.server import ServerConnection, serve
from websockets.datastructures import Headers
from websockets.http11 import Request, Response

from csms.errors import LinkClosed
from csms.frames import OCPP16, Call, Reply, Send
from csms.link import Link
from csms.sockets import WebSocket
from proxy.conduct import Conduct
from proxy.dial import Destination, dial
from proxy.errors import (
    ForbiddenAddress,
    IncompatibleTarget,
    ProxyError,
    TargetRefused,
    TargetUnreachable,
)
from proxy.tls import Identity
from storage.sinks.port import Endpoint
from tests.certificates import (
    DAY,
    ROOT,
    authority,
    certificate,
    issued,
    key_of,
    server_side,
    signed,
)
from tests.doubles import PATIENCE, until

pytestmark = pytest.mark.sqlite_only("nothing is stored")

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


@pytest.mark.parametrize("status", [300, 301, 302, 303, 307, 308])
@pytest.mark.parametrize(
    "where", ["ws://127.0.0.1:{}/", "http://127.0.0.1:{}/", "//127.0.0.1:{}", "/"]
)
async def test_a_redirect_is_not_followed(status: int, where: str) -> None:
    visits = []

    async def visited(_: ServerConnection) -> None:
        visits.append("elsewhere")

    async with listener(visited) as elsewhere:

        def redirect(_: ServerConnection, __: Request) -> Response:
            visits.append("here")
            return Response(status, "Found", Headers(Location=where.format(elsewhere)))

        async with listener(process_request=redirect) as port:
            refused = await failure(to(port))

    assert isinstance(refused, TargetRefused)
    assert (refused.status, visits) == (status, ["here"])


async def test_the_environment_names_no_proxy_of_ours(monkeypatch: pytest.MonkeyPatch) -> None:
    async def visited(_: ServerConnection) -> None:
        visits.append(1)

    visits: list[int] = []
    async with listener(visited) as elsewhere, listener() as port:
        for name in ("http_proxy", "https_proxy", "all_proxy", "ws_proxy", "wss_proxy"):
            monkeypatch.setenv(name, f"http://127.0.0.1:{elsewhere}")
            monkeypatch.setenv(name.upper(), f"http://127.0.0.1:{elsewhere}")
        monkeypatch.delenv("no_proxy", raising=False)
        await (await dial(to(port))).close(1000, "")

    assert visits == []


async def test_nothing_is_said_where_the_system_leads_elsewhere() -> None:
    visits = []

    async def visited(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        visits.append(await _.read())
        writer.close()

    async with await asyncio.start_server(visited, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        # To the system 0.0.0.0 is another name of loopback.
        elsewhere = [Endpoint(socket.AF_INET, ("0.0.0.0", port))]
        said = await failure(
            Destination(url=f"ws://x.example:{port}/", endpoints=elsewhere, subprotocol="ocpp1.6")
        )
        await until(lambda: visits)

    assert isinstance(said, ForbiddenAddress)
    assert visits == [b""]


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


def test_a_target_that_hangs_up_at_once() -> None:
    async def dialled_often(port: int) -> set[str]:
        return {str(await failure(to(port))) for _ in range(20)}

    def hang_up(listener: socket.socket) -> None:
        for _ in range(20):
            listener.accept()[0].close()

    with socket.create_server(("127.0.0.1", 0)) as listener, ThreadPoolExecutor(1) as thread:
        thread.submit(hang_up, listener)
        # As the server runs; and from a thread, a target is quicker than the loop.
        said = uvloop.run(dialled_often(listener.getsockname()[1]))

    assert said <= {"No connection: cut off.", "No connection: Connection reset by peer."}


async def test_a_target_that_speaks_something_else() -> None:
    async def answer(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"220 mail.example ESMTP\r\n\r\n")
        writer.close()
        await writer.wait_closed()

    async with await asyncio.start_server(answer, "127.0.0.1", 0) as server:
        said = await failure(to(server.sockets[0].getsockname()[1]))

    assert str(said) == "The target does not speak WebSocket."


# ---- what a target may cost ----


async def never(_: Call | Send, _position: int) -> Reply:
    return await asyncio.Future()


async def exchanged(target: WebSocket, times: int) -> None:
    for _ in range(times):
        await target.send(b"[2]")
        await target.receive()


async def answer(connection: ServerConnection) -> None:
    async for text in connection:
        await connection.send(f'[3,"{orjson.loads(text)[1]}",{{}}]')


async def test_a_target_that_answers_what_it_is_asked_is_never_cut_off() -> None:
    conduct = Conduct(now=lambda: 0.0)  # nothing comes back with time
    async with listener(answer) as port:
        link = Link(await dial(to(port), conduct=conduct), dialect=OCPP16)
        conduct.follow(link.traffic)
        running = asyncio.create_task(link.run(never))
        for _ in range(2_500):
            await link.call("Heartbeat", b"{}")
        await link.close()
        await running


async def test_a_target_that_pings_without_end_is_cut_off() -> None:
    async def ping(connection: ServerConnection) -> None:
        connection.transport.write(10_000 * b"\x89\x00")
        await connection.wait_closed()

    async with listener(ping) as port:
        target = await dial(to(port))
        with pytest.raises(LinkClosed, match="1008 too much at once"):
            await target.receive()


async def test_what_was_used_up_on_one_connection_is_not_there_on_the_next() -> None:
    conduct = Conduct(now=lambda: 0.0)
    conduct.frames.take(1_990)
    async with listener() as port:
        target = await dial(to(port), conduct=conduct)
        with pytest.raises(LinkClosed, match="1008 too much at once"):
            await exchanged(target, 20)


# ---- TLS ----


@contextlib.asynccontextmanager
async def secure_listener(
    folder: Path,
    name: str = "target.example",
    secured: Callable[[Path], ssl.SSLContext] = server_side,
    **issuing: Any,
) -> AsyncIterator[int]:
    async with listener(ssl=secured(certificate(folder, name, **issuing))) as port:
        yield port


def asking(certificate: Path) -> ssl.SSLContext:
    """Return the side of a target that demands a client certificate."""
    context = server_side(certificate)
    context.verify_mode = ssl.CERT_REQUIRED
    context.load_verify_locations(cadata=authority())
    return context


@contextlib.asynccontextmanager
async def plain_spoken(context: ssl.SSLContext) -> AsyncIterator[int]:
    """Shake hands as most servers do, with an alert that says what is wrong; asyncio sends none."""

    def shake(server: socket.socket) -> None:
        peer, _ = server.accept()
        with context.wrap_socket(peer, server_side=True, do_handshake_on_connect=False) as secured:
            with contextlib.suppress(ssl.SSLError):
                secured.do_handshake()
            while os.read(secured.fileno(), 1024):  # a reset would overtake the alert
                pass

    with socket.create_server(("127.0.0.1", 0)) as server, ThreadPoolExecutor(1) as thread:
        server.settimeout(PATIENCE)
        shaking = thread.submit(shake, server)
        yield server.getsockname()[1]
        await asyncio.wrap_future(shaking)  # our side may have yet to close


def identity(name: str = "Depot", **issuing: Any) -> Identity:
    return Identity(*issued(name, **issuing))


def secured(port: int, **fields: Any) -> Destination:
    return to(port, **{"scheme": "wss", "ca_certificate": authority(), **fields})


async def test_a_pinned_authority_is_trusted(tmp_path: Path) -> None:
    async with secure_listener(tmp_path) as port:
        target = await dial(secured(port))
        await target.close(1000, "")


async def test_a_pinned_authority_need_not_be_a_root(tmp_path: Path) -> None:
    branch = signed("Branch authority", ca=True)
    async with secure_listener(tmp_path, by="Branch authority") as port:
        target = await dial(secured(port, ca_certificate=branch))
        await target.close(1000, "")


DISTRUSTED = {
    "expired": ({"begins": -2 * DAY, "ends": -DAY}, {}, "it has expired"),
    "not valid yet": ({"begins": DAY, "ends": 2 * DAY}, {}, "it is not valid yet"),
    "another name": ({}, {"host": "other.example"}, "it is for another name than other.example"),
    "another address": ({}, {"host": "127.0.0.1"}, "it is for another name than 127.0.0.1"),
    "not the name that is verified, though the host's": (
        {},
        {"server_name": "ocpp.operator.example"},
        "it is for another name than ocpp.operator.example",
    ),
    "another common name": (
        {"bears": []},
        {"server_name": "ocpp.operator.example"},
        "it is for another name than ocpp.operator.example",
    ),
    "the right common name beside another name": (
        {"bears": ["other.example"]},
        {},
        "it is for another name than target.example",
    ),
    "self-signed": (
        {"by": "target.example"},
        {},
        "it is self-signed, and not the one that is pinned",
    ),
    "self-signed, nothing pinned": (
        {"by": "target.example"},
        {"ca_certificate": None},
        "it is self-signed",
    ),
    "nobody's": ({}, {"ca_certificate": None}, "its authority is unknown"),
    "of another authority": (
        {},
        {"ca_certificate": authority("Another authority")},
        "its authority is not the one that is pinned",
    ),
    "of an authority that has another key by now": (
        {},
        {"ca_certificate": signed(ROOT, by=ROOT, ca=True, key=key_of("new"))},
        "its authority is not the one that is pinned",
    ),
    "of an authority that has expired": (
        {},
        {"ca_certificate": signed(ROOT, by=ROOT, ca=True, begins=-2 * DAY, ends=-DAY)},
        "the authority that is pinned has expired",
    ),
    "of an authority that is not valid yet": (
        {},
        {"ca_certificate": signed(ROOT, by=ROOT, ca=True, begins=DAY, ends=2 * DAY)},
        "the authority that is pinned is not valid yet",
    ),
}


@pytest.mark.parametrize(("issuing", "fields", "why"), DISTRUSTED.values(), ids=DISTRUSTED)
async def test_a_certificate_that_proves_nothing_ends_the_dial(
    tmp_path: Path, issuing: dict[str, Any], fields: dict[str, Any], why: str
) -> None:
    async with secure_listener(tmp_path, **issuing) as port:
        said = await failure(secured(port, password=b"s3cr3t", **fields))

    assert isinstance(said, TargetUnreachable)
    assert str(said) == f"The target's certificate is not trusted: {why}."


@contextlib.asynccontextmanager
async def asked_for(
    folder: Path, name: str, **issuing: Any
) -> AsyncIterator[tuple[int, list[str]]]:
    """Serve with a certificate, and remember for which name dials ask."""
    asked: list[str] = []
    context = server_side(certificate(folder, name, **issuing))
    context.sni_callback = lambda _, name, __: asked.append(name or "")
    async with listener(ssl=context) as port:
        yield port, asked


@pytest.mark.parametrize("host", ["target.example", "elsewhere.example", "127.0.0.1"])
@pytest.mark.parametrize("issuing", [{}, {"bears": []}], ids=["DNS name", "common name only"])
async def test_the_name_to_verify_holds_wherever_the_url_leads(
    tmp_path: Path, host: str, issuing: dict[str, Any]
) -> None:
    async with asked_for(tmp_path, "ocpp.operator.example", **issuing) as (port, asked):
        to = secured(port, host=host, server_name="ocpp.operator.example")
        await (await dial(to)).close(1000, "")

    assert asked == ["ocpp.operator.example"]


@pytest.mark.parametrize("name", ["target.operator.example", "*.operator.example"])
async def test_a_common_name_will_do_where_a_certificate_bears_no_other(
    tmp_path: Path, name: str
) -> None:
    async with secure_listener(tmp_path, name, bears=[]) as port:
        await (await dial(secured(port, host="target.operator.example"))).close(1000, "")


async def test_nobody_bears_the_dot_that_ends_a_host(tmp_path: Path) -> None:
    async with asked_for(tmp_path, "target.example") as (port, asked):
        await (await dial(secured(port, host="target.example."))).close(1000, "")

    assert asked == ["target.example"]


async def test_tls_before_1_2_is_not_spoken(tmp_path: Path) -> None:
    old = server_side(certificate(tmp_path, "target.example"))
    with pytest.warns(DeprecationWarning, match="TLSv1"):
        old.minimum_version = ssl.TLSVersion.TLSv1
    with pytest.warns(DeprecationWarning, match="TLSv1"):
        old.maximum_version = ssl.TLSVersion.TLSv1_1
    old.set_ciphers("ALL:@SECLEVEL=0")
    async with plain_spoken(old) as port:
        said = await failure(secured(port))

    assert str(said) == "The target speaks no TLS from 1.2 on."


async def test_a_target_that_speaks_no_tls_at_all() -> None:
    ended = asyncio.Event()

    async def greet(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"220 mail.example ESMTP\r\n\r\n")
        with contextlib.suppress(ConnectionError):
            await reader.read()
        writer.close()
        ended.set()

    async with await asyncio.start_server(greet, "127.0.0.1", 0) as server:
        said = await failure(secured(server.sockets[0].getsockname()[1]))
        await ended.wait()

    assert str(said) == "The target does not speak TLS."


# ---- client certificates ----


async def test_a_client_certificate_is_shown_where_it_is_asked_for(tmp_path: Path) -> None:
    seen = []

    async def look(connection: ServerConnection) -> None:
        seen.append(connection.transport.get_extra_info("peercert")["subject"])

    async with listener(look, ssl=asking(certificate(tmp_path, "target.example"))) as port:
        target = await dial(secured(port, identity=identity()))
        await target.close(1000, "")

    assert seen == [((("commonName", "Depot"),),)]


async def test_a_whole_chain_is_shown(tmp_path: Path) -> None:
    branch, depot = signed("Branch authority", ca=True), issued("Depot", by="Branch authority")
    async with secure_listener(tmp_path, secured=asking) as port:
        shown = Identity(depot.chain + branch, depot.key)
        target = await dial(secured(port, identity=shown))
        await target.close(1000, "")


REFUSED = {
    "none": (None, "The target demands a client certificate."),
    "unknown authority": (
        identity("Foreign", by="Foreign authority"),
        "The target refused our client certificate: it does not know its authority.",
    ),
    "expired": (
        identity("Old", begins=-2 * DAY, ends=-DAY),
        "The target refused our client certificate: it has expired.",
    ),
}


@pytest.mark.parametrize(("shown", "why"), REFUSED.values(), ids=REFUSED)
async def test_a_refused_client_certificate_is_told(
    tmp_path: Path, shown: Identity | None, why: str
) -> None:
    async with plain_spoken(asking(certificate(tmp_path, "target.example"))) as port:
        said = await failure(secured(port, identity=shown))

    assert str(said) == why


async def test_a_missing_client_certificate_is_told_with_tls_1_2_as_well(tmp_path: Path) -> None:
    old = asking(certificate(tmp_path, "target.example"))
    old.maximum_version = ssl.TLSVersion.TLSv1_2
    async with plain_spoken(old) as port:
        said = await failure(secured(port))

    assert "it may demand a client certificate" in str(said)


async def test_a_refusal_without_a_word_is_told_as_what_it_may_be(tmp_path: Path) -> None:
    foreign = identity("Foreign", by="Foreign authority")
    async with secure_listener(tmp_path, secured=asking) as port:
        said = await failure(secured(port, identity=foreign))

    assert isinstance(said, TargetUnreachable)
    assert str(said).endswith("The target may refuse our client certificate.")


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

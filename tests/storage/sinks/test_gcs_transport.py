"""Whom sessions of a sink at Google talk to, and how they make sure of it."""

from __future__ import annotations

import asyncio
import re
import ssl
from collections.abc import Container, Sequence
from contextlib import nullcontext, suppress
from pathlib import Path
from socket import AF_INET

import pytest

from storage.sinks.connecting import MOST_HINTS
from storage.sinks.errors import SinkRefused, SinkUnavailable
from storage.sinks.gcs import open_gcs
from storage.sinks.port import Endpoint, Outside
from tests.certificates import ROOT, certificate
from tests.storage.sinks.google import (
    BODY,
    BUCKET,
    NAME,
    STORED,
    THERE,
    TOKEN,
    against,
    in_turn,
    opened,
    record,
    told,
)
from tests.storage.sinks.strangers import (
    Conduct,
    LoopbackDoor,
    meeting,
    saying,
    serving,
    silence,
)
from tests.stores import GcpOAuth


def patient(meet: Conduct) -> Conduct:
    async def conduct(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(asyncio.IncompleteReadError, ConnectionError):
            await meet(reader, writer)

    return conduct


class PickyDoor(LoopbackDoor):
    """Lead nobody to some hosts, or to some ports of them."""

    shut: Container[str | tuple[str, int]] = ()

    async def resolve(self, host: str, port: int) -> Sequence[Endpoint]:
        if host in self.shut or (host, port) in self.shut:
            raise SinkRefused("This host is closed.")
        return await super().resolve(host, port)


# ---- whom it talks to ----


async def test_a_closed_endpoint_is_refused_before_anything_is_asked() -> None:
    door = LoopbackDoor("store.test")
    configuration = {"bucket": BUCKET, "endpoint_url": "https://store.test"}
    with pytest.raises(SinkRefused, match="closed"):
        await open_gcs(record(configuration), Outside(door=door))

    assert door.resolved == []


@pytest.mark.parametrize("closed", ["store.test", "tokens.test"])
async def test_only_who_is_let_through_is_connected_to(closed: str) -> None:
    async with meeting(saying(STORED)) as store, meeting(saying(told("200 OK", TOKEN))) as tokens:
        configuration = {"bucket": BUCKET, "endpoint_url": f"http://store.test:{store.port}"}
        token_uri = f"http://tokens.test:{tokens.port}/token"
        door = PickyDoor()
        door.shut = {closed}
        async with opened(configuration, token_uri, door=door) as sink:
            with pytest.raises(SinkRefused, match="closed"):
                await sink.put(NAME, BODY)

        assert store.connections == 0
        assert tokens.connections == (closed == "store.test")


async def test_a_name_is_looked_up_by_the_door_alone_and_stays_the_name() -> None:
    async with meeting(saying(STORED)) as store, meeting(saying(told("200 OK", TOKEN))) as tokens:
        configuration = {"bucket": BUCKET, "endpoint_url": f"http://Store.TEST:{store.port}/"}
        token_uri = f"http://tokens.test:{tokens.port}/token"
        door = LoopbackDoor()
        async with opened(configuration, token_uri, door=door) as sink:
            await sink.put(NAME, BODY)

        assert door.resolved == ["tokens.test", "127.0.0.1", "store.test", "127.0.0.1"]
        assert f"\r\nHost: store.test:{store.port}\r\n".lower() in store.heads[0].lower()
        assert f"\r\nHost: tokens.test:{tokens.port}\r\n" in tokens.heads[0]


async def test_nothing_is_said_to_who_answers_for_a_permitted_address_but_is_another() -> None:
    class Anywhere(PickyDoor):
        async def resolve(self, host: str, port: int) -> Sequence[Endpoint]:
            if host == "store.test":
                return [Endpoint(AF_INET, ("0.0.0.0", port))]  # loopback, on Linux
            return await super().resolve(host, port)

    async with meeting(silence) as store, meeting(saying(told("200 OK", TOKEN))) as tokens:
        configuration = {"bucket": BUCKET, "endpoint_url": f"http://store.test:{store.port}"}
        door = Anywhere()
        async with opened(configuration, tokens.url, door=door) as sink:
            door.shut = {("127.0.0.1", store.port)}
            with pytest.raises(SinkRefused, match="closed"):
                await sink.put(NAME, BODY)

        assert (len(tokens.heads), store.heads) == (1, [])


async def test_the_next_address_is_tried_where_one_does_not_answer() -> None:
    class Two(LoopbackDoor):
        async def resolve(self, host: str, port: int) -> Sequence[Endpoint]:
            found = await super().resolve(host, port)
            return [Endpoint(AF_INET, ("127.0.0.9", port)), *found]

    async with against(saying(STORED), door=Two()) as (store, _, sink):
        await sink.put(NAME, BODY)

    assert len(store.heads) == 1


# ---- TLS ----


@pytest.mark.sqlite_only("stores nothing of ours")
@pytest.mark.parametrize(
    ("name", "by", "why"),
    [
        ("store.test", ROOT, None),
        ("other.test", ROOT, "it is for another name"),
        ("store.test", "Another authority", "its authority is unknown"),
        ("store.test", "store.test", "it is self-signed"),
    ],
)
async def test_tls_is_verified_by_name(
    tmp_path: Path, gcp_oauth: GcpOAuth, name: str, by: str, why: str | None
) -> None:
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(certificate(tmp_path, name, by=by))
    async with meeting(saying(STORED), tls) as store:
        configuration = {"bucket": BUCKET, "endpoint_url": f"https://store.test:{store.port}"}
        async with opened(configuration, gcp_oauth.url) as sink:
            with pytest.raises(SinkRefused, match=f"not trusted: {why}") if why else nullcontext():
                await sink.put(NAME, BODY)

        assert len(store.heads) == (why is None)


async def test_a_store_that_speaks_no_tls_is_told(gcp_oauth: GcpOAuth) -> None:
    async def plain(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")

    async with serving(plain) as port:
        configuration = {"bucket": BUCKET, "endpoint_url": f"https://store.test:{port}"}
        async with opened(configuration, gcp_oauth.url) as sink:
            with pytest.raises(SinkUnavailable, match="TLS with the store failed"):
                await sink.put(NAME, BODY)


# ---- what is said ----


async def test_an_answer_is_asked_for_as_it_is() -> None:
    async with against(in_turn(THERE, STORED)) as (store, tokens, sink):
        await sink.put(NAME, BODY)

    heads = [*store.heads, *tokens.heads]
    assert len(heads) == 3
    assert ["\r\naccept-encoding: identity\r\n" in head.lower() for head in heads] == [True] * 3


async def test_no_cookie_is_kept() -> None:
    said = STORED.replace(b"\r\n", b"\r\nSet-Cookie: canary=1; Path=/\r\n", 1)
    async with against(in_turn(said, STORED)) as (store, _, sink):
        await sink.put(NAME, BODY)
        await sink.put(NAME, BODY)

    assert [head for head in store.heads if "canary=1" in head] == []


HINT = b"HTTP/1.1 100 Continue\r\n\r\n"


async def test_a_few_hints_that_an_answer_will_come_are_passed_over() -> None:
    async with against(saying(HINT * MOST_HINTS + STORED)) as (store, _, sink):
        await sink.put(NAME, BODY)

    assert len(store.heads) == 1


async def test_hints_without_end_are_not_listened_to() -> None:
    async with against(saying(HINT * (MOST_HINTS + 1) + STORED)) as (_, _, sink):
        with pytest.raises(SinkUnavailable, match="cut the connection off"):
            await sink.put(NAME, BODY)


async def test_a_connection_is_used_again() -> None:
    lasting = STORED.replace(b"Connection: close", b"Connection: keep-alive")
    requests: list[str] = []

    async def meet(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while not reader.at_eof():
            requests.append((await reader.readuntil(b"\r\n\r\n")).decode())
            length = re.search(r"(?i)content-length: (\d+)", requests[-1])
            assert length
            await reader.readexactly(int(length[1]))
            writer.write(lasting)

    door = PickyDoor()
    async with meeting(saying(told("200 OK", TOKEN))) as tokens, serving(patient(meet)) as port:
        configuration = {"bucket": BUCKET, "endpoint_url": f"http://store.test:{port}"}
        async with opened(configuration, tokens.url, door=door) as sink:
            await sink.put(NAME, BODY)
            await sink.put(NAME, BODY)

    assert len(requests) == 2
    assert door.resolved.count("store.test") == 1

"""Streams end when they must, hold no more than they may, and wait for nobody."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import replace

import orjson
import pytest
from aiohttp import web

from api.app import create_app
from api.parts import ApiParts
from api.server import listening
from api.streams import STREAMS, StreamLimits, event
from csms.settings import Bind
from storage.database import NO_VALUES, Row, Statement
from storage.errors import StorageUnavailable
from tests.api.conftest import UNHURRIED, Api
from tests.api.listening import Event, listens
from tests.doubles import until
from tests.kratos import People

pytestmark = pytest.mark.sqlite_only("how streams end, whatever they tell")

SOON = StreamLimits(of_caller=2, of_all=3, pulse=0.02, patience=0.2)


@pytest.fixture
def app(parts: ApiParts) -> web.Application:
    return create_app(parts, rates=UNHURRIED, streams=SOON)


@pytest.fixture
async def brisk(api: Api, app: web.Application) -> AsyncIterator[Api]:
    """The same API with streams that do not wait long."""
    async with listening(app, Bind("127.0.0.1", 0)) as bind:
        yield replace(api, base=f"http://{bind}")


def path(api: Api) -> str:
    return f"{api.organization}/messages/stream"


def test_an_event_is_one_block_whatever_its_payload() -> None:
    payload = orjson.Fragment(b'{"a":\r\n1,\n"b": 2}')

    assert event("message", {"payload": payload}, 7) == (
        b'event: message\nid: 7\ndata: {"payload":{"a":\ndata: 1,\ndata: "b": 2}}\n\n'
    )


async def test_nobody_on_the_way_keeps_a_stream(api: Api) -> None:
    async with listens(api, path(api)) as stream:
        headers = stream.response.headers
        assert headers["Content-Type"] == "text/event-stream; charset=utf-8"
        assert headers["Cache-Control"] == "no-store"
        assert headers["X-Accel-Buffering"] == "no"
        assert headers["Server"] == "Ringmain"


async def test_signs_of_life_come_while_nothing_else_does(brisk: Api) -> None:
    async with listens(brisk, path(brisk)) as stream:
        listening = asyncio.create_task(stream.next())
        await until(lambda: len(stream.comments) > 3)
        listening.cancel()

    assert set(stream.comments) == {"alive"}


async def test_a_stream_ends_with_its_key(brisk: Api) -> None:
    key, secret = await brisk.storage.api_keys.create(brisk.organization_uuid, "read")
    async with listens(replace(brisk, key=secret), path(brisk)) as stream:
        await brisk.storage.api_keys.revoke(key.key_id)
        end = await stream.next()

        assert end is not None
        assert (end.name, end.data["error"]) == ("end", "unauthorized")
        assert await stream.next() is None


async def test_a_stream_ends_when_its_key_expires(brisk: Api) -> None:
    until_then = brisk.clock.now().replace(hour=11)
    _, secret = await brisk.storage.api_keys.create(
        brisk.organization_uuid, "read", expires_at=until_then
    )
    async with listens(replace(brisk, key=secret), path(brisk)) as stream:
        brisk.clock.forward(hours=2)
        [end] = await stream.take(1)

    assert (end.name, end.data["error"]) == ("end", "unauthorized")


async def test_a_stream_ends_when_somebody_is_a_member_no_more(people: People) -> None:
    ben, api = await people.member("read"), people.api
    app = create_app(api.parts, streams=SOON)
    async with (
        listening(app, Bind("127.0.0.1", 0)) as bind,
        listens(
            replace(api, base=f"http://{bind}"),
            path(api),
            credential={"X-Session-Token": ben.token},
        ) as stream,
    ):
        await api.storage.members.remove(api.organization_uuid, ben.identity)
        [end] = await stream.take(1)

    assert (end.name, end.data["error"]) == ("end", "not_found")


async def test_a_caller_has_no_more_streams_than_he_may(brisk: Api, app: web.Application) -> None:
    async with listens(brisk, path(brisk)), listens(brisk, path(brisk)) as last:
        refused = await brisk("GET", path(brisk))
        assert refused.error == (429, "rate_limited")
        assert refused.body["message"] == "At most 2 streams at a time: close one of them."
        neighbour = replace(await brisk.neighbour(), base=brisk.base)
        async with listens(neighbour, path(neighbour)):
            another = await brisk.with_scope("read")
            full = await replace(another, base=brisk.base)("GET", path(brisk))
            assert full.error == (503, "unavailable")
        last.response.close()
        await until(lambda: len(app[STREAMS]) == 1)
        async with listens(brisk, path(brisk)):
            pass
    await until(lambda: len(app[STREAMS]) == 0)


async def test_a_client_that_leaves_is_missed_at_once(api: Api, parts: ApiParts) -> None:
    app = create_app(parts, rates=UNHURRIED)  # with 15 s between two signs of life
    async with listening(app, Bind("127.0.0.1", 0)) as bind:
        here = replace(api, base=f"http://{bind}")
        async with listens(here, path(here)):
            assert len(app[STREAMS]) == 1
        async with asyncio.timeout(10):
            await until(lambda: len(app[STREAMS]) == 0)


async def test_an_organization_leaves_room_for_the_others(api: Api) -> None:
    few = StreamLimits(of_caller=1, of_organization=2, of_all=3)
    async with contextlib.AsyncExitStack() as stack:
        app = create_app(api.parts, rates=UNHURRIED, streams=few)
        bind = await stack.enter_async_context(listening(app, Bind("127.0.0.1", 0)))
        here, neighbour = (
            replace(each, base=f"http://{bind}") for each in (api, await api.neighbour())
        )
        keys = [replace(await api.with_scope("read"), base=here.base) for _ in range(3)]
        for each in keys[:2]:
            await stack.enter_async_context(listens(each, path(each)))
        refused = await keys[2]("GET", path(here))
        assert refused.error == (429, "rate_limited")
        assert refused.body["message"] == "At most 2 streams at a time for an organization."
        async with listens(neighbour, path(neighbour)):
            pass


async def test_the_end_of_the_server_is_said(api: Api, app: web.Application) -> None:
    async with contextlib.AsyncExitStack() as server:
        bind = await server.enter_async_context(listening(app, Bind("127.0.0.1", 0)))
        here = replace(api, base=f"http://{bind}")
        async with listens(here, path(here)) as stream:
            ending = asyncio.create_task(server.aclose())
            end = await stream.next()
            assert await stream.next() is None
            await ending

    told = {"error": "unavailable", "message": "The server is ending; come again in some seconds."}
    assert end == Event("end", None, told)


async def test_a_client_that_never_reads_is_let_go(brisk: Api, app: web.Application) -> None:
    await brisk.enrol()
    key = brisk.charger_key("CP-1")
    async with listens(brisk, path(brisk)) as stream:
        connection = stream.response.connection
        assert connection is not None
        assert connection.transport is not None
        connection.transport.pause_reading()
        while len(app[STREAMS]):
            for _ in range(50):
                brisk.storage.journal.append(
                    key, "charger_to_platform", "1.6", "Unreadable", None, None, b"x" * 60_000
                )
            await brisk.storage.journal.flush()
            await asyncio.sleep(0.01)


async def test_where_storage_is_away_a_stream_says_so_and_goes_on(
    brisk: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    inner = brisk.storage.database.inner  # type: ignore[attr-defined] # `open_storage` has it watched
    fetch = inner.fetch

    async def away(_statement: Statement, _values: Row = NO_VALUES) -> list[Row]:
        raise StorageUnavailable

    async with listens(brisk, path(brisk)) as stream:
        hearing = asyncio.create_task(stream.next())
        monkeypatch.setattr(inner, "fetch", away)
        await until(lambda: "the database is away" in stream.comments)
        monkeypatch.setattr(inner, "fetch", fetch)
        key = brisk.charger_key("CP-1")
        brisk.storage.journal.append(
            key, "charger_to_platform", "1.6", "Call", "1", "Heartbeat", b'[2,"1","Heartbeat",{}]'
        )
        told = await hearing

    assert told is not None
    assert told.data["action"] == "Heartbeat"


async def test_a_fault_of_ours_is_told_in_words(
    brisk: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(_entry: object) -> bytes:
        raise ZeroDivisionError

    monkeypatch.setattr("api.message_streams._event", broken)
    async with listens(brisk, path(brisk)) as stream:
        key = brisk.charger_key("CP-1")
        brisk.storage.journal.append(key, "charger_to_platform", "1.6", "Send", None, None, b"[]")
        [end] = await stream.take(1)

    assert (end.name, end.data["error"]) == ("end", "internal")


async def test_who_cannot_be_asked_again_is_told_in_words(
    brisk: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def broken(_secret: str) -> None:
        raise ZeroDivisionError

    async with listens(brisk, path(brisk)) as stream:
        monkeypatch.setattr(brisk.storage.api_keys, "find", broken)
        [end] = await stream.take(1)

    assert (end.name, end.data["error"]) == ("end", "internal")

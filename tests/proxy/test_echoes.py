"""What a link's or our own end left unseen is delivered once, however often it was said."""

from __future__ import annotations

from collections.abc import Collection

import orjson
import pytest

from csms import frames
from proxy.echoes import Echoes
from storage.records import Message
from tests.proxy.post import Post, posted
from tests.proxy.stage import MOMENT, QUICK, Stage

METERS = "MeterValues"


def values(sample: str) -> bytes:
    metered = [{"timestamp": MOMENT, "sampledValue": [{"value": sample}]}]
    return orjson.dumps({"connectorId": 1, "meterValue": metered})


async def told(_: Collection[int], _again: int) -> bool:
    return False


@pytest.fixture
async def post(stage: Stage) -> Post:
    return await posted(stage.storage, QUICK)


async def messages(post: Post) -> list[Message]:
    await post.storage.journal.flush()
    return await post.storage.journal.read_calls(post.stored.key, 0, 100)


async def test_what_was_said_twice_and_never_answered_is_delivered_once(post: Post) -> None:
    for sample in ("1", "1", "2", "1", "2", "3"):
        post.unanswered(METERS, values(sample))
    await post.restarts()
    peer = await post.connects()

    for sample in ("1", "2", "3"):
        assert (await peer.answers())[3] == orjson.loads(values(sample))
    await post.drains()
    await post.hangs_up()


async def test_a_repeat_of_what_was_delivered_before_a_restart_is_not_delivered(
    post: Post,
) -> None:
    post.exchanges(METERS, values("1"))
    peer = await post.connects()
    await peer.answers()
    await post.drains()
    await post.hangs_up()
    post.unanswered(METERS, values("1"))
    post.exchanges(METERS, values("2"))
    await post.restarts()
    peer = await post.connects()

    assert (await peer.answers())[3] == orjson.loads(values("2"))
    await post.drains()
    await post.hangs_up()


async def test_what_came_another_way_meanwhile_is_looked_up(post: Post) -> None:
    for sample in ("1", "2", "2"):
        post.unanswered(METERS, values(sample))
    first, second, third = await messages(post)
    journal = post.storage.journal
    echoes = Echoes(post.stored.key, frames.OCPP16, journal, told)
    assert not await echoes.is_one(first)

    assert not await Echoes(post.stored.key, frames.OCPP16, journal, told).is_one(second)
    echoes.forget()  # the second came another way
    assert await echoes.is_one(third)


async def test_a_message_is_no_echo_of_itself(post: Post) -> None:
    post.unanswered(METERS, values("1"))
    (only,) = await messages(post)
    echoes = Echoes(post.stored.key, frames.OCPP16, post.storage.journal, told)

    assert [await echoes.is_one(only) for _ in range(2)] == [False, False]


async def test_what_tells_no_time_is_no_echo(post: Post) -> None:
    for _ in range(2):
        post.unanswered("FirmwareStatusNotification", b'{"status":"Idle"}')
    echoes = Echoes(post.stored.key, frames.OCPP16, post.storage.journal, told)

    assert [await echoes.is_one(one) for one in await messages(post)] == [False, False]

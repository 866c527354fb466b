"""The journal is read a short page at a time, and nothing that is done with comes back."""

from __future__ import annotations

import asyncio

import pytest

from csms import frames
from csms.errors import MalformedFrame
from proxy.reader import MOST_BYTES, Reader
from storage.records import Message
from tests.doubles import Held
from tests.proxy.post import DURABLE, Post, posted
from tests.proxy.stage import QUICK, Stage


@pytest.fixture
async def post(stage: Stage) -> Post:
    return await posted(stage.storage, QUICK)


def reader(post: Post, longest_page: int = 3) -> Reader:
    return Reader(post.stored.id, post.stored.key, frames.OCPP16, post.storage, longest_page)


async def read(reading: Reader, position: int, through: int) -> list[int]:
    """Return the positions of all that waits, read one after the other."""
    seqs = []
    while (message := await reading.first(position, through)) is not None:
        seqs.append(message.seq)
        position = message.seq
        reading.drop(position)
    return seqs


async def test_all_is_read_in_order_up_to_the_end(post: Post) -> None:
    told = [await post.says(DURABLE, number) for number in range(8)]

    assert await read(reader(post), 0, told[-1]) == told
    assert await read(reader(post), told[1], told[5]) == told[2:6]
    assert await read(reader(post), told[-1], told[-1]) == []


async def test_what_is_dropped_or_forgotten_while_a_page_is_on_its_way_does_not_come_back(
    post: Post,
) -> None:
    told = [await post.says(DURABLE, number) for number in range(8)]
    reading = reader(post)
    first = asyncio.create_task(reading.first(0, told[-1]))
    await asyncio.sleep(0)
    reading.drop(told[4])
    message = await first
    assert message
    assert message.seq == told[5]

    reading.forget({told[5], told[6]})
    following = await reading.first(told[6], told[-1])
    assert following
    assert following.seq == told[7]


async def test_a_page_of_large_messages_is_shorter(post: Post) -> None:
    large = b'{"x":"%s"}' % (b"x" * (MOST_BYTES // 2))
    told = [post.exchanges(DURABLE, large) for _ in range(5)]
    reading = reader(post, 100)
    await reading.first(0, told[-1])

    assert sum(len(message.frame) for message in reading._page) <= MOST_BYTES
    assert await read(reading, 0, told[-1]) == told


async def test_a_start_comes_with_the_id_that_it_was_answered(post: Post) -> None:
    start = post.exchanges("StartTransaction", b'{"connectorId":1}', b'{"transactionId":5}')
    other = await post.says(DURABLE, 1)
    reading = reader(post)
    message = await reading.first(0, other)
    assert message
    entry = await reading.entry(message)

    assert (entry.seq, entry.ours, entry.payload) == (start, "5", b'{"connectorId":1}')
    at = await reading.message_at(other)
    assert at
    assert (await reading.entry(at)).ours is None


async def test_what_is_not_there_is_not_found(post: Post) -> None:
    told = await post.says(DURABLE, 1)
    await post.storage.journal.flush()
    reading = reader(post)

    assert await reading.stored(told)
    assert not await reading.stored(told + 1)
    assert await reading.message_at(told + 1) is None


async def test_what_nobody_can_read_says_so(post: Post) -> None:
    append, key = post.storage.journal.append, post.stored.key
    receipt = append(key, "charger_to_platform", "1.6", "Call", "1", DURABLE, b"[2,")
    await post.storage.journal.flush()
    message = await reader(post).message_at(receipt.position)
    assert isinstance(message, Message)

    with pytest.raises(MalformedFrame):
        await reader(post).entry(message)


async def test_what_is_forgotten_while_a_page_is_read_does_not_come_back(
    post: Post, monkeypatch: pytest.MonkeyPatch
) -> None:
    told = [await post.says(DURABLE, number) for number in range(5)]
    reading, waiting = reader(post), Held(post.storage.queues.waiting)
    monkeypatch.setattr(post.storage.queues, "waiting", waiting)
    first = asyncio.create_task(reading.first(0, told[-1]))
    await waiting.done.wait()
    await post.storage.queues.skip(post.stored.id, told[:3], "expired")
    reading.forget(told[:3])
    waiting.release.set()

    message = await first
    assert message
    assert message.seq == told[3]

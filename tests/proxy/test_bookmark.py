"""How far a target has got comes to disk at once or soon, and never goes back."""

from __future__ import annotations

import asyncio

import pytest

from proxy.bookmark import Bookmark
from proxy.ledger import IdMap
from storage.repositories.queues import Queues
from storage.store import Storage
from tests.doubles import until
from tests.proxy.post import Post, posted
from tests.proxy.stage import QUICK, Stage


@pytest.fixture
async def post(stage: Stage) -> Post:
    return await posted(stage.storage, QUICK)


def bookmark(post: Post) -> Bookmark:
    storage, id = post.storage, post.stored.id
    return Bookmark(id, 0, IdMap(storage.id_pairs, id, "1.6"), storage.queues)


async def noted(storage: Storage, id: int) -> int:
    await storage.journal.flush()
    cursor = await storage.proxy_configurations.cursor(id)
    assert cursor is not None
    return cursor.position


async def test_a_position_is_noted_at_once_and_never_goes_back(post: Post) -> None:
    mark = bookmark(post)

    mark.note(7)
    mark.note(5)

    assert await noted(post.storage, post.stored.id) == 7


async def test_many_positions_are_noted_as_one_a_little_later(
    post: Post, monkeypatch: pytest.MonkeyPatch
) -> None:
    written: list[int] = []
    monkeypatch.setattr(Queues, "note_position", lambda _self, _id, at: written.append(at))
    mark = bookmark(post)

    for position in (1, 2, 3):
        mark.note_later(position, 0.01)
    assert written == []
    await until(lambda: written)

    assert written == [3]


async def test_what_is_noted_at_once_takes_along_what_waits(
    post: Post, monkeypatch: pytest.MonkeyPatch
) -> None:
    written: list[int] = []
    monkeypatch.setattr(Queues, "note_position", lambda _self, _id, at: written.append(at))
    mark = bookmark(post)

    mark.note_later(1, 0.01)
    mark.note(2)
    later = asyncio.get_running_loop().create_future()
    asyncio.get_running_loop().call_later(0.03, later.set_result, None)
    await later

    assert written == [2]

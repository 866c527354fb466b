from __future__ import annotations

import asyncio
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from csms.inbox import Inbox
from tests.doubles import PATIENCE, settled


async def put_in(inbox: Inbox[Any], item: object) -> None:
    await inbox.room()
    inbox.add(item)


@given(
    room=st.integers(1, 3),
    pauses=st.lists(st.tuples(st.integers(0, 3), st.integers(0, 3)), max_size=20),
)
@settings(max_examples=50)
def test_everything_comes_out_in_order_whoever_is_quicker(
    room: int, pauses: list[tuple[int, int]]
) -> None:
    async def pass_on() -> list[int]:
        inbox: Inbox[int] = Inbox(room)

        async def put() -> None:
            for number, (before, _) in enumerate(pauses):
                for _ in range(before):
                    await asyncio.sleep(0)
                await put_in(inbox, number)

        async def take() -> list[int]:
            taken = []
            for _, before in pauses:
                for _ in range(before):
                    await asyncio.sleep(0)
                taken.append(await inbox.take())
            return taken

        async with asyncio.timeout(PATIENCE):
            _, taken = await asyncio.gather(put(), take())
        return taken

    assert asyncio.run(pass_on()) == list(range(len(pauses)))


async def test_who_puts_in_waits_for_room() -> None:
    inbox: Inbox[str] = Inbox(room=1)
    await put_in(inbox, "first")
    second = asyncio.create_task(put_in(inbox, "second"))
    await settled()

    assert not second.done()
    assert await inbox.take() == "first"
    await second
    assert await inbox.take() == "second"


async def test_who_is_cancelled_takes_nothing_along() -> None:
    inbox: Inbox[str] = Inbox(room=1)
    taking = asyncio.create_task(inbox.take())
    await settled()
    taking.cancel()

    with pytest.raises(asyncio.CancelledError):
        await taking
    await put_in(inbox, "here")
    assert await inbox.take() == "here"

"""One message on its way: how it is heard, and who waits for the answer."""

from __future__ import annotations

import asyncio

import pytest

from csms import frames
from proxy.entries import Entry
from proxy.policy import Hearing


@pytest.mark.parametrize(
    ("action", "hearing"),
    [
        ("MeterValues", Hearing.DURABLE),
        ("StatusNotification", Hearing.LATEST),
        ("Authorize", Hearing.LIVE),
        ("Heartbeat", Hearing.NEVER),
    ],
)
def test_its_action_tells_how_the_target_hears_of_it(action: str, hearing: Hearing) -> None:
    entry = Entry(1, action, b"{}", "1.6")

    assert entry.hearing is hearing
    assert entry.durable == (hearing is Hearing.DURABLE)


async def test_who_waits_is_told_once() -> None:
    answer: asyncio.Future[frames.Reply | None] = asyncio.Future()
    entry = Entry(1, "Authorize", b"{}", "1.6", None, answer)
    assert entry.awaited is True
    entry.settle(None)
    entry.settle(frames.call_result("1", b"{}"))

    assert (entry.awaited, answer.result()) == (False, None)


async def test_who_has_gone_is_not_told() -> None:
    answer: asyncio.Future[frames.Reply | None] = asyncio.Future()
    entry = Entry(1, "Authorize", b"{}", "1.6", None, answer)
    answer.cancel()
    entry.settle(None)

    assert not entry.awaited
    assert not Entry(1, "Authorize", b"{}", "1.6").awaited

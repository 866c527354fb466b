"""One message on its way, and who waits for the answer."""

from __future__ import annotations

import asyncio

from csms import frames
from proxy.entries import Entry
from proxy.policy import Hearing


async def test_who_waits_is_told_once() -> None:
    answer: asyncio.Future[frames.Reply | None] = asyncio.Future()
    entry = Entry(1, "Authorize", b"{}", "1.6", Hearing.LIVE, None, answer)
    assert entry.awaited is True
    entry.settle(None)
    entry.settle(frames.call_result("1", b"{}"))

    assert (entry.awaited, answer.result()) == (False, None)


async def test_who_has_gone_is_not_told() -> None:
    answer: asyncio.Future[frames.Reply | None] = asyncio.Future()
    entry = Entry(1, "Authorize", b"{}", "1.6", Hearing.LIVE, None, answer)
    answer.cancel()
    entry.settle(None)

    assert not entry.awaited
    assert not Entry(1, "Authorize", b"{}", "1.6", Hearing.LIVE).awaited

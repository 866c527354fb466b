"""The newest entries stay in memory, few and small."""

from __future__ import annotations

import asyncio

from proxy.entries import Entry
from proxy.policy import Hearing
from proxy.tail import Tail


def entry(seq: int, size: int = 2) -> Entry:
    payload = b"x" * size
    return Entry(seq, "Authorize", payload, "1.6", Hearing.LIVE, None, asyncio.Future())


def seqs(tail: Tail) -> list[int]:
    return [each.seq for each in tail.entries()]


async def test_while_a_target_keeps_up_the_newest_are_kept() -> None:
    tail = Tail(0, longest=3)
    for seq in range(1, 6):
        tail.add(entry(seq), flowing=True)

    assert seqs(tail) == [3, 4, 5]
    assert (tail.fallen, tail.newest) == (2, 5)
    assert tail.first is not None
    assert tail.first.seq == 3


async def test_while_nothing_flows_the_very_newest_alone_is() -> None:
    tail = Tail(0, longest=3)
    for seq in range(1, 4):
        tail.add(entry(seq), flowing=True)
    tail.trim(flowing=False)
    assert seqs(tail) == [3]

    tail.add(entry(4), flowing=False)
    assert (seqs(tail), tail.fallen) == ([4], 3)


async def test_large_messages_fall_earlier_but_never_the_newest() -> None:
    tail = Tail(0, longest=100, most_bytes=10)
    for seq, size in enumerate((4, 4, 4, 50), 1):
        tail.add(entry(seq, size), flowing=True)
        assert sum(len(each.payload) for each in tail.entries()) <= 10 or len(seqs(tail)) == 1

    assert seqs(tail) == [4]
    tail.add(entry(5, 1), flowing=True)
    assert seqs(tail) == [5]


async def test_nobody_waits_for_what_falls_is_dropped_or_forgotten() -> None:
    tail = Tail(0, longest=4)
    told = [entry(seq) for seq in range(1, 6)]
    for each in told:
        tail.add(each, flowing=True)
    tail.drop(2)
    tail.forget({4})
    assert seqs(tail) == [3, 5]
    assert [each.awaited for each in told] == [False, False, True, False, True]

    tail.settle(but=5)
    assert [each.awaited for each in told] == [False, False, False, False, True]
    tail.settle(but=None)
    assert not any(each.awaited for each in told)
    assert Tail(0).first is None


async def test_what_was_never_added_is_left_to_the_journal_with_all_before_it() -> None:
    tail = Tail(0)
    for seq in (1, 2, 4):
        tail.add(entry(seq), flowing=True)
    waiting = tail.entries()[0].answer
    tail.miss(3)

    assert (seqs(tail), tail.fallen, tail.newest) == ([4], 3, 4)
    assert waiting is not None
    assert waiting.result() is None
    tail.miss(6)
    assert (seqs(tail), tail.fallen, tail.newest) == ([], 6, 6)


async def test_what_was_added_is_not_missed() -> None:
    tail = Tail(0)
    for seq in (1, 2):
        tail.add(entry(seq), flowing=True)
    tail.miss(2)

    assert (seqs(tail), tail.fallen) == ([1, 2], 0)

from __future__ import annotations

import asyncio
from datetime import UTC, datetime

import pytest

from simulators.watched import Event, Watched, read_timestamp, timestamp
from tests.simulators.stage import Clock


@pytest.fixture
def watched() -> Watched:
    return Watched(Clock(), keep=2)


async def test_a_waiter_gets_the_first_true_value(watched: Watched) -> None:
    waiting = asyncio.create_task(watched.until(lambda w: w.seen("called", "B")))
    await asyncio.sleep(0)
    watched.note("called", "A", 1)
    watched.note("called", "B", 2)

    assert await waiting == [2]


async def test_a_waiter_is_told_when_it_waits_too_long(watched: Watched) -> None:
    with pytest.raises(TimeoutError):
        await watched.until(lambda w: w.seen("called"), timeout=0.01)


def test_events_are_bounded_and_counted_all_the_same(watched: Watched) -> None:
    heard: list[Event] = []
    watched.listeners.append(heard.append)
    for number in range(3):
        watched.note("called", "A", number)

    assert watched.seen("called") == [1, 2]
    assert watched.counts["called"] == len(heard) == 3


def test_a_timestamp_has_milliseconds_and_a_zone() -> None:
    assert timestamp(datetime(2026, 1, 1, 12, 0, 0, 1999, tzinfo=UTC)) == "2026-01-01T12:00:00.001Z"


@pytest.mark.parametrize(
    "text", ["2026-01-01T12:00:00Z", "2026-01-01T13:00:00+01:00", "2026-01-01T12:00:00"]
)
def test_a_timestamp_without_a_zone_is_utc(text: str) -> None:
    assert read_timestamp(text) == datetime(2026, 1, 1, 12, tzinfo=UTC)

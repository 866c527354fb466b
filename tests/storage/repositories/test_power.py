"""What was measured in a span: the sessions in it, and of very much an even part."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, Literal

import pytest

from storage.records import ChargerKey, MeterValue
from storage.repositories import power
from storage.repositories.power import Session, Span
from storage.store import Storage
from tests.storage.doubles import ALICE, BOB, NOON, HandClock
from tests.storage.records import transaction

MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)
SPAN = Span(ALICE, NOON, NOON + HOUR)


async def begun(
    storage: Storage,
    name: str,
    at: datetime,
    until: datetime | None = None,
    key: ChargerKey = ALICE,
) -> None:
    state: Literal["running", "ended"] = "running" if until is None else "ended"
    begun = replace(transaction(key, name), started_at=at, stopped_at=until, state=state)
    await storage.transactions.note_started(begun)


def measured(
    storage: Storage, name: str, at: datetime, watts: float, key: ChargerKey = ALICE
) -> None:
    value = MeterValue(key, name, 1, at, "Power.Active.Import", watts, "W")
    storage.transactions.note_meter_values([value])


async def told(storage: Storage, span: Span = SPAN) -> list[tuple[str, float]]:
    """Return the sessions and values of a span."""
    await storage.group.flush()
    sessions = await storage.measured_power.sessions(span)
    return [
        (session.transaction_id, sample["value"])
        async for session, page in storage.measured_power.readings(span, sessions)
        for samples in page
        for sample in samples
    ]


async def test_sessions_of_a_span_are_those_that_lasted_in_it(storage: Storage) -> None:
    await begun(storage, "before", NOON - 2 * HOUR, NOON - HOUR)
    await begun(storage, "into", NOON - HOUR, NOON + MINUTE)
    await begun(storage, "within", NOON + 2 * MINUTE, NOON + 3 * MINUTE)
    await begun(storage, "out", NOON + 50 * MINUTE)
    await begun(storage, "after", NOON + 2 * HOUR)
    await begun(storage, "other", NOON, key=BOB)
    await begun(storage, "ages", NOON - 400 * 24 * HOUR)

    sessions = await storage.measured_power.sessions(SPAN)
    assert [one.transaction_id for one in sessions] == ["ages", "into", "within", "out"]
    assert sessions[1] == Session("into", 1, NOON - HOUR, NOON + MINUTE, "ended")


async def test_what_was_told_in_a_span_is_read_session_by_session(
    storage: Storage, clock: HandClock
) -> None:
    for name, key in (("one", ALICE), ("two", ALICE), ("other", BOB)):
        await begun(storage, name, NOON, key=key)
    for minute in range(3):
        for name, key in (("one", ALICE), ("two", ALICE), ("other", BOB)):
            measured(storage, name, clock.now(), minute, key)
        clock.pass_time(seconds=60)

    assert await told(storage) == [(name, minute) for name in ("one", "two") for minute in range(3)]


async def test_what_came_long_before_or_after_a_span_is_not_read(
    storage: Storage, clock: HandClock
) -> None:
    await begun(storage, "one", NOON)
    measured(storage, "one", NOON, 1)
    clock.pass_time(hours=5)
    measured(storage, "one", NOON + 5 * HOUR, 2)  # kept for later, or of another clock
    clock.pass_time(hours=48)
    measured(storage, "one", NOON + 53 * HOUR, 3)

    assert await told(storage) == [("one", 1), ("one", 2)]
    later = Span(ALICE, NOON + 10 * HOUR, NOON + 11 * HOUR)
    assert await told(storage, later) == []


async def test_of_very_much_an_even_part_is_read(
    storage: Storage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(power, "MOST_READINGS", 100)
    monkeypatch.setattr(power, "_PAGE", 7)
    await begun(storage, "one", NOON)
    await begun(storage, "other", NOON, key=BOB)
    for number in range(1000):
        measured(storage, "one", NOON, number)
        measured(storage, "other", NOON, number, BOB)  # every second id is another's

    found = [value for _, value in await told(storage)]
    assert 60 < len(found) < 140
    assert found == sorted(found)
    for begin in range(0, 1000, 250):
        assert 10 < sum(begin <= value < begin + 250 for value in found) < 45


async def test_pages_hold_everything(storage: Storage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(power, "_PAGE", 7)
    await begun(storage, "one", NOON)
    for number in range(21):
        measured(storage, "one", NOON, number)

    assert await told(storage) == [("one", number) for number in range(21)]


async def test_without_readings_there_is_nothing(storage: Storage) -> None:
    await begun(storage, "one", NOON)
    nothing: Any = []

    assert await told(storage) == nothing

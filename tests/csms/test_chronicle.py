"""The chronicle of limits: each change is noted once, at its moment, whatever else goes on."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from csms.chronicle import Chronicle, scene_of
from csms.schedules import STATION_MAX, TX, TX_DEFAULT
from storage.errors import StorageUnavailable
from storage.records import ChargerKey, InstalledProfile
from storage.store import Storage, open_storage
from tests.storage.doubles import ALICE, BOB, NOON, ORGANIZATION, HandClock
from tests.storage.records import charger, transaction

SECOND, HOUR = timedelta(seconds=1), timedelta(hours=1)


@pytest.fixture
def clock() -> HandClock:
    return HandClock()


@pytest.fixture
async def storage(tmp_path: Path, clock: HandClock) -> AsyncIterator[Storage]:
    async with open_storage(tmp_path, clock, lambda: ORGANIZATION) as storage:
        await storage.organizations.create("Depot")
        await storage.chargers.enroll(charger(ALICE), None)
        yield storage


@contextlib.asynccontextmanager
async def kept(storage: Storage, clock: HandClock) -> AsyncIterator[Chronicle]:
    """Keep a chronicle that is caught up with by hand: its own task comes a day later."""
    chronicle = Chronicle(storage, clock, settling=86_400.0)
    async with chronicle.running():
        yield chronicle


def lies(
    watts: float, evse_id: int = 1, purpose: str = TX_DEFAULT, **more: Any
) -> InstalledProfile:
    schedule = {
        "chargingRateUnit": "W",
        "startSchedule": (NOON - HOUR).isoformat(),
        "chargingSchedulePeriod": [{"startPeriod": 0, "limit": watts}],
    }
    profile = {
        "id": 3006,
        "chargingProfileKind": "Absolute",
        "chargingSchedule": [schedule],
        **more,
    }
    return InstalledProfile(
        key=ALICE,
        evse_id=evse_id,
        purpose=purpose,
        stack_level=0,
        profile=profile,
        installed_at=NOON,
    )


async def noted(storage: Storage, evse_id: int = 1, key: ChargerKey = ALICE) -> list[Any]:
    """Return the moments and steps of all that was noted of an EVSE."""
    await storage.group.flush()
    long_ago = NOON - 1000 * HOUR
    found = await storage.limit_records.within(key, long_ago, NOON + 1000 * HOUR)
    return [
        (one.at - NOON, [step[:2] for step in one.steps]) for one in found if one.evse_id == evse_id
    ]


async def test_a_limit_is_noted_when_it_is_set_and_when_it_is_lifted(
    storage: Storage, clock: HandClock
) -> None:
    async with kept(storage, clock) as chronicle:
        storage.charging_profiles.note_installed(lies(6000))
        await chronicle.catch_up()
        clock.pass_time(seconds=9)
        storage.charging_profiles.note_installed(lies(6000))  # renewed, and the same
        await chronicle.catch_up()
        storage.charging_profiles.note_cleared(lies(6000))
        clock.pass_time(seconds=1)  # it is noted of the moment, however late
        await chronicle.catch_up()

        assert await noted(storage) == [
            (0 * SECOND, [(0.0, 6000.0)]),
            (9 * SECOND, [(0.0, None)]),
        ]
        assert await noted(storage, 0) == []


async def test_what_the_charger_has_not_answered_is_no_limit_yet(
    storage: Storage, clock: HandClock
) -> None:
    async with kept(storage, clock) as chronicle:
        storage.charging_profiles.note_installed(lies(6000, unsure=True))
        await chronicle.catch_up()
        assert await noted(storage) == []

        clock.pass_time(seconds=3)
        storage.charging_profiles.note_installed(lies(6000))
        await chronicle.catch_up()
        assert await noted(storage) == [(3 * SECOND, [(0.0, 6000.0)])]


async def test_a_transaction_s_limit_ends_with_it(storage: Storage, clock: HandClock) -> None:
    running = transaction(ALICE)
    async with kept(storage, clock) as chronicle:
        storage.transactions.note_started(running)
        limit = lies(5000, purpose=TX, transactionId=running.transaction_id)
        storage.charging_profiles.note_installed(limit)
        await chronicle.catch_up()
        clock.pass_time(seconds=60)
        storage.transactions.note_changed(replace(running, state="ended", stopped_at=clock.now()))
        await chronicle.catch_up()

        assert await noted(storage) == [
            (0 * SECOND, [(0.0, 5000.0)]),
            (60 * SECOND, [(0.0, None)]),
        ]


async def test_the_station_s_limit_is_noted_of_each_evse(
    storage: Storage, clock: HandClock
) -> None:
    for evse_id in (1, 2):
        storage.chargers.note_status(ALICE, evse_id, 1, "Available", b"{}")
    async with kept(storage, clock) as chronicle:
        storage.charging_profiles.note_installed(lies(9000, 0, STATION_MAX))
        await chronicle.catch_up()

        for evse_id in (0, 1, 2):
            assert await noted(storage, evse_id) == [(0 * SECOND, [(0.0, 9000.0)])]


async def test_who_is_not_limited_is_not_looked_at(
    storage: Storage, clock: HandClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with kept(storage, clock) as chronicle:

        async def read(*_: object) -> None:
            raise AssertionError

        monkeypatch.setattr("csms.chronicle.scene_of", read)
        storage.transactions.note_started(transaction(ALICE))
        await chronicle.catch_up()


async def test_after_a_start_what_was_not_noted_is(storage: Storage, clock: HandClock) -> None:
    """Whoever was killed before he could note it has left the books."""
    storage.charging_profiles.note_installed(replace(lies(6000), installed_at=NOON + SECOND))
    await storage.group.flush()
    clock.pass_time(seconds=60)
    chronicle = Chronicle(storage, clock, settling=0.0)
    async with chronicle.running():
        await wait_for_records(storage)

    assert await noted(storage) == [(1 * SECOND, [(0.0, 6000.0)])]


async def wait_for_records(storage: Storage) -> None:
    async with asyncio.timeout(30):
        while not await storage.limit_records.at(ALICE):  # noqa: ASYNC110 - what is waited for sets no event
            await asyncio.sleep(0)


async def test_after_a_start_what_was_lifted_and_not_noted_is(
    storage: Storage, clock: HandClock
) -> None:
    async with Chronicle(storage, clock, settling=86_400.0).running():
        storage.charging_profiles.note_installed(lies(6000))
    async with Chronicle(storage, clock, settling=86_400.0, farewell=0.0).running():
        storage.charging_profiles.note_cleared(lies(6000))
    await storage.group.flush()
    clock.pass_time(seconds=60)
    async with Chronicle(storage, clock, settling=0.0).running(), asyncio.timeout(30):
        while len(await noted(storage)) < 2:  # noqa: ASYNC110 - as below
            await asyncio.sleep(0)

    assert await noted(storage) == [(0 * SECOND, [(0.0, 6000.0)]), (60 * SECOND, [(0.0, None)])]


async def test_what_changes_by_itself_is_foreseen_anew_before_it_is_out(
    storage: Storage, clock: HandClock
) -> None:
    daily: dict[str, Any] = {
        "chargingProfileKind": "Recurring",
        "recurrencyKind": "Daily",
        "chargingSchedule": [
            {
                "chargingRateUnit": "W",
                "startSchedule": NOON.isoformat(),
                "chargingSchedulePeriod": [
                    {"startPeriod": 0, "limit": 1000.0},
                    {"startPeriod": 3600, "limit": 2000.0},
                ],
            }
        ],
    }
    async with kept(storage, clock) as chronicle:
        storage.charging_profiles.note_installed(lies(0, **daily))
        await chronicle.catch_up()
        for _ in range(4):
            clock.pass_time(hours=13)
            chronicle._look_ahead()
            await chronicle.catch_up()

        moments = [at / HOUR for at, _ in await noted(storage)]
        assert moments == [0, 13, 26, 52]  # at 39 what was said at 26 is still all there is
        (_, steps), *_ = await noted(storage)
        assert steps == [(0.0, 1000.0), (3600.0, 2000.0)]


async def test_what_storage_could_not_take_is_noted_later(
    storage: Storage, clock: HandClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def away(*_: object) -> None:
        raise StorageUnavailable

    async with kept(storage, clock) as chronicle:
        storage.charging_profiles.note_installed(lies(6000))
        with monkeypatch.context() as patched:
            patched.setattr(storage.limit_records, "at", away)
            with pytest.raises(StorageUnavailable):
                await chronicle.catch_up()
        clock.pass_time(seconds=30)
        await chronicle.catch_up()

        assert await noted(storage) == [(0 * SECOND, [(0.0, 6000.0)])]


@pytest.mark.parametrize(
    ("reading", "expected"),
    [
        # First of the books: what is told then is in what is read.
        ("chargers.get", [(2 * SECOND, [(0.0, 5000.0)])]),
        # Behind them: what was read held until then.
        ("limit_records.at", [(0 * SECOND, [(0.0, 6000.0)]), (2 * SECOND, [(0.0, 5000.0)])]),
    ],
)
async def test_what_is_told_while_the_books_are_read_is_noted_of_its_own_moment(
    storage: Storage,
    clock: HandClock,
    monkeypatch: pytest.MonkeyPatch,
    reading: str,
    expected: Any,
) -> None:
    repository, _, question = reading.partition(".")
    read = getattr(getattr(storage, repository), question)

    async def meanwhile(key: ChargerKey) -> Any:
        monkeypatch.undo()
        clock.pass_time(seconds=2)
        await storage.charging_profiles.note_installed(lies(5000))
        return await read(key)

    async with kept(storage, clock) as chronicle:
        storage.charging_profiles.note_installed(lies(6000))
        monkeypatch.setattr(getattr(storage, repository), question, meanwhile)
        await chronicle.catch_up()

        assert await noted(storage) == expected


async def test_what_is_told_while_another_is_looked_at_is_read_once_it_is_stored(
    storage: Storage, clock: HandClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    await storage.chargers.enroll(charger(BOB), None)
    read, flush = storage.chargers.get, storage.group.flush
    write, writing = storage.database.write, asyncio.Event()

    async def slow(writes: Any) -> None:
        await writing.wait()
        await write(writes)

    async def flushed() -> None:
        writing.set()
        await flush()

    async def meanwhile(key: ChargerKey) -> Any:
        if key == ALICE:
            writing.clear()
            storage.charging_profiles.note_installed(replace(lies(5000), key=BOB))
        return await read(key)

    async with kept(storage, clock) as chronicle:
        monkeypatch.setattr(storage.database, "write", slow)
        monkeypatch.setattr(storage.group, "flush", flushed)
        monkeypatch.setattr(storage.chargers, "get", meanwhile)
        chronicle.limits_changed(ALICE)
        await chronicle.catch_up()
        monkeypatch.undo()
        writing.set()

        assert await noted(storage, 1, BOB) == [(0 * SECOND, [(0.0, 5000.0)])]


async def test_who_is_limited_again_while_nothing_was_found_is_still_watched(
    storage: Storage, clock: HandClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    running, read = transaction(ALICE), storage.limit_records.at
    limit = lies(5000, purpose=TX, transactionId=running.transaction_id)

    async def meanwhile(key: ChargerKey) -> Any:
        monkeypatch.undo()
        await storage.charging_profiles.note_installed(limit)
        return await read(key)

    async with kept(storage, clock) as chronicle:
        await storage.transactions.note_started(running)
        monkeypatch.setattr(storage.limit_records, "at", meanwhile)
        chronicle.limits_changed(ALICE)
        await chronicle.catch_up()
        clock.pass_time(seconds=60)
        storage.transactions.note_changed(replace(running, state="ended", stopped_at=clock.now()))
        await chronicle.catch_up()

        assert await noted(storage) == [
            (0 * SECOND, [(0.0, 5000.0)]),
            (60 * SECOND, [(0.0, None)]),
        ]


async def test_what_is_being_noted_at_the_end_is_noted_too(
    storage: Storage, clock: HandClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    read, reading = storage.limit_records.at, asyncio.Event()

    async def for_ever(_: ChargerKey) -> Any:
        reading.set()
        await asyncio.Event().wait()

    monkeypatch.setattr(storage.limit_records, "at", for_ever)
    async with Chronicle(storage, clock, settling=0.0).running():
        storage.charging_profiles.note_installed(lies(6000))
        async with asyncio.timeout(30):
            await reading.wait()
        monkeypatch.setattr(storage.limit_records, "at", read)

    assert await noted(storage) == [(0 * SECOND, [(0.0, 6000.0)])]


async def test_what_is_told_last_is_noted_before_the_end(
    storage: Storage, clock: HandClock
) -> None:
    async with kept(storage, clock):
        storage.charging_profiles.note_installed(lies(6000))

    assert await noted(storage) == [(0 * SECOND, [(0.0, 6000.0)])]


async def test_what_there_is_no_time_for_at_the_end_is_noted_after_a_start(
    storage: Storage, clock: HandClock
) -> None:
    async with Chronicle(storage, clock, settling=86_400.0, farewell=0.0).running():
        storage.charging_profiles.note_installed(lies(6000))
    assert await noted(storage) == []
    clock.pass_time(seconds=60)
    async with Chronicle(storage, clock, settling=0.0).running():
        await wait_for_records(storage)

    assert await noted(storage) == [(0 * SECOND, [(0.0, 6000.0)])]


async def test_who_was_told_of_first_is_noted_first(
    storage: Storage, clock: HandClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    await storage.chargers.enroll(charger(BOB), None)
    order: list[ChargerKey] = []
    async with kept(storage, clock) as chronicle:
        read = storage.chargers.get

        async def watched(key: ChargerKey) -> Any:
            order.append(key)
            return await read(key)

        monkeypatch.setattr(storage.chargers, "get", watched)
        chronicle.limits_changed(ALICE)
        chronicle.limits_changed(BOB)
        await chronicle.catch_up()

    assert order == [ALICE, BOB]


async def test_by_itself_it_notes_soon(storage: Storage, clock: HandClock) -> None:
    async with Chronicle(storage, clock, settling=0.0).running():
        storage.charging_profiles.note_installed(lies(6000))
        await wait_for_records(storage)

    assert await noted(storage) == [(0 * SECOND, [(0.0, 6000.0)])]


async def test_who_is_gone_has_no_scene(storage: Storage, clock: HandClock) -> None:
    assert await scene_of(storage, BOB) is None
    async with kept(storage, clock) as chronicle:
        chronicle.limits_changed(BOB)
        await chronicle.catch_up()

        assert await noted(storage, 1, BOB) == []

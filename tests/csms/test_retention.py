"""What is old is removed in turns, told in the log and once a day in the audit."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from csms import wiring
from csms.retention import Pace, Upholding
from storage.errors import StorageUnavailable
from storage.records import ChargerKey
from storage.retention_log import NOTHING, Removed
from storage.store import Storage, open_storage
from tests.csms.test_wiring import chosen
from tests.storage.doubles import PATIENCE, HandClock

AT_ONCE = Pace(first=0, every=0, turn=0, steps=3)


class Steps:
    """Removes what a test says, pass after pass; a fault stands for a pass that fails."""

    def __init__(self, *passes: Sequence[Removed | Exception]) -> None:
        self._passes = list(passes)
        self.begun = 0
        self.ended = asyncio.Event()

    async def sweep(self) -> AsyncIterator[Removed]:
        self.begun += 1
        if not self._passes:
            self.ended.set()
        for step in self._passes.pop(0) if self._passes else ():
            if isinstance(step, Exception):
                raise step
            yield step


@pytest.fixture
def clock() -> HandClock:
    return HandClock()


@pytest.fixture
async def storage(tmp_path: Path, clock: HandClock) -> AsyncIterator[Storage]:
    async with open_storage(tmp_path, clock) as storage:
        yield storage


async def audited(storage: Storage, organization_uuid: str = "A") -> list[dict[str, int]]:
    await storage.group.flush()
    entries = await storage.audit.list(organization_uuid)
    assert {(each.actor, each.action, each.result) for each in entries} <= {
        ("platform", "retention", "removed")
    }
    return [dict(entry.details) for entry in reversed(entries)]


async def test_a_turn_is_so_many_steps_and_the_next_one_goes_on(
    storage: Storage, clock: HandClock
) -> None:
    steps = Steps([Removed("A", "messages", 1)] * 7)
    upholding = Upholding(steps, storage.audit, clock, AT_ONCE)

    with capture_logs() as logs:
        assert [await upholding.turn() for _ in range(3)] == [False, False, True]

    assert steps.begun == 1
    assert [line["messages"] for line in logs] == [3, 3, 1]


async def test_where_nothing_is_removed_nothing_is_told(storage: Storage, clock: HandClock) -> None:
    upholding = Upholding(Steps([NOTHING, NOTHING]), storage.audit, clock, AT_ONCE)

    with capture_logs() as logs:
        assert await upholding.turn()

    assert logs == []
    assert await audited(storage) == []


async def test_an_organization_s_removals_are_audited_once_a_day(
    storage: Storage, clock: HandClock
) -> None:
    passes = [[Removed("A", "messages", 2), Removed("A", "audit", 1)]] * 4
    upholding = Upholding(Steps(*passes), storage.audit, clock, AT_ONCE)

    for _ in range(3):
        await upholding.turn()
    assert await audited(storage) == [{"messages": 2, "audit": 1}]

    clock.pass_time(days=1)
    await upholding.turn()

    assert await audited(storage) == [
        {"messages": 2, "audit": 1},
        {"messages": 6, "audit": 3},
    ]
    assert await audited(storage, "B") == []


async def test_what_is_not_audited_yet_is_when_the_server_ends(
    storage: Storage, clock: HandClock
) -> None:
    steps = Steps(*[[Removed("A", "messages", 1)]] * 3)
    upholding = asyncio.create_task(Upholding(steps, storage.audit, clock, AT_ONCE).run())
    async with asyncio.timeout(PATIENCE):
        await steps.ended.wait()
    upholding.cancel()
    await asyncio.gather(upholding, return_exceptions=True)

    assert await audited(storage) == [{"messages": 1}, {"messages": 2}]


@pytest.mark.parametrize(
    ("fault", "event"),
    [(StorageUnavailable(), "retention_failed"), (ZeroDivisionError(), "chore_failed")],
)
async def test_a_pass_that_fails_is_told_in_one_line_and_another_begins(
    storage: Storage, clock: HandClock, fault: Exception, event: str
) -> None:
    steps = Steps([Removed("A", "messages", 1), fault], [Removed("A", "messages", 1)])
    with capture_logs() as logs:
        upholding = asyncio.create_task(Upholding(steps, storage.audit, clock, AT_ONCE).run())
        async with asyncio.timeout(PATIENCE):
            await steps.ended.wait()
        upholding.cancel()
        await asyncio.gather(upholding, return_exceptions=True)

    assert [line["event"] for line in logs] == ["retention", event, "retention"]


async def test_after_a_pass_that_fails_the_next_turn_begins_another(
    storage: Storage, clock: HandClock
) -> None:
    steps = Steps([StorageUnavailable()], [NOTHING])
    upholding = Upholding(steps, storage.audit, clock, AT_ONCE)
    with pytest.raises(StorageUnavailable):
        await upholding.turn()

    assert await upholding.turn()

    assert steps.begun == 2


async def _gone(storage: Storage, key: ChargerKey) -> None:
    while await storage.journal.exchanges(key):  # noqa: ASYNC110 - the server tells nobody
        await asyncio.sleep(0)


async def test_the_server_keeps_no_longer_than_it_was_told_to(
    tmp_path: Path, clock: HandClock
) -> None:
    settings = chosen(tmp_path, RINGMAIN_RETENTION_DAYS="1")
    async with wiring.running(settings, clock, pace=AT_ONCE) as server:
        organization = await server.storage.organizations.create("Depot")
        key = ChargerKey(organization.organization_uuid, "CP-1")
        append = server.storage.journal.append
        append(key, "charger_to_platform", "1.6", "Call", "1", "Heartbeat", b"[2]")
        await server.storage.journal.flush()
        clock.pass_time(days=1, minutes=1)

        async with asyncio.timeout(PATIENCE):
            await _gone(server.storage, key)

    async with open_storage(tmp_path, clock) as storage:
        assert await audited(storage, organization.organization_uuid) == [{"messages": 1}]

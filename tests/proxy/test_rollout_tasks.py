"""A site has one task, which does what is newest there, whatever it was begun for."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from proxy.rollouts import Canary
from proxy.states import State
from storage.errors import StorageUnavailable
from tests.doubles import until
from tests.proxy.ground import NAMES, Ground, broken, opened

pytestmark = pytest.mark.sqlite_only("it is about tasks; what is stored is tried with rollouts")


@pytest.fixture
async def ground(tmp_path: Path) -> AsyncIterator[Ground]:
    async with opened(tmp_path) as ground:
        await ground.enrol(*NAMES)
        yield ground


async def test_what_has_ended_leaves_no_task(ground: Ground) -> None:
    await ground.roll_out(await ground.version("v1"))
    tasks = ground.rollouts._tasks._tasks
    await until(lambda: not tasks)


async def test_what_runs_in_storage_alone_is_taken_up_by_whoever_asks(ground: Ground) -> None:
    ground.links.usual = State.DIALING
    details = await ground.version("v1")
    rollout = await ground.roll_out(details, Canary(1, 600), to_its_end=False)
    await ground.rollouts._tasks.stop(ground.site)
    ground.links.usual = State.READY
    again = await ground.roll_out(details)
    assert (again.rollout_id, again.state) == (rollout.rollout_id, "done")
    assert await ground.hosts() == dict.fromkeys(NAMES, "v1")


async def test_a_rollback_that_runs_in_storage_alone_is_taken_up_too(ground: Ground) -> None:
    await ground.roll_out(await ground.version("v1"))
    async with ground.commissioning.changing:  # so that it does not get anywhere
        ground.rollouts.commissioning.changing.release()
        back = await ground.roll_back(to_its_end=False)
        await ground.commissioning.changing.acquire()
        await ground.rollouts._tasks.stop(ground.site)
    again = await ground.roll_back()
    assert (again.rollout_id, again.state) == (back.rollout_id, "done")
    assert await ground.hosts() == dict.fromkeys(NAMES)


@pytest.mark.parametrize("stored", [True, False])
async def test_what_ran_goes_on_where_its_successor_was_not_stored(
    ground: Ground, monkeypatch: pytest.MonkeyPatch, *, stored: bool
) -> None:
    v1, v2, rollouts = await ground.version("v1"), await ground.version("v2"), ground.storage
    ground.links.usual = State.DIALING
    first = await ground.roll_out(v1, Canary(1, 600), to_its_end=False)
    begin = rollouts.rollouts.begin
    monkeypatch.setattr(rollouts.rollouts, "begin", broken(begin, stored=stored))
    with pytest.raises(StorageUnavailable):
        await ground.roll_out(v2)
    ground.links.usual = State.READY
    newest = await ground.rollouts.newest(ground.site)
    assert newest is not None
    assert (newest.rollout_id == first.rollout_id) is not stored
    assert (await ground.end(newest)).state == "done"
    assert await ground.hosts() == dict.fromkeys(NAMES, "v2" if stored else "v1")

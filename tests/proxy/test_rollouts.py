"""Whatever happens meanwhile, each charger of a site gets what was wished for last."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from proxy.rolling import Pace
from proxy.rollouts import Canary
from proxy.states import State
from storage.errors import StorageUnavailable
from tests.proxy.ground import NAMES, QUICK, Ground, broken, opened

# Of what storage does itself the other engine is tried too.
ONE_ENGINE = pytest.mark.sqlite_only(
    "who gets what is decided on what was read, whichever engine has read it"
)


@pytest.fixture
async def ground(tmp_path: Path) -> AsyncIterator[Ground]:
    async with opened(tmp_path) as ground:
        await ground.enrol(*NAMES)
        yield ground


async def test_a_version_gets_to_all_chargers_of_a_site(ground: Ground) -> None:
    rollout = await ground.roll_out(await ground.version("v1"))
    assert (rollout.state, rollout.error) == ("done", None)
    assert await ground.states(rollout) == dict.fromkeys(NAMES, "applied")
    assert await ground.hosts() == dict.fromkeys(NAMES, "v1")
    for name in NAMES:
        installation = await ground.installation(name)
        assert (installation.wanted_version, installation.applied_version) == ("v1", "v1")
        assert (installation.state, installation.requested_by) == ("applied", "key-1")
        assert ground.links.live[ground.key(name)] == await ground.configuration(name)
    assert await ground.audited() == [("key:key-1", "rollout.begin", "begun")]


async def test_the_same_version_again_is_the_same_rollout_and_changes_nothing(
    ground: Ground,
) -> None:
    details = await ground.version("v1")
    first = await ground.roll_out(details)
    before = [await ground.configuration(name) for name in NAMES]
    told = len(ground.links.told)
    again = await ground.roll_out(details)
    assert (again.rollout_id, again.state) == (first.rollout_id, "done")
    assert await ground.states(again) == dict.fromkeys(NAMES, "unchanged")
    assert [await ground.configuration(name) for name in NAMES] == before
    assert len(ground.links.told) == told


async def test_taking_back_brings_back_what_was_there(ground: Ground) -> None:
    v1, v2 = await ground.version("v1"), await ground.version("v2")
    by_hand = await ground.made_by_hand("A")
    await ground.apply("B", v1)
    rollout = await ground.roll_out(v2)
    assert await ground.hosts() == dict.fromkeys(NAMES, "v2")
    back = await ground.roll_back()
    assert (back.state, back.takes_back) == ("done", rollout.rollout_id)
    assert await ground.hosts() == {"A": "hand", "B": "v1", "C": None, "D": None}
    steps = await ground.storage.rollouts.steps(back.rollout_id)
    assert [step.before for step in steps] == [None] * len(NAMES)  # no secret is kept for nothing
    found = await ground.configuration("A")
    assert found == replace(by_hand, updated_at=found.updated_at if found else by_hand.updated_at)
    installed = {name: await ground.installation(name) for name in NAMES}
    versions = {name: one.applied_version for name, one in installed.items()}
    assert versions == {"A": None, "B": "v1", "C": None, "D": None}
    assert {name: one.wanted_version for name, one in installed.items()} == versions
    assert (await ground.roll_back()).rollout_id == back.rollout_id
    assert ("key:key-2", "rollout.take_back", "begun") in await ground.audited()


@ONE_ENGINE
async def test_what_was_first_tried_is_remembered_when_it_is_tried_again(ground: Ground) -> None:
    v1, v2 = await ground.version("v1"), await ground.version("v2")
    await ground.roll_out(v1)
    await ground.roll_out(v2)
    await ground.by_hand("A", target_charge_box_id="other")
    again = await ground.roll_out(v2)
    assert (await ground.states(again))["A"] == "applied"
    await ground.roll_back()
    assert await ground.hosts() == dict.fromkeys(NAMES, "v1")


async def test_who_has_got_something_else_since_is_left_alone(ground: Ground) -> None:
    v1, v2 = await ground.version("v1"), await ground.version("v2")
    await ground.roll_out(v1)
    await ground.apply("C", v2)
    foreseen = await ground.rollouts.would_take_back(ground.site)
    assert {one.key.charge_box_id: one.outcome.state for one in foreseen} == {
        **dict.fromkeys(NAMES, "applied"),
        "C": "superseded",
    }
    await ground.roll_back()
    assert await ground.hosts() == {"A": None, "B": None, "C": "v2", "D": None}
    assert await ground.rollouts.would_take_back(ground.site) == []


@ONE_ENGINE
async def test_nothing_was_rolled_out(ground: Ground) -> None:
    assert await ground.rollouts.take_back(ground.site, "key") is None
    assert await ground.rollouts.would_take_back(ground.site) == []


async def test_a_charger_that_gets_something_else_meanwhile_keeps_it(ground: Ground) -> None:
    v1, v2 = await ground.version("v1"), await ground.version("v2")
    async with ground.commissioning.changing:  # nothing can be installed yet
        own = asyncio.create_task(ground.apply("B", v2))
        begun = asyncio.create_task(ground.roll_out(v1, to_its_end=False))
        await asyncio.sleep(0)
    await own
    await ground.end(await begun)
    assert await ground.hosts() == dict.fromkeys(NAMES, "v1")

    slow = await ground.roll_out(v2, Canary(1, 60), to_its_end=False)
    ground.links.usual = State.DIALING
    await ground.apply("D", v1)
    ground.links.usual = State.READY
    done = await ground.end(slow)
    assert await ground.hosts() == {**dict.fromkeys(NAMES, "v2"), "D": "v1"}
    assert (await ground.states(done))["D"] == "superseded"


async def test_another_version_replaces_one_that_is_on_its_way(ground: Ground) -> None:
    v1, v2 = await ground.version("v1"), await ground.version("v2")
    ground.links.usual = State.DIALING
    first = await ground.roll_out(v1, Canary(1, 600), to_its_end=False)
    second = await ground.roll_out(v2)
    assert (await ground.end(first)).state == "superseded"
    assert second.state == "done"
    assert await ground.hosts() == dict.fromkeys(NAMES, "v2")
    assert set((await ground.states(first)).values()) <= {"superseded", "applied"}
    for name in NAMES:
        assert (await ground.installation(name)).state == "applied"


async def test_what_is_on_its_way_is_taken_back_where_it_got_to(ground: Ground) -> None:
    v1, v2 = await ground.version("v1"), await ground.version("v2")
    await ground.roll_out(v1)
    ground.links.usual = State.DIALING
    await ground.roll_out(v2, Canary(2, 600), to_its_end=False)
    back = await ground.roll_back()
    assert back.state == "done"
    assert await ground.hosts() == dict.fromkeys(NAMES, "v1")
    for name in NAMES:
        installation = await ground.installation(name)
        assert (installation.wanted_version, installation.applied_version) == ("v1", "v1")


@ONE_ENGINE
async def test_what_runs_is_followed(ground: Ground) -> None:
    details = await ground.version("v1")
    ground.links.usual = State.DIALING
    first = await ground.roll_out(details, Canary(1, 600), to_its_end=False)
    again = await ground.roll_out(details, to_its_end=False)
    assert again.rollout_id == first.rollout_id
    ground.links.usual = State.READY
    assert (await ground.end(again)).state == "done"


@ONE_ENGINE
async def test_canaries_are_connected_chargers(ground: Ground) -> None:
    ground.connected.update("CD")
    rollout = await ground.roll_out(await ground.version("v1"), Canary(1, 60))
    assert list(await ground.states(rollout)) == ["C", "D", "A", "B"]


async def test_it_goes_on_after_a_restart(tmp_path: Path) -> None:
    async with opened(tmp_path) as ground:
        await ground.enrol(*NAMES)
        ground.links.usual = State.DIALING
        details = await ground.version("v1")
        rollout = await ground.roll_out(details, Canary(1, 0), to_its_end=False)
    async with opened(tmp_path, replace(QUICK, resume=60.0)) as ground:
        assert (await ground.end(rollout)).state == "done"
        assert await ground.hosts() == dict.fromkeys(NAMES, "v1")


@ONE_ENGINE
@pytest.mark.parametrize("stored", [True, False])
async def test_storage_that_is_away_when_it_begins_leaves_nothing_behind(
    ground: Ground, monkeypatch: pytest.MonkeyPatch, *, stored: bool
) -> None:
    details, rollouts = await ground.version("v1"), ground.storage.rollouts
    monkeypatch.setattr(rollouts, "begin", broken(rollouts.begin, stored=stored))
    with pytest.raises(StorageUnavailable):
        await ground.roll_out(details)
    if stored:  # nobody has to ask again
        found = await ground.rollouts.newest(ground.site)
        assert found is not None
        await ground.end(found)
    else:
        await ground.roll_out(details)
    assert await ground.hosts() == dict.fromkeys(NAMES, "v1")


@ONE_ENGINE
async def test_whoever_begins_it_may_go_away(
    ground: Ground, monkeypatch: pytest.MonkeyPatch
) -> None:
    details, begin = await ground.version("v1"), ground.storage.rollouts.begin

    async def left(*arguments: Any) -> None:
        await begin(*arguments)
        asking.cancel()
        await asyncio.sleep(0)

    monkeypatch.setattr(ground.storage.rollouts, "begin", left)
    asking = asyncio.create_task(ground.roll_out(details, to_its_end=False))
    await asyncio.wait((asking,))
    found = await ground.rollouts.newest(ground.site)
    assert found is not None
    assert (await ground.end(found)).state == "done"


@ONE_ENGINE
async def test_a_rollback_that_failed_is_tried_again(
    ground: Ground, monkeypatch: pytest.MonkeyPatch
) -> None:
    await ground.roll_out(await ground.version("v1"))
    snapshots = ground.commissioning.plan

    def plan(wish: object, scene: object) -> object:
        raise ValueError(wish, scene)

    monkeypatch.setattr(ground.commissioning, "plan", plan)
    back = await ground.roll_back()
    assert set((await ground.states(back)).values()) == {"failed"}
    assert (await ground.installation("A")).error == "Ringmain had an internal error."
    monkeypatch.setattr(ground.commissioning, "plan", snapshots)
    foreseen = await ground.rollouts.would_take_back(ground.site)
    assert {one.outcome.state for one in foreseen} == {"applied"}
    again = await ground.roll_back()
    assert again.rollout_id == back.rollout_id
    assert await ground.hosts() == dict.fromkeys(NAMES)


@ONE_ENGINE
async def test_a_site_that_ends_leaves_no_charger_pending(ground: Ground) -> None:
    ground.links.usual = State.DIALING
    rollout = await ground.roll_out(await ground.version("v1"), Canary(1, 600), to_its_end=False)
    async with ground.rollouts.ended(ground.site):
        found = await ground.end(rollout)
    assert found.state == "halted"
    states = {(await ground.installation(name)).state for name in NAMES}
    assert "pending" not in states


@ONE_ENGINE
@pytest.mark.parametrize("stored", [True, False])
async def test_what_cannot_be_ended_with_its_site_goes_on(
    ground: Ground, monkeypatch: pytest.MonkeyPatch, *, stored: bool
) -> None:
    ground.links.usual = State.DIALING
    rollout = await ground.roll_out(await ground.version("v1"), Canary(1, 600), to_its_end=False)
    finish = ground.storage.rollouts.finish
    monkeypatch.setattr(ground.storage.rollouts, "finish", broken(finish, stored=stored))
    with pytest.raises(StorageUnavailable):
        async with ground.rollouts.ended(ground.site):
            pass
    ground.links.usual = State.READY
    assert (await ground.end(rollout)).state == ("halted" if stored else "done")


@ONE_ENGINE
async def test_a_crowd_is_done_a_few_at_a_time(tmp_path: Path) -> None:
    busy: list[int] = []
    async with opened(tmp_path, Pace(at_once=2, look=0.001)) as ground:
        await ground.enrol(*NAMES)
        configure, now = ground.links.configure, 0

        async def counted(*arguments: object) -> None:
            nonlocal now
            now += 1
            busy.append(now)
            await configure(*arguments)  # type: ignore[arg-type] # passed on as they are
            now -= 1

        ground.links.configure = counted  # type: ignore[assignment,method-assign] # it counts
        await ground.roll_out(await ground.version("v1"))
    assert len(busy) == len(NAMES)
    assert max(busy) <= 2

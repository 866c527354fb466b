"""A rollout goes on only where its first chargers are linked as it has them."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from proxy.canaries import Canaries
from proxy.rollouts import Canary
from proxy.states import Glance, State
from storage.commissioning_records import Rollout
from tests.proxy.ground import NAMES, QUICK, Ground, opened

OTHERS = ("B", "C", "D")
pytestmark = pytest.mark.sqlite_only("it is about links; what is stored is tried with rollouts")


@pytest.fixture
async def ground(tmp_path: Path) -> AsyncIterator[Ground]:
    async with opened(tmp_path) as ground:
        await ground.enrol(*NAMES)
        ground.connected.add("A")
        yield ground


async def waiting(ground: Ground) -> Rollout:
    """Have a rollout whose canary is installed and not linked yet."""
    ground.links.usual = State.DIALING
    details = await ground.version("v1")
    rollout = await ground.roll_out(details, Canary(1, 600), to_its_end=False)
    while (await ground.installation("A")).state != "applied":
        pass
    return rollout


async def halted(ground: Ground, rollout: Rollout) -> str:
    """Expect a rollout to be halted behind its canary; return why."""
    found = await ground.end(rollout)
    assert found.state == "halted"
    assert found.error is not None
    states = await ground.states(found)
    assert {states[name] for name in OTHERS} == {"halted"}
    for name in OTHERS:
        installation = await ground.installation(name)
        assert (installation.state, installation.error) == ("halted", found.error)
        assert (installation.wanted_version, installation.applied_version) == ("v1", None)
        assert await ground.configuration(name) is None
    assert ("platform", "rollout.halt", "halted") in await ground.audited()
    return found.error


async def test_they_are_linked(ground: Ground) -> None:
    rollout = await waiting(ground)
    assert (await ground.states(rollout))["B"] == "pending"
    ground.links.usual = State.READY
    assert (await ground.end(rollout)).state == "done"
    assert await ground.hosts() == dict.fromkeys(NAMES, "v1")


async def test_they_are_not_linked_in_time(ground: Ground) -> None:
    ground.links.usual = State.BACKOFF
    rollout = await ground.roll_out(await ground.version("v1"), Canary(1, 0))
    told = "After 0 s a canary is not linked. Canary A: Nobody is there."
    assert await halted(ground, rollout) == told
    # The same once more tries again, and knows what there was before.
    ground.links.usual = State.READY
    details = await ground.storage.connection_details.get(*ground.key("v1"))
    assert details is not None
    again = await ground.roll_out(details, Canary(1, 0))
    assert (again.rollout_id, again.state) == (rollout.rollout_id, "done")
    await ground.roll_back()
    assert await ground.hosts() == dict.fromkeys(NAMES)


async def test_a_link_that_flaps_is_none(ground: Ground, monkeypatch: pytest.MonkeyPatch) -> None:
    details = await ground.version("v1")
    rollout = await ground.roll_out(details, Canary(1, 0))
    steps = await ground.storage.rollouts.steps(rollout.rollout_id, 1)
    canaries = Canaries(ground.commissioning, look=0.001, steady=600)
    seen = iter([Glance(State.READY)] * 3 + [Glance(State.BACKOFF, "It hung up.")])
    monkeypatch.setattr(ground.links, "glance", lambda _: next(seen))

    told = "After 0 s a canary is not linked. Canary A: It hung up."
    assert await canaries.trouble(rollout, details, steps, 0.0) == told


async def test_a_canary_that_cannot_be_installed_halts(ground: Ground) -> None:
    await ground.storage.chargers.update(ground.key("A"), serial_number="a/b")
    rollout = await ground.roll_out(await ground.version("v1"), Canary(1, 600))
    assert "serial number" in await halted(ground, rollout)


async def test_a_canary_that_is_deleted_halts(ground: Ground) -> None:
    rollout = await waiting(ground)
    await ground.storage.chargers.delete(ground.key("A"))
    # What is certain is not waited for.
    found = await ground.end(rollout)
    assert found.state == "halted"
    assert "deleted" in (found.error or "")


async def test_a_canary_that_was_deleted_before_its_turn_halts(ground: Ground) -> None:
    await ground.storage.chargers.delete(ground.key("A"))
    ground.connected.clear()
    details, chargers = await ground.version("v1"), await ground.chargers()
    await ground.storage.chargers.delete(ground.key("B"))
    rollout = await ground.rollouts.begin(ground.site, chargers, details, Canary(1, 600), "key-1")
    found = await ground.end(rollout)
    assert (found.state, found.error) == ("halted", "Canary B: It has been deleted.")


async def test_a_canary_that_gets_something_else_halts(ground: Ground) -> None:
    rollout = await waiting(ground)
    await ground.apply("A", await ground.version("v2"))
    assert await halted(ground, rollout) == "Canary A: Something else has been applied to it."


async def test_a_canary_that_leads_elsewhere_by_hand_halts(ground: Ground) -> None:
    rollout = await waiting(ground)
    await ground.by_hand("A", target_websocket_url="wss://elsewhere.example/x")
    assert "by hand" in await halted(ground, rollout)


async def test_links_that_are_taken_down_are_not_waited_for(ground: Ground) -> None:
    ground.links.usual = State.BACKOFF
    off = await ground.version("off", connectivity_mode="OcppOff")
    assert (await ground.roll_out(off, Canary(2, 600))).state == "done"


async def test_after_a_restart_they_have_time_to_come_back(tmp_path: Path) -> None:
    async with opened(tmp_path) as ground:
        await ground.enrol(*NAMES)
        details = await ground.version("v1")
        ground.links.usual = State.DIALING
        rollout = await ground.roll_out(details, Canary(1, 600), to_its_end=False)
    async with opened(tmp_path, replace(QUICK, resume=0.0)) as ground:
        ground.links.usual = State.READY
        assert (await ground.end(rollout)).state == "done"


async def test_canaries_are_not_asked_again_where_it_had_gone_on(ground: Ground) -> None:
    rollout = await waiting(ground)
    steps = await ground.storage.rollouts.steps(rollout.rollout_id)
    done = replace(steps[-1], state="unchanged")
    await ground.storage.rollouts.finish_step(done)
    ground.rollouts._tasks.start(rollout)
    assert (await ground.end(rollout)).state == "done"

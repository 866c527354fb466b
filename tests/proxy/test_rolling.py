"""One charger's trouble does not keep back the others; storage that is away does, for a while."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from storage.errors import SealBroken, StorageUnavailable
from tests.proxy.ground import NAMES, Ground, broken, opened

# Of what storage does itself the other engine is tried too.
ONE_ENGINE = pytest.mark.sqlite_only(
    "who gets what is decided on what was read, whichever engine has read it"
)


@pytest.fixture
async def ground(tmp_path: Path) -> AsyncIterator[Ground]:
    async with opened(tmp_path) as ground:
        await ground.enrol(*NAMES)
        yield ground


@pytest.mark.parametrize("stored", [True, False])
async def test_storage_that_is_away_loses_no_step(
    ground: Ground, monkeypatch: pytest.MonkeyPatch, *, stored: bool
) -> None:
    await ground.made_by_hand("A")
    installations = ground.storage.installations
    monkeypatch.setattr(installations, "put", broken(installations.put, stored=stored, times=3))
    rollout = await ground.roll_out(await ground.version("v1"))
    assert await ground.states(rollout) == dict.fromkeys(NAMES, "applied")
    await ground.commissioning._following.close()
    for name in NAMES:
        assert ground.links.live[ground.key(name)] == await ground.configuration(name)
    await ground.roll_back()
    assert await ground.hosts() == {"A": "hand", "B": None, "C": None, "D": None}


@pytest.mark.parametrize("stored", [True, False])
async def test_storage_that_is_away_at_the_end_ends_it_later(
    ground: Ground, monkeypatch: pytest.MonkeyPatch, *, stored: bool
) -> None:
    rollouts = ground.storage.rollouts
    monkeypatch.setattr(rollouts, "finish", broken(rollouts.finish, stored=stored))
    assert (await ground.roll_out(await ground.version("v1"))).state == "done"


@ONE_ENGINE
@pytest.mark.parametrize(
    ("fault", "told"),
    [
        (SealBroken(), "A sealed secret cannot be opened with the keys at hand."),
        (RuntimeError("secret"), "Ringmain had an internal error."),
    ],
)
async def test_one_charger_does_not_keep_back_the_others(
    ground: Ground, monkeypatch: pytest.MonkeyPatch, fault: Exception, told: str
) -> None:
    read = ground.storage.proxy_configurations.for_charger

    async def sometimes(key: Any) -> Any:
        if key.charge_box_id == "A":
            raise fault
        return await read(key)

    monkeypatch.setattr(ground.storage.proxy_configurations, "for_charger", sometimes)
    rollout = await ground.roll_out(await ground.version("v1"))
    assert rollout.state == "done"
    assert await ground.states(rollout) == {**dict.fromkeys(NAMES, "applied"), "A": "failed"}
    found = await ground.installation("A")
    assert (found.state, found.error, found.applied_version) == ("failed", told, None)


@ONE_ENGINE
async def test_what_is_to_be_done_cannot_be_read(
    ground: Ground, monkeypatch: pytest.MonkeyPatch
) -> None:
    details = await ground.version("v1")

    async def sealed(*_: Any) -> Any:
        raise SealBroken

    monkeypatch.setattr(ground.storage.connection_details, "get", sealed)
    rollout = await ground.roll_out(details)
    assert (rollout.state, rollout.error) == ("halted", str(SealBroken()))

    async def nothing(*_: Any) -> Any:
        return None

    monkeypatch.setattr(ground.storage.connection_details, "get", nothing)
    rollout = await ground.roll_out(details)
    assert (rollout.state, rollout.error) == ("halted", "The version is not stored any more.")
    assert await ground.hosts() == dict.fromkeys(NAMES)


@ONE_ENGINE
async def test_what_is_wrong_at_a_charger_is_noted_once_storage_is_back(
    ground: Ground, monkeypatch: pytest.MonkeyPatch
) -> None:
    details, plan = await ground.version("v1"), ground.commissioning.plan
    give_up = ground.commissioning.give_up
    away = [StorageUnavailable()]

    def planned(wish: Any, scene: Any) -> Any:
        if scene.charger.key.charge_box_id == "A":
            raise ValueError
        return plan(wish, scene)

    async def gives_up(*arguments: Any) -> None:
        if away:
            raise away.pop()
        await give_up(*arguments)

    monkeypatch.setattr(ground.commissioning, "plan", planned)
    monkeypatch.setattr(ground.commissioning, "give_up", gives_up)
    rollout = await ground.roll_out(details)
    assert await ground.states(rollout) == {**dict.fromkeys(NAMES, "applied"), "A": "failed"}

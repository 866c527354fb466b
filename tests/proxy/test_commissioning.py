"""What is stored and told to the link, also where somebody else is quicker."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from proxy.commissioning import Wish
from proxy.seat import ABSENT
from proxy.states import Glance, State
from storage.errors import StorageError, StorageUnavailable
from storage.records import ProxyConfiguration
from tests.doubles import until
from tests.proxy.ground import Ground, broken, opened

# Of what storage does itself the other engine is tried too.
ONE_ENGINE = pytest.mark.sqlite_only(
    "who gets what is decided on what was read, whichever engine has read it"
)


@pytest.fixture
async def ground(tmp_path: Path) -> AsyncIterator[Ground]:
    async with opened(tmp_path) as ground:
        await ground.enrol("A", "B")
        yield ground


async def test_what_is_wished_is_stored_and_followed(ground: Ground) -> None:
    details = await ground.version("v1")
    outcome = await ground.apply("A", details)
    installation = await ground.installation("A")
    assert outcome.state == installation.state == "applied"
    assert (installation.wanted_version, installation.applied_version) == ("v1", "v1")
    assert installation.charge_point_id == "A"
    assert ground.links.told == [ground.key("A")]
    assert ground.links.live[ground.key("A")] == await ground.configuration("A")
    assert (await ground.apply("A", details)).state == "unchanged"
    assert (await ground.installation("A")).applied_at == installation.applied_at
    assert len(ground.links.told) == 1


@ONE_ENGINE
@pytest.mark.parametrize(
    ("glance", "times"),
    [
        (Glance(State.BACKOFF, "The target refused."), 2),
        (Glance(State.BACKOFF, ABSENT), 1),
        (Glance(State.DIALING), 1),
        (Glance(State.READY, "It was away."), 1),
    ],
)
async def test_a_link_that_rests_is_dialled_when_its_version_is_applied_once_more(
    ground: Ground, monkeypatch: pytest.MonkeyPatch, glance: Glance, times: int
) -> None:
    details = await ground.version("v1")
    await ground.apply("A", details)
    first = await ground.configuration("A")
    monkeypatch.setattr(ground.links, "glance", lambda _: glance)

    assert (await ground.apply("A", details)).state == "unchanged"
    assert len(ground.links.told) == times
    again = await ground.configuration("A")
    assert first is not None
    assert again is not None
    # Its link takes up a change, were it that of a moment alone.
    assert (again.updated_at > first.updated_at) is (times > 1)
    assert replace(again, updated_at=first.updated_at) == first


async def test_the_last_one_wins(ground: Ground) -> None:
    for name in ("v1", "v2"):
        assert (await ground.apply("A", await ground.version(name))).state == "applied"
    off = await ground.version("off", connectivity_mode="OcppOff")
    await ground.apply("A", off)
    assert await ground.hosts() == {"A": None, "B": None}
    await ground.apply("A", await ground.version("v3"))
    assert (await ground.hosts())["A"] == "v3"
    assert (await ground.installation("A")).applied_version == "v3"


@ONE_ENGINE
async def test_nobody_is_there(ground: Ground) -> None:
    details = await ground.version("v1")
    assert (await ground.apply("X", details)).state == "gone"
    wish = Wish(details=details, requested_by="key", claim="own")
    assert (await ground.commissioning.foresee(ground.key("X"), wish)).outcome.state == "gone"


@ONE_ENGINE
async def test_what_cannot_be_installed_is_noted_and_leaves_what_is_there(ground: Ground) -> None:
    await ground.apply("A", await ground.version("v1"))
    await ground.storage.chargers.update(ground.key("A"), serial_number="a/b")
    outcome = await ground.apply("A", await ground.version("v2"))
    assert (outcome.state, outcome.field) == ("failed", "chargePointId")
    found = await ground.installation("A")
    assert (found.state, found.wanted_version, found.applied_version) == ("failed", "v2", "v1")
    assert found.error == outcome.error
    assert (await ground.hosts())["A"] == "v1"


@ONE_ENGINE
@pytest.mark.parametrize("serial", ["S-1", "B"])
async def test_two_chargers_are_not_made_one_at_the_target(ground: Ground, serial: str) -> None:
    await ground.storage.chargers.update(ground.key("A"), serial_number=serial)
    await ground.enrol("C", serial_number="S-1")
    details = await ground.version("v1")
    outcome = await ground.apply("A", details)
    assert (outcome.state, outcome.field) == ("failed", "chargePointId")
    assert (await ground.apply("B", details)).state == "applied"
    named = await ground.version("v2", serial_number=serial, charge_point_id="MINE")
    assert (await ground.apply("A", named)).state == "applied"


@ONE_ENGINE
async def test_foreseeing_changes_nothing(ground: Ground) -> None:
    details = await ground.version("v1")
    wish = Wish(details=details, requested_by="key", claim="own")
    prospect = await ground.commissioning.foresee(ground.key("A"), wish)
    assert (prospect.outcome.state, prospect.found) == ("applied", None)
    assert await ground.configuration("A") is None
    assert await ground.storage.installations.get(ground.key("A")) is None


async def test_a_certificate_that_was_deleted_does_not_come_back(ground: Ground) -> None:
    await ground.made_by_hand(
        "A",
        target_authentication_method="ClientCertificate",
        target_auth_basic_password=None,
        target_auth_client_cert_id="deleted",
    )
    await ground.roll_out(await ground.version("v1"))
    foreseen = await ground.rollouts.would_take_back(ground.site)
    assert [one.outcome.state for one in foreseen] == ["failed", "applied"]
    back = await ground.roll_back()
    assert (await ground.states(back))["A"] == "failed"
    assert "certificate" in ((await ground.installation("A")).error or "")
    assert (await ground.hosts())["A"] == "v1"


# ---- at the same moment ----


async def test_what_is_changed_between_reading_and_writing_is_read_again(ground: Ground) -> None:
    await ground.made_by_hand("A")
    put, late = ground.storage.installations.put, ["A"]

    async def slow(*arguments: Any, **named: Any) -> bool:
        if late:
            key = ground.key(late.pop())
            old = await ground.storage.proxy_configurations.for_charger(key)
            assert old is not None
            new = replace(old, policy={"on_change": "drain"}, mode="hybrid")
            await ground.storage.proxy_configurations.replace(new)
        return await put(*arguments, **named)

    ground.storage.installations.put = slow  # type: ignore[method-assign] # somebody is quicker
    await ground.apply("A", await ground.version("v1"))
    found = await ground.configuration("A")
    assert found is not None
    assert (found.policy, found.mode) == ({"on_change": "drain"}, "hybrid")
    assert (await ground.hosts())["A"] == "v1"


async def test_what_is_deleted_between_reading_and_writing_is_made_anew(ground: Ground) -> None:
    old = await ground.made_by_hand("A")
    put, late = ground.storage.installations.put, [old]

    async def slow(*arguments: Any, **named: Any) -> bool:
        if late:
            one = late.pop()
            await ground.storage.proxy_configurations.delete(one.key.organization_uuid, one.id)
        return await put(*arguments, **named)

    ground.storage.installations.put = slow  # type: ignore[method-assign] # somebody is quicker
    await ground.apply("A", await ground.version("v1"))
    assert (await ground.hosts())["A"] == "v1"


async def test_a_charger_that_is_deleted_between_reading_and_writing_is_gone(
    ground: Ground,
) -> None:
    put, late = ground.storage.installations.put, ["A"]

    async def slow(*arguments: Any, **named: Any) -> bool:
        if late:
            await ground.storage.chargers.delete(ground.key(late.pop()))
        return await put(*arguments, **named)

    ground.storage.installations.put = slow  # type: ignore[method-assign] # somebody is quicker
    rollout = await ground.roll_out(await ground.version("v1"))
    assert await ground.states(rollout) == {"A": "gone", "B": "applied"}
    assert rollout.state == "done"


@ONE_ENGINE
async def test_a_wish_is_over_once_something_has_changed(ground: Ground) -> None:
    details = await ground.version("v1")
    seen = await ground.commissioning.scene(ground.key("A"))
    wish = Wish(details=details, requested_by="key", claim="own", seen=seen)
    await ground.made_by_hand("A")
    outcome = await ground.commissioning.carry_out(ground.key("A"), wish)
    assert outcome.state == "superseded"
    assert (await ground.hosts())["A"] == "hand"
    assert await ground.storage.installations.get(ground.key("A")) is None


@ONE_ENGINE
async def test_a_refusal_of_storage_is_told_after_some_tries(
    ground: Ground, monkeypatch: pytest.MonkeyPatch
) -> None:
    tries: list[ProxyConfiguration | None] = []

    async def refused(
        _: object, new: ProxyConfiguration | None, *__: object, **___: object
    ) -> bool:
        tries.append(new)
        raise StorageError

    monkeypatch.setattr(ground.storage.installations, "put", refused)
    with pytest.raises(StorageError):
        await ground.apply("A", await ground.version("v1"))
    assert len(tries) == 3


# ---- storage away ----


@pytest.mark.parametrize("stored", [True, False])
async def test_what_may_be_stored_is_followed(
    ground: Ground, monkeypatch: pytest.MonkeyPatch, *, stored: bool
) -> None:
    details, installations = await ground.version("v1"), ground.storage.installations
    monkeypatch.setattr(installations, "put", broken(installations.put, stored=stored))
    with pytest.raises(StorageUnavailable):
        await ground.apply("A", details)
    await until(lambda: ground.key("A") in ground.links.live)
    assert ground.links.live[ground.key("A")] == await ground.configuration("A")
    assert (await ground.apply("A", details)).state == ("unchanged" if stored else "applied")


@ONE_ENGINE
async def test_whoever_asks_may_go_away(ground: Ground) -> None:
    details = await ground.version("v1")
    ground.links.faults = [StorageUnavailable()]
    asking = asyncio.create_task(ground.apply("A", details))
    await until(lambda: not ground.links.faults)
    asking.cancel()
    await asyncio.wait((asking,))
    await until(lambda: ground.key("A") in ground.links.live)
    assert ground.links.live[ground.key("A")] == await ground.configuration("A")

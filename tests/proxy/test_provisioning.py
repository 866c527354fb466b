"""New chargers configure themselves, and nothing that somebody has made or applied is replaced."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from csms import frames
from storage.commissioning_records import AUTOMATIC
from storage.errors import StorageUnavailable
from tests.doubles import PATIENCE, Held, until
from tests.proxy.ground import Ground, broken, opened

BOOT = frames.call("1", "BootNotification", b"{}")
DEFAULT: dict[str, Any] = {"apply_to_new_devices": True}

# Of what storage does itself the other engine is tried too.
ONE_ENGINE = pytest.mark.sqlite_only(
    "who gets what is decided on what was read, whichever engine has read it"
)


@pytest.fixture
async def ground(tmp_path: Path) -> AsyncIterator[Ground]:
    async with opened(tmp_path) as ground:
        yield ground


async def enrolled(ground: Ground, name: str = "A", **more: Any) -> str | None:
    """Enrol a charger as the API does; return where it is linked to."""
    await ground.enrol(name, **more)
    await ground.provisioning.enrolled(ground.key(name))
    return (await ground.hosts())[name]


def boots(ground: Ground, name: str = "A", serial_number: str | None = None) -> None:
    """Hear a charger's boot as the books do."""
    key = ground.key(name)
    told = {"vendor_name": "Acme", "model_name": "Wall", "firmware_version": None}
    ground.storage.chargers.note_boot(key, **told, serial_number=serial_number, boot_payload=b"{}")
    ground.provisioning.heard(key, BOOT)


async def booted(ground: Ground, name: str = "A", serial_number: str | None = None) -> str | None:
    """Let a charger boot; return where it is linked to once it has settled in."""
    boots(ground, name, serial_number)
    async with asyncio.timeout(PATIENCE):
        while ground.key(name) in await ground.storage.installations.newcomers():  # noqa: ASYNC110 - untold
            await asyncio.sleep(0.001)
    return (await ground.hosts())[name]


async def test_the_default_waits_for_the_serial_number(ground: Ground) -> None:
    await ground.version("v1", **DEFAULT)
    assert await enrolled(ground) is None
    assert await booted(ground, serial_number="S-1") == "v1"
    installation = await ground.installation("A")
    assert (installation.charge_point_id, installation.requested_by) == ("S-1", AUTOMATIC)
    assert await ground.audited() == [("platform", "ApplyConnectionDetails", "applied")]
    assert ground.links.live[ground.key("A")] == await ground.configuration("A")


@ONE_ENGINE
async def test_a_charger_that_never_tells_its_serial_number_is_known_by_its_name(
    ground: Ground,
) -> None:
    await ground.version("v1", **DEFAULT)
    await enrolled(ground)
    assert await booted(ground) == "v1"
    assert (await ground.installation("A")).charge_point_id == "A"


@ONE_ENGINE
async def test_a_default_that_is_stored_behind_a_boot_is_for_those_that_come(
    ground: Ground, monkeypatch: pytest.MonkeyPatch
) -> None:
    await enrolled(ground)
    read = Held(ground.storage.group.flush)
    with monkeypatch.context() as patched:
        patched.setattr(ground.storage.group, "flush", read)
        boots(ground, serial_number="S-1")
        await read.done.wait()
    await ground.version("v1", **DEFAULT)
    read.release.set()
    assert await booted(ground, serial_number="S-1") is None


@ONE_ENGINE
async def test_what_is_known_already_is_done_at_once(ground: Ground) -> None:
    await ground.version("v1", **DEFAULT)
    assert await enrolled(ground, serial_number="S-1") == "v1"
    await ground.version("v2", **DEFAULT)
    assert await booted(ground, serial_number="S-1") == "v2"  # the latest, as nobody minds
    told = len(ground.links.told)
    boots(ground, serial_number="S-1")
    await ground.storage.group.flush()
    assert len(ground.links.told) == told


@ONE_ENGINE
async def test_a_default_that_is_not_for_new_chargers_is_for_none(ground: Ground) -> None:
    await ground.version("v1", **DEFAULT)
    await ground.version("v2")
    assert await enrolled(ground, serial_number="S-1") is None
    assert await booted(ground, serial_number="S-1") is None


@ONE_ENGINE
@pytest.mark.parametrize("name", ["S-1", "A"])
async def test_what_is_stored_for_a_charger_comes_first(ground: Ground, name: str) -> None:
    await ground.version("own", serial_number=name)
    await ground.version("v1", **DEFAULT)
    await enrolled(ground)
    assert await booted(ground, serial_number="S-1") == "own"


@ONE_ENGINE
@pytest.mark.parametrize("names", [("S-1", "A"), ("A", "S-1")])
async def test_the_latest_that_is_stored_for_a_charger_is_its(
    ground: Ground, names: tuple[str, str]
) -> None:
    for version, name in zip(("v1", "v2"), names, strict=True):
        await ground.version(version, serial_number=name)
    assert await enrolled(ground, serial_number="S-1") == "v2"


@ONE_ENGINE
async def test_who_was_linked_by_its_name_stays_known_by_it(ground: Ground) -> None:
    await ground.version("own", serial_number="A")
    assert await enrolled(ground) == "own"
    assert await booted(ground, serial_number="S-1") == "own"
    assert (await ground.installation("A")).charge_point_id == "A"


@ONE_ENGINE
@pytest.mark.parametrize("serial", ["S-1", "B"])
async def test_a_serial_number_that_another_has_proves_nothing(ground: Ground, serial: str) -> None:
    await ground.enrol("B", serial_number="S-1")
    await ground.version("theirs", serial_number=serial)
    await enrolled(ground)
    assert await booted(ground, serial_number=serial) is None
    await ground.version("v1", **DEFAULT)
    await enrolled(ground, "C")
    assert await booted(ground, "C", serial) is None
    found = await ground.installation("C")
    assert (found.state, found.applied_version) == ("failed", None)
    assert "Another charger" in (found.error or "")


@ONE_ENGINE
async def test_nothing_that_is_somebodys_is_replaced(ground: Ground) -> None:
    await ground.version("v1", **DEFAULT)
    other = await ground.version("other", serial_number="nobody")
    for name in ("A", "B", "C", "D"):
        await ground.enrol(name)
        await ground.provisioning.enrolled(ground.key(name))
    await ground.made_by_hand("A")
    await ground.apply("B", other)
    assert await booted(ground, "A", "S-A") == "hand"
    assert await booted(ground, "B", "S-B") == "other"
    assert await enrolled(ground, "E", serial_number="S-E") == "v1"
    await ground.by_hand("E", target_charge_box_id="mine")
    await ground.version("v2", **DEFAULT)
    assert await booted(ground, "E", "S-E") == "v1"
    assert await enrolled(ground, "F", serial_number="S-F") == "v2"
    by_hand = await ground.configuration("F")
    assert by_hand is not None
    await ground.storage.proxy_configurations.delete(by_hand.key.organization_uuid, by_hand.id)
    await ground.version("v3", **DEFAULT)
    assert await booted(ground, "F", "S-F") is None


async def test_what_is_made_at_the_same_moment_is_left(
    ground: Ground, monkeypatch: pytest.MonkeyPatch
) -> None:
    await ground.version("v1", **DEFAULT)
    await ground.enrol("A", serial_number="S-1")
    carry_out, late = ground.commissioning.carry_out, ["A"]

    async def slow(*arguments: Any) -> Any:
        if late:
            await ground.made_by_hand(late.pop())
        return await carry_out(*arguments)

    monkeypatch.setattr(ground.commissioning, "carry_out", slow)
    await ground.provisioning.enrolled(ground.key("A"))
    assert await ground.hosts() == {"A": "hand"}


@ONE_ENGINE
async def test_storage_that_is_away_is_waited_for(
    ground: Ground, monkeypatch: pytest.MonkeyPatch
) -> None:
    await ground.version("v1", **DEFAULT)
    installations = ground.storage.installations
    monkeypatch.setattr(installations, "put", broken(installations.put, stored=False, times=2))
    assert await enrolled(ground, serial_number="S-1") is None
    assert await booted(ground, serial_number="S-1") == "v1"


async def test_who_booted_before_a_restart_settles_in_after_it(tmp_path: Path) -> None:
    async with opened(tmp_path) as ground:
        await ground.enrol("A", "B")
        told = {"vendor_name": None, "model_name": None, "firmware_version": None}
        key = ground.key("A")
        await ground.storage.chargers.note_boot(
            key, **told, serial_number="S-1", boot_payload=b"{}"
        )
        await ground.version("v1", **DEFAULT)
    async with opened(tmp_path) as ground:
        async with asyncio.timeout(PATIENCE):
            while await ground.hosts() != {"A": "v1", "B": None}:  # noqa: ASYNC110 - untold
                await asyncio.sleep(0.001)
        assert await booted(ground, "B") == "v1"


async def test_a_charger_that_is_deleted_while_it_settles_in(
    ground: Ground, monkeypatch: pytest.MonkeyPatch
) -> None:
    await ground.version("v1", **DEFAULT)
    await enrolled(ground)
    scene = ground.commissioning.scene
    faults = [StorageUnavailable()] * 3

    async def away(key: Any) -> Any:
        if faults:
            raise faults.pop()
        return await scene(key)

    monkeypatch.setattr(ground.commissioning, "scene", away)
    boots(ground, serial_number="S-1")
    await ground.storage.chargers.delete(ground.key("A"))
    await until(lambda: not ground.provisioning._settling)
    # Who has its name now is another one.
    assert await enrolled(ground) is None
    assert await booted(ground, serial_number="S-2") == "v1"
    assert (await ground.installation("A")).charge_point_id == "S-2"


async def test_who_is_enrolled_again_is_a_newcomer_again(
    ground: Ground, monkeypatch: pytest.MonkeyPatch
) -> None:
    await ground.version("v1", **DEFAULT)
    await enrolled(ground)

    reached = asyncio.Event()

    async def stuck(*_: Any, **__: Any) -> None:
        reached.set()
        await asyncio.Future()

    with monkeypatch.context() as patched:
        patched.setattr(ground.provisioning, "_provision", stuck)
        boots(ground, serial_number="S-1")
        await reached.wait()
    await ground.storage.chargers.delete(ground.key("A"))
    await enrolled(ground)
    assert await booted(ground, serial_number="S-2") == "v1"
    assert (await ground.installation("A")).charge_point_id == "S-2"


@ONE_ENGINE
async def test_off_may_be_the_default(ground: Ground) -> None:
    await ground.version("off", connectivity_mode="OcppOff", **DEFAULT)
    await enrolled(ground, serial_number="S-1")
    assert (await ground.installation("A")).applied_version == "off"
    assert await ground.configuration("A") is None
    made = await ground.made_by_hand("A")
    await booted(ground, serial_number="S-1")
    assert await ground.configuration("A") == replace(made)

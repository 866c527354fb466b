"""What is installed is stored with the configuration that it makes, for who claimed it last."""

from __future__ import annotations

from dataclasses import replace

import pytest

from storage.errors import Conflict, StorageError
from storage.store import Storage
from tests.storage.commissioning import (
    BEFORE,
    SITE,
    THEIRS,
    begun,
    enrolled,
    installation,
    installed,
    rollout,
    states,
)
from tests.storage.doubles import ALICE, BOB, NOON, ORGANIZATION, HandClock
from tests.storage.records import charger, proxy


async def test_what_is_installed_is_what_was_put(storage: Storage, clock: HandClock) -> None:
    first = installation(ALICE, "own-1", state="failed", error="Too bad.")
    later = replace(
        installation(ALICE, "own-2", applied_version="version", charge_point_id="CP 1"),
        requested_at=clock.pass_time(hours=1),
        state="applied",
        applied_at=clock.pass_time(hours=1),
    )
    assert await storage.installations.get(ALICE) is None
    for one in (first, later):
        assert await storage.installations.put(one, None)
        assert await storage.installations.get(ALICE) == one

    assert await storage.installations.of(ORGANIZATION, ["CP-X", ALICE.charge_box_id]) == {
        ALICE.charge_box_id: later
    }
    assert await storage.installations.of(THEIRS, [ALICE.charge_box_id]) == {}
    assert await storage.installations.get(ALICE._replace(organization_uuid=THEIRS)) is None


async def test_a_configuration_is_made_and_changed_with_it(storage: Storage) -> None:
    await storage.installations.put(installation(ALICE, "own-1"), proxy(ALICE))
    made = await storage.proxy_configurations.for_charger(ALICE)
    assert made is not None
    assert made == replace(proxy(ALICE), id=made.id)
    assert await storage.proxy_configurations.cursor(made.id) is not None

    changed = replace(made, enabled=False, target_ca_certificate_domain="csms.example")
    await storage.installations.put(installation(ALICE, "own-2"), changed)

    assert await storage.proxy_configurations.for_charger(ALICE) == changed


async def test_a_configuration_that_cannot_be_stored_leaves_nothing_behind(
    storage: Storage,
) -> None:
    await enrolled(storage, BOB)
    [_, step] = await begun(storage, rollout("r"))
    await storage.proxy_configurations.create(proxy(BOB))
    done = replace(step, state="applied", before=BEFORE)

    with pytest.raises(StorageError):  # a second one
        await storage.installations.put(installation(BOB, "r", state="applied"), proxy(BOB), done)

    assert await installed(storage, BOB) == ("version of r", "r", "pending")
    assert await states(storage, rollout("r")) == ["pending", "pending"]


@pytest.mark.parametrize("how", ["changed", "deleted"])
async def test_a_configuration_that_is_not_as_it_was_found_is_left_alone(
    storage: Storage, how: str
) -> None:
    found = await storage.proxy_configurations.create(proxy(ALICE))
    now = await storage.proxy_configurations.replace(replace(found, role="observe"))
    if how == "deleted":
        await storage.proxy_configurations.delete(ORGANIZATION, found.id)
        now = None
    moved = replace(found, target_websocket_url="wss://elsewhere.example")

    with pytest.raises(Conflict):
        await storage.installations.put(installation(ALICE, "own"), moved, found=found)

    assert await storage.proxy_configurations.for_charger(ALICE) == now
    assert await storage.installations.get(ALICE) is None


async def test_whoever_claimed_it_last_decides(storage: Storage) -> None:
    await enrolled(storage, BOB)
    alice, bob = await begun(storage, rollout("r"))
    await storage.installations.put(installation(BOB, "own", state="applied"), None)

    for key, step, stored in ((ALICE, alice, True), (BOB, bob, False)):
        done = replace(step, state="applied", before=BEFORE, finished_at=NOON)
        wish = installation(key, "r", state="applied", wanted_version="version of r")
        assert await storage.installations.put(wish, proxy(key), done) is stored
        assert (await storage.proxy_configurations.for_charger(key) is not None) is stored

    assert await installed(storage, ALICE) == ("version of r", "r", "applied")
    assert await installed(storage, BOB) == ("version", "own", "applied")
    assert [step.before for step in await storage.rollouts.steps("r")] == [BEFORE, None]
    assert await states(storage, rollout("r")) == ["applied", "pending"]


@pytest.mark.parametrize("how", ["charger", "site", "another rollout", "the end"])
async def test_who_was_let_go_meanwhile_is_not_changed(storage: Storage, how: str) -> None:
    await enrolled(storage, BOB)
    [_, step] = await begun(storage, running := rollout("r"))
    if how == "charger":
        await storage.chargers.delete(BOB)
    elif how == "site":
        await storage.sites.delete(ORGANIZATION, SITE)
    elif how == "another rollout":  # from which Bob's is away
        await begun(storage, rollout("s"), ALICE)
    else:
        await storage.rollouts.finish(running, "halted", NOON)

    wish = installation(BOB, "r", state="applied")
    assert not await storage.installations.put(wish, proxy(BOB), replace(step, state="applied"))

    assert await storage.proxy_configurations.for_charger(BOB) is None


async def test_what_is_installed_goes_with_its_charger(storage: Storage) -> None:
    await storage.installations.put(installation(ALICE, "own"), proxy(ALICE))
    await storage.chargers.delete(ALICE)

    assert await storage.installations.get(ALICE) is None
    with pytest.raises(StorageError):
        await storage.installations.put(installation(ALICE, "own"), None)
    await storage.chargers.enroll(charger(ALICE), None)
    assert await storage.installations.get(ALICE) is None


async def test_a_newcomer_is_one_until_it_has_settled_in(storage: Storage) -> None:
    await enrolled(storage, BOB)
    claims = {"vendor_name": "V", "model_name": "M", "serial_number": "S", "firmware_version": "1"}
    await storage.chargers.note_boot(BOB, **claims, boot_payload=b"{}")

    assert await storage.installations.newcomers() == {ALICE: False, BOB: True}
    await storage.installations.settle_in(BOB)
    await storage.installations.settle_in(BOB)
    assert await storage.installations.newcomers() == {ALICE: False}
    await storage.chargers.delete(ALICE)
    assert await storage.installations.newcomers() == {}

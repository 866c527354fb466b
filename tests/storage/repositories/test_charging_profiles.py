"""What owners want of a charger, and what lies on it: kept apart, and by charger."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from storage.records import ChargerKey, ChargingProfile, InstalledProfile
from storage.store import Storage
from tests.storage.doubles import ALICE, BOB, NOON
from tests.storage.records import proxy


def profile(owner: int = 0, profile_id: int = 3006, key: ChargerKey = ALICE) -> ChargingProfile:
    return ChargingProfile(
        key=key,
        owner=owner,
        profile_id=profile_id,
        evse_id=1,
        purpose="TxDefaultProfile",
        stack_level=0,
        profile={"id": profile_id, "limit": 5.4},
        meta={"comment": "roof"},
        created_at=NOON,
    )


def installed(level: int = 0) -> InstalledProfile:
    return InstalledProfile(
        key=ALICE,
        evse_id=1,
        purpose="TxDefaultProfile",
        stack_level=level,
        profile={"id": 3006},
        installed_at=NOON,
    )


async def test_an_owner_replaces_its_own_profile_by_its_id(storage: Storage) -> None:
    profiles = storage.charging_profiles
    profiles.note_put(profile())
    changed = replace(profile(), stack_level=3, created_at=NOON + timedelta(seconds=1))
    await profiles.note_put(changed)

    assert await profiles.of_owners(ALICE) == [changed]
    assert await profiles.of_owners(BOB) == []


async def test_owners_may_use_the_same_id(storage: Storage) -> None:
    target = (await storage.proxy_configurations.create(proxy(ALICE))).id
    profiles = storage.charging_profiles
    profiles.note_put(profile(owner=target))
    await profiles.note_put(profile())
    await profiles.note_removed(profile())

    assert await profiles.of_owners(ALICE) == [profile(owner=target)]


async def test_a_profile_goes_with_its_configuration(storage: Storage) -> None:
    created = await storage.proxy_configurations.create(proxy(ALICE))
    await storage.charging_profiles.note_put(profile(owner=created.id))
    await storage.proxy_configurations.delete(ALICE.organization_uuid, created.id)

    assert await storage.charging_profiles.of_owners(ALICE) == []


async def test_a_disabled_configuration_wants_nothing_for_now(storage: Storage) -> None:
    created = await storage.proxy_configurations.create(proxy(ALICE))
    await storage.charging_profiles.note_put(profile(owner=created.id))
    await storage.proxy_configurations.replace(replace(created, enabled=False))
    assert await storage.charging_profiles.of_owners(ALICE) == []

    await storage.proxy_configurations.replace(created)
    assert await storage.charging_profiles.of_owners(ALICE) == [profile(owner=created.id)]


async def test_what_lies_on_the_charger_is_known_by_place(storage: Storage) -> None:
    profiles = storage.charging_profiles
    profiles.note_installed(installed())
    profiles.note_installed(installed(1))
    changed = replace(installed(), profile={"id": 7})
    profiles.note_installed(changed)
    await profiles.note_cleared(installed(1))

    assert await profiles.installed(ALICE) == [changed]
    assert await profiles.installed(BOB) == []


async def test_what_is_wanted_and_what_lies_on_a_page_of_chargers_is_read_at_once(
    storage: Storage,
) -> None:
    target = (await storage.proxy_configurations.create(proxy(ALICE))).id
    profiles, here, names = storage.charging_profiles, ALICE.charge_box_id, ["CP-A", "CP-Z"]
    page = [here, *names]
    for one in (profile(), profile(owner=target)):
        profiles.note_put(one)
    profiles.note_installed(installed(1))
    await profiles.note_installed(installed())
    wanted = await profiles.of_page(ALICE.organization_uuid, page)
    lying = await profiles.installed_on_page(ALICE.organization_uuid, page)

    assert wanted == {here: [profile(), profile(owner=target)], **{name: [] for name in names}}
    assert lying == {here: [installed(), installed(1)], **{name: [] for name in names}}

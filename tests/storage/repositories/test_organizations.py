"""Organizations and API keys: shown once, found by digest, refused once revoked or expired."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from storage.errors import StorageError
from storage.store import Storage
from tests.storage.doubles import NOON, ORGANIZATION, HandClock


async def test_an_organization_is_found_again(storage: Storage, clock: HandClock) -> None:
    clock.pass_time(seconds=1)
    created = await storage.organizations.create("Airport")

    assert await storage.organizations.get(created.organization_uuid) == created
    assert [each.name for each in await storage.organizations.list()] == ["Depot", "Airport"]
    assert await storage.organizations.get("unknown") is None


async def test_it_is_known_whether_a_name_is_one_organization_s(storage: Storage) -> None:
    assert await storage.organizations.how_many_are("Depot") == 1
    assert await storage.organizations.how_many_are("depot") == 0
    for _ in range(2):
        await storage.organizations.create("Depot")
    assert await storage.organizations.how_many_are("Depot") == 2


async def test_an_organization_decides_whose_tokens_may_charge(storage: Storage) -> None:
    before = await storage.organizations.get(ORGANIZATION)
    assert before
    assert before.authorization == "accept_all"

    changed = await storage.organizations.authorize(ORGANIZATION, "known")

    assert changed == replace(before, authorization="known")
    assert await storage.organizations.get(ORGANIZATION) == changed
    assert await storage.organizations.authorize("unknown", "known") is None


async def test_a_key_is_recognised_and_never_told_again(storage: Storage) -> None:
    record, plain = await storage.api_keys.create(ORGANIZATION, "operate")

    assert await storage.api_keys.find(plain) == record
    assert (record.organization_uuid, record.scope) == (ORGANIZATION, "operate")
    assert plain not in repr(await storage.api_keys.list())


@pytest.mark.parametrize("wrong", ["", "rm_", "rm_0000", "F956FB45-22D6-421F-BE12-660CD7ED9815"])
async def test_another_key_is_nobody(storage: Storage, wrong: str) -> None:
    await storage.api_keys.create(ORGANIZATION, "admin")

    assert await storage.api_keys.find(wrong) is None


async def test_a_revoked_key_is_refused_at_once(storage: Storage) -> None:
    record, plain = await storage.api_keys.create(ORGANIZATION, "admin")

    assert await storage.api_keys.revoke(record.key_id)

    assert await storage.api_keys.find(plain) is None
    assert not await storage.api_keys.revoke("unknown")


async def test_a_key_is_refused_from_its_expiry_on(storage: Storage, clock: HandClock) -> None:
    _, plain = await storage.api_keys.create(ORGANIZATION, "read", NOON + timedelta(hours=1))

    clock.pass_time(minutes=59, seconds=59)
    assert await storage.api_keys.find(plain) is not None
    clock.pass_time(seconds=1)
    assert await storage.api_keys.find(plain) is None


async def test_use_is_noted_once_a_minute(storage: Storage, clock: HandClock) -> None:
    _, plain = await storage.api_keys.create(ORGANIZATION, "read")

    async def last_used() -> object:
        await storage.api_keys.find(plain)
        await storage.group.flush()
        [record] = await storage.api_keys.list(ORGANIZATION)
        return record.last_used_at

    assert await last_used() == NOON
    clock.pass_time(seconds=59)
    assert await last_used() == NOON
    clock.pass_time(seconds=1)
    assert await last_used() == NOON + timedelta(minutes=1)


async def test_keys_are_listed_by_organization(storage: Storage) -> None:
    other = await storage.organizations.create("Airport")
    one, _ = await storage.api_keys.create(ORGANIZATION, "read")
    two, _ = await storage.api_keys.create(other.organization_uuid, "read")

    assert await storage.api_keys.list(ORGANIZATION) == [one]
    assert await storage.api_keys.list(other.organization_uuid) == [two]
    assert {key.key_id for key in await storage.api_keys.list()} == {one.key_id, two.key_id}


async def test_nobody_holds_keys_of_an_organization_that_does_not_exist(storage: Storage) -> None:
    with pytest.raises(StorageError):
        await storage.api_keys.create("unknown", "admin")

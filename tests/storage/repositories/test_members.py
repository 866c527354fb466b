"""Who is a member of what: as an admin has said it, and nobody else."""

from __future__ import annotations

import pytest

from storage.errors import Conflict
from storage.records import Scope
from storage.security_records import Member
from storage.store import Storage
from tests.storage.doubles import NOON, ORGANIZATION

ANNA, BEN = "00000000-0000-4000-8000-00000000000a", "00000000-0000-4000-8000-00000000000b"


def member(identity: str, role: Scope = "read", organization: str = ORGANIZATION) -> Member:
    return Member(
        organization_uuid=organization,
        identity_id=identity,
        role=role,
        created_by="command-line",
        created_at=NOON,
    )


async def roles(storage: Storage, identity: str) -> dict[str, Scope]:
    found = await storage.members.memberships(identity)
    return {each.organization.organization_uuid: each.role for each in found}


async def test_a_person_may_be_a_member_of_several_organizations(storage: Storage) -> None:
    other = await storage.organizations.create("Harbour")
    await storage.members.add(member(ANNA, "admin"))
    await storage.members.add(member(ANNA, "read", other.organization_uuid))
    await storage.members.add(member(BEN))

    assert await roles(storage, ANNA) == {ORGANIZATION: "admin", other.organization_uuid: "read"}
    (only,) = await storage.members.memberships(BEN)
    assert only.organization == await storage.organizations.get(ORGANIZATION)
    assert await roles(storage, "00000000-0000-4000-8000-00000000000c") == {}


async def test_a_member_is_added_once_and_may_be_put_again(storage: Storage) -> None:
    await storage.members.add(member(ANNA))
    with pytest.raises(Conflict):
        await storage.members.add(member(ANNA, "admin"))
    assert await roles(storage, ANNA) == {ORGANIZATION: "read"}

    assert await storage.members.put(member(ANNA, "admin")) == member(ANNA, "admin")
    assert await storage.members.put(member(BEN)) == member(BEN)
    assert await storage.members.all_of(ORGANIZATION) == (member(ANNA, "admin"), member(BEN))


async def test_a_role_is_changed_where_there_is_a_member(storage: Storage) -> None:
    await storage.members.add(member(ANNA))

    changed = await storage.members.change_role(ORGANIZATION, ANNA, "operate")

    assert changed == member(ANNA, "operate")
    assert await storage.members.change_role(ORGANIZATION, BEN, "operate") is None


async def test_who_is_removed_is_a_member_no_longer(storage: Storage) -> None:
    await storage.members.add(member(ANNA))

    assert await storage.members.remove(ORGANIZATION, ANNA)
    assert not await storage.members.remove(ORGANIZATION, ANNA)
    assert await roles(storage, ANNA) == {}


async def test_members_come_page_by_page(storage: Storage) -> None:
    for identity in (BEN, ANNA):
        await storage.members.add(member(identity))

    (first,) = await storage.members.list(ORGANIZATION, 1)
    rest = await storage.members.list(ORGANIZATION, 5, first.identity_id)

    assert [first, *rest] == [member(ANNA), member(BEN)]
    assert await storage.members.list("another organization") == []

"""Who is a member is what an admin says, and holds from the next request on."""

from __future__ import annotations

import asyncio

import pytest

from storage.records import Scope
from storage.security_records import Member
from tests.api.conftest import Api
from tests.kratos import People

ANNA, BEN = "00000000-0000-4000-8000-00000000000a", "00000000-0000-4000-8000-00000000000b"


def base(api: Api) -> str:
    return f"{api.organization}/members"


async def test_members_are_added_listed_changed_and_removed(api: Api) -> None:
    got = await api("POST", base(api), {"identity_id": ANNA, "role": "read"})
    assert got.status == 201
    added = got.body["member"]
    assert (added["identity_id"], added["role"]) == (ANNA, "read")
    assert added["created_by"].startswith("key:")
    assert added["created_at"] == "2026-11-21T10:00:00.000Z"

    changed = await api("PATCH", f"{base(api)}/{ANNA}", {"role": "operate"})
    assert changed.body["member"] == {**added, "role": "operate"}
    assert (await api.get(base(api)))["members"] == [changed.body["member"]]

    gone = await api("DELETE", f"{base(api)}/{ANNA}")
    assert gone.body == {"success": True, "message": "Member removed successfully"}
    assert (await api.get(base(api)))["members"] == []


async def test_a_member_is_added_once(api: Api) -> None:
    body = {"identity_id": ANNA, "role": "read"}
    await api("POST", base(api), body)

    again = await api("POST", base(api), {**body, "role": "admin"})

    assert again.error == (409, "conflict")
    (listed,) = (await api.get(base(api)))["members"]
    assert listed["role"] == "read"


async def test_who_is_no_member_is_not_found(api: Api) -> None:
    for method, body in (("PATCH", {"role": "read"}), ("DELETE", None)):
        for identity in (ANNA, "anna", ANNA.upper()):
            got = await api(method, f"{base(api)}/{identity}", body)
            assert got.error == (404, "not_found")


async def test_members_come_page_by_page(api: Api) -> None:
    for identity in (BEN, ANNA):
        await api("POST", base(api), {"identity_id": identity, "role": "read"})

    first = await api.get(f"{base(api)}?limit=1")
    rest = await api.get(f"{base(api)}?limit=1&cursor={first['next_cursor']}")

    assert [each["identity_id"] for each in first["members"] + rest["members"]] == [ANNA, BEN]
    assert rest["next_cursor"] is None


@pytest.mark.sqlite_only("stores nothing")
@pytest.mark.parametrize(
    ("body", "named"),
    [
        ({"role": "read"}, {"identity_id"}),
        ({"identity_id": ANNA}, {"role"}),
        ({"identity_id": ANNA, "role": "owner"}, {"role"}),
        ({"identity_id": "anna@example.com", "role": "read"}, {"identity_id"}),
        ({"identity_id": ANNA.upper(), "role": "read"}, {"identity_id"}),
        ({"identity_id": ANNA, "role": "read", "organization_uuid": "x"}, {"organization_uuid"}),
    ],
)
async def test_what_is_no_member_is_refused(api: Api, body: object, named: set[str]) -> None:
    assert (await api("POST", base(api), body)).fields == named


@pytest.mark.parametrize("scope", ["read", "operate"])
async def test_only_an_admin_says_who_is_a_member(api: Api, people: People, scope: Scope) -> None:
    key, member = await api.with_scope(scope), await people.member(scope)
    own = f"{base(api)}/{member.identity}"
    for caller in (key, member):
        assert (await caller("GET", base(api))).error == (403, "forbidden")
        body = {"identity_id": ANNA, "role": "admin"}
        assert (await caller("POST", base(api), body)).error == (403, "forbidden")
        assert (await caller("PATCH", own, {"role": "admin"})).error == (403, "forbidden")
        assert (await caller("DELETE", own)).error == (403, "forbidden")
    assert [each["role"] for each in (await api.get(base(api)))["members"]] == [scope]


async def test_the_last_admin_stays_while_no_key_could_let_another_in(
    api: Api, people: People
) -> None:
    anna, reader = await people.member("admin"), await people.member("read")
    (key,) = (await api.get(f"{api.organization}/api_keys"))["api_keys"]
    await anna("DELETE", f"{api.organization}/api_keys/{key['key_id']}")
    own = f"{base(api)}/{anna.identity}"

    for method, body in (("DELETE", None), ("PATCH", {"role": "operate"})):
        refused = await anna(method, own, body)
        assert refused.error == (409, "conflict")
        assert "last admin" in refused.body["message"]
    assert (await anna("PATCH", own, {"role": "admin"})).status == 200

    await anna("PATCH", f"{base(api)}/{reader.identity}", {"role": "admin"})
    assert (await anna("DELETE", own)).status == 200
    assert (await anna("GET", base(api))).error == (404, "not_found")


async def test_while_there_is_an_admin_key_the_last_admin_may_go(api: Api, people: People) -> None:
    anna = await people.member("admin")

    assert (await anna("DELETE", f"{base(api)}/{anna.identity}")).status == 200


async def test_of_two_admins_who_remove_each_other_at_once_one_stays(
    api: Api, people: People
) -> None:
    anna, ben = await people.member("admin"), await people.member("admin")
    (key,) = (await api.get(f"{api.organization}/api_keys"))["api_keys"]
    await anna("DELETE", f"{api.organization}/api_keys/{key['key_id']}")

    answers = await asyncio.gather(
        anna("DELETE", f"{base(api)}/{ben.identity}"),
        ben("PATCH", f"{base(api)}/{anna.identity}", {"role": "read"}),
    )

    members = await api.storage.members.all_of(api.organization_uuid)
    assert [member.role for member in members].count("admin") == 1
    assert min(answer.status for answer in answers) == 200


async def test_another_organizations_members_are_neither_seen_nor_touched(api: Api) -> None:
    theirs = await api.neighbour()
    await api.storage.members.add(
        Member(
            organization_uuid=api.organization_uuid,
            identity_id=ANNA,
            role="admin",
            created_by="command-line",
            created_at=api.clock.now(),
        )
    )

    assert (await theirs.get(base(theirs)))["members"] == []
    for method, body in (("PATCH", {"role": "read"}), ("DELETE", None)):
        got = await theirs(method, f"{base(theirs)}/{ANNA}", body)
        assert got.error == (404, "not_found")
    assert [each["role"] for each in (await api.get(base(api)))["members"]] == ["admin"]

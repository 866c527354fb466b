"""Who asks is named in the audit by what let him in."""

from __future__ import annotations

from datetime import UTC, datetime

from api.callers import caller_as, caller_of
from storage.records import ApiKey, Organization, Scope
from storage.repositories.members import Membership

NOW = datetime(2026, 11, 21, 10, tzinfo=UTC)


def test_a_key_is_of_one_organization_with_one_scope() -> None:
    key = ApiKey(key_id="k", organization_uuid="depot", scope="operate", created_at=NOW)

    caller = caller_of(key)

    assert (caller.organization_uuid, caller.scope, caller.actor) == ("depot", "operate", "key:k")
    assert caller.memberships == ()


ROLES: tuple[tuple[str, Scope], ...] = (("depot", "read"), ("harbour", "admin"))


def test_a_person_asks_as_a_member_of_one_of_his_organizations() -> None:
    memberships = tuple(
        Membership(Organization(organization_uuid=uuid, name=uuid, created_at=NOW), role)
        for uuid, role in ROLES
    )

    caller = caller_as(memberships[1], "anna", memberships)

    assert (caller.organization_uuid, caller.scope) == ("harbour", "admin")
    assert caller.actor == "identity:anna"
    assert caller.memberships == memberships

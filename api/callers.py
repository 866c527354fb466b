"""Who asks: a key or a person, for one organization, with one scope."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from storage.records import ApiKey, Scope
from storage.repositories.members import Membership


@dataclass(frozen=True, slots=True, kw_only=True)
class Caller:
    """Who was let in; ``id`` is of the API key, or of the identity whose session it is.

    A person may be a member of more organizations than the one that the request is about.
    """

    organization_uuid: str
    scope: Scope
    kind: Literal["key", "identity"] = "key"
    id: str
    memberships: tuple[Membership, ...] = ()

    @property
    def actor(self) -> str:
        """Return who it is in the audit."""
        return f"{self.kind}:{self.id}"


def caller_of(key: ApiKey) -> Caller:
    """Return who asks with an API key."""
    return Caller(organization_uuid=key.organization_uuid, scope=key.scope, id=key.key_id)


def caller_as(
    membership: Membership, identity_id: str, memberships: tuple[Membership, ...]
) -> Caller:
    """Return who asks with a session, as a member of one of his organizations."""
    return Caller(
        organization_uuid=membership.organization.organization_uuid,
        scope=membership.role,
        kind="identity",
        id=identity_id,
        memberships=memberships,
    )

"""Who asks: a key or a person, for one organization, with one scope."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from storage.records import ApiKey, Scope


@dataclass(frozen=True, slots=True, kw_only=True)
class Caller:
    """Who was let in; ``id`` is of the API key, or of the identity whose session it is."""

    organization_uuid: str
    scope: Scope
    kind: Literal["key", "identity"] = "key"
    id: str

    @property
    def actor(self) -> str:
        """Return who it is in the audit."""
        return f"{self.kind}:{self.id}"


def caller_of(key: ApiKey) -> Caller:
    """Return who asks with an API key."""
    return Caller(organization_uuid=key.organization_uuid, scope=key.scope, id=key.key_id)

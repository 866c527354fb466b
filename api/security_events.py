"""The security events of an organization: who was refused at the door, what chargers reported."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from api.audit import entries_of
from api.routing import Request, route
from api.schemas.audit import SecurityEventList, SecurityEventQuery
from storage.repositories.audit import Wanted

BASE = "/api/v1/organizations/{organization_uuid}/security_events"


@route(
    "GET",
    BASE,
    tag="Organizations",
    scope="read",
    query=SecurityEventQuery(),
    answer=SecurityEventList(),
)
async def list_security_events(request: Request) -> Mapping[str, Any]:
    """List refusals, conflicts and what chargers reported of their security, newest first.

    They are the rows of the audit of the category `security`.
    """
    asked = request.query
    wanted = Wanted(
        category="security",
        action=asked["kind"],
        charge_box_id=asked["charge_box_id"],
        since=asked["since"],
        until=asked["until"],
    )
    entries, next_cursor = await entries_of(request, wanted)
    events = [{**asdict(entry), "kind": entry.action} for entry in entries]
    return {"security_events": events, "next_cursor": next_cursor}

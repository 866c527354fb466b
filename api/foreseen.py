"""Tell what applying a version, or taking one back, would come to; nothing is changed by it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from api.routing import Request
from api.serials import serial_of
from proxy import survey
from proxy.commissioning import Prospect, Wish
from storage.records import Charger

# Of these it is told that they change, not what they are.
CONCEALED = frozenset({"target_auth_basic_password", "target_ca_certificate"})


async def prospects(request: Request, chargers: Sequence[Charger], wish: Wish) -> list[Prospect]:
    """Return what would become of the wish for a version at each charger of the caller."""
    wishes = [(charger, wish) for charger in chargers]
    return await survey.prospects(request.parts.commissioning, request.organization_uuid, wishes)


def told(prospect: Prospect, charger: Charger | None) -> Mapping[str, Any]:
    """Return what would become of a charger; None has been deleted since."""
    return {
        "serial_number": serial_of(charger, prospect.key.charge_box_id),
        "charge_box_id": prospect.key.charge_box_id,
        "state": prospect.outcome.state,
        "error": prospect.outcome.error,
        "changes": changes(prospect),
    }


def changes(prospect: Prospect) -> list[Mapping[str, Any]]:
    """Return how each field of the proxy configuration would change, without secrets."""
    plan = prospect.outcome.plan
    if plan is None:
        return []
    return [
        {
            "field": name,
            "from_": _value(name, prospect.found),
            "to": _value(name, plan.configuration),
        }
        for name in plan.changes
    ]


def _value(name: str, configuration: object) -> Any:
    return None if name in CONCEALED else getattr(configuration, name, None)

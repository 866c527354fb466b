"""What a charger may be asked for, with the schemas that a form can be made of."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any

from api.actions import ours, spoken
from api.chargers import BASE, TAG
from api.errors import NotFound, Offline
from api.guarded import OF_ADMINS
from api.routing import Request, route
from api.schemas.actions import ActionSchemas, AskedActions
from csms.action_schemas import Document, self_contained, with_ours
from csms.action_words import ACTION_WORDS
from csms.numbers import OF_THE_PLATFORM
from csms.requests import actions_of
from csms.station import Station
from csms.stations import STATIONS

OF_CHARGER = BASE + "/{charge_box_id}/actions"
_NEVER_HERE = "The charger was never here, so its OCPP version is not known."


@route("GET", OF_CHARGER, tag=TAG, scope="read", answer=AskedActions())
async def list_actions(request: Request) -> Mapping[str, Any]:
    """List what a charger may be asked for in its OCPP version.

    Each is asked by `POST /api/chargingStations/{stationId}/commands/{Action}`. Without a
    connection the version is that of the last one; nothing is listed before the first.
    """
    kind = await spoken(request.parts, request.charger_key)
    if kind is None:
        return {"ocpp_version": None, "actions": []}
    listed = [{"action": action, **_about(action)} for action in sorted(actions_of(kind))]
    return {"ocpp_version": kind.version, "actions": listed}


@route(
    "GET", OF_CHARGER + "/{Action}", tag=TAG, scope="read", answer=ActionSchemas(), errors=(409,)
)
async def get_action(request: Request) -> Mapping[str, Any]:
    """Show the JSON schemas of an action's request and response in the charger's OCPP version."""
    kind, action = await spoken(request.parts, request.charger_key), request.path["Action"]
    if kind is None:
        raise Offline(_NEVER_HERE)
    if action not in actions_of(kind):
        raise NotFound(f"OCPP {kind.version} does not let a charger be asked for {action}.")
    forms = _forms(kind.subprotocol, action)
    return {"action": action, "ocpp_version": kind.version, **_about(action), **forms}


def _about(action: str) -> Mapping[str, Any]:
    scope = "admin" if action in OF_ADMINS else "operate"
    return {"scope": scope, "description": ACTION_WORDS.get(action)}


@cache
def _forms(subprotocol: str, action: str) -> Mapping[str, Document]:
    kind: type[Station] = STATIONS[subprotocol]
    request, response = (
        self_contained(kind.schemas.document(action, part)) for part in ("request", "response")
    )
    chosen, optional = ours(kind, action)
    numbers = dict.fromkeys(optional, OF_THE_PLATFORM)
    return {"request": with_ours(request, chosen=chosen, optional=numbers), "response": response}
